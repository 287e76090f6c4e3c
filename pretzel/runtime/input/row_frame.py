"""One row as the frame that steps in Python are given, of which only the columns that they read are made.

Making a frame of a row column by column takes longer than most steps. Here the columns of one dtype are made at once.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pretzel.input_spec import InputKind
from pretzel.runtime.input.row_reader import known_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pretzel.input_spec import InputSpec

_DTYPES = {float: "float64", bool: "bool", str: "object", type(None): "object"}


class RowFrame:
    """A frame of one row: its columns as arrays, and frames of some of them.

    Parameters
    ----------
    names : tuple of str
    values : list
        Numbers, texts, and missing values.
    dtypes : list of str
        Of the column of each value.
    """

    __slots__ = ("_dtypes", "_names", "_values")

    def __init__(self, names: tuple[str, ...], values: list[Any], dtypes: list[str]) -> None:
        self._names = names
        self._values = values
        self._dtypes = dtypes

    @property
    def shape(self) -> tuple[int, int]:
        """That of the frame."""
        return 1, len(self._names)

    def column(self, position: int) -> npt.NDArray[Any]:
        """The array of a column."""
        found = np.empty(1, self._dtypes[position])
        found[0] = self._values[position]
        return found

    def frame(self) -> Any:
        """The DataFrame of all columns."""
        return self.select(tuple(range(len(self._names))))

    def select(self, positions: Sequence[int], *, scalar: bool = False) -> Any:
        """The DataFrame of some columns, or the Series of one."""
        import pandas as pd

        if scalar:
            at = positions[0]
            return pd.Series(self.column(at), name=self._names[at], dtype=self._dtypes[at], copy=False)
        groups: dict[str, list[int]] = {}
        for at in positions:
            groups.setdefault(self._dtypes[at], []).append(at)
        parts = [self._alike(group, dtype) for dtype, group in groups.items()]
        if len(parts) == 1:
            return parts[0]
        made = [at for group in groups.values() for at in group]
        frame = pd.concat(parts, axis=1)
        return frame if made == [*positions] else frame.iloc[:, [made.index(at) for at in positions]]

    def _alike(self, positions: list[int], dtype: str) -> Any:
        """The DataFrame of columns of one dtype."""
        import pandas as pd

        array = np.empty((1, len(positions)), dtype)
        array[0] = [self._values[at] for at in positions]
        names = tuple([self._names[at] for at in positions])
        return pd.DataFrame(array, columns=index_of(names), dtype=dtype, copy=False)


@functools.lru_cache(maxsize=256)
def index_of(names: tuple[Any, ...]) -> Any:
    """The index of columns with these names."""
    import pandas as pd

    return pd.Index(names)


def row_frame(spec: InputSpec, row: Any) -> RowFrame | None:
    """The frame of a row that has a plain value for each column, and no other; None for all other rows."""
    names = spec.names
    if names is None or spec.items or spec.kind not in (InputKind.TABLE, InputKind.ANY):
        return None
    if type(row) not in (dict, tuple, list) or len(row) != len(names):
        return None
    if type(row) is dict and any(name not in row for name in names):
        return None
    values = [row[name] for name in names] if type(row) is dict else [*row]
    if type(row) is dict or spec.kind is InputKind.TABLE:
        values = [known_missing(spec, i, value) for i, value in enumerate(values)]
    dtypes = [_dtype_of(value, i in spec.texts) for i, value in enumerate(values)]
    return None if None in dtypes else RowFrame(names, values, cast("list[str]", dtypes))


def _dtype_of(value: Any, of_texts: bool) -> str | None:
    """dtype of the column of a value, which may be one ``of_texts``; None where pandas has to look."""
    if type(value) is int:
        return "int64" if -(2**63) <= value < 2**63 else None
    if of_texts and type(value) is float and value != value:
        return "object"
    return _DTYPES.get(type(value))
