"""Dates as numbers: the day, the nanosecond of that day, and the seconds by which the clock is ahead of UTC.

Each of the three is a whole number that float64 holds, from year 1 to year 9999, which is what Python's dates hold. A
missing date is three NaN. pandas and pyarrow are not imported: their arrays are recognised by their attributes.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Parts = tuple[float, float, float]
    Columns = list[npt.NDArray[np.float64]]

A_DATE = "a date, or its text as in ISO 8601, such as '2024-02-29T23:59:58'"
"""What messages call that which is expected."""

WIDTH = 3
"""Numbers of a date."""

OWN = "own"
"""In place of a time zone: that of each date, or of its column."""

UTC = ""
"""In place of a time zone: none. A date with one is read in UTC."""

UNITS = {"": 1, "ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "D": 86_400_000_000_000}
"""What dates are rounded down to, in nanoseconds. Where it is ``"ns"``, others than those of 64 bits are rejected."""

DAY = 86_400
_NS_OF_DAY = DAY * 1_000_000_000
_FIRST, _LAST = -719_162, 2_932_896  # days of years 1 to 9999
_LAST_OF_ZONES = 47_481  # of year 2099: polars knows no daylight saving time beyond
_FIRST_NS, _LAST_NS = -106_650, 106_650  # of years 1678 to 2261, whose nanoseconds 64 bits hold
_MISSING = (math.nan, math.nan, math.nan)
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_NAT = np.iinfo(np.int64).min
_IN_SECONDS = {"Y": 0, "M": 0, "W": 0, "D": 0, "h": 0, "m": 0}  # units of NumPy that pandas does not have
_PER_DAY = {"D": 1, "s": DAY, "ms": DAY * 1_000, "us": DAY * 1_000_000, "ns": _NS_OF_DAY}
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE | re.ASCII
)
_FIXED = re.compile(r"UTC([+-])(\d\d):(\d\d)", re.ASCII)


class DateRangeError(ValueError):
    """A date lies outside of what can be read."""


@functools.cache
def zone_of(name: str) -> datetime.tzinfo:
    """A time zone by its name, as pandas and polars know it.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    if fixed := _FIXED.fullmatch(name):
        sign, hours, minutes = fixed.groups()
        delta = datetime.timedelta(hours=int(hours), minutes=int(minutes))
        return datetime.timezone(-delta if sign == "-" else delta)
    try:
        return datetime.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r:.40}") from error


def is_zone(name: str) -> bool:
    """Whether dates can be read in a time zone of this name."""
    try:
        return name in (OWN, UTC) or zone_of(name) is not None
    except ValueError:
        return False


def parts_of(value: Any, zone: str, unit: str) -> Parts | None:
    """The numbers of a date of a row: a date or datetime, also of NumPy or pandas, or a text as ISO 8601 has it.

    Parameters
    ----------
    value : object
    zone : str
        Time zone in which it is read, where one without a zone is taken for UTC; `OWN`, or `UTC`.
    unit : str
        One of `UNITS`.

    Returns
    -------
    tuple of float or None
        None: it is no date. NaN: it is missing.

    Raises
    ------
    DateRangeError
    """
    if value is None or type(value).__name__ in ("NaTType", "NAType") or (isinstance(value, float) and value != value):
        return _MISSING
    if isinstance(value, str):
        found = _of_text(value)
    elif isinstance(value, datetime.datetime):
        found = _of_datetime(value)
    elif isinstance(value, datetime.date):
        found = value.toordinal() - _EPOCH, 0, None
    elif isinstance(value, np.datetime64):
        array = None if np.isnat(value) else parts_of_array(np.array([value]), zone, unit)
        if array is None:
            return _MISSING if np.isnat(value) else None
        return float(array[0][0]), float(array[1][0]), float(array[2][0])
    else:
        return None
    if found is None:
        return None
    day, ns, own = found
    offset = 0
    if own is not None:
        if own.microseconds:
            raise DateRangeError("its distance from UTC has a part of a second")
        offset = own.days * DAY + own.seconds
    if zone != OWN:
        seconds = day * DAY + ns // 1_000_000_000 - offset
        offset = 0 if zone == UTC else _offset(zone_of(zone), seconds // DAY, seconds)
        day, second = divmod(seconds + offset, DAY)
        ns = second * 1_000_000_000 + ns % 1_000_000_000
    _check_range(day, day, unit)
    return float(day), float(ns - ns % UNITS[unit]), float(offset)


def _of_datetime(value: datetime.datetime) -> tuple[int, int, datetime.timedelta | None]:
    second = value.hour * 3600 + value.minute * 60 + value.second
    ns = (second * 1_000_000 + value.microsecond) * 1_000 + getattr(value, "nanosecond", 0)
    return value.toordinal() - _EPOCH, ns, value.utcoffset()


def _of_text(text: str) -> tuple[int, int, datetime.timedelta | None] | None:
    """A text of ISO 8601: a date, or a date and a time of day, which may have a time zone."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    date, hour, minute, second, fraction, zone = match.groups()
    try:
        day = datetime.date.fromisoformat(date).toordinal() - _EPOCH
        time = datetime.time(int(hour or 0), int(minute or 0), int(second or 0))
        offset = None
        if zone is not None:
            hours, minutes = (0, 0) if zone in "zZ" else (int(zone[1:3]), int(zone[-2:]))
            if hours > 23 or minutes > 59:
                return None
            offset = datetime.timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    except ValueError:
        return None
    ns = (time.hour * 3600 + time.minute * 60 + time.second) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))
    return day, ns, offset


def parts_of_array(column: Any, zone: str, unit: str) -> Columns | None:
    """The numbers of the dates of a column, as three arrays: see `parts_of`.

    Parameters
    ----------
    column : ndarray, pandas array or pyarrow array
    zone, unit : str

    Returns
    -------
    list of ndarray or None
        None: the column has another type.

    Raises
    ------
    DateRangeError
    """
    found = _ticks_of(column)
    if found is None:
        return None
    ticks, step, own = found
    missing = ticks == _NAT
    ticks = np.where(missing, 0, ticks)
    day, within = np.divmod(ticks, _PER_DAY[step])
    ns = within * (_NS_OF_DAY // _PER_DAY[step])
    offset = np.zeros(len(ticks), dtype=np.int64)
    clock = own if zone == OWN else None if zone == UTC else zone_of(zone)
    if day.size:
        _check_range(int(day.min()), int(day.max()), unit)
    if clock is not None and clock is not datetime.UTC:
        offset = _offsets(clock, day, day * DAY + ns // 1_000_000_000)
        shift, ns = np.divmod(ns + offset * 1_000_000_000, _NS_OF_DAY)
        day = day + shift
        if day.size:
            _check_range(int(day.min()), int(day.max()), unit)
    ns -= ns % UNITS[unit]
    return [np.where(missing, math.nan, part.astype(np.float64)) for part in (day, ns, offset)]


def _ticks_of(column: Any) -> tuple[npt.NDArray[np.int64], str, datetime.tzinfo | None] | None:
    """The numbers that a column holds, their unit, and its time zone."""
    if hasattr(column, "null_count"):
        return _ticks_of_arrow(column)
    dtype = getattr(column, "dtype", None)
    if isinstance(column, np.ndarray):
        if column.dtype.kind != "M":
            return None
        step = np.datetime_data(column.dtype)[0]
        if step in _IN_SECONDS:
            column, step = column.astype("datetime64[s]"), "s"
        plain = column.dtype.isnative and np.datetime_data(column.dtype) == (step, 1)
        return (column.view(np.int64), step, None) if plain and step in _PER_DAY else None
    if getattr(dtype, "kind", "") != "M" or not hasattr(column, "asi8"):
        return None
    step = getattr(dtype, "unit", None) or np.datetime_data(np.dtype(str(dtype)))[0]
    return column.asi8, str(step), getattr(dtype, "tz", None)


def _ticks_of_arrow(column: Any) -> tuple[npt.NDArray[np.int64], str, datetime.tzinfo | None] | None:
    """Those of an array of pyarrow, as polars and others hand them over, too."""
    name = str(column.type)
    if name == "null":
        return np.full(len(column), _NAT), "s", None
    if name == "date32[day]":
        column, step, own = column.cast("int32"), "D", None
    elif name == "date64[ms]":
        step, own = "ms", None
    elif name.startswith("timestamp["):
        step, own = column.type.unit, zone_of(column.type.tz) if column.type.tz else None
    else:
        return None
    numbers = column.cast("int64").fill_null(_NAT)
    return np.asarray(numbers.to_numpy() if hasattr(numbers, "chunks") else numbers), step, own


def _check_range(first: int, last: int, unit: str) -> None:
    least, most = (_FIRST_NS, _LAST_NS) if unit == "ns" else (_FIRST, _LAST)
    if first < least or last > most:
        years = "1678 to 2261" if unit == "ns" else "1 to 9999"
        raise DateRangeError(f"a date outside of the years {years}")


@functools.lru_cache(1 << 16)
def _offset_of_day(zone: datetime.tzinfo, day: int) -> int | None:
    """How far a clock is ahead of UTC during a day of UTC, in seconds; None where that changes.

    No time zone has changed its clocks twice within a day.
    """
    if isinstance(zone, datetime.timezone):
        return _offset_at(zone, 0)
    first = _offset_at(zone, day * DAY)
    return first if first == _offset_at(zone, day * DAY + DAY) else None


def _offset_at(zone: datetime.tzinfo, second: int) -> int:
    if second > (_LAST_OF_ZONES + 1) * DAY and isinstance(zone, zoneinfo.ZoneInfo):
        raise DateRangeError("a date beyond the year 2099 in a time zone whose clocks may change")
    try:
        moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=second)
        delta = moment.astimezone(zone).utcoffset()
    except OverflowError as error:
        raise DateRangeError("a date outside of the years 1 to 9999") from error
    if delta is None or delta.microseconds:
        raise DateRangeError("its distance from UTC has a part of a second")
    return delta.days * DAY + delta.seconds


def _offset(zone: datetime.tzinfo, day: int, second: int) -> int:
    found = _offset_of_day(zone, day)
    return _offset_at(zone, second) if found is None else found


def _offsets(zone: datetime.tzinfo, day: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How far a clock is ahead of UTC, for each second, which lies in this day of UTC."""
    days, inverse = np.unique(day, return_inverse=True)
    found = [_offset_of_day(zone, each) for each in days.tolist()]
    offsets = np.array([0 if each is None else each for each in found], dtype=np.int64)[inverse]
    changing = np.array([each is None for each in found], dtype=bool)[inverse]
    offsets[changing] = [_offset_at(zone, each) for each in second[changing].tolist()]
    return offsets
