"""Every pipeline of the zoo, compiled without an opaque step, against scikit-learn on all rows of its real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pretzel
from benchmarks import tasks, zoo
from benchmarks.measure import compare

if TYPE_CHECKING:
    from collections.abc import Callable

PART = 20_000


class Compiled:
    """A fitted case and its plan."""

    def __init__(self, case: zoo.Case) -> None:
        self.case = case
        self.X, _ = case.load()
        self.estimator = case.fit()
        self.plan = pretzel.compile(self.estimator, strict=True)
        self.methods = zoo.methods(self.estimator)

    def sample(self, count: int) -> Any:
        rows = np.random.default_rng(3).permutation(len(self.X))[:count]
        return tasks.take(self.X, rows)

    def single(self, count: int) -> list[Any]:
        rows = self.sample(count)
        return rows.to_dict("records") if self.case.kind == zoo.TABLE else list(rows)


@pytest.fixture(scope="module", params=zoo.CASES, ids=lambda case: case.name)
def compiled(request: pytest.FixtureRequest, load_real: Callable[[Any], Any]) -> Compiled:
    load_real(request.param.load)
    return Compiled(request.param)


@pytest.mark.timeout(900)
def test_all_rows_agree(compiled: Compiled) -> None:
    for method in compiled.methods:
        # scikit-learn needs minutes for all texts; the first method is computed from the same scores as the others.
        whole = compiled.case.kind != zoo.TEXT or method == compiled.methods[0]
        X = compiled.X if whole else compiled.sample(5000)
        labels = method == "predict" and hasattr(compiled.estimator, "classes_")
        for start in range(0, len(X), PART):
            part = X[start : start + PART]
            got, expected = getattr(compiled.plan, method)(part), getattr(compiled.estimator, method)(part)
            assert got.dtype == expected.dtype
            difference = compare(got, expected, labels)
            assert (difference.mismatches, difference.outside) == (0, 0), f"{method}: {difference}"


def test_rows_alone_have_the_bits_of_batches(compiled: Compiled) -> None:
    X = compiled.sample(300)
    for method in compiled.methods:
        predict = getattr(compiled.plan, method)
        together = predict(X)
        assert np.array_equal(np.concatenate([predict(X[i : i + 1]) for i in range(300)]), together)
        assert np.array_equal(np.concatenate([predict(X[:7]), predict(X[7:])]), together)


def test_one_row_is_a_row_of_the_batch(compiled: Compiled) -> None:
    X = compiled.sample(100)
    for method in compiled.methods:
        one = getattr(compiled.plan, f"{method}_one")
        together = getattr(compiled.plan, method)(X)
        for row, expected in zip(compiled.single(100), together, strict=True):
            assert np.array_equal(one(row), expected)


def test_no_rows(compiled: Compiled) -> None:
    for method in compiled.methods:
        with pytest.raises(pretzel.errors.InputShapeError, match="at least one"):
            getattr(compiled.plan, method)(compiled.X[:0])
