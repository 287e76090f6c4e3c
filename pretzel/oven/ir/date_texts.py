"""Texts of dates in one format, as pandas and polars read them."""

from __future__ import annotations

import datetime
import functools
import math
import re
from typing import Any, ClassVar

import numpy as np

from pretzel.dates import DAY, UNITS, WIDTH
from pretzel.errors import InputTypeError
from pretzel.oven.ir._cells import is_nan, is_pandas_missing
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense

PARTS = (
    "literal", "space", "year", "year_of_century", "month", "month_name", "short_month_name", "day", "hour",
    "hour_of_half", "half", "minute", "second", "fraction", "offset",
)  # fmt: skip
"""Of formats, in the order of the kernel's enumeration."""

DIRECTIVES = {
    "Y": "year", "y": "year_of_century", "m": "month", "B": "month_name", "b": "short_month_name", "d": "day",
    "H": "hour", "I": "hour_of_half", "p": "half", "M": "minute", "S": "second", "f": "fraction", "z": "offset",
}  # fmt: skip
"""Parts that the directives of a format stand for, as `strptime` has them."""

LIBRARIES = ("pandas", "polars")
UNIT_NAMES = tuple(name for name in UNITS if name)

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

MOST_PARTS = 64
"""Of a format that the kernel takes."""

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_SHORT = [name[:3] for name in MONTHS]
_HALF, _OFFSET = "(?P<half>am|pm)", r"(?P<offset>[+-]\d\d:?\d\d\Z|Z\Z)"
_PATTERNS = {
    "pandas": {
        "space": " +",
        "year": r"(?P<year>\d{4})",
        "year_of_century": r"(?P<year_of_century>\d\d)",
        "month": "(?P<month>1[0-2]|0[1-9]|[1-9])",
        "month_name": f"(?P<name>{'|'.join(MONTHS)})",
        "short_month_name": f"(?P<name>{'|'.join(_SHORT)})",
        "day": r"(?P<day>3[01]|[12]\d|0[1-9]|[1-9]| [1-9])",
        "hour": r"(?P<hour>2[0-3]|[01]\d|\d)",
        "hour_of_half": "(?P<hour_of_half>1[0-2]|0[1-9]|[1-9])",
        "half": _HALF,
        "minute": r"(?P<minute>[0-5]\d|\d)",
        "second": r"(?P<second>[0-5]\d|\d)",
        "fraction": r"(?P<fraction>\d{1,9})",
        "offset": _OFFSET,
    },
    "polars": {
        "space": " *+",
        "year": r" *+(?P<year>\d{1,4}+)",
        "year_of_century": r" *+(?P<year_of_century>\d{1,2}+)",
        "month_name": f"(?P<name>(?>{'|'.join([*MONTHS, *_SHORT])}))",
        "short_month_name": f"(?P<name>{'|'.join(_SHORT)})",
        "half": _HALF,
        "fraction": r"(?>\.(?P<fraction>\d{1,9}+)\d*+|(?!\.))",
        "offset": r" *+(?P<offset>[+-]\d\d:?\d\d\Z)",
        **{
            part: rf" *+(?P<{part}>\d{{1,2}}+)" for part in ("month", "day", "hour", "hour_of_half", "minute", "second")
        },
    },
}
"""Regular expressions of parts. Those of polars never go back."""


class DateTexts(Node):
    """One column of texts as dates, which are the three numbers that `pretzel.dates` explains, in UTC.

    A text of another form is a missing date. The kernel stops at other values than texts and missing ones, and at texts
    that the library reads in ways of its own, such as ``"now"``, digits beyond ASCII, and years that its unit does not
    hold: then the source answers.

    Parameters
    ----------
    parts : tuple of str
        The format: names of `PARTS`, and characters that texts have in their place.
    library : str
        One of `LIBRARIES`, which differ in what they take: pandas matches digits of a fixed or shorter width, polars
        skips spaces before numbers.
    unit : str
        What the dates are rounded down to, one of `pretzel.dates.UNITS`.
    """

    parts: tuple[str, ...]
    library: str
    unit: str

    op: ClassVar[str] = "date_texts/1"
    kernel: ClassVar[str] = "date_texts"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(WIDTH)

    def params(self) -> dict[str, Array]:
        literals = [0 if part in PARTS else ord(part) for part in self.parts]
        return {
            "parts": np.array([PARTS.index(p) if p in PARTS else 0 for p in self.parts], dtype=np.uint8),
            "literals": np.array(literals, dtype=np.uint8),
            "library": np.array(LIBRARIES.index(self.library), dtype=np.uint8),
            "unit": np.array(UNIT_NAMES.index(self.unit), dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        return np.array([self._read(value) for value in x[:, 0]], dtype=np.float64).reshape(-1, WIDTH)

    @property
    def format(self) -> str:
        """The format of the texts, as `strptime` has it."""
        point = "." if self.library == "polars" else ""  # which the fraction includes
        directives = {part: f"{point if part == 'fraction' else ''}%{name}" for name, part in DIRECTIVES.items()}
        return "".join((directives | {"space": " "}).get(part, part) for part in self.parts)

    def describe(self) -> str:
        return f"{''.join(part if len(part) == 1 else f'<{part}>' for part in self.parts)}, as {self.library} reads it"

    def _read(self, value: Any) -> tuple[float, float, float]:
        missing = math.nan, math.nan, math.nan
        if value is None or is_nan(value) or is_pandas_missing(value, "NAType") or is_pandas_missing(value, "NaTType"):
            return missing
        if not isinstance(value, str):
            raise InputTypeError(f"expected the text of a date, got {type(value).__name__}")
        match = _compiled(self.parts, self.library).match(value)
        if match is None or match.end() < len(value):
            return missing
        try:
            day, ns = _moment(match.groupdict(), self.library)
        except ValueError:
            return missing
        return float(day), float(ns - ns % UNITS[self.unit]), 0.0


@functools.lru_cache(64)
def _compiled(parts: tuple[str, ...], library: str) -> re.Pattern[str]:
    patterns, literal = _PATTERNS[library], "(?-i:{})" if library == "polars" else "{}"
    found = "".join(patterns.get(part) or literal.format(re.escape(part)) for part in parts)
    return re.compile(found, re.IGNORECASE | re.ASCII)


def _moment(found: dict[str, str | None], library: str) -> tuple[int, int]:
    """The day of UTC and its nanosecond."""
    number = {name: int(text) for name, text in found.items() if text and name not in ("name", "half", "offset")}
    year, short = number.get("year", 0), number.get("year_of_century")
    if short is not None:
        year = short + (2000 if short < (70 if library == "polars" else 69) else 1900)
    month = _SHORT.index((found["name"] or "")[:3].capitalize()) + 1 if "name" in found else number["month"]
    hour = number.get("hour", 0)
    if (of_half := number.get("hour_of_half")) is not None:
        if not 1 <= of_half <= 12:
            raise ValueError("no hour of half a day")
        hour = of_half % 12 + 12 * ((found.get("half") or "").lower() == "pm")
    time = datetime.time(hour, number.get("minute", 0), number.get("second", 0))
    offset, text = 0, found.get("offset") or "Z"
    if text not in "Zz":
        offset = (int(text[1:3]) * 60 + int(text[-2:])) * (-60 if text[0] == "-" else 60)
    seconds = (time.hour * 60 + time.minute) * 60 + time.second - offset
    day, second = divmod((datetime.date(year, month, number["day"]).toordinal() - _EPOCH) * DAY + seconds, DAY)
    return day, second * 1_000_000_000 + int((found.get("fraction") or "0").ljust(9, "0"))
