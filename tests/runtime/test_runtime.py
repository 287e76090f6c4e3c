"""The catalog of models: names, replacement, what handles do, statistics."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputError, ModelNotFoundError

COLUMNS = [["a", "b", "c"], ["x", "y"]]


def encoder(shift: int = 0) -> OrdinalEncoder:
    """An encoder whose first code is ``shift`` for "a", so that its answers tell versions apart."""
    filler = [chr(ord("A") + i) for i in range(shift)]  # capitals sort before small letters
    return OrdinalEncoder(categories=[[*filler, *COLUMNS[0]], COLUMNS[1]]).fit([["a", "x"]])


def classifier(seed: int = 0) -> Any:
    """A small pipeline with labels and probabilities."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 5))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, seed % 5] + X[:, 1] > 0)


@pytest.fixture
def runtime() -> pretzel.Runtime:
    """A runtime over a store of its own."""
    return pretzel.Runtime(store=pretzel.ObjectStore())


def test_register_returns_the_handle(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes/de", encoder())
    assert runtime["codes/de"] is model
    assert model.name == "codes/de"
    assert model.transform_one(("b", "y")).tolist() == [1.0, 1.0]
    assert model.transform(np.array([["c", "x"]], dtype=object)).tolist() == [[2.0, 0.0]]


def test_is_a_mapping_of_names(runtime: pretzel.Runtime) -> None:
    for name in ("a", "b"):
        runtime.register(name, encoder())
    assert (len(runtime), list(runtime), "a" in runtime, "c" in runtime) == (2, ["a", "b"], True, False)


def test_predict_by_name(runtime: pretzel.Runtime) -> None:
    source = classifier()
    runtime.register("churn", source)
    X = np.random.default_rng(1).normal(size=(20, 5))
    assert runtime.predict("churn", X).tolist() == source.predict(X).tolist()
    assert runtime.predict_one("churn", X[3]) == source.predict(X[3:4])[0]


def test_attributes_of_the_newest_version(runtime: pretzel.Runtime) -> None:
    model = runtime.register("churn", classifier())
    assert model.classes_.tolist() == [False, True]
    assert model.n_features_in_ == 5
    assert "classes_" in dir(model)
    with pytest.raises(AttributeError, match=r"churn has no attribute 'transform'.*predict_proba"):
        _ = model.transform


def test_options_reach_the_compiler(runtime: pretzel.Runtime) -> None:
    with pytest.raises(TypeError, match="colour"):
        runtime.register("churn", classifier(), colour="red")
    assert "churn" not in runtime


def test_plans_are_registered_under_the_new_name(runtime: pretzel.Runtime) -> None:
    plan = pretzel.compile(encoder(), name="mine", store=runtime.store)
    model = runtime.register("theirs", plan)
    with pytest.raises(InputError, match="theirs"):
        model.transform_one(("b",))
    with pytest.raises(InputError, match="mine"):
        plan.transform_one(("b",))
    with pytest.raises(TypeError, match="strict"):
        runtime.register("theirs", plan, strict=True)


def test_plan_of_another_store_moves_in(runtime: pretzel.Runtime) -> None:
    plan = pretzel.compile(encoder(), store=pretzel.ObjectStore())
    runtime.register("codes", plan)
    assert runtime.stats()["unique_bytes"] == plan.nbytes > 0
    assert runtime.store.stats()["unique_bytes"] == plan.nbytes


def test_replacement_is_seen_by_old_handles(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes", encoder())
    one = model.transform_one
    assert one(("a", "x"))[0] == 0.0
    assert runtime.register("codes", encoder(5)) is model
    assert one(("a", "x"))[0] == 5.0
    assert model.transform_one(("a", "x"))[0] == 5.0
    runtime.replace("codes", encoder(7))
    assert one(("a", "x"))[0] == 7.0


def test_replace_wants_a_name_that_is_taken(runtime: pretzel.Runtime) -> None:
    with pytest.raises(ModelNotFoundError, match="'codes'"):
        runtime.replace("codes", encoder())
    assert len(runtime) == 0


def test_failed_registration_changes_nothing(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes", encoder())
    with pytest.raises(pretzel.errors.UnfittedError):
        runtime.register("codes", OrdinalEncoder())
    assert model.transform_one(("b", "x"))[0] == 1.0


def test_methods_come_and_go_with_versions(runtime: pretzel.Runtime) -> None:
    model = runtime.register("mixed", classifier())
    probabilities = model.predict_proba_one
    runtime.replace("mixed", encoder(), allow_changes=True)
    assert model.transform_one(("b", "x"))[0] == 1.0
    assert not hasattr(model, "predict_proba_one")
    with pytest.raises(AttributeError, match="mixed has no method 'predict_proba' any more"):
        probabilities([0.0] * 5)
    runtime.replace("mixed", classifier(), allow_changes=True)
    assert probabilities([0.0] * 5).shape == (2,)
    assert not hasattr(model, "transform")


def test_unregistered_handles_reject(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes", encoder())
    one = model.transform_one
    runtime.unregister("codes")
    for call in (one, model.transform_one, model.transform):
        with pytest.raises(ModelNotFoundError, match="'codes' has been unregistered"):
            call(("a", "x"))
    with pytest.raises(ModelNotFoundError, match="unregistered"):
        _ = model.n_features_in_
    with pytest.raises(ModelNotFoundError, match="'codes'"):
        runtime["codes"]
    with pytest.raises(ModelNotFoundError, match="'codes'"):
        runtime.predict_one("codes", ("a", "x"))
    with pytest.raises(ModelNotFoundError, match="'codes'"):
        runtime.unregister("codes")
    runtime.register("codes", encoder(1))
    with pytest.raises(ModelNotFoundError):
        one(("a", "x"))


def test_close_unregisters_everything() -> None:
    store = pretzel.ObjectStore()
    with pretzel.Runtime(store=store) as runtime:
        model = runtime.register("codes", encoder())
    assert len(runtime) == 0
    assert store.stats()["unique_bytes"] == 0
    with pytest.raises(ModelNotFoundError):
        model.transform_one(("a", "x"))
    with pytest.raises(RuntimeError, match="closed"):
        runtime.register("codes", encoder())
    runtime.close()


def test_errors_name_the_model(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes/de", encoder())
    with pytest.raises(InputError, match="codes/de"):
        model.transform_one(("a", "unseen"))
    with pytest.raises(InputError, match="codes/de"):
        runtime["codes/de"].transform_one(("a",))
    assert model.transform_one(("a", "x")).tolist() == [0.0, 0.0]


def test_calls_are_counted(runtime: pretzel.Runtime) -> None:
    model = runtime.register("codes", encoder())
    for _ in range(3):
        model.transform_one(("a", "x"))
    model.transform(np.array([["a", "x"]], dtype=object))
    with pytest.raises(InputError):
        model.transform_one(("a",))
    assert runtime.stats()["models"]["codes"]["calls"] == 5


def test_memory_comes_back_without_the_collector(runtime: pretzel.Runtime) -> None:
    gc.collect()
    gc.disable()
    try:
        runtime.register("one", encoder(1))
        runtime.register("two", encoder(2))
        before = runtime.store.stats()["unique_bytes"]
        exclusive = runtime.stats()["models"]["one"]["exclusive_bytes"]
        assert exclusive > 0
        runtime.unregister("one")
        assert before - runtime.store.stats()["unique_bytes"] == exclusive
        runtime.replace("two", encoder(3))
        runtime.unregister("two")
        assert runtime.store.stats() == {"objects": 0, "stages": 0, "unique_bytes": 0, "logical_bytes": 0}
    finally:
        gc.enable()


def test_replacing_a_model_with_itself_frees_and_copies_nothing(runtime: pretzel.Runtime) -> None:
    runtime.register("codes", encoder())
    before = runtime.store.stats()
    runtime.register("codes", encoder())
    assert runtime.store.stats() == before


def test_calls_during_replacement_see_one_version() -> None:
    """Two columns of one version always carry the same shift; four threads call while a fifth replaces."""
    categories = [[[chr(ord("A") + i) for i in range(shift)] + ["a"]] * 2 for shift in range(6)]
    stores = [pretzel.ObjectStore() for _ in categories]
    versions = [
        pretzel.compile(OrdinalEncoder(categories=each).fit([["a", "a"]]), store=store)
        for each, store in zip(categories, stores, strict=True)
    ]
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    model = runtime.register("codes", versions[0])
    one = model.transform_one
    stop = threading.Event()
    seen: set[tuple[float, float]] = set()
    failures: list[BaseException] = []

    def call() -> None:
        try:
            while not stop.is_set():
                seen.add(tuple(one(("a", "a"))))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(600):
        runtime.replace("codes", versions[turn % 6])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert all(first == second for first, second in seen)
    assert runtime.store.stats()["objects"] == stores[599 % 6].stats()["objects"]


def test_changes_from_many_threads(runtime: pretzel.Runtime) -> None:
    plans = [pretzel.compile(encoder(shift), store=runtime.store) for shift in range(4)]
    alone = [plan.exclusive_bytes for plan in plans]  # all but what their inverses check and fill alike
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(50):
                name = f"model {turn % 3}"
                runtime.register(name, plans[(number + turn) % 4])
                try:
                    runtime[name].transform_one(("a", "x"))
                    runtime.unregister(name)
                except ModelNotFoundError:
                    pass  # another thread was faster
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    runtime.close()
    assert [plan.exclusive_bytes for plan in plans] == alone
    plans.clear()
    assert runtime.store.stats()["objects"] == 0
