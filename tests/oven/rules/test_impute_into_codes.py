"""Imputers in front of encoders go where that is exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import pretzel
from pretzel.errors import InputValueError
from pretzel.options import Options
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.impute import Impute, ImputeCells
from pretzel.oven.optimizer import optimize
from pretzel.oven.rules import RULES
from pretzel.oven.rules.impute_into_codes import impute_into_codes

ONLY = [rule for rule in RULES if rule.name == "impute_into_codes"]


def optimized(estimator: Any) -> list[Any]:
    methods, _ = optimize(Importer(estimator).run().methods, Options(), rules=ONLY)
    return toposort([methods["transform"].node])


def test_nan_stays_rejected() -> None:
    frame = pd.DataFrame({"x": ["a", "?", "b"]})
    imputer = SimpleImputer(missing_values="?", strategy="most_frequent")
    estimator = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore")).fit(frame)
    bad = pd.DataFrame({"x": ["?", np.nan]}, dtype=object)
    with pytest.raises(ValueError, match="NaN"):
        estimator.transform(bad)
    plan = pretzel.compile(estimator, strict=True)
    assert "impute_into_codes" in plan.explain()
    with pytest.raises(InputValueError, match="row 1, column 'x' holds NaN"):
        plan.transform(bad)
    with pytest.raises(InputValueError, match="rejected"):
        optimized(estimator)[-2].reference(bad.to_numpy())
    np.testing.assert_array_equal(plan.transform(frame).toarray(), estimator.transform(frame).toarray())


@pytest.mark.parametrize(
    ("missing", "cells", "fires"),
    [
        (math.nan, ["a", "b", "b", "é", math.nan], True),
        (pd.NA, ["a", "b", "b", "é", math.nan, None], False),
        (None, ["a", "b", "b", "é", None], True),
        ("a", ["a", "b", "b", "é"], True),
    ],
)
@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(handle_unknown="ignore", sparse_output=False), OrdinalEncoder(), OneHotEncoder()]
)
def test_same_codes_without_the_imputer(missing: Any, cells: list[Any], fires: bool, encoder: Any) -> None:
    frame = pd.DataFrame({"x": cells, "y": cells[::-1]}, dtype=object)
    imputer = SimpleImputer(missing_values=missing, strategy="most_frequent")
    estimator = make_pipeline(imputer, encoder).fit(frame)
    assert any(isinstance(node, ImputeCells) for node in optimized(estimator)) != fires
    got = pretzel.compile(estimator, strict=True).transform(frame)
    expected = estimator.transform(frame)
    if sparse.issparse(expected):
        got, expected = got.toarray(), expected.toarray()
    np.testing.assert_array_equal(got, expected)


def test_numbers() -> None:
    leaf = NumericLeaf((), (0, 1))
    node = category_codes(Impute((leaf,), np.array([1.0, 9.0])), [[1.0, 2.0], [5.0]], [[0, 1], [0]], [-1, -1], reject=0)
    new = impute_into_codes(node, {})
    assert new is not None
    assert new.inputs == (leaf,)
    x = np.array([[math.nan, math.nan], [1.0, 5.0], [3.0, 9.0]])
    np.testing.assert_array_equal(new.reference(x), node.reference(node.inputs[0].reference(x)))
    assert impute_into_codes(new, {}) is None


def test_does_not_fire_where_the_constant_is_rejected() -> None:
    leaf = NumericLeaf((), (0,))
    node = category_codes(Impute((leaf,), np.array([7.0])), [[1.0]], [[0]], [0], reject=REJECT_UNKNOWN)
    assert impute_into_codes(node, {}) is None


def test_does_not_fire_elsewhere() -> None:
    leaf = CellLeaf((), (0,))
    assert impute_into_codes(category_codes(leaf, [["a"]], [[0]], [-1], reject=0), {}) is None
    assert impute_into_codes(leaf, {}) is None
