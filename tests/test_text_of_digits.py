"""Texts of digits stay texts where they are passed on, and are numbers where an estimator computes with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import OvenBug
from pretzel.oven.ir.columns import CellLeaf
from pretzel.oven.ir.graph import Output
from pretzel.oven.lower import Lowering

FRAME = pd.DataFrame({"amount": [0.5, 1.0, 2.0, 3.0], "zip": ["01067", "53111", "80331", "01067"]})
LABELS = [0, 1, 0, 1]
SCALED = ("scaled", StandardScaler(), ["amount"])
PASSED = {
    "remainder": ColumnTransformer([SCALED], remainder="passthrough"),
    "passthrough": ColumnTransformer([SCALED, ("zip", "passthrough", ["zip"])]),
    "function": ColumnTransformer([("zip", FunctionTransformer(), ["zip"]), SCALED]),
    "imputed": ColumnTransformer([("zip", SimpleImputer(strategy="constant", fill_value="?"), ["zip"]), SCALED]),
    "union": FeatureUnion([("all", "passthrough"), ("again", "passthrough")]),
}
ROW = {"amount": 1.0, "zip": "01067"}


def to_objects(X: Any) -> Any:
    return np.asarray(X, dtype=object)


@pytest.mark.parametrize("name", PASSED)
def test_texts_that_are_passed_on(name: str) -> None:
    estimator = PASSED[name].fit(FRAME)
    plan = pretzel.compile(estimator)
    pl = pytest.importorskip("polars")
    for X in (FRAME, FRAME.astype(object), pl.from_pandas(FRAME)):
        expected = estimator.transform(X)
        answer = plan.transform(X)
        assert answer.dtype == expected.dtype == object
        assert answer.tolist() == expected.tolist()
    expected = estimator.transform(pd.DataFrame([ROW]))[0]
    for row in (ROW, tuple(ROW.values())):
        assert plan.transform_one(row).tolist() == expected.tolist()
    assert plan.transform([ROW, ROW])[1].tolist() == expected.tolist()


@pytest.mark.parametrize("name", PASSED)
@pytest.mark.parametrize(
    "reader", [OneHotEncoder(handle_unknown="ignore"), FunctionTransformer(to_objects)], ids=["encoder", "function"]
)
def test_what_reads_them_gets_texts(name: str, reader: Any) -> None:
    steps = make_pipeline(PASSED[name], reader, OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1))
    if isinstance(reader, OneHotEncoder):
        steps = make_pipeline(PASSED[name], reader, LogisticRegression())
    estimator = steps.fit(FRAME, LABELS)
    plan = pretzel.compile(estimator)
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "transform"
    np.testing.assert_allclose(getattr(plan, method)(FRAME), getattr(estimator, method)(FRAME), rtol=1e-9)
    expected = getattr(estimator, method)(pd.DataFrame([ROW]))[0]
    np.testing.assert_allclose(getattr(plan, f"{method}_one")(ROW), expected, rtol=1e-9)


def test_what_computes_with_them_parses_them() -> None:
    digits = FRAME.assign(zip=["1", "2.5", "3", "4"])
    estimator = make_pipeline(PASSED["passthrough"], LogisticRegression()).fit(digits, LABELS)
    plan = pretzel.compile(estimator)
    np.testing.assert_allclose(plan.predict_proba(digits), estimator.predict_proba(digits), rtol=1e-9)


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
def test_filled_texts_reach_a_step_of_ones_own(strategy: str) -> None:
    frame = pd.DataFrame({"city": ["Bonn", "Paris", None, "Rome", "Rome"]})
    estimator = make_pipeline(SimpleImputer(strategy=strategy), FunctionTransformer(to_objects)).fit(frame)
    plan = pretzel.compile(estimator)
    for _ in range(3):
        assert plan.transform(frame).tolist() == estimator.transform(frame).tolist()
    assert plan.transform_one({"city": "Paris"}).tolist() == ["Paris"]


def test_no_program_has_cells_for_a_result() -> None:
    store = pretzel.ObjectStore()
    with pytest.raises(OvenBug, match="no result of a program"):
        Lowering(store, store.lease(), {}).method(Output(CellLeaf((), (0,))))
