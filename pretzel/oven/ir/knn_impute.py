"""Missing values replaced by means of the nearest stored rows: ``KNNImputer``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.ir._states import Fields, States

_BLOCK = 32
_HEADER = 64
_LINE = 64


def _aligned(size: int) -> int:
    return -(-size // _LINE) * _LINE


def _rows_1(state: Array, fields: Fields) -> dict[str, Array]:
    """Rows of a state of version 1, which stand in blocks of 32, column by column, behind all else."""
    width = fields["inputs"][0].schema().width
    rows = int(state[:8].view(np.int64)[0])
    blocks = -(-rows // _BLOCK)
    start = _HEADER + _aligned(8 * blocks * _BLOCK) + _aligned(blocks * width)
    found = state[start:].view(np.float64).reshape(blocks, width, _BLOCK)
    return {"rows": np.ascontiguousarray(found.transpose(0, 2, 1).reshape(-1, width)[:rows])}


class KNNImpute(Node):
    """``missing`` becomes the mean of the ``k`` nearest stored rows in which the column is present.

    A distance is that of the columns which both rows have, times the number of all columns by theirs. The mean of the
    column stands in where no stored row has a column in common with the row. A row is left to the estimator where its
    rounding, or the order in which NumPy finds equal distances, decides about the result. Means of rows of float32 are
    computed in float64 and rounded.

    Parameters
    ----------
    rows : float64 array of shape (n_rows, width)
        NaN where a value is missing.
    means : float64 array of shape (width,)
        Of the columns; NaN where a column is missing in all rows. It becomes zeros.
    kept : tuple of int
        Columns of the result.
    missing : float
    k : int
    weighted : bool
        Nearer rows count more, by the inverse of their distance.
    """

    rows: Array
    means: Array
    kept: tuple[int, ...]
    missing: float
    k: int
    weighted: bool

    op: ClassVar[str] = "knn_impute/1"
    kernel: ClassVar[str] = "knn_impute"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    states: ClassVar[States] = {1: _rows_1}

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != self.rows.shape[1] or len(self.means) != source.width or not len(self.rows):
            raise ValueError(f"{source} meets rows of shape {self.rows.shape}")
        return dense(len(self.kept), source.dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def params(self) -> dict[str, Array]:
        return {
            "rows": self.rows,
            "means": self.means,
            "kept": np.array(self.kept, dtype=np.int32),
            "missing": np.array(self.missing, dtype=np.float64),
            "k": np.array(self.k, dtype=np.int32),
            "weighted": np.array(self.weighted, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        mask = np.isnan(x) if math.isnan(self.missing) else x == self.missing
        found = np.where(np.isnan(self.means), 0.0, x)
        for i in np.flatnonzero(mask.any(axis=1)):
            far = self._distances(np.where(mask[i], np.nan, x[i]))
            for j in np.flatnonzero(mask[i] & ~np.isnan(self.means)):
                found[i, j] = self._mean(far, int(j))
        return found[:, list(self.kept)]

    def _distances(self, row: Array) -> Array:
        """Squared distances to the stored rows; NaN where no column is in common."""
        sums, counts = np.zeros(len(self.rows)), np.zeros(len(self.rows))
        with np.errstate(all="ignore"):
            for x, column in zip(row, self.rows.T, strict=True):
                both = ~np.isnan(x - column)
                sums += np.where(both, (x - column) ** 2, 0.0)
                counts += both
            return sums / counts * len(row)

    def _mean(self, far: Array, column: int) -> float:
        donors = np.flatnonzero(~np.isnan(far) & ~np.isnan(self.rows[:, column]))
        if not donors.size:
            return float(self.means[column])
        nearest = donors[np.argsort(far[donors], kind="stable")[: self.k]]
        values, near = self.rows[nearest, column], far[nearest]
        if not self.weighted:
            return float(values.mean())
        weights = 1.0 / np.sqrt(near) if near[0] > 0.0 else (near == 0.0).astype(np.float64)
        return float(values @ weights / weights.sum())

    def describe(self) -> str:
        weights = ", by distance" if self.weighted else ""
        return f"{self.k} of {len(self.rows)} rows{weights}"
