"""Rows that the native reader does not take, and errors about rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any, NoReturn

import numpy as np

from pretzel.errors import InputError, InputKeyError, InputShapeError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.runtime.input.messages import column_name, hints, listed, shown

_WHAT = {InputKind.TEXT: "document", InputKind.ITEMS: "item"}  # what a row is called, where it has no columns


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
    if not hasattr(row, "__len__") or isinstance(row, Set):
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
    """A value of a row that is neither None nor a float: NaN for NA and NaT of pandas, None for what is no number.

    Texts and bytes are parsed, as scikit-learn does.
    """
    return math.nan if pandas_missing(value) else parse_number(value)


def parse_number(value: Any) -> float | None:
    """A value as float64, as NumPy converts an object; None where it cannot, and for dates."""
    if isinstance(value, complex | np.complexfloating | np.datetime64 | np.timedelta64):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def as_cell(value: Any) -> float | str | None:
    """A value that is neither a text, None nor a number of Python, as encoders of scikit-learn compare it.

    Returns
    -------
    float, str or None
        A number that the value is equal to; "na" or "nat", the missing values of pandas; "other" for a value that is
        no category; None for one that has no hash, which scikit-learn rejects.
    """
    if found := pandas_missing(value):
        return found
    try:
        hash(value)
        if isinstance(value, complex | np.complexfloating):
            return float(value.real) if value.imag == 0 else "other"
        if isinstance(value, bytes | np.datetime64 | np.timedelta64):
            return "other"
        number = float(value)
        is_nan = isinstance(value, np.floating | float) and math.isnan(number)
        return number if is_nan or number == value else "other"
    except OverflowError:
        return "other"
    except Exception:
        return None if getattr(type(value), "__hash__", None) is None or _holds_unhashable(value) else "other"


def pandas_missing(value: Any) -> str:
    """What missing value of pandas a value is: "na", "nat", or "" for none of them. pandas is not imported."""
    return {"NAType": "na", "NaTType": "nat"}.get(type(value).__name__, "")


def decode(document: bytes, encoding: str, errors: str) -> str:
    """A document that came as bytes, decoded as the vectorizer does.

    Raises
    ------
    InputValueError
    """
    try:
        return document.decode(encoding, errors)
    except (UnicodeError, LookupError) as error:
        raise InputValueError(f"it cannot be decoded as {encoding}: {error}") from error


def _holds_unhashable(value: Any) -> bool:
    try:
        hash(value)
    except Exception:
        return True
    return False


def one_row_table(spec: InputSpec, model: str, row: Any) -> Any:
    """A table of one row, for results that only the table path can build."""
    if spec.kind is InputKind.ITEMS:
        return [row]
    if spec.kind is InputKind.TEXT:
        if not isinstance(row, str | bytes):
            raise_wrong_field(spec, model, 0, row, "a str")
        return [row]
    values = as_row(spec, model, row)
    if not isinstance(values, dict):
        values = [known_missing(spec, i, value) for i, value in enumerate(values)]
        return [tuple(values)] if spec.names is None else [dict(zip(spec.names, values, strict=True))]
    if spec.names is None:
        fail_row(spec, model, row)
    return [values]


def known_missing(spec: InputSpec, position: int, value: Any) -> Any:
    """A value of a single row, with what None stands for in its column in place of None."""
    return spec.missing[position] if value is None and spec.missing else value


def known_missing_of(spec: InputSpec, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A row with the missing values that its columns know in place of None."""
    if not spec.missing or not spec.names or not any(value is None for value in row.values()):
        return row
    known = dict(zip(spec.names, spec.missing, strict=True))
    return {key: known.get(key) if value is None else value for key, value in row.items()}


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
    if not missing and spec.any_order and not spec.no_others:
        return  # as tables may have additional columns
    known = set(names)
    unknown = [key for key in list(row) if key not in known]  # a copy, because other threads may change the row
    if (not missing and not unknown) or respelled(spec, row) is not None:
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


def respelled(spec: InputSpec, row: Mapping[Any, Any]) -> dict[Any, Any] | None:
    """A row whose keys become the names of the columns where their spaces are underscores, as LightGBM writes them.

    None where they do not, or are the names already.
    """
    if not spec.by_position or spec.names is None or len(row) != len(spec.names):
        return None
    found = {key.replace(" ", "_") if isinstance(key, str) else key: value for key, value in list(row.items())}
    return None if found.keys() == row.keys() or found.keys() != set(spec.names) else found


def fail_row(spec: InputSpec, model: str, row: Any) -> NoReturn:
    """Raise for a row of the wrong form."""
    who = _who(spec, model)
    if isinstance(row, Mapping) and spec.names is None:
        raise InputTypeError(
            f"{who}: got a dict, but the model was fitted without column names: send a tuple or array of {spec.width}"
        )
    forms = "a dict, tuple or 1-D array" if spec.names is not None else "a tuple or 1-D array"
    if isinstance(row, str | bytes | Set) or not hasattr(row, "__len__"):  # a set has no order
        raise InputTypeError(f"{who}: expected {forms} of {spec.width} values, got {type(row).__name__}")
    raise InputShapeError(f"{who}: expected {spec.width} values, got {len(row)}")


def fail_empty(spec: InputSpec, model: str) -> NoReturn:
    """Raise for a request without rows, as scikit-learn's estimators do."""
    what = _WHAT.get(spec.kind, "row")
    raise InputShapeError(f"{_who(spec, model)}: expected at least one {what}, got none")


def raise_wrong_field(
    spec: InputSpec, model: str, position: int, value: Any, expected: str, row: int | None = None
) -> NoReturn:
    """Raise for a value of the wrong type, or for the error over one that cannot be read."""
    where = _WHAT.get(spec.kind) or f"column {column_name(spec, position)}"
    if row is not None:
        where = f"row {row}, {where}"
    if isinstance(value, InputError):  # that says why there is none
        raise type(value)(f"{_who(spec, model)}: {where}: {value}") from value.__cause__
    raise InputTypeError(
        f"{_who(spec, model)}: {where}: expected {expected}, got {type(value).__name__} {shown(value)}"
    )


def _who(spec: InputSpec, model: str) -> str:
    return model or spec.estimator or "model"
