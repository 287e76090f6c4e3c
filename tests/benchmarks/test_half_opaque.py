"""What a request of a half-opaque pipeline costs beside its opaque steps, counted: no call, no check, no copy."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import validation

import pretzel
from benchmarks import half_opaque, tasks
from pretzel.runtime import opaque
from pretzel.store.object_store import ObjectStore
from tests.answers import assert_close

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]

NAMES = (
    *("scale, neighbours", "scale, select, process", "splines, ridge", "scale, splines, ridge"),
    *(
        "function, scale, logistic",
        "function, powers, ridge",
        "union with an opaque part",
        "weighted union, neighbours",
    ),
    *("tuned threshold around neighbours", "vote with an opaque member", "impute, neighbours"),
    *("own imputer, logistic", "columns, neighbours", "columns with an opaque branch"),
    *("words of another pattern", "words, neighbours", "union with words of another pattern", "words of a function"),
)


@functools.cache
def cases() -> dict[str, half_opaque.Case]:
    return {case.name: case for case in half_opaque.cases()}


class Step:
    """In place of the estimator of an opaque step: keeps what it was given and what it made."""

    def __init__(self, step: Any) -> None:
        self.step = step
        self.given: list[Any] = []
        self.made: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.step.estimator, name)
        if name != self.step.method:
            return found

        def call(X: Any) -> Any:
            self.given.append(X)
            self.made.append(found(X))
            return self.made[-1]

        return call


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each table that scikit-learn validates."""
    counted: list[int] = []
    honest = validation.check_array

    def check_array(*arguments: Any, **options: Any) -> Any:
        counted.append(1)
        return honest(*arguments, **options)

    monkeypatch.setattr(validation, "check_array", check_array)
    return counted


def test_there_are_thirty() -> None:
    assert len(cases()) == 30
    for case in cases().values():
        method = pretzel.compile(case.source, store=ObjectStore()).physical.methods[case.method]
        assert method.opaque, case.name
        assert method.program is not None or any(step.program is not None for step in method.opaque), case.name


@pytest.mark.parametrize("rows", [1, 200])
@pytest.mark.parametrize("name", NAMES)
def test_a_request_costs_its_opaque_steps_alone(
    name: str, rows: int, checks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases()[name]
    X = tasks.take(case.X, np.arange(rows))
    expected = getattr(case.source, case.method)(X)
    plan = pretzel.compile(case.source, store=ObjectStore())
    method = plan.methods[case.method]
    steps = []
    for i, (step, part) in enumerate(method._steps):
        steps.append(Step(step))
        shown = type("Shown", (), {})()
        for field in ("program", "source", "columns", "scalar", "output", "method", "name", "result"):
            setattr(shown, field, getattr(step, field))
        shown.estimator = steps[-1]
        method._steps[i] = (shown, part)
    read: list[tuple[dict[int, Any], list[Any]]] = []
    honest = opaque.SourceReader.__call__

    def reading(self: Any, spec: Any, leaves: Any, sources: Any) -> Any:
        found = honest(self, spec, leaves, sources)
        read.append(({leaf.source: sources[leaf.source] for leaf in leaves}, found[1]))
        return found

    monkeypatch.setattr(opaque.SourceReader, "__call__", reading)
    checks.clear()
    got = getattr(plan, case.method)(X)
    total = len(checks)
    assert_close(got, expected)
    assert [len(step.given) for step in steps] == [1] * len(steps), "a step is called once"
    programs = [part for _, part in method._steps if part is not None] + [method._final] * (method._final is not None)
    assert len(read) == len(programs), "a program reads its leaves once"
    for step in steps:
        checks.clear()
        getattr(step.step.estimator, step.step.method)(step.given[0])
        total -= len(checks)
        if step.step.program is None and step.step.source == 0 and step.step.columns is None:
            assert step.given[0] is X
        if step.step.program is not None:
            (given,) = step.given
            assert given.dtype == np.float64
            if not sparse.issparse(given):
                assert np.shares_memory(validation.check_array(given), given), "the step copies nothing"
    assert total == 0, "nothing is validated but by the steps"
    for sources, columns in read:
        flat = [part for column in columns for part in (column if isinstance(column, list) else [column])]
        for value in (sources[number] for number in sources if number):
            if type(value) is np.ndarray and value.dtype == np.float64 and value.flags.c_contiguous:
                shared = (isinstance(part, np.ndarray) and np.shares_memory(part, value) for part in flat)
                assert any(shared), "a value is read where it lies"


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_same_holds_for_single_rows(name: str, checks: list[int]) -> None:
    case = cases()[name]
    plan = pretzel.compile(case.source, store=ObjectStore())
    step, part = plan.methods[case.method]._steps[0]
    argument = part({0: case.X[:1]})
    checks.clear()
    getattr(step.estimator, step.method)(argument)
    alone = len(checks)
    checks.clear()
    plan.predict_one(tuple(case.X[0]))
    assert len(checks) == alone


def test_a_sparse_row_is_read_by_its_entries() -> None:
    """Memory stands for work: what is allocated for one row of a million columns."""
    import tracemalloc

    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    taken = []
    for width in half_opaque.WIDTHS:
        rng = np.random.default_rng(0)
        table = sparse.csr_matrix((rng.random(300), rng.integers(0, width, 300), np.arange(0, 301, 30)), (10, width))
        model = make_pipeline(MaxAbsScaler(), SGDClassifier(random_state=0)).fit(table, np.arange(10) % 2)
        plan = pretzel.compile(model, store=ObjectStore())
        row = table[[3]]
        assert plan.predict(row) == model.predict(row)
        tracemalloc.start()
        plan.predict(row)
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert taken[1] < taken[0] + 4096
