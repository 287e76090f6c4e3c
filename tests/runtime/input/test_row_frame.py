"""Frames of one row, which are made by dtype, against those that pandas makes column by column."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import pretzel
from pretzel.input_spec import InputKind, InputSpec
from pretzel.runtime.input.row_frame import row_frame
from pretzel.runtime.input.source_form import of_row

NAMES = ("a", "b", "c", "d")
SPECS = {
    "table": InputSpec(InputKind.TABLE, 4, NAMES, (0, 1, 2, 3), texts=(1, 3)),
    "missing": InputSpec(InputKind.TABLE, 4, NAMES, (0, 1, 2, 3), texts=(1,), missing=(math.nan, "none", None, "?")),
    "any": InputSpec(InputKind.ANY, 4, NAMES, (0, 1, 2, 3), texts=(1, 3)),
    "numbers": InputSpec(InputKind.TABLE, 4, NAMES, (0, 1, 2, 3)),
}
VALUES = [1.5, -(2**63), True, "x", "", None, math.nan, math.inf]
ROWS = [*itertools.product([1.5, 7, "x", None, math.nan], repeat=4)][::53] + [(1.5, each, each, 7) for each in VALUES]
PARTS = [(0,), (1, 3), (3, 1), (0, 1, 2, 3), (2, 0, 1)]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_frames_are_those_that_pandas_makes_of_columns(spec: InputSpec) -> None:
    for row in ROWS:
        for given in (row, dict(zip(NAMES[::-1], row[::-1], strict=True))):
            expected = of_row(spec, "", given)
            plain = row_frame(spec, given)
            assert plain is not None
            same(plain.frame(), expected)
            for part in PARTS:
                same(plain.select(part), expected.iloc[:, [*part]])
            for i in range(4):
                pd.testing.assert_series_equal(plain.select((i,), scalar=True), expected.iloc[:, i], check_exact=True)
                assert plain.column(i).dtype == expected.dtypes.iloc[i]


def same(frame: Any, expected: Any) -> None:
    pd.testing.assert_frame_equal(frame, expected, check_exact=True, check_column_type="exact")
    assert [*map(repr, frame.iloc[0])] == [*map(repr, expected.iloc[0])]  # None is no NaN
    assert type(frame.index) is type(expected.index)


@pytest.mark.parametrize(
    "row",
    [
        (1.5, "x", 1, 2**63),
        (1.5, "x", 1, np.float64(2)),
        (1.5, "x", 1, pd.NA),
        (1.5, "x", 1),
        {"a": 1.5, "b": "x", "c": 1},
        {"a": 1.5, "b": "x", "c": 1, "e": 2},
        np.array([1.0, 2.0, 3.0, 4.0]),
        "text",
        None,
    ],
    ids=str,
)
def test_other_rows_are_left_to_pandas(row: Any) -> None:
    assert row_frame(SPECS["table"], row) is None


def test_steps_are_given_the_columns_that_they_read_once() -> None:
    given: list[Any] = []

    def noted(X: Any) -> Any:
        given.append(X)
        return X

    frame = pd.DataFrame({"a": [1.5, 2.5, 0.5], "b": ["x", "y", "x"], "c": [1, 2, 3], "d": ["u", "u", "v"]})
    parts = [("f", FunctionTransformer(noted), ["c", "a"]), ("s", StandardScaler(), ["a"])]
    columns = ColumnTransformer([*parts, ("o", OneHotEncoder(), ["b", "d"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(frame, [0, 1, 0])
    plan = pretzel.compile(estimator)
    expected = estimator.predict_proba(frame[1:2])[0]
    for row in (frame.iloc[1].to_dict(), (2.5, "y", 2, "u")):
        given.clear()
        np.testing.assert_allclose(plan.predict_proba_one(row), expected, rtol=1e-9)
        (table,) = given
        assert [*table.columns] == ["c", "a"]
        assert [*table.dtypes] == [np.int64, np.float64]
