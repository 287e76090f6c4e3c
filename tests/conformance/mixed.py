"""Forms of a request of mixed columns."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.conformance.forms import configure

if TYPE_CHECKING:
    from tests.conformance.data import Rows
    from tests.conformance.forms import Form


def copy(rows: Rows) -> Any:
    return rows.values.copy()


def cell(column: str, value: Any, row: int = 1) -> Form:
    """The frame with another value in one cell, in a column of objects."""

    def changed(rows: Rows) -> Any:
        found = copy(rows)
        found[column] = found[column].astype(object)
        found.loc[found.index[row], column] = value
        return found

    return changed


def as_type(columns: tuple[str, ...], dtype: Any) -> Form:
    return lambda rows: copy(rows).astype({name: dtype for name in columns if name in rows.names})


def _polars(rows: Rows) -> Any:
    import polars as pl

    return pl.from_pandas(rows.values)


def _polars_categories(rows: Rows) -> Any:
    import polars as pl

    return _polars(rows).with_columns(pl.col("city").cast(pl.Categorical))


def _arrow(rows: Rows) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(rows.values)


def _missing(column: str) -> Form:
    def changed(rows: Rows) -> Any:
        found = copy(rows)
        if found[column].dtype.kind in "iub":
            found[column] = found[column].astype(float)
        found.loc[found.index[:3], column] = np.nan
        return found

    return changed


def _record(rows: Rows, row: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = rows.values.iloc[[row]].to_dict("records")[0]
    return found


TEXTS = ("city", "kind", "code", "note")
CELLS: dict[str, Form] = {
    "frame": copy,
    "one row": lambda rows: copy(rows)[:1],
    "no rows": lambda rows: copy(rows)[:0],
    "many rows": lambda rows: copy(rows).loc[np.tile(rows.values.index, 20)].reset_index(drop=True),
    "another index": lambda rows: copy(rows).set_index(np.arange(len(rows.values))[::-1] * 3),
    "every second row": lambda rows: copy(rows)[::2],
    "rows reversed": lambda rows: copy(rows)[::-1],
    "objects": lambda rows: copy(rows).astype(object),
    "nullable": lambda rows: copy(rows).convert_dtypes(),
    "Arrow-backed": lambda rows: copy(rows).convert_dtypes(dtype_backend="pyarrow"),
    "text of objects": as_type(TEXTS, object),
    "text of categories": as_type(TEXTS, "category"),
    "text of Arrow": as_type(TEXTS, "string[pyarrow]"),
    "polars": _polars,
    "polars with categories": _polars_categories,
    "Arrow table": _arrow,
    "array of objects": lambda rows: rows.values.to_numpy(dtype=object),
    "list of lists": lambda rows: rows.values.to_numpy(dtype=object).tolist(),
    "columns reordered": lambda rows: copy(rows)[list(rows.names[::-1])],
    "column added": lambda rows: copy(rows).assign(other=1.0),
    "columns numbered": lambda rows: copy(rows).set_axis(range(len(rows.names)), axis=1),
    "frame without rows or columns": lambda rows: copy(rows)[[]],
    "unknown city": cell("city", "Atlantis"),
    "city is a number": cell("city", 3.5),
    "city is None": cell("city", None),
    "city is empty": cell("city", ""),
    "city is a lone surrogate": cell("city", "\ud800"),
    "Arrow reader": lambda rows: _arrow(rows).to_reader(),
    "None": lambda rows: None,
    "matrix of numbers": lambda rows: np.ones((3, len(rows.names))),
    "a vector": lambda rows: np.ones(len(rows.names)),
}
MIXED: dict[str, Form] = {
    **CELLS,
    "category as text": as_type(("plan",), str),
    "category as objects": as_type(("plan",), object),
    "numbers of float32": as_type(("age", "income"), np.float32),
    "narrow whole numbers": as_type(("visits",), np.int8),
    "whole numbers as floats": as_type(("visits",), np.float64),
    "bool as numbers": as_type(("member",), np.int64),
    "numbers as text": as_type(("income",), str),
    "numbers as objects": as_type(("age", "income", "visits"), object),
    "columns renamed": lambda rows: copy(rows).rename(columns={"age": "Age"}),
    "column twice": lambda rows: copy(rows)[["age", *rows.names]],
    **{f"without {name}": functools.partial(lambda name, rows: copy(rows).drop(columns=name), name)
       for name in ("age", "income", "visits", "member", "city", "plan", "code", "note")},
    **{f"missing {name}": _missing(name) for name in ("age", "income", "visits", "city", "plan", "code", "note")},
    "unknown plan": cell("plan", "none"),
    "age is infinite": cell("age", np.inf),
    "age is text": cell("age", "old"),
    "age is numeric text": cell("age", "41.5"),
    "age is None": cell("age", None),
    "income is huge": cell("income", 1e300),
    "note is None": cell("note", None),
    "note is a number": cell("note", 7),
}  # fmt: skip
for _forms in (CELLS, MIXED):
    configure(_forms, "pandas", "frame", "another index", "one row", "no rows", "polars", "columns reordered")
    configure(_forms, "polars", "frame", "polars")
MIXED_ROW: dict[str, Form] = {
    "row: dict": _record,
    "row: dict reordered": lambda rows: dict(reversed(_record(rows).items())),
    "row: tuple": lambda rows: tuple(_record(rows).values()),
    "row: list": lambda rows: list(_record(rows).values()),
}
