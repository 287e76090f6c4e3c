"""Many models in one call: the same answers as one by one, whatever is mixed, whatever fails."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import pretzel
from pretzel.errors import InputError, InputShapeError, InputTypeError, InputValueError, ModelNotFoundError
from tests import cases
from tests.answers import assert_identical

from .models import Doubling

X = np.random.default_rng(0).normal(size=(200, 5))


def estimators() -> dict[str, Any]:
    """Models over the same five columns, of several shapes; some are alike, one is opaque."""
    found: dict[str, Any] = {}
    for seed in range(4):
        y = X @ np.random.default_rng(seed).normal(size=5)
        found[f"ridge/{seed}"] = Ridge().fit(X, y)
        found[f"labels/{seed}"] = LogisticRegression().fit(X, np.where(y > 0, "up", "down"))
        found[f"scaled/{seed}"] = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.digitize(y, [-1, 1]))
    found["tree"] = DecisionTreeRegressor(max_depth=4).fit(X, X[:, 0])
    found["several"] = Ridge().fit(X, X[:, :2])
    found["opaque"] = Doubling().fit(X)
    return found


@pytest.fixture(scope="module")
def runtime() -> pretzel.Runtime:
    """All of them, registered."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    for name, estimator in estimators().items():
        runtime.register(name, estimator)
    return runtime


def forms(row: Any) -> list[Any]:
    """The same numbers in every form that a model without names takes."""
    strided = np.repeat(row, 2)[::2]
    return [row, tuple(row.tolist()), row.tolist(), strided, row.astype(np.float32), tuple(map(np.float64, row))]


def test_answers_are_those_of_separate_calls(runtime: pretzel.Runtime) -> None:
    names = list(runtime)
    for form in range(len(forms(X[0]))):
        pairs = [(names[i % len(names)], forms(X[i])[form]) for i in range(100)]
        expected = [runtime.predict_one(name, row) for name, row in pairs]
        assert_identical(runtime.predict_many(pairs), expected)
        assert_identical(runtime.predict_many([(runtime[name], row) for name, row in pairs]), expected)
        assert_identical(runtime.predict_many((runtime[name].plan, row) for name, row in pairs), expected)
        assert_identical(runtime.predict_many([list(pair) for pair in pairs], on_error="return"), expected)
        row = forms(X[3])[form]
        assert_identical(runtime.predict_all(row, names), [runtime.predict_one(name, row) for name in names])


def test_other_methods(runtime: pretzel.Runtime) -> None:
    names = [name for name in runtime if name.startswith(("labels", "scaled"))]
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        expected = [getattr(runtime[name], f"{method}_one")(X[i]) for i, name in enumerate(names)]
        pairs = [(name, X[i]) for i, name in enumerate(names)]
        assert_identical(runtime.predict_many(pairs, method), expected)
        expected = [getattr(runtime[name], f"{method}_one")(X[7]) for name in names]
        assert_identical(runtime.predict_all(X[7], names, method), expected)


def plans_by_data() -> dict[str, list[tuple[pretzel.Plan, str]]]:
    """Every case of the parity tests, by what its rows are, with one method of each."""
    found: dict[str, list[tuple[pretzel.Plan, str]]] = {}
    for index, case in enumerate(cases.CASES):
        plan = pretzel.compile(cases.fitted(index))
        method = next((each for each in ("predict", "transform") if each in plan.methods), min(plan.methods))
        found.setdefault(f"{case.data}/{method}", []).append((plan, method))
    return found


def rows_of(data: str) -> list[Any]:
    """Rows as `predict_one` takes them."""
    table = cases.rows(data)[1]
    if hasattr(table, "iloc"):
        return table.head(12).to_dict("records")
    return list(table[:12].toarray()) if hasattr(table, "toarray") else list(table[:12])


def test_every_operator() -> None:
    runtime = pretzel.Runtime()
    for key, plans in plans_by_data().items():
        data, method = key.split("/")
        for number, row in enumerate(rows_of(data)):
            expected = [getattr(plan, f"{method}_one")(row) for plan, _ in plans]
            assert_identical(runtime.predict_many([(plan, row) for plan, _ in plans], method), expected), key
            if number < 6:
                assert_identical(runtime.predict_all(row, [plan for plan, _ in plans], method), expected), key


def outcome(runtime: pretzel.Runtime, model: str, row: Any) -> Any:
    """The answer, or the exception."""
    try:
        return runtime.predict_one(model, row)
    except Exception as error:
        return error


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_mix(runtime: pretzel.Runtime, data: st.DataObject) -> None:
    """Any models, rows and failures: each slot holds what its own call returns or raises."""
    value = st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.none(), st.booleans(), st.just("text"))
    row = st.one_of(st.lists(value, min_size=4, max_size=6), st.lists(value, min_size=5, max_size=5).map(tuple))
    array = st.lists(st.floats(), min_size=5, max_size=5).map(np.array)
    name = st.sampled_from([*runtime, "nobody"])
    pairs = data.draw(st.lists(st.tuples(name, st.one_of(row, array)), max_size=12))
    found = runtime.predict_many(pairs, on_error="return")
    assert len(found) == len(pairs)
    failures = []
    for i, (got, (model, values)) in enumerate(zip(found, pairs, strict=True)):
        expected = outcome(runtime, model, values)
        if isinstance(expected, Exception):
            failures.append(i)
            assert (type(got), str(got)) == (type(expected), str(expected))
        else:
            assert_identical(got, expected)
    if failures:
        with pytest.raises(type(found[failures[0]])) as caught:
            runtime.predict_many(pairs)
        assert str(caught.value) == str(found[failures[0]])
        assert caught.value.__notes__ == [f"item {failures[0]} of {len(pairs)}"]


def test_a_row_that_is_rejected_leaves_its_neighbours_alone(runtime: pretzel.Runtime) -> None:
    bad = X[1].copy()
    bad[2] = np.nan
    pairs = [("ridge/0", X[0]), ("ridge/1", bad), ("ridge/2", X[2]), ("tree", bad), ("labels/0", X[3])]
    found = runtime.predict_many(pairs, on_error="return")
    assert isinstance(found[1], InputValueError)
    assert "ridge/1" in str(found[1])
    for i in (0, 2, 3, 4):
        assert_identical(found[i], runtime.predict_one(*pairs[i]))


def test_models_that_reject_a_row_leave_the_others_alone(runtime: pretzel.Runtime) -> None:
    bad = X[1].copy()
    bad[2] = np.nan
    found = runtime.predict_all(bad, ["tree", "ridge/0", "opaque"], on_error="return")
    assert_identical([found[0], found[2]], [runtime.predict_one("tree", bad), runtime.predict_one("opaque", bad)])
    assert isinstance(found[1], InputValueError)
    assert "ridge/0" in str(found[1])
    with pytest.raises(InputValueError, match="ridge/0") as caught:
        runtime.predict_all(bad, ["tree", "ridge/0"])
    assert caught.value.__notes__ == ["model 1 of 2"]


def test_what_is_not_a_model_or_a_row(runtime: pretzel.Runtime) -> None:
    with pytest.raises(ModelNotFoundError, match="'nobody'"):
        runtime.predict_many([("nobody", X[0])])
    with pytest.raises(TypeError, match="handle or a plan, got int"):
        runtime.predict_many([(3, X[0])])
    with pytest.raises(AttributeError, match="no attribute 'predict_proba'"):
        runtime.predict_all(X[0], ["ridge/0"], "predict_proba")
    with pytest.raises(AttributeError, match="explain"):
        runtime.predict_many([("ridge/0", X[0])], "explain")
    with pytest.raises(TypeError, match="item 1: expected a pair"):
        runtime.predict_many([("ridge/0", X[0]), ("ridge/0",)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected a list of pairs of model and row, got the str 'ridge/0'"):
        runtime.predict_many("ridge/0")  # type: ignore[arg-type]
    for call in (runtime.sharing, lambda models: runtime.predict_all(X[0], models)):
        with pytest.raises(TypeError, match="expected a list of names, handles or plans, got the str 'ridge/0'"):
            call("ridge/0")
    with pytest.raises(ValueError, match="on_error is one of 'raise', 'return'"):
        runtime.predict_many([], on_error="ignore")
    with pytest.raises(InputShapeError):
        runtime.predict_many([("ridge/0", X[0][:3])])
    with pytest.raises(InputTypeError, match=r"ridge/0.*column 1"):
        runtime.predict_many([("ridge/0", (1.0, "x", 1.0, 1.0, 1.0))])
    assert runtime.predict_many([]) == runtime.predict_all(X[0], []) == []


def test_models_with_other_inputs(runtime: pretzel.Runtime) -> None:
    """One row for models over other columns: each says what `predict_one` says."""
    other = pretzel.compile(Ridge().fit(X[:, :3], X[:, 0]), name="narrow")
    found = runtime.predict_all(X[0], ["ridge/0", other, "ridge/1"], on_error="return")
    assert isinstance(found[1], InputShapeError)
    assert_identical([found[0], found[2]], [runtime.predict_one("ridge/0", X[0]), runtime.predict_one("ridge/1", X[0])])


def test_calls_are_counted_once_for_each_item() -> None:
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    runtime.register("a", Ridge().fit(X, X[:, 0]))
    runtime.predict_many([("a", X[0]), ("a", X[1])])
    runtime.predict_all(X[0], ["a"])
    runtime.predict_all(X[0] * np.nan, ["a"], on_error="return")
    assert runtime.stats()["models"]["a"]["calls"] == 4


def test_merged_programs_hold_no_model() -> None:
    store = pretzel.ObjectStore()
    runtime = pretzel.Runtime(store=store)
    rows = [X[0], X[1]]
    gc.collect()
    gc.disable()
    try:
        for name, seed in (("a", 0), ("b", 1)):
            runtime.register(name, Ridge().fit(X, X @ np.random.default_rng(seed).normal(size=5)))
        before = [runtime.predict_all(row, ["a", "b"]) for row in rows]
        plan, merged = weakref.ref(runtime["a"].plan), weakref.ref(next(iter(runtime._multi_model._merged.values())))
        runtime.replace("a", Ridge().fit(X, 1 + X[:, 2]))
        assert plan() is merged() is None
        for row in rows:
            assert_identical(runtime.predict_all(row, ["a", "b"]), [runtime.predict_one(n, row) for n in ("a", "b")])
        assert runtime.predict_all(rows[0], ["b"]) == before[0][1:]
        runtime.close()
        assert store.stats()["objects"] == 0
        assert not runtime._multi_model._merged
    finally:
        gc.enable()


def test_merged_programs_are_few(monkeypatch: pytest.MonkeyPatch, runtime: pretzel.Runtime) -> None:
    monkeypatch.setattr("pretzel.runtime.multi_model.PROGRAMS_KEPT", 3)
    monkeypatch.setattr(runtime._multi_model, "_merged", {})
    names = list(runtime)
    for turn in range(20):
        chosen = [names[turn % 7], names[(turn * 3 + 1) % 7]]
        assert_identical(runtime.predict_all(X[0], chosen), [runtime.predict_one(name, X[0]) for name in chosen])
        assert len(runtime._multi_model._merged) <= 3


def test_rows_that_call_back(runtime: pretzel.Runtime) -> None:
    """Reading a row may run anything: other calls, changes of other rows, of the list, of the catalog."""
    own = pretzel.Runtime(store=pretzel.ObjectStore())
    for seed in range(3):
        own.register(f"m{seed}", Ridge().fit(X, X @ np.random.default_rng(seed).normal(size=5)))
    expected = [own.predict_one("m0", X[0]), own.predict_one("m1", X[1]), own.predict_one("m2", X[2])]
    pairs: list[Any] = []

    class Number:
        def __float__(self) -> float:
            own.predict_many([("m0", X[5]), ("m1", tuple(X[6]))])
            own.predict_all(X[5], ["m0", "m1"])
            pairs.clear()
            own.replace("m0", Ridge().fit(X, X[:, 0]))
            own.unregister("m2")
            gc.collect()
            return float(X[1][0])

    pairs += [("m0", X[0].copy()), ("m1", (Number(), *X[1][1:].tolist())), ("m2", tuple(X[2].tolist()))]
    assert_identical(own.predict_many(pairs), expected)


def test_threads_during_replacement() -> None:
    """Four threads ask, a fifth replaces: every answer is that of one version."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    versions = [pretzel.compile(Ridge().fit(X, X @ np.random.default_rng(seed).normal(size=5))) for seed in range(4)]
    names = [f"m{i}" for i in range(20)]
    for name in names:
        runtime.register(name, versions[0])
    known = {plan.predict_one(X[0]) for plan in versions}
    pairs = [(name, X[0]) for name in names]
    stop = threading.Event()
    failures: list[Any] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                failures.extend(set(runtime.predict_many(pairs)) - known)
                failures.extend(set(runtime.predict_all(X[0], names)) - known)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(200):
        runtime.replace(names[turn % 20], versions[turn % 4])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_errors_are_ours(runtime: pretzel.Runtime) -> None:
    with pytest.raises(InputError):
        runtime.predict_all("a text", ["ridge/0"])
