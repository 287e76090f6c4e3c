"""Distances to cluster centres and to codes of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Kind, Schema, dense, fixed, rule_of

if TYPE_CHECKING:
    from pretzel.oven.ir._states import Fields, States


def _centers_1(state: Array, fields: Fields) -> dict[str, Array]:
    """Centres of a state of version 1, which are padded with zeros to multiples of eight."""
    width = fields["inputs"][0].schema().width
    return {"centers": state.view(np.float64).reshape(-1, -(-width // 8) * 8)[:, :width]}


class Distances(Node):
    """Euclidean distance of a row to each centre.

    Differences are squared and summed, where scikit-learn expands the square: without its cancellation for rows near
    a centre, and the same to the last digits elsewhere.

    Parameters
    ----------
    centers : float64 array of shape (n_centers, width)
    result : str
        As in `Linear`.
    """

    centers: Array
    result: str = "float64"

    op: ClassVar[str] = "distances/1"
    kernel: ClassVar[str] = "distances"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    states: ClassVar[States] = {1: _centers_1}

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.centers.shape[1]:
            raise ValueError(f"{self.inputs[0].schema()} meets centres of shape {self.centers.shape}")
        return dense(self.centers.shape[0], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"centers": self.centers}

    def reference(self, *inputs: Value) -> Value:
        difference = inputs[0][:, None, :] - self.centers
        return np.sqrt((difference * difference).sum(axis=2))

    def describe(self) -> str:
        return f"{self.centers.shape[0]} centres"


class SparseDistances(Node):
    """Euclidean distance of a sparse row to each centre, with the sums of scikit-learn for such rows.

    ``sqrt(max(-2 x.c + |x|^2 + |c|^2, 0))``, in which products are added up in the order of the entries of a row.

    Parameters
    ----------
    centers : float64 array of shape (width, n_centers)
        A column for each centre.
    norms : float64 array of shape (n_centers,)
        ``|c|^2``, added up as scikit-learn does.
    result : str
        As in `Linear`.
    """

    centers: Array
    norms: Array
    result: str = "float64"

    op: ClassVar[str] = "sparse_distances/1"
    kernel: ClassVar[str] = "sparse_distances"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        rows = self.inputs[0].schema()
        if rows.kind is not Kind.SPARSE or rows.width != self.centers.shape[0]:
            raise ValueError(f"{rows} meets centres of shape {self.centers.shape[::-1]}")
        return dense(self.centers.shape[1], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"centers": self.centers, "norms": self.norms}

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0].tocsr()
        rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))

        def added_up(products: Array) -> Array:  # in the order of the entries
            return np.bincount(rows, products, x.shape[0])

        norms = added_up(x.data * x.data)
        columns = [added_up(x.data * center[x.indices]) for center in self.centers.T]
        products = np.stack(columns, axis=1) if columns else np.empty((x.shape[0], 0))
        return np.sqrt(np.maximum(-2.0 * products + norms[:, None] + self.norms, 0.0))

    def describe(self) -> str:
        return f"{self.centers.shape[1]} centres"


class ExpandedDistances(Node):
    """``max(-2 x.c + |x|^2 + |c|^2, 0)`` for each centre, added up in this order as scikit-learn does for the least.

    Where a row is far away, its own square is all that is left, and all distances are equal.
    """

    centers: Array

    op: ClassVar[str] = "expanded_distances/1"
    kernel: ClassVar[str] = "expanded_distances"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.centers.shape[1]:
            raise ValueError(f"{self.inputs[0].schema()} meets centres of shape {self.centers.shape}")
        return dense(self.centers.shape[0])

    def params(self) -> dict[str, Array]:
        return {"centers": self.centers}

    def reference(self, *inputs: Value) -> Value:
        x, c = inputs[0], self.centers
        with np.errstate(over="ignore", invalid="ignore"):
            found = -2.0 * (x @ c.T) + (x * x).sum(axis=1)[:, None] + (c * c).sum(axis=1)
        return np.maximum(found, 0.0)

    def describe(self) -> str:
        return f"{self.centers.shape[0]} centres"


class NearestCenter(Node):
    """Index of the least of `ExpandedDistances`, the first of equals.

    Parameters
    ----------
    centers : float64 array of shape (n_centers, width)
        At least one.
    norms : float64 array of shape (n_centers,) or (0,)
        Where they are given, ``-2 x.c`` plus these is compared.
    """

    centers: Array
    norms: Array

    op: ClassVar[str] = "nearest_center/1"
    kernel: ClassVar[str] = "nearest_center"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.centers.shape[1] or not len(self.centers):
            raise ValueError(f"{self.inputs[0].schema()} meets centres of shape {self.centers.shape}")
        if len(self.norms) not in (0, len(self.centers)):
            raise ValueError(f"{len(self.centers)} centres have {len(self.norms)} norms")
        return dense(1, fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"centers": self.centers, "norms": self.norms}

    def reference(self, *inputs: Value) -> Value:
        if len(self.norms):
            return np.argmin(-2.0 * (inputs[0] @ self.centers.T) + self.norms, axis=1)[:, None].astype(np.float64)
        distances = ExpandedDistances(self.inputs, self.centers).reference(*inputs)
        return np.argmin(distances, axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, len(self.centers) - 1)

    def describe(self) -> str:
        return f"{self.centers.shape[0]} centres"
