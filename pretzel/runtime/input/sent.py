"""Tables that another process has sent, in which a missing value is what None is in a single row.

A null of Arrow or of JSON says that a value is missing, but not how the training data wrote missing values. A model
knows one missing value in each column: NaN, None, or another value that its training data had. scikit-learn is given
tables in which these differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputTypeError

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec

_OTHERS = ("string", "large_string", "binary", "large_binary", "dictionary", "null", "bool")
"""How the names of types begin whose nulls are not NaN."""


def known_missing(spec: InputSpec, position: int, values: list[Any]) -> list[Any]:
    """The values of a column, with the missing value that the model knows in place of None."""
    missing = spec.missing[position] if spec.missing else None
    return values if missing is None else [missing if value is None else value for value in values]


def category_columns(spec: InputSpec) -> frozenset[int]:
    """Positions of the columns that a booster was trained with as those of a category dtype."""
    return frozenset() if spec.coding is None else frozenset(spec.coding.columns)


def as_sent(spec: InputSpec, table: Any) -> Any:
    """An Arrow table for a model with named columns, or a frame that stands for it; rows where there is no pandas.

    Parameters
    ----------
    spec : InputSpec
    table : pyarrow.Table or pyarrow.RecordBatch
    """
    names, categories = table.schema.names, category_columns(spec)
    positions = {name: position for position, name in enumerate(spec.names or ())}
    changed = {
        name: positions[name]
        for name, column in zip(names, table.columns, strict=True)
        if name in positions and (positions[name] in categories or _holds_other_nulls(column))
    }
    if not changed or len({*names}) < len(names):
        return table
    try:
        import pandas as pd
    except ImportError:
        return table.to_pylist()
    frame = table.to_pandas(ignore_metadata=True)
    for name in names:
        if name in changed:
            values = known_missing(spec, changed[name], table.column(name).to_pylist())
            kind = "category" if changed[name] in categories else object
            frame[name] = pd.Series(values, index=frame.index, dtype=object).astype(kind)
        elif frame[name].dtype in (np.float32, np.float16) and spec.floats is not False:
            frame[name] = frame[name].astype(np.float64)  # as columns of Arrow are read
    return frame


def frame_as_sent(spec: InputSpec, frame: Any) -> Any:
    """A frame of pandas for a model with named columns, in which `pandas.NA` is what None is in a single row.

    Engines make dtypes of it that know no other missing value (``string``, ``boolean``, those of Arrow). Among nullable
    numbers it is NaN already.

    Parameters
    ----------
    spec : InputSpec
    frame : DataFrame
    """
    if not frame.columns.is_unique:
        return frame
    coded, made = category_columns(spec), frame
    positions = {name: position for position, name in enumerate(spec.names or ()) if position not in coded}
    for at, name in enumerate(frame.columns):
        if name in positions and _may_hold_na(frame.dtypes.iloc[at]):
            values = _without_na(frame[name])
            if values is not None:
                made = made.copy(deep=False) if made is frame else made
                made.isetitem(at, _objects(frame, known_missing(spec, positions[name], values)))
    return made


def _may_hold_na(dtype: Any) -> bool:
    """Whether a column of this dtype may hold `pandas.NA` that is not NaN among numbers."""
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return str(dtype) == "object" or (getattr(dtype, "na_value", None) is pd.NA and dtype.kind not in "iufmM")


def _without_na(column: Any) -> list[Any] | None:
    """The values of a column, with None in place of `pandas.NA`; None where it holds none."""
    import pandas as pd

    if not column.hasnans:
        return None
    values = column.astype(object).tolist()
    found = [None if value is pd.NA else value for value in values]
    return found if any(value is pd.NA for value in values) else None


def _objects(frame: Any, values: list[Any]) -> Any:
    """A column of a frame that holds these values, among which pandas would make None to NaN."""
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=object)


def values_sent(spec: InputSpec, column: Any, name: str) -> list[Any]:
    """Documents, or items, of a column of Arrow.

    Raises
    ------
    InputTypeError
        It holds structs, each of which has all keys: a dict of features lacks some.
    """
    if not str(column.type).startswith(("struct<", "map<")):
        values: list[Any] = column.to_pylist()
        return values
    raise InputTypeError(
        f"{spec.estimator}: expected texts, or lists of them, got {str(column.type)[:100]} in column {name!r}: send "
        "dicts of features as JSON, or as a list"
    )


def _holds_other_nulls(column: Any) -> bool:
    """Whether a column holds nulls that are not NaN among numbers."""
    return bool(column.null_count) and str(column.type).startswith(_OTHERS)
