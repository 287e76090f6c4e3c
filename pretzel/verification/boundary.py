"""Rows where implementations part company: on thresholds, at the edges of floating point, in odd corners of Unicode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputError
from pretzel.oven.ir.columns import ItemLeaf
from pretzel.oven.ir.graph import Node, Parity, toposort
from pretzel.oven.ir.interpret import interpret
from pretzel.runtime.input.messages import UnreadForm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from pretzel._native import Method
    from pretzel.oven.frontends.importer import Imported
    from pretzel.oven.ir.step_forms import Boundaries

NUMBERS = (0.0, -0.0, 5e-324, -5e-324, 3.4028234663852886e38, 1e-30, 0.1)
OFTEN_REJECTED = (np.nan, np.inf, -np.inf, 1e150, -1e150, 3.4028235677973366e38)
WHOLE_NUMBERS = (0, -1, 1, 255, 256, 1_000_000)
CELLS = (None, np.nan, "", " ", "never seen", "É", "\N{SNOWMAN}")
TEXTS = (
    "",
    " ",
    "a",
    "ab abc abcd",
    "UPPER lower MiXeD",
    "\tTabs\nlines\r\nand\x0bmore\x1cspaces\u2028",
    "naïve café ÀÉÎÕÜ ß \N{LATIN SMALL LETTER LONG S}",
    "İstanbul ΣΑΣ ǅ",
    "e\N{COMBINING ACUTE ACCENT}toile ﬁ ½ ²",
    "日本語 テキスト 한국어",
    "\N{GRINNING FACE} \U0001f468\u200d\U0001f469\u200d\U0001f467 \N{SNOWMAN}",
    "under_score 123 4.5 1e3 -- !!! a1b2",
    "\x00 nul \x00",
    "word " * 300,
    "x" * 3000,
)
THRESHOLDS = 200  # per operator
COLUMNS = 40  # that get special values,
REJECTED = 2  # and of these, that get values which many estimators reject: to tell them takes a call for each
STEPS = 64  # halvings: more than the bits of a double


def boundary_rows(imported: Imported, X: Any, in_fit_order: Callable[[Any], Any]) -> Any:
    """Rows in the form of ``X`` to be verified besides it; None where there are none to think of."""
    if any(isinstance(node, ItemLeaf) for node in toposort(output.node for output in imported.methods.values())):
        return None if imported.input.labels else special_items(list(X))
    if isinstance(X, list) or getattr(X, "ndim", 2) == 1:
        return [*TEXTS, *[str(text).swapcase() * 2 for text in list(X)[:5]]]
    if hasattr(X, "tocsr"):
        return X[:1] * 0
    found = special_rows(X)
    for node in toposort(output.node for output in imported.methods.values()):
        if node.discrete and _is_exact(node.inputs[0]):
            found = stack(found, threshold_rows(node, X, in_fit_order))
    return found


def _is_exact(x: Node) -> bool:
    """Behind a sum in another order, which side of a threshold the nearest rows fall on is a matter of luck."""
    return all(node.parity is Parity.EXACT for node in toposort([x]))


def stack(a: Any, b: Any) -> Any:
    """Rows of both, in the form of the first."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, list):
        return [*a, *b]
    if hasattr(a, "iloc"):
        import pandas as pd

        if a.ndim == 1:
            return pd.concat([a, pd.Series(b, dtype=a.dtype)], ignore_index=True)
        return pd.concat([a, b], ignore_index=True).astype(dict(a.dtypes))
    if hasattr(a, "tocsr"):
        from scipy import sparse

        return sparse.vstack([a, b], format="csr")
    return np.concatenate([a, b])


def rows_of(X: Any, rows: Any) -> Any:
    """Some rows of a list, a matrix or a DataFrame."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    return [X[i] for i in rows] if isinstance(X, list) else X[rows]


def special_items(X: list[Any]) -> list[Any]:
    """Items without features, with special numbers, and with texts that no other item has."""
    first = X[0]
    if isinstance(first, Mapping):
        return [{}, *({name: number} for name in first for number in NUMBERS), dict.fromkeys(first, "é"), {"": 1.0}]
    if all(isinstance(part, str) for part in first):
        return [[], list(TEXTS), [*first, *first]]
    if not all(isinstance(part, tuple | list) for part in first):  # labels that are numbers
        return [[], [*first, *first]]
    return [[], *([(name, number)] for name, *_ in first for number in NUMBERS), [("", 1.0), ("é", "é")]]


def special_rows(X: Any) -> Any:
    """The first row again and again, each time with one special value in one column."""
    if hasattr(X, "iloc"):
        return _special_frame(X)
    X = np.asarray(X)
    if X.dtype.kind not in "fiu":
        return None
    rows = []
    for column in range(min(X.shape[1], COLUMNS)):
        values = _specials(X.dtype.kind, column)
        block = np.repeat(X[:1], len(values), axis=0)
        block[:, column] = np.array(values).astype(X.dtype)
        rows.append(block)
    return np.concatenate(rows)


def _specials(kind: str, position: int) -> tuple[Any, ...]:
    if kind == "f":
        return (*NUMBERS, *OFTEN_REJECTED) if position < REJECTED else NUMBERS
    return WHOLE_NUMBERS if kind in "iu" else CELLS


def _special_frame(X: Any) -> Any:
    import pandas as pd

    frames = []
    for position, name in enumerate(list(X.columns)[:COLUMNS]):
        dtype = X[name].dtype
        values = _specials(dtype.kind, position)
        column = _as_dtype(values if isinstance(dtype, np.dtype) else (*values, None), dtype)
        frame = X.iloc[[0] * len(column)].reset_index(drop=True)
        frame[name] = column
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _as_dtype(values: Iterable[Any], dtype: Any) -> Any:
    """A column of those values that a dtype has."""
    import pandas as pd

    found = []
    for value in values:
        try:
            found.append(pd.Series([value], dtype=object).astype(dtype))
        except (ValueError, TypeError, OverflowError, NotImplementedError):  # no date, no number, ...
            continue
    return pd.concat(found, ignore_index=True) if found else pd.Series([], dtype=dtype)


def threshold_rows(node: Node, X: Any, in_fit_order: Callable[[Any], Any] = lambda rows: rows) -> Any:
    """Pairs of rows on both sides of the boundaries of ``node``, as near as the request can tell them apart.

    The way from one row of ``X`` to another that falls on the other side is halved until its ends are neighbours; so
    it does not matter what was computed between the request and the trees.
    """
    boundaries = node.boundaries()
    if boundaries is None:
        return None
    x = node.inputs[0]
    splits = _sample(boundaries)
    X = rows_of(X, np.arange(min(_length(X), 512)))
    floats = _floats(X)
    if floats is None or not len(splits):
        return None
    round_32 = node.rounds_inputs()

    def values(rows: Any) -> npt.NDArray[Any]:
        found = interpret([x], in_fit_order(rows))[x]
        return np.asarray(found.astype(np.float32) if round_32 else found)

    lies_left = np.less_equal if boundaries.closed_left else np.less
    feature, threshold = splits[:, 0].astype(np.intp), splits[:, 1]
    seen = values(X)[:, feature]
    left = np.where(lies_left(seen, threshold), seen, -np.inf)
    right = np.where(lies_left(seen, threshold) | np.isnan(seen), np.inf, seen)
    usable = np.isfinite(left.max(axis=0)) & np.isfinite(right.min(axis=0))
    if not usable.any():
        return None
    feature, threshold = feature[usable], threshold[usable]
    low, high = left.argmax(axis=0)[usable], right.argmin(axis=0)[usable]
    start, end, base = floats[low], floats[high], rows_of(X, low)
    below, above = np.zeros(len(low)), np.ones(len(low))
    each = np.arange(len(low))
    for _ in range(STEPS):
        middle = (below + above) / 2
        goes_left = lies_left(values(_with_floats(base, _blend(start, end, middle)))[each, feature], threshold)
        below, above = np.where(goes_left, middle, below), np.where(goes_left, above, middle)
    sides = [_with_floats(base, _blend(start, end, side)) for side in (below, above)]
    return stack(*sides)


def _sample(boundaries: Boundaries) -> npt.NDArray[np.float64]:
    """Some (column, value) pairs."""
    pairs = np.unique(np.stack([boundaries.columns.astype(np.float64), boundaries.values], axis=1), axis=0)
    pairs = pairs[np.isfinite(pairs[:, 1])]
    chosen = np.unique(np.linspace(0, max(len(pairs) - 1, 0), min(THRESHOLDS, len(pairs))).astype(np.intp))
    return np.asarray(pairs[chosen], dtype=np.float64)


def _length(X: Any) -> int:
    return int(X.shape[0])


def _floats(X: Any) -> Any:
    """The columns that can be moved by a bit."""
    if hasattr(X, "iloc"):
        part = X.select_dtypes("float")
        if not part.shape[1]:
            return None
        cells = part.to_numpy()
        return part.to_numpy(np.float64, na_value=np.nan) if cells.dtype == object else cells  # pandas.NA
    return X if isinstance(X, np.ndarray) and X.dtype.kind == "f" else None


def _with_floats(base: Any, floats: Any) -> Any:
    if not hasattr(base, "iloc"):
        return floats
    names = base.select_dtypes("float").columns
    return base.reset_index(drop=True).assign(**{name: floats[:, i] for i, name in enumerate(names)})


def _blend(start: Any, end: Any, share: npt.NDArray[np.float64]) -> Any:
    mixed = start + share[:, None] * (end - start)
    mixed = np.where(share[:, None] == 1.0, end, mixed)
    return np.where(np.isnan(mixed), start, mixed).astype(start.dtype)


def split_rejected(X: Any, call: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
    """Rows that ``call`` takes, and the others one by one."""
    rejected = rejected_rows(X, call)
    if not rejected:
        return X, []
    accepted = np.setdiff1d(np.arange(_n_rows(X)), rejected)
    return rows_of(X, accepted), [rows_of(X, np.array([row])) for row in rejected]


def unread_rows(method: Method, X: Any) -> list[int]:
    """Numbers of the rows with values that a program cannot read, so that the estimator answers the whole table."""
    run = method.rows_left if method.sparse_result else method.answer_apart
    try:
        run(X)
    except UnreadForm:  # no program reads any row
        return []
    except InputError:
        return rejected_rows(X, run)
    return []


def rejected_rows(X: Any, call: Callable[[Any], Any]) -> list[int]:
    """Numbers of the rows that ``call`` rejects; halves what is rejected until it is found."""
    rejected: list[int] = []
    pending = [np.arange(_n_rows(X))]
    while pending:
        rows = pending.pop()
        try:
            call(rows_of(X, rows))
        except Exception:  # other libraries have types of their own
            if len(rows) == 1:
                rejected.append(int(rows[0]))
            else:
                pending += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
    return rejected


def _n_rows(X: Any) -> int:
    return len(X) if isinstance(X, list) else int(X.shape[0])
