"""Steps that change nothing go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

import pretzel
from pretzel.options import Options
from pretzel.oven.ir.columns import NumericLeaf, Select, ToFloat64
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Output, toposort, users
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.opaque import opaque
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.optimizer import optimize
from pretzel.oven.rules.drop_identity import drop_identity
from tests.answers import check_answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.ir.graph import Node

LEAF = NumericLeaf((), (0, 1))
ZEROS, ONES, NUMBERS = np.zeros(2), np.ones(2), np.array([2.0, 3.0])


def apply(node: object) -> object:
    return drop_identity(node, users([Linear((node,), np.ones((2, 1)), np.zeros(1))]))


def test_drops() -> None:
    for node in (
        Select((LEAF,), (0, 1)),
        Concat((LEAF,)),
        SubDiv((LEAF,), ZEROS, ONES),
        SubDiv((LEAF,), ZEROS, None),
        SubDiv((LEAF,), None, ONES),
    ):
        assert apply(node) is LEAF


def test_drops_half_a_scaler() -> None:
    assert apply(SubDiv((LEAF,), ZEROS, NUMBERS)) is SubDiv((LEAF,), None, NUMBERS)
    assert apply(SubDiv((LEAF,), NUMBERS, ONES)) is SubDiv((LEAF,), NUMBERS, None)
    assert apply(SubDiv((LEAF,), NUMBERS, None)) is None


def test_does_not_fire() -> None:
    for node in (
        Select((LEAF,), (1, 0)),
        Concat((LEAF, LEAF)),
        SubDiv((LEAF,), NUMBERS, NUMBERS),
        SubDiv((LEAF,), -ZEROS, NUMBERS),
        MulAdd((LEAF,), ONES, ZEROS),
    ):
        assert drop_identity(node, {node: [node]}) is None
    result = Select((LEAF,), (0, 1))
    assert drop_identity(result, users([result])) is None


SCALED = SubDiv((SubDiv((LEAF,), ZEROS, ONES),), ZEROS, ONES)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Select((x,), (1, 0)),
        lambda x: Concat((Select((x,), (1, 0)), LEAF)),
        lambda x: Concat((x, SubDiv((Select((LEAF,), (1, 0)),), ZEROS, ONES))),
        lambda x: Concat((Select((x,), (0,)), Select((x,), (1,)))),
        lambda x: Concat((ToFloat64((Select((LEAF,), (1, 0)),)), ToFloat64((LEAF,)))),
        lambda x: Concat((Concat((ToFloat64((Select((LEAF,), (1, 0)),)), LEAF)), ToFloat64((LEAF,)))),
    ],
)
def test_a_result_keeps_its_type(make: Callable[[Node], Node]) -> None:
    """The first of two steps may go, but not both."""
    before = make(SCALED)
    after = optimize({"transform": Output(before)}, Options())[0]["transform"].node
    assert after.schema() == before.schema()
    assert len(toposort([after])) < len(toposort([before]))


def test_an_opaque_step_is_given_what_its_estimator_was_fitted_on() -> None:
    step = SubDiv((LEAF,), ZEROS, ONES)
    read = opaque(object(), "predict", step, "a test", 1)
    assert drop_identity(step, users([read])) is None


def test_a_step_that_changes_nothing_before_an_opaque_step() -> None:
    X = np.array([[-1.0, 0.5], [1.0, 1.0], [0.5, -1.0]])
    pipeline = make_pipeline(MaxAbsScaler(), KNeighborsClassifier(1, p=3)).fit(X, [0, 1, 0])
    plan = pretzel.compile(pipeline)
    assert plan.opaque_steps
    assert plan.predict(X).tolist() == [0, 1, 0]


def test_two_steps_that_change_nothing() -> None:
    X = np.array([[-1.0, 0.5], [1.0, 1.0], [0.5, -1.0]])
    pipeline = make_pipeline(MaxAbsScaler(), MaxAbsScaler(), SelectKBest(k=1)).fit(X, [0, 1, 0])
    plan = check_answers(pipeline, X, exact=True, strict=True, rule="drop_identity")
    assert "drop_identity" in plan.explain()
