"""Rows that the native reader does not take, and errors about rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from pretzel.errors import InputKeyError, InputShapeError, InputTypeError
from pretzel.plan import InputKind, InputSpec
from pretzel.runtime.input.messages import column_name, hints, listed, shown


def as_row(spec: InputSpec, model: str, row: Any) -> Any:
    """Convert a row (ndarray, Series, mapping) to a dict or list that the native reader takes.

    Raises
    ------
    InputShapeError, InputTypeError
    """
    if isinstance(row, Mapping):
        return dict(row)
    if isinstance(row, str | bytes):
        fail_row(spec, model, row)
    if hasattr(row, "to_dict") and getattr(row, "ndim", 0) == 1 and spec.names is not None:
        return row.to_dict()  # a pandas Series is a row with names
    if not hasattr(row, "__len__"):
        fail_row(spec, model, row)
    if getattr(row, "ndim", 1) != 1:
        raise InputShapeError(
            f"{_who(spec, model)}: expected one row (dict, tuple, 1-D array), got {row.ndim}-D data of shape "
            f"{row.shape}; use predict for tables"
        )
    numpy = isinstance(row, np.ndarray) and row.dtype.kind not in "mM"  # as a list, dates may become integers
    values = row.tolist() if numpy else list(row)
    if len(values) != spec.width:
        fail_row(spec, model, row)
    return values


def as_number(value: Any) -> float | None:
    """A value that is neither None nor a float: NaN for pandas.NA and NaT, None for what is no number of float64."""
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas is not imported
        return math.nan
    if isinstance(value, str | bytes | bytearray | complex | np.complexfloating | np.datetime64 | np.timedelta64):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def one_row_table(spec: InputSpec, model: str, row: Any) -> Any:
    """A table of one row, for results that only the table path can build."""
    if spec.kind is InputKind.TEXT:
        if not isinstance(row, str):
            raise_wrong_field(spec, model, 0, row, "a str")
        return [row]
    values = as_row(spec, model, row)
    if not isinstance(values, dict):
        return [tuple(values)] if spec.names is None else [dict(zip(spec.names, values, strict=True))]
    if spec.names is None:
        fail_row(spec, model, row)
    return [values]


def check_keys(spec: InputSpec, model: str, row: Mapping[str, Any], number: int | None = None) -> None:
    """Raise unless a row has the right keys; ``number`` is its position in a list of rows.

    Where a table may have additional columns, a row may have additional keys.

    Raises
    ------
    InputKeyError
    """
    names = spec.names or ()
    required = [names[i] for i in spec.required]
    missing = [name for name in required if name not in row]
    if not missing and spec.any_order:
        return
    known = set(names)
    unknown = [key for key in list(row) if key not in known]  # a copy, because other threads may change the row
    if not missing and not unknown:
        return
    problems = []
    if missing:
        problems.append(f"missing {listed(missing)}")
    if unknown:
        problems.append(f"unknown {listed(unknown)}")
    who = _who(spec, model) if number is None else f"{_who(spec, model)}: row {number}"
    raise InputKeyError(
        f"{who}: {'; '.join(problems)}. Expected keys: {listed(required)}{hints(unknown, missing or names)}"
    )


def fail_row(spec: InputSpec, model: str, row: Any) -> NoReturn:
    """Raise for a row of the wrong form."""
    who = _who(spec, model)
    if isinstance(row, Mapping) and spec.names is None:
        raise InputTypeError(
            f"{who}: got a dict, but the model was fitted without column names: send a tuple or array of {spec.width}"
        )
    forms = "a dict, tuple or 1-D array" if spec.names is not None else "a tuple or 1-D array"
    if isinstance(row, str | bytes) or not hasattr(row, "__len__"):
        raise InputTypeError(f"{who}: expected {forms} of {spec.width} values, got {type(row).__name__}")
    raise InputShapeError(f"{who}: expected {spec.width} values, got {len(row)}")


def fail_empty(spec: InputSpec, model: str) -> NoReturn:
    """Raise for a request without rows, as scikit-learn's estimators do."""
    what = "document" if spec.kind is InputKind.TEXT else "row"
    raise InputShapeError(f"{_who(spec, model)}: expected at least one {what}, got none")


def raise_wrong_field(
    spec: InputSpec, model: str, position: int, value: Any, expected: str, row: int | None = None
) -> NoReturn:
    """Raise for a value of the wrong type."""
    where = "document" if spec.kind is InputKind.TEXT else f"column {column_name(spec, position)}"
    if row is not None:
        where = f"row {row}, {where}"
    raise InputTypeError(
        f"{_who(spec, model)}: {where}: expected {expected}, got {type(value).__name__} {shown(value)}"
    )


def _who(spec: InputSpec, model: str) -> str:
    return model or spec.estimator or "model"
