"""Forms of requests that are no tables: documents, records, labels, sets of labels, one column, images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tests.conformance.data import Rows
    from tests.conformance.forms import Form


def objects(values: Any) -> Any:
    """A vector of objects."""
    found = np.empty(len(values), dtype=object)
    found[:] = list(values)
    return found


def _series(values: Any, dtype: Any = None) -> Any:
    import pandas as pd

    return pd.Series(list(values), dtype=dtype, index=np.arange(len(values)) * 2)


def _polars(values: Any) -> Any:
    import polars as pl

    return pl.Series("text", list(values))


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(list(values))


def _changed(value: Any) -> Form:
    def changed(rows: Rows) -> Any:
        found = list(rows.values)
        found[1] = value
        return found

    return changed


def _generator(rows: Rows) -> Any:
    return iter(list(rows.values))


DOCUMENTS: dict[str, Form] = {
    "list": lambda rows: list(rows.values),
    "tuple": lambda rows: tuple(rows.values),
    "generator": _generator,
    "array of objects": lambda rows: objects(rows.values),
    "array of text": lambda rows: np.array(rows.values),
    "series": lambda rows: _series(rows.values),
    "series of objects": lambda rows: _series(rows.values, object),
    "series of Arrow text": lambda rows: _series(rows.values, "string[pyarrow]"),
    "categorical series": lambda rows: _series(rows.values, "category"),
    "polars": lambda rows: _polars(rows.values),
    "Arrow array": lambda rows: _arrow(rows.values),
    "bytes": lambda rows: [text.encode() for text in rows.values],
    "one": lambda rows: list(rows.values[:1]),
    "none": lambda rows: [],
    "empty text": _changed(""),
    "long text": _changed("red fish " * 5000),
    "text with a null character": _changed("red\0fish blue"),
    "text with a lone surrogate": _changed("red \ud800 fish"),
    "text of emoji": _changed("red 🐟🐟 fish 👩‍👩‍👧"),
    "None among text": _changed(None),
    "NaN among text": _changed(float("nan")),
    "number among text": _changed(3.5),
    "bytes among text": _changed(b"red fish"),
    "bad bytes among text": _changed(b"\xff\xfe red"),
    "list among text": _changed(["red", "fish"]),
    "a string": lambda rows: rows.values[0],
    "None": lambda rows: None,
    "matrix of numbers": lambda rows: np.ones((3, 2)),
    "column of text": lambda rows: objects(rows.values)[:, None],
    "frame of text": lambda rows: _series(rows.values).to_frame("text"),
}
RECORDS: dict[str, Form] = {
    "list": lambda rows: [dict(row) for row in rows.values],
    "tuple": lambda rows: tuple(dict(row) for row in rows.values),
    "generator": lambda rows: iter([dict(row) for row in rows.values]),
    "array of objects": lambda rows: objects([dict(row) for row in rows.values]),
    "series": lambda rows: _series([dict(row) for row in rows.values]),
    "one": lambda rows: [dict(rows.values[0])],
    "none": lambda rows: [],
    "empty dict": _changed({}),
    "unknown keys": _changed({"age": 3, "unknown": 7.5, "city": "nowhere"}),
    "list of texts as value": _changed({"city": ["Bonn", "Köln"], "age": 2}),
    "None as value": _changed({"city": None, "age": 1}),
    "NaN as value": _changed({"age": float("nan")}),
    "bool as value": _changed({"age": True}),
    "number as key": _changed({7: 1.0}),
    "a dict": lambda rows: dict(rows.values[0]),
    "pairs": lambda rows: [list(row.items()) for row in rows.values],
    "texts": lambda rows: [["age", "city"] for _ in rows.values],
    "None": lambda rows: None,
    "matrix of numbers": lambda rows: np.ones((3, 2)),
    "frame": lambda rows: _series([1.0, 2.0]).to_frame("age"),
}
LABELS: dict[str, Form] = {
    "list": lambda rows: rows.values.tolist(),
    "array of text": lambda rows: rows.values.copy(),
    "array of objects": lambda rows: rows.values.astype(object),
    "series": lambda rows: _series(rows.values),
    "categorical series": lambda rows: _series(rows.values, "category"),
    "polars": lambda rows: _polars(rows.values),
    "column": lambda rows: rows.values[:, None].copy(),
    "one": lambda rows: rows.values[:1].copy(),
    "none": lambda rows: rows.values[:0].copy(),
    "unknown": _changed("never seen"),
    "None among labels": _changed(None),
    "numbers": lambda rows: np.arange(4),
    "a string": lambda rows: "low",
    "None": lambda rows: None,
}
LABEL_SETS: dict[str, Form] = {
    "list of tuples": lambda rows: list(rows.values),
    "list of lists": lambda rows: [list(row) for row in rows.values],
    "list of sets": lambda rows: [set(row) for row in rows.values],
    "array of objects": lambda rows: objects([list(row) for row in rows.values]),
    "series": lambda rows: _series([list(row) for row in rows.values]),
    "one": lambda rows: [rows.values[0]],
    "none": lambda rows: [],
    "empty set": _changed(()),
    "unknown": _changed(("z",)),
    "numbers": lambda rows: np.arange(4),
    "None": lambda rows: None,
}
IMAGES: dict[str, Form] = {
    "array": lambda rows: rows.values.copy(),
    "float32": lambda rows: rows.values.astype(np.float32),
    "list": lambda rows: rows.values.tolist(),
    "one": lambda rows: rows.values[:1].copy(),
    "none": lambda rows: rows.values[:0].copy(),
    "a picture": lambda rows: rows.values[0].copy(),
    "colours": lambda rows: np.repeat(rows.values[..., None], 3, axis=3),
    "NaN": lambda rows: np.where(rows.values > 1, np.nan, rows.values),
    "None": lambda rows: None,
}


def _column_forms() -> dict[str, Form]:
    """A vector, besides the forms of a matrix with one column."""
    from dataclasses import replace

    from tests.conformance.forms import MATRIX

    def vector(form: Form) -> Form:
        def made(rows: Rows) -> Any:
            found = form(replace(rows, names=("c0",)))
            shape = getattr(found, "shape", ())
            return found[:, 0] if isinstance(found, np.ndarray) and len(shape) == 2 and shape[1] == 1 else found

        return made

    names = ("float64", "float32", "float16", "int8", "int64", "bool", "object of floats", "text of numbers", "one row",
             "no rows", "NaN", "infinity", "huge", "read-only", "big-endian", "rows reversed", "three dimensions",
             "too wide", "frame", "list of lists", "None", "csr_matrix", "many rows", "text among objects")  # fmt: skip
    forms = {f"vector: {name}": vector(MATRIX[name]) for name in names}
    forms["series"] = lambda rows: _series(rows.values[:, 0])
    forms["list"] = lambda rows: rows.values[:, 0].tolist()
    forms["column"] = lambda rows: rows.values.copy()
    return forms


COLUMN = _column_forms()
