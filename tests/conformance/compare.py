"""Whether two answers are the same: container, dtype, shape, values, names; or two errors of one kind.

An error of the plan stands for an error of its source if it is of the same class, or

* a `ValueError` where the source raises a `ValueError` or one of its subclasses,
* a `TypeError` or `ValueError` where the source raises a `TypeError`,
* a `PretzelError` where the source fails from within (`AttributeError`, `KeyError`, `IndexError`, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

SAME = ""
TOLERANCES = {8: (1e-9, 1e-12), 4: (1e-5, 1e-6), 2: (2e-3, 2e-3), 16: (1e-9, 1e-12)}  # by bytes of the narrowest float


@dataclass(frozen=True)
class Outcome:
    """An answer or an error."""

    value: Any = None
    error: BaseException | None = None


def ask(call: Any, *arguments: Any) -> Outcome:
    """What a call gives."""
    try:
        return Outcome(call(*arguments))
    except Exception as error:
        return Outcome(error=error)


def difference(found: Outcome, expected: Outcome, width: int = 8) -> tuple[str, str]:
    """Kind of the difference and what exactly differs; two empty texts if there is none.

    Parameters
    ----------
    found, expected : Outcome
    width : int
        Bytes of the narrowest float of the request.
    """
    if expected.error is not None:
        if found.error is None:
            return "answered", f"answers {_short(found.value)}, source raises {_of(expected.error)}"
        if _stands_for(found.error, expected.error):
            return SAME, ""
        return "error", f"raises {_of(found.error)}, source {_of(expected.error)}"
    if found.error is not None:
        return "refused", f"raises {_of(found.error)}"
    return compare(found.value, expected.value, width)


def _stands_for(found: BaseException, expected: BaseException) -> bool:
    from pretzel.errors import PretzelError

    if type(found) is type(expected):
        return True
    if isinstance(expected, ValueError):
        return isinstance(found, ValueError)
    if isinstance(expected, TypeError):
        return isinstance(found, TypeError | ValueError)
    return isinstance(found, PretzelError)


def _of(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _short(value: Any) -> str:
    return f"{type(value).__name__}{getattr(value, 'shape', '')}"


def compare(found: Any, expected: Any, width: int = 8) -> tuple[str, str]:
    """Like `difference`, for two answers."""
    if type(found) is not type(expected):
        return "container", f"{type(found).__qualname__} for {type(expected).__qualname__}"
    if isinstance(expected, list | tuple):
        if len(found) != len(expected):
            return "shape", f"{len(found)} parts for {len(expected)}"
        return next(filter(any, (compare(a, b, width) for a, b in zip(found, expected, strict=True))), (SAME, ""))
    if isinstance(expected, dict) and not sp.issparse(expected):
        if list(found) != list(expected):
            return "names", f"{list(found)} for {list(expected)}"
        return compare(list(found.values()), list(expected.values()), width)
    if sp.issparse(expected):
        return _compare_sparse(found, expected, width)
    if hasattr(expected, "iloc"):
        return _compare_pandas(found, expected, width)
    if type(expected).__module__.startswith("polars"):
        return _compare_polars(found, expected, width)
    return compare_arrays(np.asarray(found), np.asarray(expected), width)


def _compare_sparse(found: Any, expected: Any, width: int) -> tuple[str, str]:
    if found.dtype != expected.dtype:
        return "dtype", f"{found.dtype} for {expected.dtype}"
    if found.shape != expected.shape:
        return "shape", f"{found.shape} for {expected.shape}"
    return compare_arrays(found.tocsr().toarray(), expected.tocsr().toarray(), width)


def _compare_pandas(found: Any, expected: Any, width: int) -> tuple[str, str]:
    if not found.index.equals(expected.index):
        return "names", f"index {list(found.index)[:4]} for {list(expected.index)[:4]}"
    if expected.ndim == 1:
        return _first([_series(found, expected, width)])
    if list(found.columns) != list(expected.columns):
        return "names", f"columns {list(found.columns)[:6]} for {list(expected.columns)[:6]}"
    return _first(_series(found.iloc[:, i], expected.iloc[:, i], width) for i in range(expected.shape[1]))


def _series(found: Any, expected: Any, width: int) -> tuple[str, str]:
    if found.dtype != expected.dtype:
        return "dtype", f"column {expected.name!r}: {found.dtype} for {expected.dtype}"
    if expected.dtype.kind in "biuf" and isinstance(expected.dtype, np.dtype):
        return compare_arrays(found.to_numpy(), expected.to_numpy(), width)
    return compare_arrays(found.to_numpy(dtype=object), expected.to_numpy(dtype=object), width)


def _compare_polars(found: Any, expected: Any, width: int) -> tuple[str, str]:
    if found.schema != expected.schema:
        kind = "names" if list(found.schema) != list(expected.schema) else "dtype"
        return kind, f"{found.schema} for {expected.schema}"
    return _first(compare_arrays(found[name].to_numpy(), expected[name].to_numpy(), width) for name in expected.columns)


def _first(differences: Any) -> tuple[str, str]:
    return next((found for found in differences if found[0]), (SAME, ""))


def compare_arrays(found: Any, expected: Any, width: int = 8) -> tuple[str, str]:
    """Like `compare`, for two arrays."""
    if found.shape != expected.shape:
        return "shape", f"{found.shape} for {expected.shape}"
    if found.dtype != expected.dtype:
        return "dtype", f"{found.dtype} for {expected.dtype}"
    if expected.dtype.kind == "f":
        relative, absolute = TOLERANCES[min(width, expected.dtype.itemsize)]
        with np.errstate(all="ignore"):
            same = np.isclose(found, expected, relative, absolute, equal_nan=True)
    elif expected.dtype.kind == "O":
        same = np.array([_same_object(a, b, width) for a, b in zip(found.flat, expected.flat, strict=True)], dtype=bool)
        same = same.reshape(expected.shape)
    else:
        same = found == expected
        if expected.dtype.kind in "cmM":
            same = same | ((found != found) & (expected != expected))
    if np.all(same):
        return SAME, ""
    at = tuple(int(i) for i in np.argwhere(~np.atleast_1d(same))[0]) if np.ndim(same) else ()
    values = (found[at], expected[at]) if np.ndim(same) else (found, expected)
    return "values", f"{values[0]!r} for {values[1]!r} at {at}, {int(np.sum(~same))} of {np.size(same)}"


def _same_object(found: Any, expected: Any, width: int) -> bool:
    if isinstance(expected, np.ndarray | list | tuple | dict):
        return not compare(found, expected, width)[0]
    if type(found) is not type(expected):
        return False
    if isinstance(expected, float | np.floating):
        return bool(np.isclose(found, expected, *TOLERANCES[width], equal_nan=True))
    return found is expected or bool(found == expected)


def compare_row(found: Outcome, expected: Outcome, width: int = 8) -> tuple[str, str]:
    """Like `difference`, for a method of one row and the source's answer to a table of that row."""
    if found.error is not None or expected.error is not None:
        return difference(found, expected, width)
    first, of_table = _row(found.value), _row(expected.value, first=True)
    if isinstance(of_table, list):
        return _first(compare_arrays(a, b, width) for a, b in zip(first, of_table, strict=True))
    if of_table.dtype.kind != "O" and first.dtype.kind == of_table.dtype.kind:
        first = first.astype(of_table.dtype)  # Python's numbers have no width
    return compare_arrays(first, of_table, width)


def _row(value: Any, *, first: bool = False) -> Any:
    """A row as an array, or a list of them where a method answers with several. A frame of one row is that row."""
    if isinstance(value, list | tuple) and any(hasattr(part, "shape") for part in value):
        return [_row(part, first=first) for part in value]
    if hasattr(value, "iloc") and value.ndim == 2 and len(value) == 1:
        return value.iloc[0].to_numpy()
    if hasattr(value, "iloc") or type(value).__module__.startswith("polars"):
        value = value.to_numpy()
        first = first or value.ndim == 2
    if sp.issparse(value):
        return value.toarray().ravel()
    value = np.asarray(value)
    squeezed = value.ndim == 1 and len(value) > 1  # some estimators answer a single row with a vector
    return np.asarray(value[0]) if first and not squeezed else value


def narrowest(request: Any) -> int:
    """Bytes of the narrowest float that a request holds: precision is asked for by it."""
    if hasattr(request, "dtypes") and hasattr(request, "columns"):
        return min((_bytes_of(dtype) for dtype in request.dtypes), default=8)
    if isinstance(request, list | tuple):
        return min((narrowest(row) for row in request[:1]), default=8)
    return _bytes_of(getattr(request, "dtype", None))


def _bytes_of(dtype: Any) -> int:
    text = str(dtype).lower()
    if "float16" in text or text in ("int8", "uint8", "bool", "boolean"):  # unary functions answer in float16
        return 2
    return 4 if any(name in text for name in ("float32", "f4", "int16")) else 8


def fingerprint(request: Any) -> Any:
    """What must not change while a model answers."""
    if isinstance(request, np.ndarray):
        padded = request.dtype.kind == "O" or request.dtype.itemsize > 8  # long doubles end with arbitrary bytes
        content = repr(request.tolist()) if padded else request.tobytes()
        return type(request), request.dtype, request.shape, request.strides, request.flags.writeable, content
    if sp.issparse(request):
        if hasattr(request, "indptr"):
            return type(request), [fingerprint(part) for part in (request.data, request.indices, request.indptr)]
        return type(request), request.dtype, repr(sorted(request.todok().items()))
    if hasattr(request, "iloc"):
        axes = [list(axis) for axis in request.axes]
        dtypes = [str(dtype) for dtype in np.atleast_1d(np.asarray(request.dtypes, dtype=object))]
        return type(request), axes, dtypes, repr(request.to_numpy(dtype=object).tolist())
    if isinstance(request, list | tuple | dict | str | set):
        return type(request), repr(request)
    if hasattr(request, "to_pandas"):
        return type(request), repr(request.to_pandas().to_numpy(dtype=object).tolist())
    return type(request)
