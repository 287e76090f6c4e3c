"""Columns without weights go, unless the source would reject what they hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, InputValueError
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf, Select
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import category_codes
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import SubDiv
from pretzel.oven.rules.prune_columns import prune_columns
from tests import releases

LEAF = NumericLeaf((), (0, 1, 2, 3))
CHECKED = CheckFinite((LEAF,), "Any")
BIAS = np.array([0.5])
X = np.random.default_rng(0).normal(size=(20, 4))


def weights(*values: float) -> np.ndarray:
    return np.array(values).reshape(-1, 1)


@pytest.mark.parametrize(
    "step",
    [
        SubDiv((CHECKED,), np.arange(4.0), np.array([1.0, 2.0, 3.0, 4.0])),
        SubDiv((CHECKED,), None, np.array([1.0, 2.0, 3.0, 4.0])),
        Impute((CheckFinite((LEAF,), "Any", True),), np.arange(4.0)),
    ],
)
def test_fires_behind_a_step_by_column(step: Any) -> None:
    node = Linear((step,), weights(0.0, 2.0, 0.0, -0.0), BIAS)
    new = prune_columns(node, {})
    assert isinstance(new, Linear)
    assert new.schema() == node.schema()
    (select,) = (each for each in toposort([new]) if isinstance(each, Select))
    assert select.columns == (1,)
    assert any(isinstance(each, CheckFinite) and each.schema().width == 4 for each in toposort([new]))
    fewer = new.inputs[0]
    np.testing.assert_allclose(
        new.reference(fewer.reference(select.reference(X))), node.reference(step.reference(X)), rtol=1e-14
    )
    assert prune_columns(new, {}) is None


@pytest.mark.parametrize(
    "node",
    [
        Linear((CHECKED,), weights(0, 0, 0, 1), BIAS),
        Linear((SubDiv((CHECKED,), None, np.full(4, 0.1)),), weights(0, 0, 0, 1), BIAS),  # may overflow
        Linear((SubDiv((LEAF,), None, np.ones(4)),), weights(0, 0, 0, 1), BIAS),  # may be NaN
        Linear((SubDiv((CHECKED,), None, np.ones(4)),), weights(0, 1, 2, 1), BIAS),  # not worth it
        Linear((SubDiv((CHECKED,), None, np.ones(4)),), weights(0, 0, 0, 0), BIAS),
        LEAF,
    ],
)
def test_does_not_fire(node: Any) -> None:
    assert prune_columns(node, {}) is None


def lookup(reject: int) -> EmbeddingSum:
    leaf = CellLeaf((), (4, 5, 6))
    codes = category_codes(leaf, [["a", "b"], ["c"], ["d", 1.0]], [[0, 1], [0], [0, -1]], [-1, 0, -1], reject=reject)
    offsets = np.array([0, 2, 3, 4], dtype=np.int32)
    return EmbeddingSum((codes,), weights(0.0, 0.0, 3.0, 0.0), offsets, BIAS)


def test_categories_without_weights_are_not_looked_up() -> None:
    node = lookup(reject=0)
    new = prune_columns(node, {})
    assert isinstance(new, EmbeddingSum)
    assert new.inputs[0].inputs == (CellLeaf((), (5,)),)
    cells = np.array([["a", "c", "d"], ["z", "z", 1], [None, math.nan, True]], dtype=object)
    np.testing.assert_array_equal(
        new.reference(new.inputs[0].reference(cells[:, [1]])), node.reference(node.inputs[0].reference(cells))
    )
    assert prune_columns(new, {}) is None
    assert prune_columns(lookup(reject=1), {}) is None


def test_keys_and_checks_stay() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(list("xyz"), 300) for name in "abcd"})
    frame["n"] = rng.normal(size=300) * 5
    frame["m"] = rng.normal(size=300) * 5
    y = (frame["a"] == "x") ^ (rng.random(300) < 0.1)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), list("abcd")), (StandardScaler(), ["n", "m"])
    )
    model = LogisticRegression(**releases.LASSO, solver="liblinear", C=0.05)
    source = make_pipeline(columns, model).fit(frame, y)
    plan = pretzel.compile(source, strict=True)
    assert "prune_columns" in plan.explain()
    np.testing.assert_allclose(plan.predict_proba(frame), source.predict_proba(frame), rtol=1e-9)
    row = frame.iloc[0].to_dict()
    np.testing.assert_array_equal(plan.predict_proba_one(row), plan.predict_proba(frame[:1])[0])
    for name in frame:
        with pytest.raises(InputKeyError, match=name):
            plan.predict_one({key: value for key, value in row.items() if key != name})
        with pytest.raises(InputKeyError, match=name):
            plan.predict(frame.drop(columns=name))
    with pytest.raises(InputValueError, match="'m' holds NaN"):
        plan.predict_one({**row, "m": None})
