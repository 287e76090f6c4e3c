"""`Plan.estimate` and ``explain(analyze=)``."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
from pretzel import examples
from pretzel._native import arena_bytes

rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(3000, 9))
TEXTS = examples.texts(500, length=20)


@pytest.fixture(scope="module")
def table():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return pretzel.compile(model.fit(NUMBERS, NUMBERS[:, 0] > 0))


@pytest.fixture(scope="module")
def forest():
    return pretzel.compile(RandomForestRegressor(20, max_depth=9, random_state=0).fit(NUMBERS, NUMBERS[:, 1]))


@pytest.fixture
def text():
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    return pretzel.compile(
        make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, np.arange(500) % 2), store=pretzel.ObjectStore()
    )


def test_estimates_grow_with_the_rows(table, forest, text):
    for plan in (table, forest, text):
        found = [plan.estimate(n).seconds for n in (0, 1, 10, 1000, 100_000)]
        assert found[0] == 0
        assert found == sorted(found)
        assert 0 < plan.estimate().parameter_bytes <= plan.nbytes
        with pytest.raises(ValueError, match="negative"):
            plan.estimate(-1)


def test_rows_and_units_are_counted(text):
    whole = text.estimate(X=TEXTS)
    assert whole == text.estimate(500, units=sum(map(len, TEXTS)))
    assert text.estimate(1, units=5000).seconds > text.estimate(1, units=50).seconds


def test_a_request_in_place_of_a_number_of_rows(table):
    with pytest.raises(TypeError, match=r"n_rows is a number, got ndarray: send a request as estimate\(X=\.\.\.\)"):
        table.estimate(NUMBERS)
    assert table.estimate(np.int64(3)) == table.estimate(3)


def test_rows_of_texts_are_as_long_as_they_were(text):
    assert text.estimate(10) == text.estimate(10, units=1000)
    for _ in range(3):
        text.predict(["x" * 40])
    assert text.estimate(10) == text.estimate(10, units=400)


def test_of_methods_that_are_not_there_or_not_native(table):
    with pytest.raises(AttributeError, match="no method 'transform'"):
        table.estimate(method="transform")
    opaque = make_pipeline(FunctionTransformer(lambda X: X + 1), StandardScaler()).fit(NUMBERS)
    with pytest.raises(ValueError, match="opaque"):
        pretzel.compile(opaque).estimate(method="transform")


@pytest.mark.parametrize("name", ["table", "forest", "text"])
@pytest.mark.parametrize("rows", [1, 200])
def test_working_memory_is_enough(name, rows, request):
    """A thread's arena begins empty and grows by doubling: it holds at most thrice of that."""
    plan = request.getfixturevalue(name)
    X = TEXTS[:rows] if name == "text" else NUMBERS[:rows]
    most = plan.estimate(X=X).arena_bytes
    held = []

    def run() -> None:
        before = arena_bytes()
        plan.predict(X)
        held.append(arena_bytes() - before)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    reading = 64 * (rows + 64)
    assert held[0] <= max(3 * (most + reading), 64 << 10)


@pytest.mark.parametrize("name", ["table", "forest", "text"])
def test_an_analysis_adds_up(name, request):
    plan = request.getfixturevalue(name)
    X = TEXTS if name == "text" else NUMBERS
    found = json.loads(json.dumps(plan.explain("json", analyze=X)))["analyzed"]["predict"]
    assert found["rows"] == len(X)
    for stage in found["stages"]:
        assert sum(call["seconds"] for call in stage["calls"]) == pytest.approx(stage["seconds"])
    parts = sum(stage["seconds"] for stage in found["stages"]) + found["overhead"]
    assert parts == pytest.approx(found["seconds"])
    assert sum(c["predicted"] for s in found["stages"] for c in s["calls"]) <= found["predicted"] * 1.001
    for call in (c for s in found["stages"] for c in s["calls"]):
        assert sum(call["terms"].values()) == pytest.approx(call["predicted"])
        assert all(term.startswith(f"{call['kernel']}.") for term in call["terms"])
    kernels = [call["kernel"] for stage in found["stages"] for call in stage["calls"]]
    lines = plan.explain(analyze=X).split("predict analyzed")[1]
    assert all(kernel in lines for kernel in kernels)
    assert "analyzed" not in plan.explain()


def test_live_requests_are_counted_step_by_step(table):
    program = table.methods["predict"].program
    before = program.profile()
    for _ in range(2000):  # no tables among them: of one that is timed every row stands for 512
        table.predict_one(NUMBERS[0])
    for (seconds, rows, runs), (seconds_then, rows_then, runs_then) in zip(program.profile(), before, strict=True):
        assert seconds >= seconds_then
        assert 500 < rows - rows_then < 20_000  # one request in 512 stands for all of them
        assert runs > runs_then
