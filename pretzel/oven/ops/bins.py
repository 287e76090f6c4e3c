"""Numbers to the bins they fall into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Value
from pretzel.oven.ops.encode import OneHot
from pretzel.oven.ops.scale import dense_only
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class Bins(Node):
    """How many of a column's edges are not above the value.

    Parameters
    ----------
    edges : float64 array of shape (n_edges,)
        Ascending for each column; those of column j are ``edges[starts[j]:starts[j + 1]]``.
    starts : int32 array of shape (width + 1,)
    """

    edges: Array
    starts: Array

    kernel: ClassVar[str] = "bins"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.starts) - 1:
            raise ValueError(f"{source} meets the edges of {len(self.starts) - 1} columns")
        return dense(source.width, integral=True, keeps_float32=source.keeps_float32)

    def params(self) -> tuple[Array, ...]:
        return (self.edges, self.starts)

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        for j in range(out.shape[1]):
            out[:, j] = np.searchsorted(self.edges[self.starts[j] : self.starts[j + 1]], inputs[0][:, j], side="right")
        return out

    def describe(self) -> str:
        return f"{len(self.edges)} edges of {len(self.starts) - 1} columns"


@from_sklearn("sklearn.preprocessing.KBinsDiscretizer")
def k_bins(estimator: Any, x: Node, importer: Importer) -> Node:
    """The outer edges of a column bound nothing: values beyond them fall into the first and the last bin."""
    dense_only(x, estimator)
    if estimator.dtype is not None:
        raise Unsupported("KBinsDiscretizer(dtype=...)")
    inner = [np.asarray(edges, dtype=np.float64)[1:-1] for edges in estimator.bin_edges_]
    starts = np.cumsum([0, *map(len, inner)], dtype=np.int32)
    codes = Bins((importer.finite(importer.dense(x), estimator),), np.concatenate(inner), starts)
    if estimator.encode == "ordinal":
        return codes
    n_bins = [len(edges) + 1 for edges in inner]
    return OneHot((codes,), np.cumsum([0, *n_bins], dtype=np.int32), estimator.encode == "onehot")
