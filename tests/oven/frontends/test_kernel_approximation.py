"""Approximations of kernels, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.kernel_approximation import Nystroem, PolynomialCountSketch

import pretzel
from tests.answers import assert_close, check_answers

X = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, -1.0]])


def test_references_of_zeros() -> None:
    """A single reference all of whose numbers are zero."""
    model = Nystroem(n_components=1, gamma=0.5).fit(np.zeros((3, 2)))
    check_answers(model, X)
    check_answers(model, csr_array(X))


SKETCHES = [
    {"n_components": 1, "degree": 3, "coef0": 2},
    {"n_components": 2, "degree": 1},
    {"n_components": 17, "degree": 4, "gamma": np.float32(0.3), "coef0": 0.1},
    {"n_components": 130, "gamma": 0.5, "coef0": 1},
]


@pytest.mark.parametrize("options", SKETCHES, ids=["one", "sums", "float32", "wide"])
def test_sketches(options: dict[str, Any]) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 5))
    model = PolynomialCountSketch(**options, random_state=0).fit(rows)
    some = np.where(rows > 0.5, rows, 0.0)
    for asked in (rows, rows[:1], rows.astype(np.float32), np.round(3 * rows).astype(int), csr_array(some)):
        plan = check_answers(model, asked)
        assert plan.transform(asked).dtype == model.transform(asked).dtype
    assert not plan.opaque_steps


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"coef0": -1}, "roots"), ({"degree": 3}, "degree 3"), ({"n_components": 2}, "n_components=2")],
    ids=["roots", "degree", "components"],
)
def test_sketches_that_the_source_answers(changed: dict[str, Any], reason: str) -> None:
    model = PolynomialCountSketch(n_components=20, coef0=1, random_state=0).fit(X).set_params(**changed)
    assert reason in str(pretzel.compile(model).explain())


def test_sketches_of_many_columns() -> None:
    """The work goes with the values of a row that are not zero."""
    rows = np.eye(3, 600)
    model = PolynomialCountSketch(n_components=700, random_state=0).fit(rows)
    assert "512" not in str(pretzel.compile(model.set_params(degree=1)).explain())
    assert "600 terms" in str(pretzel.compile(model.set_params(degree=2)).explain())


@pytest.mark.parametrize("options", SKETCHES, ids=["one", "sums", "float32", "wide"])
def test_sketches_that_overflow(options: dict[str, Any]) -> None:
    """One product that is too large makes NaN of the whole row, beside others that are as they are."""
    rows = np.random.default_rng(0).normal(size=(30, 5))
    model = PolynomialCountSketch(**options, random_state=0).fit(rows)
    rows[::3] *= 1e200
    plan = pretzel.compile(model, strict=True)
    with np.errstate(all="ignore"):
        expected = model.transform(rows)
    assert_close(plan.transform(rows), expected)
    is_mixed = options.get("degree", 2) > 1 and options["n_components"] > 1
    assert np.isnan(expected[::3]).all() == is_mixed
