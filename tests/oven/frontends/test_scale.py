"""Scalers, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import pretzel
from pretzel.errors import InputValueError
from tests import releases
from tests.answers import assert_identical

from .numeric import check, numbers

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
    MinMaxScaler((-3, 2)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(**releases.CLIP),
]


def wide() -> np.ndarray:
    """Columns of very different sizes, one of them constant, one missing here and there."""
    X = numbers(1000, 11) * 10.0 ** np.arange(-5, 6)
    X[:, 3] = 7.5
    X[::7, 4] = np.nan
    return X


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
def test_bit_for_bit(scaler: Any) -> None:
    X = wide()
    scaler.fit(X[500:])
    check(scaler, X, ("transform",), exact=True)


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
def test_infinity_is_rejected(scaler: Any) -> None:
    plan = pretzel.compile(scaler.fit(wide()), strict=True)
    bad = wide()[:3]
    bad[1, 2] = np.inf
    with pytest.raises(InputValueError, match="row 1"):
        plan.transform(bad)
    assert plan.transform(wide()[:2]).shape == (2, 11)


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(with_mean=False),
        RobustScaler(with_centering=False),
        MaxAbsScaler(),
        MaxAbsScaler(**releases.CLIP),
    ],
    ids=repr,
)
def test_sparse_rows_stay_sparse(scaler: Any) -> None:
    texts = ["one two two", "three three three", "", "two one four"] * 20
    estimator = make_pipeline(CountVectorizer(dtype=np.float64), scaler).fit(texts[2:7])
    got = pretzel.compile(estimator, strict=True).transform([*texts, "two " * 50])
    expected = estimator.transform([*texts, "two " * 50])
    assert sparse.issparse(got)
    np.testing.assert_array_equal(got.toarray(), expected.toarray())


def test_sparse_rows_are_scaled_where_there_is_a_scale() -> None:
    """`with_std` is not asked about sparse rows."""
    X = sparse.random_array((40, 5), density=0.5, format="csr", rng=0)
    source = StandardScaler(with_mean=False).fit(X).set_params(with_std=False)
    plan = pretzel.compile(source, strict=True)
    for rows in (X, X.toarray()):
        found, expected = plan.transform(rows), source.transform(rows)
        assert_identical(found, expected)


@pytest.mark.parametrize(
    "scaler",
    [StandardScaler(with_mean=False, with_std=False), RobustScaler(with_centering=False, with_scaling=False)],
    ids=lambda scaler: type(scaler).__name__,
)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.longdouble])
def test_a_scaler_that_changes_nothing_makes_floats(scaler: Any, dtype: Any) -> None:
    X = np.arange(12).reshape(4, 3).astype(dtype)
    scaler.fit(X)
    plan = pretzel.compile(scaler)
    assert_identical(plan.transform(X), scaler.transform(X))
    if dtype not in (np.float16, np.longdouble):
        rows = sparse.csr_array(X)
        assert_identical(plan.transform(rows), scaler.transform(rows))
