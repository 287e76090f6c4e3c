"""Feature selectors: columns chosen when they were fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Value
from pretzel.oven.ops.scale import is_sparse
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Schema, sparse

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class SelectSparse(Node):
    """Columns of sparse rows.

    Parameters
    ----------
    columns : int32 array
        Columns kept, ascending.
    """

    columns: Array

    kernel: ClassVar[str] = "select_sparse"

    def schema(self) -> Schema:
        nnz, width = self.inputs[0].schema().nnz, len(self.columns)
        return sparse(width, width if nnz is None else min(nnz, width))

    def params(self) -> tuple[Array, ...]:
        position = np.full(self.inputs[0].schema().width, -1, dtype=np.int32)
        position[self.columns] = np.arange(len(self.columns), dtype=np.int32)
        return (position,)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0].tocsr()[:, self.columns]

    def always_finite(self) -> bool:
        return self.inputs[0].always_finite()

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


@from_sklearn(
    "sklearn.feature_selection.GenericUnivariateSelect",
    "sklearn.feature_selection.SelectFdr",
    "sklearn.feature_selection.SelectFpr",
    "sklearn.feature_selection.SelectFromModel",
    "sklearn.feature_selection.SelectFwe",
    "sklearn.feature_selection.SelectKBest",
    "sklearn.feature_selection.SelectPercentile",
    "sklearn.feature_selection.SequentialFeatureSelector",
    "sklearn.feature_selection.VarianceThreshold",
)
def selector(estimator: Any, x: Node, importer: Importer) -> Node:
    """All columns are checked, those that are dropped too, unless the selector lets NaN pass: then none is."""
    from sklearn.utils import get_tags

    columns = tuple(int(i) for i in estimator.get_support(indices=True))
    if not columns:
        raise Unsupported(f"{type(estimator).__name__} that drops every column")
    x = importer.numeric(x)
    if not get_tags(estimator).input_tags.allow_nan:
        x = importer.finite(x, estimator)
    return SelectSparse((x,), np.array(columns, dtype=np.int32)) if is_sparse(x) else importer.select(x, columns)
