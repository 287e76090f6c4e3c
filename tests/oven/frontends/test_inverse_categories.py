"""Numbers and one-hot rows back to categories and bins, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputTypeError, InputValueError
from pretzel.oven.frontends.sklearn import preprocessing_inverses
from pretzel.schema import INVERSE
from tests import cases, releases
from tests.answers import assert_identical

NUMBERS = np.random.default_rng(0).integers(0, 5, size=(300, 3)).astype(float)
HOLES = np.where(np.arange(900).reshape(300, 3) % 7 == 0, np.nan, NUMBERS)
TABLES = {
    "numbers": NUMBERS,
    "integers": NUMBERS.astype(int),
    "texts": NUMBERS.astype(int).astype(str),
    "objects": NUMBERS.astype(int).astype(str).astype(object),
    "missing": HOLES,
    "cells": cases.rows("cells")[0],
}
PLACES = [1.7, -1.0, -1.5, -0.5, -0.0, -5.0, -6.0, -5.5, 4.0, 4.99, 5.0, 98.0, 99.0, 1e300, np.nan, np.inf]
ORDINAL: list[dict[str, Any]] = [
    {},
    {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
    {"handle_unknown": "use_encoded_value", "unknown_value": 99, "encoded_missing_value": -2},
    {"encoded_missing_value": -1},
    {"min_frequency": 62},
    {"min_frequency": 62, "handle_unknown": "use_encoded_value", "unknown_value": -1},
]
ONE_HOT: list[dict[str, Any]] = [
    {},
    {"sparse_output": False},
    {"handle_unknown": "ignore"},
    {"drop": "first"},
    {"drop": "if_binary"},
    {"drop": "first", "handle_unknown": "ignore"},
    {"handle_unknown": "infrequent_if_exist", "min_frequency": 62},
    {"min_frequency": 62, "drop": "first"},
    *([{"handle_unknown": "warn"}] if releases.WARNS else []),
    {"handle_unknown": "infrequent_if_exist", "min_frequency": 70, "drop": "first"},
]
BINS: list[dict[str, Any]] = [{"encode": each} for each in ("ordinal", "onehot", "onehot-dense")]

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def check(estimator: Any, plan: pretzel.Plan, tables: list[Any]) -> None:
    """Answers have the same bits and types, or both reject the request."""
    for rows in tables:
        try:
            expected = estimator.inverse_transform(rows if isinstance(rows, list) else rows.copy())
        except (ValueError, IndexError):
            with pytest.raises((InputValueError, InputTypeError)):
                plan.inverse_transform(rows)
        else:
            assert_identical(plan.inverse_transform(rows), expected)


@pytest.mark.parametrize("options", ORDINAL, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_ordinal(name: str, options: dict[str, Any]) -> None:
    encoder = OrdinalEncoder(**options).fit(TABLES[name])
    plan = pretzel.compile(encoder)
    if name == "missing" and "min_frequency" in options:
        assert INVERSE not in plan.methods
        return
    codes = encoder.transform(TABLES[name])
    tables = [codes, codes[:1], codes[:2].tolist(), codes.astype(np.float32)]
    check(encoder, plan, tables + [np.full((1, codes.shape[1]), each) for each in PLACES])
    check(encoder, plan, [np.full((2, codes.shape[1]), each) for each in (0, 1, -1, 7)])


@pytest.mark.parametrize("options", ONE_HOT, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_one_hot(name: str, options: dict[str, Any]) -> None:
    encoder = OneHotEncoder(**options).fit(TABLES[name])
    plan = pretzel.compile(encoder)
    rows = encoder.transform(TABLES[name])
    width = rows.shape[1]
    dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
    odd = np.random.default_rng(3).normal(size=(5, width))
    tables = [rows, rows[:1], dense[:3].tolist(), dense.astype(int), odd, odd.astype(np.float32)]
    tables += [np.zeros((1, width)), np.ones((2, width)), np.full((1, width), np.nan)]
    unknown = options.get("handle_unknown") in ("ignore", "warn") and "drop" not in options
    assert (INVERSE in plan.methods) == (bool(width) and (name in ("objects", "cells") or not unknown))
    if INVERSE in plan.methods:
        check(encoder, plan, tables)


@pytest.mark.parametrize("options", BINS, ids=str)
def test_bins(options: dict[str, Any]) -> None:
    X = cases.rows("numbers")[0]
    discretizer = KBinsDiscretizer(4, strategy="uniform", **options).fit(X)
    plan = pretzel.compile(discretizer)
    rows = discretizer.transform(X)
    assert not plan.physical.methods[INVERSE].opaque
    narrow = rows.astype(np.float32)
    whole = np.full((2, rows.shape[1]), -1)
    check(discretizer, plan, [rows, rows[:1], narrow, whole, *(np.full((1, rows.shape[1]), each) for each in PLACES)])


def test_within_pipelines() -> None:
    X = cases.rows("numbers")[0]
    coded = make_pipeline(OrdinalEncoder(), StandardScaler()).fit(TABLES["texts"])
    binned = make_pipeline(StandardScaler(), KBinsDiscretizer(4, strategy="uniform", encode="ordinal"), MinMaxScaler())
    hot = make_pipeline(OneHotEncoder(sparse_output=False), MinMaxScaler())
    for pipeline, rows in ((coded, TABLES["texts"]), (binned.fit(X), X), (hot.fit(TABLES["cells"]), TABLES["cells"])):
        plan = pretzel.compile(pipeline)
        made = pipeline.transform(rows)
        assert not plan.physical.methods[INVERSE].opaque
        check(pipeline, plan, [made, made[:1], made.astype(np.float32)])


def test_one_row_and_saved(tmp_path: Any) -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(TABLES["cells"])
    plan = pretzel.compile(encoder)
    rows = np.array([[0.0, 1.0, -1.0], [2.0, -1.0, 0.0]])
    plan.save(tmp_path / "model.plan")
    loaded = pretzel.load(tmp_path / "model.plan")
    check(encoder, loaded, [rows])
    assert_identical(loaded.inverse_transform_one(rows[0]), encoder.inverse_transform(rows[:1])[0])


def test_many_categories_are_left_to_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing_inverses, "MOST_LABELS", 14)
    for encoder in (OrdinalEncoder(), OneHotEncoder()):
        plan = pretzel.compile(encoder.fit(NUMBERS))
        assert INVERSE not in plan.methods
        check(encoder, plan, [encoder.transform(NUMBERS)])
