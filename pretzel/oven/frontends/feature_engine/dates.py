"""Adapters of `feature_engine.datetime`: what a calendar and a clock say of dates, and times between two of them."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.dates import DAY, OWN, UTC, WIDTH
from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.feature_engine.creation import check_new
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.skrub.dates import format_parts
from pretzel.oven.ir.calendar import Calendar
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.columns import DateLeaf, Raw
from pretzel.oven.ir.date_texts import DateTexts
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Sum
from pretzel.oven.ir.scale import MulAdd, SubDiv

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

NAMES = {"day_of_month": "day", "day_of_week": "weekday"}
"""What `Calendar` calls features that have another name there."""

OF_MISSING = {
    "semester": 2.0, "weekend": 1.0, "month_start": 0.0, "month_end": 0.0, "quarter_start": 0.0, "quarter_end": 0.0,
    "year_start": 0.0, "year_end": 0.0, "leap_year": 0.0,
}  # fmt: skip
"""Features that are numbers where the date is missing."""

WHOLE = ("week", "days_in_month")
"""Features that a missing date does not have, so that it is rejected."""


@adapter("feature_engine.datetime.datetime.DatetimeFeatures")
def datetime_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """The features of each date, behind all columns."""
    if estimator.variables == "index":
        raise Unsupported("dates in the index of a frame")
    table = Table(estimator, x, importer)
    names, features = list(estimator.variables_), list(estimator.features_to_extract_)
    check_new(estimator, [f"{name}_{feature}" for name in names for feature in features])
    has_missing = estimator.missing_values != "raise" and {*WHOLE}.isdisjoint(features)
    made = {}
    for name in names:
        dates = dates_of(estimator, table, name, importer, UTC if estimator.utc else OWN)
        dates = dates if has_missing else importer.finite(dates, estimator)
        made[name] = [_feature(dates, feature, importer) for feature in features]
    for name in names:
        for node in made[name]:
            table.add(node, 0)
    if estimator.drop_original:
        table.take_out(names)
    return table.node()


@adapter("feature_engine.datetime.datetime_subtraction.DatetimeSubtraction")
def datetime_subtraction(estimator: Any, x: Node, importer: Importer) -> Node:
    """The time from each reference to each variable, in a unit.

    Its nanoseconds are one whole number, as the source has it, which is rounded once: products of days are exact.
    """
    table = Table(estimator, x, importer)
    variables, references = list(estimator.variables_), list(estimator.reference_)
    new = estimator.new_variables_names
    check_new(estimator, new or [f"{name}_sub_{other}" for other in references for name in variables])
    unit = np.timedelta64(1, estimator.output_unit).astype("timedelta64[ns]").astype(np.int64)
    if unit == 0:
        raise Unsupported(f"output_unit={estimator.output_unit!r:.40}, of which a nanosecond has many")
    dates = {}
    for name in dict.fromkeys([*variables, *references]):
        read = dates_of(estimator, table, name, importer, UTC)
        dates[name] = importer.finite(read, estimator) if estimator.missing_values == "raise" else read
    for other in references:
        for name in variables:
            between = importer.note(_nanoseconds_between(dates[name], dates[other], estimator, importer))
            table.add(SubDiv((between,), None, np.full(1, float(unit))), 0)
    if estimator.drop_original:
        table.take_out(dates)
    return table.node()


@adapter("feature_engine.datetime.datetime_ordinal.DatetimeOrdinal")
def datetime_ordinal(estimator: Any, x: Node, importer: Importer) -> Node:
    """Days from a date on, or as Python counts them."""
    if estimator.missing_values != "raise":
        raise Unsupported("days of missing dates, which are objects that no model reads")
    table = Table(estimator, x, importer)
    names = list(estimator.variables_)
    check_new(estimator, [f"{name}_ordinal" for name in names])
    start = estimator.start_date_ordinal_
    before = -EPOCH if start is None else start - 1 - EPOCH
    for name in names:
        dates = importer.finite(dates_of(estimator, table, name, importer, OWN), estimator)
        table.add(SubDiv((importer.select(dates, (0,)),), np.full(1, float(before)), None), 0)
    if estimator.drop_original:
        table.take_out(names)
    return table.node()


EPOCH = datetime.date(1970, 1, 1).toordinal()
MOST_NANOSECONDS = math.nextafter(2.0**63, 0.0)
"""Between two dates: the source counts them in 64 bits, where more than 292 years overflow."""


def _nanoseconds_between(date: Node, other: Node, estimator: Any, importer: Importer) -> Node:
    negative = importer.note(MulAdd((other,), np.full(WIDTH, -1.0), np.zeros(WIDTH)))
    difference = importer.note(Sum((date, negative), np.zeros(WIDTH)))
    parts = importer.note(MulAdd((difference,), np.array([DAY * 1e9, 1.0, 0.0]), np.zeros(WIDTH)))
    total = importer.note(Sum((importer.select(parts, (0,)), importer.select(parts, (1,))), np.zeros(1)))
    ends = np.full(1, MOST_NANOSECONDS)
    return CheckRange((total,), type(estimator).__name__, allow_nan=True, low=-ends, high=ends)


def dates_of(estimator: Any, table: Table, name: Any, importer: Importer, zone: str) -> Node:
    """A column as dates.

    A text in a row is read as ISO 8601 has it, or in the format of the step. Texts in a frame are left to the source
    where there is no format, because it reads all of them in that of the first.
    """
    ((_, x),) = table.groups([name])
    if not isinstance(x, Raw):
        raise Unsupported("dates that a step has made")
    if (form := getattr(estimator, "format", None)) is not None:
        if estimator.missing_values != "raise":
            raise Unsupported("texts in a format, of which some may be missing dates")
        parts = format_parts(form, "pandas", "UTC" if estimator.utc and "%z" in form else None)
        importer.texts.update(x.columns)
        return importer.note(DateTexts((importer.cells(x),), parts, "pandas", "ns"))
    if getattr(estimator, "dayfirst", False):
        raise Unsupported("dates whose texts may begin with the day")
    return importer.note(DateLeaf(x.inputs, x.columns[0], zone))


def _feature(dates: Node, feature: str, importer: Importer) -> Node:
    found: Node = importer.note(Calendar((dates,), (NAMES.get(feature, feature),)))
    if feature in OF_MISSING:
        return Impute((found,), np.full(1, OF_MISSING[feature]))
    return SubDiv((found,), np.ones(1), None) if feature == "day_of_week" else found
