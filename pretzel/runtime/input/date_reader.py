"""Dates of a request as numbers: see `pretzel.dates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.dates import A_DATE, OWN, WIDTH, DateRangeError, parts_of, parts_of_array
from pretzel.errors import InputValueError
from pretzel.runtime.input.messages import UnreadForm, column_name
from pretzel.runtime.input.row_reader import raise_wrong_field

if TYPE_CHECKING:
    import numpy.typing as npt

    from pretzel.dates import Columns, Parts
    from pretzel.input_spec import InputSpec
    from pretzel.program import Leaf


def date_parts(value: Any, zone: str, unit: str) -> Parts | None:
    """A value of a row as the numbers of a date; None if it is none.

    Raises
    ------
    InputValueError
        The date cannot be read.
    """
    try:
        return parts_of(value, zone, unit)
    except (DateRangeError, OverflowError) as error:
        raise InputValueError(str(error)) from error


def date_columns(column: Any, zone: str, unit: str) -> Columns | None:
    """A column of a frame as the numbers of its dates; None if they are not to be read natively."""
    try:
        return parts_of_array(column, zone, unit)
    except (DateRangeError, OverflowError):
        return None


def as_dates(spec: InputSpec, leaf: Leaf, column: Any) -> Columns:
    """A column of a table as the numbers of its dates.

    Raises
    ------
    UnreadForm
        Values of another type, which the source may make dates of, and dates that 64 bits of its unit do not hold.
    InputTypeError, InputValueError
        A value of a list of rows that is no date.
    """
    position = leaf.columns[0]
    if not isinstance(column, list):
        is_own = leaf.zone == OWN  # the source takes nothing but dates of pandas
        found = None if is_own and hasattr(column, "null_count") else date_columns(column, leaf.zone, leaf.unit)
        if found is None and not is_own and isinstance(column, np.ndarray):
            found = _dates_of_objects(column, leaf)
        if found is None:
            kind = getattr(column, "dtype", getattr(column, "type", "object"))
            raise UnreadForm(spec.estimator, f"values of type {kind} in column {column_name(spec, position)}")
        return found
    parts: npt.NDArray[np.float64] = np.empty((len(column), WIDTH))
    for row, value in enumerate(column):
        try:
            read = date_parts(value, leaf.zone, leaf.unit)
        except InputValueError as error:
            raise_wrong_field(spec, "", position, error, A_DATE, row)
        if read is None:
            raise_wrong_field(spec, "", position, value, A_DATE, row)
        parts[row] = read
    return [parts[:, i] for i in range(WIDTH)]


def _dates_of_objects(column: npt.NDArray[Any], leaf: Leaf) -> Columns | None:
    """Dates and missing values among objects, of which the source makes dates one by one; None if there are others.

    Of several texts the first decides how the source reads the others. A single one may be that of a row.
    """
    if column.dtype.kind == "f" and np.isnan(column).all():
        return [column.astype(np.float64)] * WIDTH
    values = column.tolist() if column.dtype == object else []
    if not values or (len(values) > 1 and any(isinstance(value, str) for value in values)):
        return None
    try:
        parts = [parts_of(value, leaf.zone, leaf.unit) for value in values]
    except (DateRangeError, OverflowError):
        return None
    known = [each for each in parts if each is not None]
    return [np.array(part) for part in zip(*known, strict=True)] if len(known) == len(parts) else None


def numbers_of_dates(spec: InputSpec, X: Any) -> Any:
    """Dates as scikit-learn counts them, in their unit."""
    missing = np.isnat(X)
    if missing.any():
        raise InputValueError(
            f"{spec.estimator}: row {int(np.argwhere(missing)[0, 0])} holds NaT, which would count as the number -2**63"
        )
    return X.astype(np.float64)
