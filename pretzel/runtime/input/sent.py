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


def known_missing(spec: InputSpec, name: Any, values: list[Any]) -> list[Any]:
    """The values of a column, with the missing value that the model knows in place of None."""
    missing = spec.missing[spec.names.index(name)] if spec.missing and spec.names and name in spec.names else None
    return values if missing is None else [missing if value is None else value for value in values]


def is_category(spec: InputSpec, name: Any) -> bool:
    """Whether a booster was trained with this column as one of a category dtype."""
    return spec.coding is not None and spec.names is not None and name in [spec.names[i] for i in spec.coding.columns]


def as_sent(spec: InputSpec, table: Any) -> Any:
    """An Arrow table for a model with named columns, or a frame that stands for it; rows where there is no pandas.

    Parameters
    ----------
    spec : InputSpec
    table : pyarrow.Table or pyarrow.RecordBatch
    """
    names = table.schema.names
    changed = {name: _values(spec, table, name) for name in names if _is_changed(spec, table, name)}
    if not changed or len({*names}) < len(names):
        return table
    try:
        import pandas as pd
    except ImportError:
        return table.to_pylist()
    frame = table.to_pandas(ignore_metadata=True)
    for name in names:
        if name in changed:
            kind = "category" if is_category(spec, name) else object
            frame[name] = pd.Series(changed[name], index=frame.index, dtype=object).astype(kind)
        elif frame[name].dtype in (np.float32, np.float16) and spec.floats is not False:
            frame[name] = frame[name].astype(np.float64)  # as columns of Arrow are read
    return frame


def _is_changed(spec: InputSpec, table: Any, name: str) -> bool:
    if spec.names is None or name not in spec.names:
        return False
    column = table.column(name)
    return is_category(spec, name) or bool(column.null_count and str(column.type).startswith(_OTHERS))


def _values(spec: InputSpec, table: Any, name: str) -> list[Any]:
    return known_missing(spec, name, table.column(name).to_pylist())
