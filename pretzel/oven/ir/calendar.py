"""What a calendar and a clock say of dates."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.dates import DAY
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense

FEATURES = (
    "year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond", "nanosecond_of_second",
    "weekday", "day_of_year", "total_seconds", "total_milliseconds", "quarter", "semester", "week", "weekend",
    "month_start", "month_end", "quarter_start", "quarter_end", "year_start", "year_end", "leap_year", "days_in_month",
)  # fmt: skip
"""Their names, in the order of the kernel's enumeration.

Weekdays are 1 to 7 from Monday on, weeks those of ISO 8601, nanoseconds those of a microsecond. The seconds since the
beginning of 1970 in UTC are computed as pandas does, or from whole milliseconds, as by way of polars.
"""

MOST_DAYS = 1e8
"""Days from 1970 that count as dates."""


class Calendar(Node):
    """Features of the dates of one column, each of which is NaN where the date is missing.

    Parameters
    ----------
    features : tuple of str
        Some of `FEATURES`.
    """

    features: tuple[str, ...]

    op: ClassVar[str] = "calendar/1"
    kernel: ClassVar[str] = "calendar"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(len(self.features))

    def params(self) -> dict[str, Array]:
        return {"features": np.array([FEATURES.index(each) for each in self.features], dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        (dates,) = inputs
        known = (np.abs(dates) <= [MOST_DAYS, DAY * 1e9, DAY]).all(axis=1) & (dates[:, 1] >= 0.0)
        day, ns, offset = np.where(known[:, None], dates, 0.0).astype(np.int64).T
        found = _features(day, ns, offset)
        columns = [np.where(known, found[each], np.nan) for each in self.features]
        return np.stack(columns, axis=1).astype(np.float64)

    def describe(self) -> str:
        return ", ".join(self.features)


def _features(day: Array, ns: Array, offset: Array) -> dict[str, Array]:
    month_of = day.astype("datetime64[D]").astype("datetime64[M]")
    year_of = month_of.astype("datetime64[Y]")
    year, month = year_of.astype(np.int64) + 1970, month_of.astype(np.int64) % 12 + 1
    first, length = month_of.astype("datetime64[D]").astype(np.int64), _days(month_of + 1) - _days(month_of)
    in_month, in_year = day - first + 1, day - _days(year_of) + 1
    weekday = (day + 3) % 7 + 1
    thursday = (day - weekday + 4).astype("datetime64[D]")
    seconds = day * DAY - offset + ns // 1_000_000_000
    return {
        "year": year,
        "month": month,
        "day": in_month,
        "hour": ns // 3_600_000_000_000,
        "minute": ns // 60_000_000_000 % 60,
        "second": ns // 1_000_000_000 % 60,
        "microsecond": ns // 1_000 % 1_000_000,
        "nanosecond": ns % 1_000,
        "nanosecond_of_second": ns % 1_000_000_000,
        "weekday": weekday,
        "day_of_year": in_year,
        "total_seconds": _total_seconds(seconds, ns % 1_000_000_000),
        "total_milliseconds": (seconds * 1_000 + ns // 1_000_000 % 1_000) / 1e3,
        "quarter": (month + 2) // 3,
        "semester": 1 + (month > 6),
        "week": (thursday - thursday.astype("datetime64[Y]")).astype(np.int64) // 7 + 1,
        "weekend": weekday > 5,
        "month_start": in_month == 1,
        "month_end": in_month == length,
        "quarter_start": (in_month == 1) & (month % 3 == 1),
        "quarter_end": (in_month == length) & (month % 3 == 0),
        "year_start": in_year == 1,
        "year_end": (month == 12) & (in_month == 31),
        "leap_year": _days(year_of + 1) - _days(year_of) == 366,
        "days_in_month": length,
    }


def _days(of: Array) -> Array:
    """The day on which a month or a year begins."""
    return of.astype("datetime64[D]").astype(np.int64)


def _total_seconds(seconds: Array, ns: Array) -> Array:
    """Quotients of nanoseconds where a date has some, which 64 bits hold then, else of microseconds."""
    fine = (ns % 1_000 != 0) & (np.abs(seconds) < 9_000_000_000)
    with np.errstate(over="ignore"):
        return np.where(fine, (seconds * 1_000_000_000 + ns) / 1e9, (seconds * 1_000_000 + ns // 1_000) / 1e6)
