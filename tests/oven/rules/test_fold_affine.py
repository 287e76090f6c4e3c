"""Scaling moves into the weights behind it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pretzel.errors import InputValueError
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.rules.fold_affine import fold_affine
from tests.answers import check_answers

LEAF = NumericLeaf((), (0, 1))
W = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, 7.0]])
B = np.array([0.5, -1.0, 2.0])
MEAN, SCALE = np.array([3.0, -4.0]), np.array([2.0, 5.0])
X = np.random.default_rng(0).normal(size=(50, 2)) * 10


@pytest.mark.parametrize(
    "affine",
    [
        SubDiv((LEAF,), MEAN, SCALE),
        SubDiv((LEAF,), None, SCALE / 10),
        SubDiv((LEAF,), MEAN, None),
        MulAdd((LEAF,), SCALE, MEAN),
    ],
)
def test_folds(affine: SubDiv | MulAdd) -> None:
    node = Linear((affine,), W, B)
    new = fold_affine(node, users([node]))
    assert isinstance(new, Linear)
    assert new.inputs == (LEAF,)
    np.testing.assert_allclose(new.reference(X), node.reference(affine.reference(X)), rtol=1e-12)
    assert fold_affine(new, users([new])) is None


def test_a_check_moves_in_front_where_nothing_can_overflow() -> None:
    node = Linear((CheckFinite((SubDiv((LEAF,), MEAN, SCALE),), "Ridge"),), W, B)
    new = fold_affine(node, users([node]))
    assert isinstance(new, Linear)
    assert new.inputs == (CheckFinite((LEAF,), "Ridge"),)
    for scale in (SCALE / 10, np.array([np.inf, 1.0])):
        node = Linear((CheckFinite((SubDiv((LEAF,), MEAN, scale),), "Ridge"),), W, B)
        assert fold_affine(node, users([node])) is None


def test_does_not_fire() -> None:
    scaled = SubDiv((LEAF,), MEAN, SCALE)
    two = [Linear((scaled,), W, B), Linear((scaled,), 2 * W, B)]
    for nodes in (
        two,
        [Linear((MulAdd((LEAF,), SCALE, MEAN, 0.0, 1.0),), W, B)],
        [Linear((SubDiv((LEAF,), 1e6 * MEAN, SCALE),), W, B)],
        [Linear((SubDiv((LEAF,), None, np.array([1e-310, 1.0])),), W, B)],
        [Linear((LEAF,), W, B)],
        [scaled],
    ):
        for node in nodes:
            assert fold_affine(node, users(nodes)) is None


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MinMaxScaler(clip=True)])
@pytest.mark.parametrize("model", [Ridge(), LogisticRegression()])
def test_pipelines(scaler: object, model: object) -> None:
    estimator = make_pipeline(scaler, model).fit(X, X[:, 0] > 0)
    plan = check_answers(estimator, X, strict=True, rule="fold_affine")
    assert ("fold_affine" in plan.explain()) == (not getattr(scaler, "clip", False))
    for value in (np.nan, np.inf):
        with pytest.raises(InputValueError, match="row 1"):
            plan.predict(np.array([[0.0, 0.0], [0.0, value]]))
