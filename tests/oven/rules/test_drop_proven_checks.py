"""Checks go where they cannot fail, and stay where they can."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputValueError
from pretzel.options import Options
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.scale import SubDiv
from pretzel.oven.optimizer import optimize
from pretzel.oven.rules import RULES
from pretzel.oven.rules.drop_proven_checks import drop_proven_checks

LEAF = NumericLeaf((), (0, 1))
FILL = np.array([1.0, -2.0])


def check(x: Any, *, allow_nan: bool = False, float32: bool = False) -> CheckFinite:
    return CheckFinite((x,), "Any", allow_nan, float32)


def test_drops_a_second_check_of_the_same_values() -> None:
    once = check(LEAF)
    for weaker in (once, Select((once,), (1,)), Impute((check(LEAF, allow_nan=True),), FILL)):
        assert drop_proven_checks(check(weaker), {}) is weaker
        assert drop_proven_checks(check(weaker, allow_nan=True), {}) is weaker


def test_keeps_a_stronger_check() -> None:
    for source, node in [
        (LEAF, check(LEAF)),
        (LEAF, check(check(LEAF, allow_nan=True))),
        (LEAF, check(check(LEAF), float32=True)),
        (LEAF, check(Impute((LEAF,), FILL))),
        (LEAF, check(Impute((check(LEAF, allow_nan=True),), np.array([1.0, math.nan])))),
        (LEAF, check(Impute((check(LEAF),), np.array([1.0, 1e300]), 0.0), float32=True)),
        (LEAF, LEAF),
    ]:
        assert drop_proven_checks(node, {}) is None, source


@pytest.mark.parametrize(
    ("mean", "scale", "goes"),
    [
        ([0.0, 5.0], [1.0, 3.0], True),
        (None, [1.0, 3.0], True),
        ([0.0, 5.0], None, True),
        ([0.0, 5.0], [1.0, np.nextafter(1.0, 0.0)], False),
        ([0.0, -(2.0**970)], [1.0, 1.0], False),
    ],
)
def test_scaling_that_cannot_overflow(mean: Any, scale: Any, goes: bool) -> None:
    arrays = [None if a is None else np.array(a) for a in (mean, scale)]
    scaled = SubDiv((check(LEAF),), *arrays)
    assert (drop_proven_checks(check(scaled), {}) is scaled) == goes
    largest = np.full((1, 2), np.finfo(np.float64).max)
    if goes:
        assert np.isfinite(scaled.reference(largest)).all()
        assert np.isfinite(scaled.reference(-largest)).all()


def test_checks_only_the_other_parts_of_a_concatenation() -> None:
    one_hot = OneHot((LEAF,), np.array([0, 2, 4], dtype=np.int32), False)
    node = check(Concat((LEAF, one_hot)))
    new = drop_proven_checks(node, {})
    assert new is Concat((check(LEAF), one_hot))
    assert new.schema() == node.schema()
    assert drop_proven_checks(new, {}) is None
    assert drop_proven_checks(check(Concat((LEAF, SubDiv((LEAF,), None, FILL)))), {}) is None


def table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=n), "b": rng.normal(size=n) * 0.01, "c": rng.choice(list("xyz"), size=n)}
    )
    frame.loc[::5, "a"] = np.nan
    return frame


def test_what_the_source_rejects_is_rejected_with_and_without_the_rule() -> None:
    frame = table(100)
    estimator = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            (OneHotEncoder(handle_unknown="ignore"), ["c"]),
        ),
        LogisticRegression(),
    ).fit(frame, np.arange(100) % 2)
    methods = Importer(estimator).run().methods
    only = [rule for rule in RULES if rule.name == "drop_proven_checks"]
    optimized, trace = optimize(methods, Options(), rules=only)

    def checks(outputs: Any) -> int:
        return sum(isinstance(node, CheckFinite) for node in toposort([outputs["predict"].node]))

    assert trace
    assert checks(optimized) < checks(methods)
    for value in (math.inf, -math.inf, 1.7e308):
        bad = table(3)
        bad.loc[1, "b"] = value
        with pytest.raises(ValueError, match="infinity"):
            estimator.predict(bad)
        for disabled in ((), ("drop_proven_checks",)):
            plan = pretzel.compile(estimator, strict=True, disable_rules=disabled)
            with pytest.raises(InputValueError, match="row 1"):
                plan.predict(bad)
            np.testing.assert_array_equal(plan.predict(frame), estimator.predict(frame))
