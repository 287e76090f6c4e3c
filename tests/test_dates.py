"""Dates as numbers: of every form that holds one, in time zones and units, against Python, pandas and polars."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pretzel.dates import DAY, OWN, UTC, DateRangeError, is_zone, parts_of, parts_of_array, zone_of

SECOND = 1_000_000_000
MOMENT = datetime.datetime(2024, 3, 31, 0, 59, 59, 250_000)  # before the clocks of Paris change
NUMBERS = 19813.0, 3599.25 * SECOND, 0.0


@pytest.mark.parametrize(
    "value",
    [
        MOMENT,
        pd.Timestamp(MOMENT),
        np.datetime64(MOMENT, "ms"),
        np.datetime64(MOMENT, "ns"),
        "2024-03-31T00:59:59.25",
        "2024-03-31 00:59:59.250000000Z",
        "2024-03-31t02:59:59.25+02:00",
        MOMENT.replace(tzinfo=datetime.UTC),
        MOMENT.replace(hour=19, day=30, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))),
    ],
    ids=str,
)
def test_a_moment_has_one_form(value: Any) -> None:
    assert parts_of(value, UTC, "") == NUMBERS
    assert parts_of(value, "Europe/Paris", "s") == (19813.0, 7199.0 * SECOND, 3600.0)
    assert parts_of(value, UTC, "D") == (19813.0, 0.0, 0.0)


@pytest.mark.parametrize("value", [datetime.date(2024, 3, 31), np.datetime64("2024-03-31"), "2024-03-31"], ids=str)
def test_days_begin_at_midnight(value: Any) -> None:
    assert parts_of(value, OWN, "ns") == (19813.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "value", [None, math.nan, np.float64("nan"), pd.NaT, pd.NA, np.datetime64("NaT", "D")], ids=str
)
def test_missing_values(value: Any) -> None:
    assert np.isnan(parts_of(value, UTC, "ns")).all()


@pytest.mark.parametrize(
    "value",
    [
        *(
            3,
            2.5,
            True,
            b"2024-03-31",
            "",
            "31.3.2024",
            "2024-02-30",
            "2024-03-31T25:00",
            "2024-03-31T00:00:00.1234567890",
        ),
        *("2024-03-31T00", "2024-03-31T00:00+99:00", " 2024-03-31", "٢٠٢٤-03-31", datetime.timedelta(1), [], {}),
        np.timedelta64(1, "D"),
    ],
    ids=str,
)
def test_what_is_no_date(value: Any) -> None:
    assert parts_of(value, UTC, "") is None


def test_clocks_that_change() -> None:
    for hour, offset in ((0, 3600), (1, 7200)):
        moment = datetime.datetime(2024, 3, 31, hour, tzinfo=datetime.UTC)
        assert parts_of(moment, "Europe/Paris", "") == (19813.0, float((hour * 3600 + offset) * SECOND), float(offset))
    own = moment.astimezone(zone_of("Asia/Kolkata"))
    assert parts_of(own, OWN, "") == (19813.0, 6.5 * 3600 * SECOND, 5.5 * 3600)
    assert parts_of(moment, "UTC-03:30", "") == (19812.0, 21.5 * 3600 * SECOND, -3.5 * 3600)


def test_dates_out_of_range() -> None:
    for value, zone, unit in (
        (datetime.date(1600, 1, 1), UTC, "ns"),
        (datetime.date(2262, 1, 1), UTC, "ns"),
        (np.datetime64("10000-01-01"), UTC, ""),
        (np.datetime64("0000-12-31"), UTC, ""),
        (datetime.datetime(1, 1, 1), "America/New_York", ""),
        (datetime.date(2100, 6, 1), "Europe/Paris", ""),
        (MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(seconds=0.5))), UTC, ""),
    ):
        with pytest.raises(DateRangeError, match=r"."):
            parts_of(value, zone, unit)


def test_the_last_days_of_zones_without_changes() -> None:
    last = datetime.date(9999, 12, 31)
    for zone, hours in (("UTC", 0), ("UTC-03:00", -3)):
        expected = 2932896.0 - (hours < 0), hours % 24 * 3600.0 * SECOND, hours * 3600.0
        assert parts_of(last, zone, "") == expected
        columns = parts_of_array(np.array([last], dtype="M8[s]"), zone, "")
        assert columns is not None
        assert tuple(float(each[0]) for each in columns) == expected
    with pytest.raises(DateRangeError, match="years 1 to 9999"):
        parts_of_array(np.array(["9999-12-31T23"], dtype="M8[s]"), "UTC+03:00", "")


def test_names_of_time_zones() -> None:
    assert all(map(is_zone, (OWN, UTC, "UTC", "Europe/Paris", "UTC+05:30")))
    assert not any(map(is_zone, ("Nowhere", "../passwd", "/etc/passwd", "UTC+5")))


ZONED = pd.Series(pd.date_range("1890-01-01", "2099-12-01", freq="2801h", tz="UTC"))


def columns() -> list[tuple[str, Any]]:
    """Arrays of one column of dates, the first of which is missing."""
    naive = pd.Series([pd.NaT, *(pd.date_range("1960-01-01", periods=30, freq="87654321s"))])
    arrays: list[tuple[str, Any]] = [(unit, naive.astype(f"datetime64[{unit}]")) for unit in ("s", "ms", "us", "ns")]
    found = [(f"pandas {unit}", array.array) for unit, array in arrays]
    found += [(f"numpy {unit}", array.to_numpy()) for unit, array in arrays]
    found += [(f"pyarrow {unit}", pa.array(array)) for unit, array in arrays]
    found += [("chunks", pa.chunked_array([pa.array(naive[:7]), pa.array(naive[7:])]))]
    return [*found, ("days", pa.array(naive.dt.date)), ("paris", naive.dt.tz_localize("Europe/Paris").array)]


@pytest.mark.parametrize(("name", "column"), columns(), ids=[name for name, _ in columns()])
def test_columns_are_their_values(name: str, column: Any) -> None:
    values = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    for zone in (OWN, UTC, "America/New_York"):
        for unit in ("", "s", "D"):
            found = parts_of_array(column, zone, unit)
            assert found is not None
            assert all(part.dtype == np.float64 for part in found)
            np.testing.assert_array_equal(np.stack(found, axis=1), [parts_of(value, zone, unit) for value in values])


@pytest.mark.parametrize("zone", ["Europe/Paris", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_time_zones_are_those_of_pandas(zone: str) -> None:
    day, ns, offset = parts_of_array(ZONED.array, zone, "") or ()
    local = ZONED.dt.tz_convert(zone).dt.tz_localize(None)
    np.testing.assert_array_equal(day * DAY + ns / SECOND, (local - pd.Timestamp(0)) / pd.Timedelta("1s"))
    np.testing.assert_array_equal(offset, (local - ZONED.dt.tz_localize(None)) / pd.Timedelta("1s"))


def test_columns_of_another_type() -> None:
    for column in (np.arange(3), np.array(["2024-01-01"]), pa.array([1]), pd.array([1]), np.array([1], "m8[s]"),
                   np.array(["2024-01-01"], ">M8[s]"), np.array([3], "M8[25s]"), np.array([3], "M8[ps]"),
                   pd.Series([1]).astype("timedelta64[ns]").array):  # fmt: skip
        assert parts_of_array(column, UTC, "") is None
