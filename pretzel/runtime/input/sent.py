"""Tables that another process has sent, in which a missing value is what None is in a single row.

A null of Arrow and of JSON says that a value is missing. A model knows one missing value in each column, NaN or None or
one of its own, which its training data had; scikit-learn, which is given a table itself, tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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


def _holds_other_nulls(column: Any) -> bool:
    """Whether a column holds nulls that are not NaN among numbers."""
    return bool(column.null_count) and str(column.type).startswith(_OTHERS)
