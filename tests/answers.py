"""How the answers of a plan are compared with those of its source, and on which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

import pretzel
from pretzel.oven.rules import RULES
from pretzel.schema import METHODS
from pretzel.verification.boundary import NUMBERS, OFTEN_REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterable

ODD = (*NUMBERS, *OFTEN_REJECTED, 1e-45, -1e-310, -3.4e38, 1e300)


def assert_close(got: Any, expected: Any, *, exact: bool = False) -> None:
    """Equal labels, floats within the bound that the project promises; the same shape, dtype and sparsity."""
    if isinstance(expected, list | tuple):
        for one, other in zip(got, expected, strict=True):
            assert_close(one, other, exact=exact)
        return
    assert sparse.issparse(got) == sparse.issparse(expected)
    if sparse.issparse(got):
        got, expected = got.toarray(), expected.toarray()
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if exact or got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def assert_identical(got: Any, expected: Any) -> None:
    """Equal in type and to the bit; NaN equals NaN."""
    assert type(got) is type(expected)
    if isinstance(expected, list | tuple):
        for one, other in zip(got, expected, strict=True):
            assert_identical(one, other)
    elif sparse.issparse(expected):
        assert_identical(got.toarray(), expected.toarray())
    elif isinstance(expected, np.ndarray):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        if expected.dtype == object:
            assert_identical(got.tolist(), expected.tolist())
        else:
            assert got.tobytes() == expected.tobytes()
    else:
        assert got == expected or (got != got and expected != expected)


def check_answers(
    estimator: Any,
    X: Any,
    *,
    methods: Iterable[str] = METHODS,
    exact: bool = False,
    strict: bool = False,
    rule: str | None = None,
) -> pretzel.Plan:
    """Every method of ``estimator`` gives its answers when compiled, with ``rule`` alone if given; returns the plan."""
    others = () if rule is None else [each.name for each in RULES if each.name != rule]
    plan = pretzel.compile(estimator, strict=strict, disable_rules=others)
    for method in methods:
        if hasattr(estimator, method):
            with np.errstate(all="ignore"):
                expected = getattr(estimator, method)(X)
            assert_close(getattr(plan, method)(X), expected, exact=exact)
    return plan


def with_boundary(estimator: Any, X: Any, trees: Any, *, most: int = 1500) -> Any:
    """Fifty rows of ``X``, rows beside the thresholds of ``trees``, and the odd values that ``estimator`` takes."""
    blocks = [np.where(np.eye(X.shape[1], dtype=bool), value, X[0]) for value in ODD]
    return np.vstack([X[:50], near_thresholds(trees, X, most), *(rows for rows in blocks if takes(estimator, rows))])


def takes(estimator: Any, rows: Any) -> bool:
    """Whether ``estimator`` rejects none of the rows."""
    try:
        with np.errstate(all="ignore"):
            estimator.predict(rows)
    except ValueError:
        return False
    return True


def near_thresholds(trees: Any, X: Any, most: int) -> Any:
    """Rows of ``X`` with one value on a threshold, on what rounds to it, or on a neighbour of either."""
    rng = np.random.default_rng(1)
    splits = np.flatnonzero(np.isfinite(trees.threshold) & (trees.category_set < 0))
    rows = []
    for split in rng.permutation(splits)[: most // 9]:
        cut = trees.threshold[split]
        low, high = np.nextafter(np.float32(cut), np.float32([-np.inf, np.inf]))
        halves = [(np.float64(np.float32(cut)) + other) / 2 for other in (low, high)]
        values = [cut, *np.nextafter(cut, [-np.inf, np.inf]), np.float32(cut), low, high, *halves]
        for value in [*values, np.nextafter(halves[1], -np.inf)]:
            row = X[rng.integers(len(X))].copy()
            row[trees.feature[split]] = value
            rows.append(row)
    return np.array(rows).reshape(-1, X.shape[1])
