"""What the zoo's models predict: rows and targets made from the data sets, loaded once and read-only."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def take(X: Any, rows: Sequence[int] | np.ndarray) -> Any:
    """Rows of a list, an array or a DataFrame."""
    if isinstance(X, list):
        return [X[i] for i in rows]
    return X.iloc[rows].reset_index(drop=True) if hasattr(X, "iloc") else X[rows]


@functools.cache
def sentiment() -> tuple[list[str], np.ndarray]:
    """46,344 reviews, tweets and editorials, and whether they are positive."""
    clothing, short = data.womens_clothing(), data.reviews()
    texts = [*clothing["Review Text"], *short["text"]]
    return texts, np.r_[clothing["Rating"] >= 4, short["score"] > 0].astype(np.int64)


@functools.cache
def stars() -> tuple[list[str], np.ndarray]:
    """The same texts in five grades, from ``"bad"`` to ``"great"``."""
    clothing, short = data.womens_clothing(), data.reviews()
    grade = np.r_[clothing["Rating"].to_numpy() - 1, np.digitize(short["score"], [-2, -0.5, 0.5, 2])]
    return sentiment()[0], np.array(["bad", "poor", "fair", "good", "great"])[grade]


@functools.cache
def attendees() -> tuple[np.ndarray, np.ndarray]:
    """Flights as 40 numbers; the count to predict is the delay in started quarters of an hour, at most twelve."""
    X, delay = data.flight_numbers()
    return X, np.clip(np.ceil(delay / 15), 0, 12)


@functools.cache
def late() -> tuple[np.ndarray, np.ndarray]:
    """Flights as 40 numbers, and whether they were late by a quarter of an hour."""
    X, delay = data.flight_numbers()
    return X, (delay > 15).astype(np.int64)


@functools.cache
def twenty() -> tuple[np.ndarray, np.ndarray]:
    """The first 20 numbers of the flights, and the delay."""
    X, delay = data.flight_numbers()
    return np.ascontiguousarray(X[:, :20]), delay


@functools.cache
def people() -> tuple[pd.DataFrame, np.ndarray]:
    """Adult: six numeric and eight text columns, and the class of income."""
    table = data.adult()
    return table.drop(columns="income"), table["income"].to_numpy(object)


@functools.cache
def departures() -> tuple[pd.DataFrame, np.ndarray]:
    """Flights with their missing values, and whether they arrive late; cancelled ones count as late."""
    table = data.flights()
    columns = ["month", "day", "sched_dep_time", "distance", "temp", "humid", "wind_speed", "wind_gust", "pressure"]
    columns += ["visib", "plane_year", "seats", "lat", "lon", "carrier", "origin", "dest"]
    return table[columns], (table["arr_delay"].fillna(np.inf) > 15).to_numpy(np.int64)


@functools.cache
def visits() -> tuple[np.ndarray, np.ndarray]:
    """Nine numbers of a person and how often a doctor was visited."""
    table = data.doctor_visits()
    return table.drop(columns="mdvis").to_numpy(np.float64), table["mdvis"].to_numpy(np.float64)


@functools.cache
def visitors() -> tuple[np.ndarray, np.ndarray]:
    """The people of `visits` who went at least once: a positive target."""
    X, y = visits()
    return X[y > 0], y[y > 0]
