"""Models of a store on disk in a runtime: looked up, called, followed, evicted and loaded again."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import threading
import time
import weakref

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import (
    CorruptStoreError,
    MemoryLimitExceeded,
    ModelInUseError,
    ModelNotFoundError,
    OptionError,
    RegistrationError,
    StoreError,
)
from pretzel.runtime.plan_store import PlanStore

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 12))
COUNT = 24


def classifier(seed):
    y = np.random.default_rng(seed).normal(size=len(X)) > 0
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


ESTIMATORS = {f"tenant/{i}": classifier(i) for i in range(COUNT)}
OTHER = classifier(1000)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store that no test changes."""
    path = tmp_path_factory.mktemp("models") / "store"
    store = pretzel.PlanStore(path, store=pretzel.ObjectStore())
    for name, estimator in ESTIMATORS.items():
        store.publish(name, estimator)
    return path


@pytest.fixture
def store(tmp_path):
    plans = pretzel.PlanStore(tmp_path / "store", store=pretzel.ObjectStore())
    plans.publish("churn", ESTIMATORS["tenant/0"])
    return plans


@pytest.fixture
def path(tmp_path, store):
    return tmp_path / "store"


def limit_for(path, plans):
    """Bytes for so many plans."""
    with pretzel.Runtime(store=path) as runtime:
        for name in list(ESTIMATORS)[:plans]:
            runtime[name].predict_one(X[0])
        return runtime.stats()["memory"]["used"]


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_names_of_the_store_are_models(filled):
    with pretzel.Runtime(store=filled) as runtime:
        assert len(runtime) == COUNT
        assert sorted(runtime) == sorted(ESTIMATORS)
        assert "tenant/3" in runtime
        assert "tenant/3@v1" in runtime
        assert not any(name in runtime for name in ("nobody", "tenant/3@v2", "", "a@b@c", None, 5))
        assert runtime.stats()["memory"]["resident"] == 0
        for name, estimator in ESTIMATORS.items():
            assert np.array_equal(runtime[name].predict_proba(X), pretzel.compile(estimator).predict_proba(X))
            assert runtime[f"{name}@v1"].predict_one(X[0]) == estimator.predict(X[:1])[0]
        assert runtime.stats()["memory"]["resident"] == COUNT
        for name in ("nobody", "tenant/3@v2", "", "@", "é" * 400):
            with pytest.raises(ModelNotFoundError):
                runtime[name]


def test_a_store_given_open_shares_its_arrays(store):
    with pretzel.Runtime(store=store) as runtime:
        assert runtime.store is store.store
        assert runtime["churn"].version == "v1"


def test_options_are_checked(tmp_path, path):
    with pytest.raises(OptionError, match="watch follows a store on disk"):
        pretzel.Runtime(watch=True)
    for options in (
        {"watch": "yes"},
        {"watch": -1},
        {"watch": float("inf")},
        {"watch": 1e10},
        {"memory_limit": "many"},
        {"store": 5},
    ):
        with pytest.raises(OptionError):
            pretzel.Runtime(**{"store": path, **options})
    with pytest.raises(pretzel.errors.StoreError, match="is no store"):
        pretzel.Runtime(store=tmp_path / "nothing")


def test_models_of_the_store_are_changed_there(path):
    with pretzel.Runtime(store=path) as runtime:
        with pytest.raises(ModelInUseError, match="publish it there"):
            runtime.register("churn", OTHER)
        handle = runtime["churn"]
        with pytest.raises(RegistrationError, match="promote or remove it there"):
            runtime.promote("churn@v1")
        with pytest.raises(RegistrationError, match="promote or remove it there"):
            runtime.unregister("churn")
        with pytest.raises(ModelInUseError, match="is a model"):
            runtime.alias("churn", "churn@v1")
        runtime.register("own", OTHER)
        runtime.alias("live", {"churn@v1": 1, "own": 1})
        assert runtime["live"].predict(X).dtype == bool
        assert handle.predict(X).dtype == bool


def test_every_way_to_call_loads_what_has_left(filled):
    names = list(ESTIMATORS)
    answers = {name: estimator.predict(X) for name, estimator in ESTIMATORS.items()}
    with pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 5)) as runtime:
        handles = {name: runtime[name] for name in names}
        memory = runtime.stats()["memory"]
        assert memory["resident"] < 6
        assert memory["evictions"] == COUNT - memory["resident"]
        for name, handle in handles.items():
            assert np.array_equal(handle.predict(X), answers[name])
            assert handle.predict_one(X[0]) == answers[name][0]
            assert np.array_equal(handle.submit(X).result(20), answers[name])
            assert handle.call_with_version(X[0], method="predict_one") == (answers[name][0], f"{name}@v1")
            assert handle.plan.n_features_in_ == handle.n_features_in_ == 12
            assert "predict_proba" in repr(handle)
        one = [answers[name][0] for name in names]
        assert runtime.predict_many([(name, X[0]) for name in names]) == one
        assert runtime.predict_all(X[0], names) == one

        async def awaited():
            rows = [await handle.apredict_one(X[0]) for handle in handles.values()]
            return rows, [await handle.apredict(X) for handle in handles.values()]

        rows, tables = asyncio.run(awaited())
        assert rows == one
        assert all(np.array_equal(table, answers[name]) for name, table in zip(names, tables, strict=True))
        runtime.alias("live", {f"{name}@v1": 1 for name in names[:8]})
        assert {bool(runtime["live"].predict_one(X[0])) for _ in range(40)} == {bool(each) for each in one[:8]}
        assert runtime.stats()["memory"]["used"] <= runtime.stats()["memory"]["limit"]


def test_calls_are_counted_while_plans_come_and_go(filled):
    with pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 3)) as runtime:
        handles = [runtime[name] for name in ESTIMATORS]
        for _ in range(3):
            for handle in handles:
                handle.predict_one(X[0])
                handle.predict(X)
        models = runtime.stats()["models"]
        for handle in handles:
            assert handle.calls == models[handle.name]["calls"] == 6
            assert models[handle.name]["versions"]["v1"]["calls"] == 6
        assert runtime.stats()["memory"]["loads"] > COUNT * 3


def test_threads_over_more_models_than_fit(filled):
    answers = {name: estimator.predict(X) for name, estimator in ESTIMATORS.items()}
    with pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 6) + 8 * 65_536) as runtime:
        wrong = []

        def work(seed):
            random = np.random.default_rng(seed)
            for number in np.minimum(random.zipf(1.4, 150) - 1, COUNT - 1):
                name = f"tenant/{number}"
                try:
                    if not np.array_equal(runtime[name].predict(X), answers[name]):
                        wrong.append(name)
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory = runtime.stats()["memory"]
        assert not wrong
        assert memory["used"] <= memory["limit"]


def test_what_is_called_most_stays(filled):
    with pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 8)) as runtime:
        hot = [runtime[f"tenant/{i}"] for i in range(3)]
        loads = []
        for number in range(200):
            for handle in hot:
                handle.predict_one(X[0])
            before = runtime.stats()["memory"]["loads"]
            runtime[f"tenant/{3 + number % (COUNT - 3)}"].predict_one(X[0])
            loads.append(runtime.stats()["memory"]["loads"] - before)
        hot_loads = runtime.stats()["memory"]["loads"] - sum(loads)
        assert hot_loads < 20


def test_pinned_and_registered_plans_stay(filled):
    with pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 4)) as runtime:
        pinned = runtime.pin("tenant/7")
        runtime.alias("live", "tenant/7")
        for name in ("live", "nobody"):
            with pytest.raises(ModelNotFoundError, match="the store has no model"):
                runtime.pin(name)
        for name in ESTIMATORS:
            runtime[name].predict_one(X[0])
        assert pinned.current is not None
        runtime.register("own", OTHER)
        for name in ESTIMATORS:
            runtime[name].predict_one(X[0])
        assert runtime["own"].current is not None
        runtime.unpin("tenant/7")
        for name in [*ESTIMATORS, *ESTIMATORS]:
            if name != "tenant/7":
                runtime[name].predict_one(X[0])
        assert pinned.current is None


def test_what_does_not_fit_is_refused_with_the_figures(filled, tmp_path):
    with pretzel.Runtime(store=filled, memory_limit=1000) as runtime:
        with pytest.raises(MemoryLimitExceeded, match=r"tenant/0@v1 needs [\d,]+ bytes, and [\d,]+ of 1,000 are taken"):
            runtime["tenant/0"]
        with pytest.raises(MemoryLimitExceeded):
            runtime.pin("tenant/0")
    forest = RandomForestRegressor(20, random_state=0).fit(X, X[:, 0])
    with pretzel.Runtime(memory_limit="20KB", store=pretzel.ObjectStore()) as runtime:
        with pytest.raises(MemoryLimitExceeded, match="forest needs"):
            runtime.register("forest", forest)
        assert "forest" not in runtime
    gc.collect()
    assert isinstance(MemoryLimitExceeded("x"), MemoryError)


def test_what_cannot_fit_stops_nobody_and_evicts_nothing(filled, tmp_path):
    store = pretzel.PlanStore(tmp_path / "store", store=pretzel.ObjectStore())
    store.publish("small", ESTIMATORS["tenant/0"])
    store.publish(
        "big", RandomForestRegressor(300, random_state=0).fit(RNG.normal(size=(500, 12)), RNG.normal(size=500))
    )
    with pretzel.Runtime(store=store, memory_limit=limit_for(filled, 2)) as runtime:
        runtime["small"].predict_one(X[0])
        begin = time.monotonic()
        for _ in range(5):
            with pytest.raises(MemoryLimitExceeded, match="big@v1 needs"):
                runtime["big"]
        assert time.monotonic() - begin < 2.5
        assert runtime["small"].current is not None


def test_a_model_that_has_left_memory_and_was_replaced_answers_as_its_successor(store, path, filled):
    for number in range(1, 8):
        store.publish(f"other{number}", ESTIMATORS[f"tenant/{number}"])
    with pretzel.Runtime(store=path, memory_limit=limit_for(filled, 3), watch=1000) as runtime:
        handle, pinned = runtime["churn"], runtime["churn@v1"]
        runtime._stored._residency.evict(runtime._catalog.version_of("churn"))
        assert handle.current is None
        store.publish("churn", OTHER, keep=False)
        store.gc()
        expected = OTHER.predict(X)
        assert np.array_equal(handle.predict(X), expected)
        assert np.array_equal(runtime["churn"].predict(X), expected)
        assert runtime.predict_many([("churn", X[0])]) == [expected[0]]
        assert handle.version == "v2"
        with pytest.raises(ModelNotFoundError):
            pinned.predict(X)


@pytest.mark.parametrize("followed", [False, True])
def test_a_model_that_is_replaced_while_it_is_loaded_answers_as_its_successor(path, store, monkeypatch, followed):
    with pretzel.Runtime(store=path, memory_limit="1GB", watch=1000) as runtime:
        handle, stored = runtime["churn"], runtime._catalog.stored_models
        stored._residency.evict(stored._catalog.version_of("churn"))
        assert handle.current is None
        replaced, fetch = [], PlanStore.fetch

        def fetch_before_the_collection(self, digests):
            fetch(self, digests)
            if not replaced:
                replaced.append(True)
                store.publish("churn", OTHER, keep=False)
                store.gc()
                if followed:
                    assert stored.refresh() == {}

        monkeypatch.setattr(PlanStore, "fetch", fetch_before_the_collection)
        assert np.array_equal(handle.predict(X), OTHER.predict(X))
        assert replaced
        assert handle.version == "v2"


def test_a_default_that_is_replaced_while_it_is_followed_is_read_again(path, store, monkeypatch):
    with pretzel.Runtime(store=path, watch=1000) as runtime:
        handle, stored = runtime["churn"], runtime._catalog.stored_models
        store.publish("churn", ESTIMATORS["tenant/1"], keep=False)
        replaced, fetch = [], PlanStore.fetch

        def fetch_before_the_collection(self, digests):
            fetch(self, digests)
            if not replaced:
                replaced.append(True)
                store.publish("churn", OTHER, keep=False)
                store.gc()

        monkeypatch.setattr(PlanStore, "fetch", fetch_before_the_collection)
        assert stored.refresh() == {}
        assert np.array_equal(handle.predict(X), OTHER.predict(X))


def test_bytes_are_known_before_loading(filled):
    store = pretzel.PlanStore(filled, store=pretzel.ObjectStore())
    expected = store.bytes_to_load("tenant/3")
    plan = store.load("tenant/3")
    assert expected == plan.nbytes + plan.overhead_bytes
    assert store.bytes_to_load("tenant/3") == plan.overhead_bytes
    del plan
    gc.collect()
    assert store.store.nbytes == 0
    assert store.bytes_to_load("tenant/3") == expected


def test_everything_is_given_back(filled):
    runtime = pretzel.Runtime(store=filled, memory_limit=limit_for(filled, 4))
    handles = [runtime[name] for name in ESTIMATORS]
    held = runtime.store
    assert held.nbytes > 0
    runtime.close()
    del handles, runtime
    gc.collect()
    assert held.nbytes == 0


def test_versions_are_followed(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle, first = runtime["churn"], ESTIMATORS["tenant/0"].predict(X)
        assert store.publish("churn", OTHER) == "v2"
        wait_for(lambda: handle.version == "v2")
        assert np.array_equal(handle.predict(X), OTHER.predict(X))
        assert np.array_equal(runtime["churn@v1"].predict(X), first)
        store.promote("churn", "v1")
        wait_for(lambda: handle.version == "v1")
        assert np.array_equal(handle.predict(X), first)
        pinned = runtime["churn@v2"]
        store.publish("churn", ESTIMATORS["tenant/1"], keep=False)
        wait_for(lambda: handle.version == "v3")
        assert np.array_equal(handle.predict(X), ESTIMATORS["tenant/1"].predict(X))
        with pytest.raises(ModelNotFoundError, match="has been replaced or unregistered"):
            pinned.predict(X)
        store.publish("new", OTHER)
        assert runtime["new"].version == "v1"
        store.remove("churn")
        wait_for(lambda: "churn" not in runtime)
        with pytest.raises(ModelNotFoundError):
            handle.predict(X)
        store.publish("churn", OTHER)
        assert np.array_equal(runtime["churn"].predict(X), OTHER.predict(X))


def test_a_handle_finds_a_model_that_is_published_again(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle, pinned, others = runtime["churn"], runtime["churn@v1"], ESTIMATORS["tenant/1"]
        predict, predict_one = handle.predict, handle.predict_one
        store.remove("churn")
        wait_for(lambda: handle.current is None)
        for call in (predict, handle.predict, pinned.predict, predict_one, handle.estimate, handle.submit):
            with pytest.raises(ModelNotFoundError, match=r"has been (replaced or )?unregistered"):
                call(X)
        with pytest.raises(ModelNotFoundError, match="has been unregistered"):
            asyncio.run(handle.apredict_one(X[0]))
        store.publish("churn", others)
        assert np.array_equal(predict(X), others.predict(X))
        assert runtime["churn"] is handle
        assert predict_one(X[0]) == others.predict(X[:1])[0]
        assert pinned.predict_one(X[0]) == others.predict(X[:1])[0]
        assert runtime["churn@v1"] is pinned
        store.publish("churn", OTHER)
        wait_for(lambda: handle.version == "v2")
        store.remove("churn")
        wait_for(lambda: handle.current is None)
        store.publish("churn", OTHER)
        assert handle.version == "v1"
        assert asyncio.run(handle.apredict_one(X[0])) == OTHER.predict(X[:1])[0]
        assert handle.submit(X).result().shape == (len(X),)
        assert handle.call_with_version(X[0], method="predict_one")[1] == "churn@v1"


def test_a_handle_of_a_model_that_left_the_store_is_that_of_one_registered(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle = runtime["churn"]
        store.remove("churn")
        wait_for(lambda: handle.current is None)
        assert runtime.register("churn", OTHER) is handle
        assert np.array_equal(handle.predict(X), OTHER.predict(X))
        runtime.unregister("churn")
        runtime.register("churn", OTHER)
        with pytest.raises(ModelNotFoundError, match="has been unregistered"):
            handle.predict(X)


def test_handles_that_nobody_holds_are_forgotten(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle = weakref.ref(runtime["churn"])
        store.remove("churn")
        wait_for(lambda: "churn" not in [*runtime])
        gc.collect()
        wait_for(lambda: handle() is None)


def test_without_a_watch_a_model_stays_as_it_is(path, store):
    with pretzel.Runtime(store=path) as runtime:
        handle = runtime["churn"]
        store.publish("churn", OTHER, keep=False)
        store.gc()
        time.sleep(0.05)
        assert handle.version == "v1"
        assert np.array_equal(handle.predict(X), ESTIMATORS["tenant/0"].predict(X))


def test_without_a_watch_a_replaced_model_that_has_left_memory_is_gone(path, store):
    with pretzel.Runtime(store=path) as runtime:
        handle = runtime["churn"]
        version = runtime._catalog.version_of("churn")
        store.publish("churn", OTHER)
        runtime._stored._residency.evict(version)
        assert np.array_equal(handle.predict(X), ESTIMATORS["tenant/0"].predict(X))
        assert np.array_equal(runtime["churn@v2"].predict(X), OTHER.predict(X))
        assert (handle.version, runtime["churn"].version) == ("v1", "v1")
        store.remove("churn", "v1")
        store.gc()
        assert np.array_equal(handle.predict(X), ESTIMATORS["tenant/0"].predict(X))
        runtime._stored._residency.evict(version)
        for call in (lambda: handle.predict(X), lambda: handle.predict_one(X[0]), lambda: runtime["churn"].predict(X)):
            with pytest.raises(ModelNotFoundError, match=r"churn@v1 has left memory.*watch=True"):
                call()
        assert runtime.stats()["memory"]["failures"] == 3
        assert np.array_equal(runtime["churn@v2"].predict(X), OTHER.predict(X))


def test_what_could_not_be_followed_is_told(path, store):
    registry = CollectorRegistry()
    with pretzel.Runtime(store=path, watch=0.02, memory_limit="1GB") as runtime:
        handle = runtime["churn"]
        runtime.metrics(registry)
        value = registry.get_sample_value
        assert runtime.stats()["models"]["churn"]["stale"] is None
        assert (value("pretzel_stale_models"), value("pretzel_store_plans_total", {"event": "failed"})) == (0, 0)
        label = store.publish("churn", OTHER, default=False)
        plan = store._directory.plan_path(store.versions("churn").plans[label])
        plan.rename(path / "elsewhere")
        store.promote("churn", label, allow_changes=True)
        wait_for(lambda: runtime.stats()["memory"]["stale"] == 1)
        assert plan.name in runtime.stats()["models"]["churn"]["stale"]
        assert value("pretzel_stale_models") == 1
        assert value("pretzel_store_plans_total", {"event": "failed"}) > 0
        (path / "elsewhere").rename(plan)
        wait_for(lambda: handle.version == label and runtime.stats()["memory"]["stale"] == 0)
        assert runtime.stats()["models"]["churn"]["stale"] is None
        assert value("pretzel_stale_models") == 0
        memory = runtime.stats()["memory"]
        assert value("pretzel_store_plans_total", {"event": "loaded"}) == memory["loads"] == 2
        assert value("pretzel_store_plans_total", {"event": "evicted"}) == memory["evictions"] == 0
        assert value("pretzel_resident_plans") == memory["resident"] == 2
        assert value("pretzel_memory_bytes", {"kind": "limit"}) == 10**9


def test_a_damaged_version_leaves_the_one_before(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle = runtime["churn"]
        before = {*path.glob("plans/*/*")}
        store.publish("churn", OTHER)
        (added,) = {*path.glob("plans/*/*")} - before
        added.unlink()  # a file that is mapped must not change
        added.write_bytes(b"damaged")
        time.sleep(0.2)
        assert np.array_equal(handle.predict(X)[:1], handle.plan.predict(X[:1]))
        with pytest.raises(CorruptStoreError):
            pretzel.Runtime(store=path)["churn"]
        store.publish("churn", ESTIMATORS["tenant/2"])
        wait_for(lambda: handle.version == "v3")


def test_what_cannot_be_followed_is_tried_again(path, store, caplog):
    label = store.publish("churn", OTHER, default=False)
    plan = next(path.glob(f"plans/*/{store.versions('churn').plans[label]}.pretzel"))
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle = runtime["churn"]
        plan.rename(path / "elsewhere")
        store.promote("churn", label, allow_changes=True)
        os.utime(path / "names", (1, 1))  # long ago: the state of the store stays the same from here
        wait_for(lambda: "stays as it is" in caplog.text)
        time.sleep(0.2)
        assert handle.version == "v1"
        assert caplog.text.count("stays as it is") == 1
        (path / "elsewhere").rename(plan)
        wait_for(lambda: handle.version == label)


def test_an_alias_keeps_a_model_that_leaves_the_store(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        live = runtime.alias("live", "churn")
        store.remove("churn")
        wait_for(lambda: "churn" not in runtime._stored)
        time.sleep(0.1)
        assert np.array_equal(live.predict(X), ESTIMATORS["tenant/0"].predict(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_follows_by_itself(path, store):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handle = runtime["churn"]
        child = os.fork()
        if child == 0:
            status = 1
            try:
                store.publish("churn", OTHER)
                end = time.monotonic() + 10
                while handle.version != "v2" and time.monotonic() < end:
                    time.sleep(0.01)
                status = int(not np.array_equal(handle.predict(X), OTHER.predict(X)))
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        wait_for(lambda: handle.version == "v2")


@pytest.mark.parametrize(
    ("name", "options"), [("pretzel-watcher", {"watch": 0.02}), ("pretzel-trimmer", {"memory_limit": "1GB"})]
)
def test_threads_end_with_their_runtime(path, name, options):
    def threads():
        return [thread for thread in threading.enumerate() if thread.name == name]

    before = len(threads())
    runtime = pretzel.Runtime(store=path, **options)
    assert len(threads()) == before + 1
    runtime.close()
    wait_for(lambda: len(threads()) == before)
    runtime = pretzel.Runtime(store=path, **options)
    del runtime
    gc.collect()
    wait_for(lambda: len(threads()) == before)


def test_working_memory_that_grows_takes_the_place_of_plans(filled):
    """No plan is loaded while threads that call one for the first time take memory."""
    limit = limit_for(filled, COUNT)
    with pretzel.Runtime(store=filled, memory_limit=limit) as runtime:
        for name in ESTIMATORS:
            runtime[name].predict_one(X[0])
        hot = runtime["tenant/0"]
        runtime.pin("tenant/0")
        ready, done = threading.Barrier(9), threading.Event()

        def call():
            hot.predict_one(X[0])
            ready.wait(60)
            assert done.wait(60)

        loads = runtime.stats()["memory"]["loads"]
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        ready.wait(60)
        wait_for(lambda: runtime.stats()["memory"]["used"] <= limit)
        memory = runtime.stats()["memory"]
        done.set()
        for thread in threads:
            thread.join()
        assert memory["evictions"] > 0
        assert memory["loads"] == loads


def test_models_of_a_store_that_is_away_stay_and_tell_why(path, store, tmp_path):
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        churn = runtime["churn"]
        path.rename(tmp_path / "away")
        wait_for(lambda: runtime.stats()["models"]["churn"]["stale"] == f"{path} is no store: it has no pretzel.json")
        churn.predict(X)
        with pytest.raises(StoreError, match="is no store"):
            runtime["other"]
        (tmp_path / "away").rename(path)
        wait_for(lambda: runtime.stats()["models"]["churn"]["stale"] is None)


class AccessDenied(Exception):
    """What a file system raises is no `OSError`."""


def test_a_name_that_cannot_be_read_holds_up_no_other(path, store, caplog, monkeypatch):
    names = ["a", "churn", "z"]
    for name in ("a", "z"):
        store.publish(name, ESTIMATORS["tenant/0"])
    versions = pretzel.PlanStore.versions
    with pretzel.Runtime(store=path, watch=0.02) as runtime:
        handles = {name: runtime[name] for name in names}

        def denied(self, name):
            if name == "a":
                raise AccessDenied
            return versions(self, name)

        monkeypatch.setattr(pretzel.PlanStore, "versions", denied)
        other = pretzel.PlanStore(path)
        for name in names:
            other.publish(name, OTHER, allow_changes=True)
        wait_for(lambda: [handles[name].version for name in names] == ["v1", "v2", "v2"])
        assert "a stays as it is: AccessDenied()" in caplog.text
        monkeypatch.undo()
        wait_for(lambda: handles["a"].version == "v2")


@pytest.mark.parametrize("everything", [False, True], ids=["a version", "the model"])
@pytest.mark.parametrize("evicted", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize("watch", [1000, False])
def test_what_an_alias_needs_does_not_leave_once_the_store_may_lack_it(filled, tmp_path, everything, evicted, watch):
    path = tmp_path / "copy"
    shutil.copytree(filled, path)
    store = pretzel.PlanStore(path)
    store.publish("tenant/0", OTHER, default=False)
    others = list(ESTIMATORS)[1:]
    with pretzel.Runtime(store=path, memory_limit=limit_for(filled, 6), watch=watch) as runtime:
        live = runtime.alias("live", {"tenant/0@v1": 0.5, "tenant/0@v2": 0.5})
        if evicted:
            for name in others * 3:
                runtime[name].predict(X)
        store.remove("tenant/0", *([] if everything else ["v2"]))
        runtime._stored.refresh()
        store.gc()
        for name in others * 5:
            runtime[name].predict(X)
        wanted = [ESTIMATORS["tenant/0"].predict(X), OTHER.predict(X)]
        answers = [live.predict(X) for _ in range(10)]
        assert [sum(np.array_equal(each, answer) for answer in answers) for each in wanted] == [5, 5]
        kept = [*runtime._stored._residency.kept]
        assert sorted(version.label for version in kept if version.resident) == ["v1", "v2"][1 - everything :]
        if not (watch or everything):  # what is known stays as it is
            return
        runtime.alias("live", "tenant/1")
        if everything:
            runtime._stored.refresh()
        for name in others * 5:
            runtime[name].predict(X)
        assert [version for version in kept if version.resident] == []
