"""Ray Serve over two nodes, and Ray Data, with models of one store."""

from __future__ import annotations

import os
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

ray = pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")

import pretzel  # noqa: E402
from pretzel.errors import InputError, ModelNotFoundError  # noqa: E402
from pretzel.integrations import BatchScorer  # noqa: E402
from pretzel.integrations.ray_serve import deployment  # noqa: E402
from tests.engines.conftest import ask, free_port, guide  # noqa: E402

NODES = 2
PATIENCE = 60


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def cluster(port):
    """Two nodes of Ray on this machine, and Ray Serve on them."""
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        found.add_node(num_cpus=1)
        ray.init(address=found.address, logging_level="ERROR", log_to_driver=False)
        serve.start(proxy_location="HeadOnly", http_options={"port": port})
        yield found
    finally:
        serve.shutdown()
        ray.shutdown()
        found.shutdown()


@pytest.fixture(scope="module")
def handle(cluster, store):
    """A replica on each node."""
    options = {"num_replicas": NODES, "max_replicas_per_node": 1, "ray_actor_options": {"num_cpus": 0}}
    models = deployment(store, watch=0.2, memory_limit="200MB", name="models", **options)
    return serve.run(models.bind(), name="models", route_prefix="/ml")


def stats_of_replicas(handle, count):
    """`Runtime.stats` of all replicas."""
    found, until = {}, time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < until:
        each = handle.stats.remote().result(timeout_s=PATIENCE)
        found[each["replica"]] = each
    assert len(found) == count
    return [*found.values()]


def test_replicas_on_two_nodes_answer_for_all_models(handle, estimators, rows, frame):
    for name, estimator in estimators.items():
        model = handle.options(multiplexed_model_id=name)
        expected = estimator.predict(frame[: len(rows)]).tolist()
        assert [answer.result() for answer in [model.ask_one.remote(row) for row in rows]] == expected
        found = model.ask.remote(frame, method="predict_proba").result()
        np.testing.assert_allclose(found, estimator.predict_proba(frame), rtol=1e-9)
        one = model.ask_one.remote(rows[0], method="predict_proba").result()
        assert np.array_equal(one, found[0])


def test_requests_go_where_their_model_is(handle, store, estimators, rows):
    names = [f"alone/{i}" for i in range(6)]
    plan = pretzel.compile(estimators["pay/4"])
    for name in names:
        pretzel.PlanStore(store).publish(name, plan)
    for _ in range(5):
        for name in names:
            handle.options(multiplexed_model_id=name).ask_one.remote(rows[0]).result()
        time.sleep(0.3)  # replicas tell Ray what they have every tenth of a second
    first, second = (set(each["models"]) & set(names) for each in stats_of_replicas(handle, NODES))
    assert first | second == set(names)
    assert not first & second


def test_over_http_with_the_paths_of_the_server(handle, estimators, rows, frame, port):
    for name, estimator in estimators.items():
        expected = estimator.predict(frame[: len(rows)]).tolist()
        header = {"serve_multiplexed_model_id": name}
        assert ask(port, f"/ml/models/{name}/predict", rows, header) == (200, expected)
        assert ask(port, f"/ml/models/{name}/predict", rows[0]) == (200, expected[0])
    status, answer = ask(port, "/ml/models/other/predict", rows[0], {"serve_multiplexed_model_id": "other"})
    assert (status, answer["type"]) == (404, "ModelNotFoundError")
    status, answer = ask(port, "/ml/models/pay/4/predict", {"age": 1.0})
    assert (status, answer["type"]) == (400, "InputKeyError")


def test_errors_of_models_are_those_of_pretzel(handle, rows):
    with pytest.raises(InputError, match="missing 'pay'"):
        handle.options(multiplexed_model_id="pay/4").ask_one.remote({"age": 1.0}).result()
    with pytest.raises(ModelNotFoundError, match="other"):
        handle.options(multiplexed_model_id="other").ask_one.remote(rows[0]).result()


def test_what_is_published_later_is_served(handle, store, estimators, rows, frame):
    plans = pretzel.PlanStore(store)
    plans.publish("new", estimators["pay/4"])
    model = handle.options(multiplexed_model_id="new")
    assert model.ask_one.remote(rows[0]).result() == estimators["pay/4"].predict(frame[:1])[0]
    plans.publish("new", estimators["pay/9"])
    expected, until = estimators["pay/9"].predict_proba(frame[:1])[0], time.monotonic() + PATIENCE
    while not np.allclose(model.ask_one.remote(rows[0], method="predict_proba").result(), expected):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_replicas_are_added_while_requests_wait(cluster, store, frame):
    """Ray's own autoscaling, by requests under way for each replica."""
    scaling = {"min_replicas": 1, "max_replicas": 2, "target_ongoing_requests": 1, "upscale_delay_s": 0.1}
    options = {"autoscaling_config": {**scaling, "look_back_period_s": 0.2}}
    models = deployment(store, name="scaled", max_models=2, ray_actor_options={"num_cpus": 0}, **options)
    model = serve.run(models.bind(), name="scaled", route_prefix="/scaled").options(multiplexed_model_id="pay/4")

    def running():
        return serve.status().applications["scaled"].deployments["scaled"].replica_states.get("RUNNING", 0)

    try:
        assert running() == 1
        large, until = ray.put(frame.sample(200_000, replace=True)), time.monotonic() + PATIENCE
        waiting = []
        while running() < 2:
            assert time.monotonic() < until
            waiting = waiting[-50:] + [model.ask.remote(large) for _ in range(8)]
            waiting[-8].result(timeout_s=PATIENCE)
    finally:
        serve.delete("scaled")


def test_the_example_of_the_guide(cluster, store, estimators):
    names = {}
    exec(guide("Ray Serve", store), names)
    try:
        assert names["answer"] == estimators["pay/5"].predict(pd.DataFrame([names["row"]]))[0]
    finally:
        serve.delete("guide")


def test_ray_data_scores_arrow_batches(cluster, store, estimators, frame):
    from ray.data import ActorPoolStrategy, from_arrow

    table = pa.Table.from_pandas(frame, preserve_index=False)
    data = from_arrow([table[:150], table[150:]])
    names = {"dataset": data}
    exec(guide("Ray Data", store), names)
    arguments = {"fn_constructor_args": (store, "pay/5"), "fn_constructor_kwargs": {"keep": ["id"]}}
    pool = {**arguments, "compute": ActorPoolStrategy(size=2), "num_cpus": 0.1}
    with_actors = data.map_batches(BatchScorer, batch_format="pyarrow", batch_size=64, **pool)
    for answers in (names["answers"], with_actors):
        found = answers.to_pandas().sort_values("id")
        assert list(found) == ["id", "predict"]
        assert found["predict"].tolist() == estimators["pay/5"].predict(frame).tolist()
