"""Tables of other systems as requests, and answers in their form."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pretzel.errors import InputKeyError, InputShapeError
from pretzel.input_spec import InputKind
from pretzel.runtime.input.feature_names import check_width, match
from pretzel.runtime.input.messages import listed
from pretzel.runtime.input.sent import as_sent, frame_as_sent, values_sent
from pretzel.runtime.input.table_columns import columns_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pretzel.input_spec import InputSpec


def request_of(table: Any, spec: InputSpec, column: str | None, keep: Sequence[str]) -> Any:
    """What a model is asked: documents, an array, or a table of the columns that it reads.

    Raises
    ------
    InputError
        The table does not have the columns that the model reads, or those to keep, or has one of them twice.
    """
    names = _names(table)
    missing = [name for name in (*keep, *([column] if column else [])) if name not in names]
    if missing:
        there = ", ".join(map(str, names)) or "none"
        raise InputKeyError(f"{spec.estimator}: the table has no column {missing[0]!r}, only {there}")
    read = columns_read(spec, names, [column] if column and spec.one_each else [], keep)
    if spec.one_each and len(read) != 1:
        what = "documents" if spec.kind is InputKind.TEXT else "items"
        raise InputKeyError(f"{spec.estimator}: which column holds the {what}? give column=, one of {read}")
    twice = {name for name, count in Counter(names).items() if count > 1}.intersection((*keep, *read))
    if twice:
        raise InputKeyError(f"{spec.estimator}: duplicate columns: {listed(sorted(twice))}")
    if spec.one_each:
        return values_sent(spec, table.column(read[0]), read[0]) if _is_arrow(table) else list(table[read[0]])
    if spec.names is not None:
        chosen = _selected(table, read)
        return as_sent(spec, chosen) if _is_arrow(chosen) else frame_as_sent(spec, chosen)
    if not read:
        raise InputShapeError(f"{spec.estimator}: the table has no columns that the model could read")
    import numpy as np

    return np.column_stack([np.asarray(_values(table, name)) for name in read])


def check_columns(request: Any, spec: InputSpec) -> None:
    """Raise unless a request without rows has the columns that one with rows needs.

    Raises
    ------
    InputError
    """
    if spec.kind is not InputKind.TABLE:
        return
    if spec.names is None:
        check_width(spec, request.shape[1])
    else:
        match(spec, _names(request))


def answered(table: Any, keep: Sequence[str], columns: Mapping[str, Any]) -> Any:
    """Columns that are kept, and answers, in the form of the table."""
    if isinstance(table, dict):
        return {**{name: table[name] for name in keep}, **columns}
    if _is_arrow(table):
        import pyarrow as pa

        arrays = [table.column(name) for name in keep] + [pa.array(values) for values in columns.values()]
        return type(table).from_arrays(arrays, names=[*keep, *columns])
    return table[[*keep]].assign(**{name: _in_pandas(values) for name, values in columns.items()})


def is_empty(table: Any) -> bool:
    """Whether a table has no rows."""
    if isinstance(table, dict):
        return not len(next(iter(table.values()), ()))
    return not len(table)


def is_table(table: Any) -> bool:
    """Whether `request_of` takes it; all else, such as an array, is for the model itself."""
    is_frame = type(table).__module__.partition(".")[0] == "pandas" and hasattr(table, "columns")
    return is_frame or isinstance(table, dict) or _is_arrow(table)


def is_array(table: Any) -> bool:
    """Whether a table is an array, sparse rows or a Series, which name no columns."""
    return type(table).__module__.partition(".")[0] in ("numpy", "scipy", "pandas") and not is_table(table)


def _is_arrow(table: Any) -> bool:
    """Whether a table is one of pyarrow, which is not imported for that."""
    return type(table).__module__.partition(".")[0] == "pyarrow" and hasattr(table, "schema")


def _names(table: Any) -> list[str]:
    if isinstance(table, dict):
        return list(table)
    if _is_arrow(table):
        return list(table.schema.names)
    if is_table(table):
        return list(table.columns)
    raise TypeError(f"a table is one of pyarrow or pandas, or a dict of arrays, not {type(table).__name__}")


def _values(table: Any, name: str) -> Any:
    return table.column(name).to_numpy(zero_copy_only=False) if _is_arrow(table) else table[name]


def _selected(table: Any, names: Sequence[str]) -> Any:
    if isinstance(table, dict):
        import pandas as pd

        return pd.DataFrame({name: _column(table[name]) for name in names})
    return table.select(names) if _is_arrow(table) else table[[*names]]


def _column(values: Any) -> Any:
    """A column of a frame; objects stay objects, among which pandas would make None to NaN."""
    import pandas as pd

    return pd.Series(values, dtype=object) if str(getattr(values, "dtype", "")) == "object" else values


def _in_pandas(values: Any) -> Any:
    """A column of a frame; labels that are texts have pandas' own dtype for texts."""
    return values.astype(object) if getattr(getattr(values, "dtype", None), "kind", "") == "U" else values
