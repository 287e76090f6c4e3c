"""Pipelines over a frame with dates, and forms of requests of such a frame."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.conformance.data import ASKED_ROWS, FITTED_ROWS, Rows, target
from tests.conformance.mixed import as_type, copy

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from tests.conformance.forms import Form

DATES = ["day", "instant"]


def table(seed: int, n: int) -> pd.DataFrame:
    """A number, a date without and one with a time zone, and a text."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2024-02-26") + pd.to_timedelta(rng.integers(0, 9, n), unit="D")
    hours = pd.Timestamp("2024-03-30", tz="Europe/Berlin") + pd.to_timedelta(rng.integers(0, 40, n), unit="h")
    city = rng.choice(["Bonn", "Paris"], n)
    return pd.DataFrame({"amount": rng.gamma(2.0, size=n), "day": days, "instant": hours, "city": city})


class Calendar(TransformerMixin, BaseEstimator):
    """Numbers of dates."""

    def fit(self, X: Any, y: Any = None) -> Calendar:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return np.column_stack([part for name in X.columns for part in (X[name].dt.weekday, X[name].dt.hour)])


class Ages(TransformerMixin, BaseEstimator):
    """A frame in which a number of days stands for a date."""

    def fit(self, X: Any, y: Any = None) -> Ages:
        self.first_ = X["day"].min()
        return self

    def transform(self, X: Any) -> Any:
        return X.assign(day=(X["day"] - self.first_).dt.days).drop(columns=["instant", "city"])


def months(X: Any) -> Any:
    """Works on frames only."""
    return X.apply(lambda column: column.dt.month)


def scaled(*parts: Any, **options: Any) -> Any:
    return ColumnTransformer([("n", StandardScaler(), ["amount"]), *parts], **options)


def encoders() -> tuple[Any, Any]:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return OneHotEncoder(handle_unknown="ignore", sparse_output=False), ordinal


COMPOSITIONS: dict[str, Callable[[], Any]] = {
    "dates passed through": lambda: scaled(remainder="passthrough"),
    "dates passed through as a frame": lambda: scaled(remainder="passthrough").set_output(transform="pandas"),
    "one date passed through": lambda: ColumnTransformer([("d", "passthrough", ["day"])]),
    "encoded dates": lambda: scaled(("h", encoders()[0], DATES)),
    "codes of dates": lambda: scaled(("o", encoders()[1], DATES)),
    "numbers of dates": lambda: make_pipeline(scaled(("c", Calendar(), DATES)), Ridge()),
    "ages": lambda: make_pipeline(Ages(), StandardScaler(), Ridge()),
    "months": lambda: make_pipeline(scaled(("m", FunctionTransformer(months), DATES)), Ridge()),
    "months, encoded": lambda: scaled(("m", make_pipeline(FunctionTransformer(months), encoders()[0]), ["day"])),
}


def _shifted(rows: Rows) -> Any:
    return copy(rows).assign(day=rows.values["day"].dt.tz_localize("UTC"))


def _missing(column: str) -> Form:
    def changed(rows: Rows) -> Any:
        found = copy(rows)
        found.loc[found.index[:2], column] = None
        return found

    return changed


def _polars(rows: Rows) -> Any:
    import polars as pl

    return pl.from_pandas(rows.values)


def _row(rows: Rows) -> dict[str, Any]:
    found: dict[str, Any] = rows.values.iloc[0].to_dict()
    return found


FORMS: dict[str, Form] = {
    "frame": copy,
    "one row": lambda rows: copy(rows)[:1],
    "no rows": lambda rows: copy(rows)[:0],
    "another index": lambda rows: copy(rows).set_index(np.arange(len(rows.values))[::-1] * 3),
    "rows reversed": lambda rows: copy(rows)[::-1],
    "columns reordered": lambda rows: copy(rows)[list(rows.names[::-1])],
    "dates of seconds": as_type(("day",), "datetime64[s]"),
    "dates of nanoseconds": as_type(("day",), "datetime64[ns]"),
    "dates with a time zone": _shifted,
    "dates of objects": as_type(("day", "instant"), object),
    "dates as text": as_type(("day",), str),
    "dates of Arrow": as_type(("day",), "timestamp[ns][pyarrow]"),
    "missing day": _missing("day"),
    "missing instant": _missing("instant"),
    "objects": lambda rows: copy(rows).astype(object),
    "polars": _polars,
    "array of objects": lambda rows: rows.values.to_numpy(dtype=object),
    "array of dates": lambda rows: rows.values[["day"] * 4].to_numpy(),
    "numbers for dates": as_type(("day",), np.int64),
}
ROW: dict[str, Form] = {
    "row: dict": _row,
    "row: tuple": lambda rows: tuple(_row(rows).values()),
    "row: series": lambda rows: rows.values.iloc[0],
    "row: dict of datetime": lambda rows: {**_row(rows), "day": rows.values["day"].iloc[0].to_pydatetime()},
    "row: dict of datetime64": lambda rows: {**_row(rows), "day": rows.values["day"].iloc[0].to_datetime64()},
}


@functools.cache
def fitted_composition(name: str) -> Any:
    """A fitted pipeline with rows to ask it about."""
    from tests.conformance.estimators import Fitted

    X, asked = table(1, FITTED_ROWS), table(2, ASKED_ROWS)
    y, y_asked = (target("real", frame[["amount"]].to_numpy(), len(frame)) for frame in (X, asked))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fitted(COMPOSITIONS[name]().fit(X, y), "dates", Rows(asked, tuple(asked.columns)), y_asked)
