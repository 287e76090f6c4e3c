"""Adapters of `DatetimeEncoder`, and how `ToDatetime` reads a column."""

from __future__ import annotations

import calendar
import datetime
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.dates import OWN, UTC, is_zone
from pretzel.oven.frontends.forms import Dated, TwoForms
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.skrub.compat import periodic_encoders
from pretzel.oven.ir.calendar import Calendar
from pretzel.oven.ir.columns import DateLeaf, Raw
from pretzel.oven.ir.date_texts import DIRECTIVES, MONTHS, MOST_PARTS
from pretzel.oven.ir.encode import category_codes
from pretzel.oven.ir.scale import AsFloat32

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

CLOCK = ("year", "month", "day", "hour", "minute", "second", "microsecond")
FEATURES = {
    "pandas": (*CLOCK, "nanosecond", "total_seconds", "weekday", "day_of_year"),
    "polars": (*CLOCK, "nanosecond_of_second", "total_milliseconds", "weekday", "day_of_year"),
}
"""Features of `Calendar` that frames of a library have."""

NAMES = {"nanosecond_of_second": "nanosecond", "total_milliseconds": "total_seconds"}
"""What skrub calls them, where it has another name."""

YEARS = {"year", "year_of_century"}
MONTHS_OF_FORMATS = {"month", "month_name", "short_month_name"}

VALUES = {"month": range(1, 13), "day": range(1, 32), "hour": range(24), "weekday": range(1, 8)}
"""Values of the features that are encoded as periodic ones."""


def read_as(step: Any) -> tuple[str, str]:
    """The time zone in which a fitted ToDatetime reads dates, and what it rounds them down to.

    Raises
    ------
    Unsupported
    """
    dtype, zone = step.output_dtype_, step.output_time_zone_
    unit = "D" if str(dtype) == "Date" else getattr(dtype, "time_unit", getattr(dtype, "unit", None))
    if unit is None:
        unit = np.datetime_data(dtype)[0]
    if zone is None and (getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)):
        raise Unsupported("dates in a time zone without a name")
    if zone is not None and not is_zone(zone):
        raise Unsupported(f"dates in the time zone {zone!r:.40}")
    return UTC if zone is None else zone, str(unit)


def parts_of_format(step: Any, library: str) -> tuple[str, ...]:
    """The format in which a fitted ToDatetime reads texts, as `DateTexts` has it; none where it was fitted on dates.

    Raises
    ------
    Unsupported
        A format with other parts.
    """
    form = step.format_
    return () if form is None else format_parts(form, library, step.output_time_zone_)


def format_parts(form: str, library: str, output_zone: str | None) -> tuple[str, ...]:
    """A format of dates, as `DateTexts` has it.

    Parameters
    ----------
    form : str
    library : str
        Whose directives they are.
    output_zone : str or None
        The time zone of the dates.

    Raises
    ------
    Unsupported
        A format with other parts, or dates in another time zone than the format has.
    """
    odd = Unsupported(f"dates that are texts in the format {form!r:.60}")
    if library == "polars" and form.count("%f") > form.count(".%f"):
        raise odd
    read = form.replace(".%f", "%f") if library == "polars" else form  # whose fraction includes the point
    found: list[str] = []
    for directive, spaces, literal in re.findall(r"%(.)|( +)|([!-$&-~])|.", read, re.DOTALL):
        part = DIRECTIVES.get(directive) if directive else "space" if spaces else literal
        if not part or (directive and part in found):
            raise odd
        found.append(part)
    zone = "UTC" if "offset" in found else None
    has_date = len(YEARS.intersection(found)) == len(MONTHS_OF_FORMATS.intersection(found)) == found.count("day") == 1
    has_hours = {"hour", "hour_of_half"}.isdisjoint(found) or ("hour" in found) != ("hour_of_half" in found)
    ends = "offset" not in found[:-1] and ("half" not in found or "hour_of_half" in found)
    if not has_date or not has_hours or not ends or len(found) > MOST_PARTS or output_zone != zone:
        raise odd
    if "month_name" in found or "short_month_name" in found or "half" in found:
        words = [*calendar.month_name, *calendar.month_abbr], [datetime.time(h).strftime("%p") for h in (1, 22)]
        if words != (["", *MONTHS, "", *(each[:3] for each in MONTHS)], ["AM", "PM"]):
            raise Unsupported("dates that are texts in another language")
    return tuple(found)


@adapter("skrub.DatetimeEncoder")
def datetime_encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """Dates as a step before has read them, else in their own time zones, in rows and in frames of pandas.

    The library answers for frames of polars, whose clocks count otherwise.
    """
    x = x.native if isinstance(x, TwoForms) else x
    if isinstance(x, Dated):
        return encoded(estimator, x.inputs[0], x.library, importer)
    if not isinstance(x, Raw) or len(x.columns) != 1:
        raise Unsupported("dates that are no column of the request")
    return encoded(estimator, importer.note(DateLeaf(x.inputs, x.columns[0], OWN)), "pandas", importer)


def encoded(estimator: Any, dates: Node, library: str, importer: Importer) -> Node:
    """What a DatetimeEncoder makes of dates as a library has them, in the order of the encoder's columns."""
    known = {NAMES.get(each, each): each for each in FEATURES[library]}
    periodic = periodic_encoders(estimator)
    wanted = list(estimator.extracted_features_)
    if not wanted or not known.keys() >= {*wanted} or not VALUES.keys() >= periodic.keys():
        raise Unsupported("features of dates that are not known")
    plain = tuple(known[each] for each in wanted if each not in periodic)
    parts: list[Node] = []
    if plain:
        parts.append(importer.note(AsFloat32((importer.note(Calendar((dates,), plain)),))))
    for feature in wanted:
        if feature in periodic:
            parts.append(_periodic(periodic[feature], feature, dates, library, importer))
    return importer.concat(parts, keep_sparse=False)


def _periodic(encoder: Any, feature: str, dates: Node, library: str, importer: Importer) -> Node:
    """The columns of a periodic feature, of which the encoder itself is asked for all values."""
    values = list(VALUES[feature])
    if library == "polars":
        import polars as pl

        made = encoder.transform(pl.Series(feature, values)).to_numpy()
    else:
        import pandas as pd

        made = encoder.transform(pd.Series(values, name=feature)).to_numpy()
    table = np.asarray(made, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(values) or not np.isfinite(table).all():
        raise Unsupported("a periodic encoder of another form")
    width = table.shape[1]
    found = importer.select(importer.note(Calendar((dates,), (feature,))), (0,) * width)
    return category_codes(
        importer.note(found), [list(map(float, values))] * width, table.T.tolist(), [np.nan] * width, reject=0
    )
