"""Texts of digits stay texts where they are passed on, and are numbers where an estimator computes with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import RFE, SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

import pretzel
from pretzel.errors import OvenBug
from pretzel.oven.ir.columns import CellLeaf
from pretzel.oven.ir.graph import Output
from pretzel.oven.lower import Lowering
from tests.conformance.compare import ask, difference

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


NUMBERS = np.random.default_rng(0).integers(0, 3, (40, 3)).astype(float)
CLASSES = np.arange(40) % 2
TEXTS = NUMBERS.astype(str)
FORMS = {
    "frame": pd.DataFrame(TEXTS),
    "mixed frame": pd.DataFrame({0: NUMBERS[:, 0], 1: TEXTS[:, 1], 2: TEXTS[:, 2]}),
    "objects": TEXTS.astype(object),
    "texts": TEXTS,
    "bytes": TEXTS.astype("S"),
    "list": TEXTS.tolist(),
    "mixed list": [[float(first), *others] for first, *others in TEXTS.tolist()],
}
BEFORE = {
    "nothing": "passthrough",
    "columns": ColumnTransformer([("kept", "passthrough", [0, 1, 2])]),
    "columns beside scaled ones": ColumnTransformer([("kept", "passthrough", [0, 1]), ("s", StandardScaler(), [2])]),
    "chosen columns": ColumnTransformer([("chosen", SelectKBest(k=1), [0, 1]), ("kept", "passthrough", [2])]),
    "selector": SelectKBest(k=2),
    "selectors": make_pipeline(VarianceThreshold(), SelectKBest(k=2)),
    "a selector without native form": RFE(LinearRegression(), n_features_to_select=2),
    "union": FeatureUnion([("all", "passthrough"), ("chosen", VarianceThreshold())]),
    "no function": FunctionTransformer(),
    "no functions": make_pipeline(FunctionTransformer(), FunctionTransformer()),
    "function": FunctionTransformer(np.abs),
}
BEHIND = [
    OneHotEncoder(handle_unknown="ignore"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    LogisticRegression(),
    LinearSVC(),
    Normalizer(),
    MissingIndicator(features="all"),
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant", fill_value=0),
    StandardScaler(),
    RandomForestClassifier(3, random_state=0),
    VarianceThreshold(),
    FunctionTransformer(np.sqrt),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("before", BEFORE)
def test_texts_of_numbers_are_parsed_passed_on_or_rejected_as_by_the_source(before: str) -> None:
    for behind in BEHIND:
        model = make_pipeline(BEFORE[before], behind).fit(NUMBERS, CLASSES)
        plan = pretzel.compile(model)
        method = "transform" if hasattr(model, "transform") else "predict"
        for form, X in FORMS.items():
            found = difference(ask(getattr(plan, method), X), ask(getattr(model, method), X))
            assert not any(found), f"{form} before {behind}: {found}"
