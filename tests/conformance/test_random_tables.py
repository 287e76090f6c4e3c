"""Random tables of mixed columns through random column transformers: what no list of cases thinks of."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

import pretzel
from tests import releases
from tests.conformance.compare import ask, difference
from tests.conformance.known import KNOWN_ERRORS
from tests.conformance.rotation import seed

if TYPE_CHECKING:
    from collections.abc import Callable

FITTED_ROWS, ASKED_ROWS = 24, 6
NUMBERS = st.one_of(st.floats(-1e6, 1e6, width=32), st.integers(-1000, 1000).map(float), st.just(0.0))
WORDS = st.one_of(st.sampled_from(["a", "b", "Köln", "x y", "", "東京"]), st.text(max_size=6).filter(str.isprintable))
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "float": NUMBERS,
    "holes": st.one_of(NUMBERS, st.just(math.nan)),
    "whole": st.integers(-(2**31), 2**31 - 1),
    "small": st.integers(0, 3),
    "bool": st.booleans(),
    "text": WORDS,
    "text with holes": st.one_of(WORDS, st.none()),
    "category": st.sampled_from(["low", "mid", "high"]),
}
DTYPES = {"category": "category", "small": "int8"}
NUMERIC: dict[str, Callable[[], Any]] = {
    "passthrough": lambda: "passthrough",
    "scale": StandardScaler,
    "impute, scale": lambda: make_pipeline(SimpleImputer(), StandardScaler()),
    "impute with indicator": lambda: SimpleImputer(strategy="median", add_indicator=True),
    "robust": RobustScaler,
    "min-max": lambda: MinMaxScaler(clip=True),
    "bins": lambda: KBinsDiscretizer(3, encode="ordinal", **releases.QUANTILE_METHOD),
    "polynomial": lambda: make_pipeline(SimpleImputer(), PolynomialFeatures(2)),
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore"),
}
TEXTUAL: dict[str, Callable[[], Any]] = {
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore"),
    "one-hot, first dropped": lambda: OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False),
    "one-hot, rare ones together": lambda: OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3),
    "codes": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "strict codes": OrdinalEncoder,
    "impute, one-hot": lambda: make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")
    ),
}
DOCUMENTS: dict[str, Callable[[], Any]] = {"words": CountVectorizer, "hashes": lambda: HashingVectorizer(n_features=8)}
MODELS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "logistic": LogisticRegression,
    "ridge": Ridge,
    "forest": lambda: RandomForestRegressor(3, random_state=0),
    "boosting": lambda: HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3),
}


@st.composite
def tables(draw: Any) -> tuple[Any, pd.DataFrame, pd.DataFrame, Any]:
    """An unfitted pipeline, a table to fit it on, one to ask about, and a target."""
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5))
    fitted, asked, parts = {}, {}, []
    for i, kind in enumerate(kinds):
        name = f"{kind} {i}"
        for frame, n in ((fitted, FITTED_ROWS), (asked, ASKED_ROWS)):
            values = draw(st.lists(KINDS[kind], min_size=n, max_size=n))
            frame[name] = pd.Series(values, dtype=DTYPES.get(kind))
        numeric = kind in ("float", "holes", "whole", "small", "bool")
        choices = NUMERIC if numeric else {**TEXTUAL, **(DOCUMENTS if kind == "text" else {})}
        chosen = draw(st.sampled_from(list(choices)))
        parts.append((name, choices[chosen](), name if chosen in DOCUMENTS else [name]))
    if len(parts) > 1 and draw(st.booleans()):
        parts.pop()
    remainder = draw(st.sampled_from(["drop", "passthrough"]))
    model = MODELS[draw(st.sampled_from(list(MODELS)))]()
    columns = ColumnTransformer(parts, remainder=remainder, sparse_threshold=draw(st.sampled_from([0.0, 0.3, 1.0])))
    pipeline = columns if model is None else make_pipeline(columns, model)
    return pipeline, pd.DataFrame(fitted), pd.DataFrame(asked), np.arange(FITTED_ROWS) % 2


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "frame": lambda frame: frame,
    "one row": lambda frame: frame[:1],
    "no rows": lambda frame: frame[:0],
    "objects": lambda frame: frame.astype(object),
    "reordered": lambda frame: frame[list(frame.columns[::-1])],
    "another index": lambda frame: frame.set_index(np.arange(len(frame)) + 7),
    "nullable": lambda frame: frame.convert_dtypes(),
    "Arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda frame: pl.from_pandas(frame),
    "column added": lambda frame: frame.assign(added=1),
}


@hypothesis.seed(seed())
@hypothesis.settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(tables())
def test_answers_are_those_of_the_source(drawn: tuple[Any, pd.DataFrame, pd.DataFrame, Any]) -> None:
    pipeline, fitted, asked, y = drawn
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        hypothesis.assume(ask(lambda: pipeline.fit(fitted, y)).error is None)
        plan = pretzel.compile(pipeline)
        for method in ("predict_proba", "predict", "transform"):
            if not hasattr(pipeline, method):
                continue
            for name, form in FORMS.items():
                found = ask(lambda m=method, f=form: getattr(plan, m)(f(asked)))
                expected = ask(lambda m=method, f=form: getattr(pipeline, m)(f(asked)))
                kind, detail = difference(found, expected)
                if any(text in str(expected.error) for text in KNOWN_ERRORS):
                    continue
                assert not kind, f"{method}, {name}: {kind}: {detail}\n{pipeline}"
