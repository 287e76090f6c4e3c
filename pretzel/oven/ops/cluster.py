"""Distances to cluster centres, and the nearest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Methods, Node, Output, Parity, Value
from pretzel.oven.ops.linear import Linear
from pretzel.oven.ops.link import ArgMin
from pretzel.oven.registry import from_sklearn
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class Distances(Node):
    """Euclidean distance of a row to each centre.

    Differences are squared and summed, where scikit-learn expands the square: without its cancellation for rows near
    a centre, and the same to the last digits elsewhere.

    Parameters
    ----------
    centers : float64 array of shape (n_centers, width)
    """

    centers: Array

    kernel: ClassVar[str] = "distances"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.centers.shape[1]:
            raise ValueError(f"{self.inputs[0].schema()} meets centres of shape {self.centers.shape}")
        return dense(self.centers.shape[0])

    def params(self) -> tuple[Array, ...]:
        return (self.centers,)

    def reference(self, *inputs: Value) -> Value:
        difference = inputs[0][:, None, :] - self.centers
        return np.sqrt((difference * difference).sum(axis=2))

    def describe(self) -> str:
        return f"{self.centers.shape[0]} centres"


@from_sklearn("sklearn.cluster.KMeans", "sklearn.cluster.MiniBatchKMeans")
def k_means(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` minimises ``|c|^2 - 2 x.c``, as scikit-learn does, so that both agree on rows between centres."""
    centers = np.asarray(estimator.cluster_centers_, dtype=np.float64)
    norms = np.einsum("ij,ij->i", centers, centers)
    checked = importer.finite(importer.numeric(x), estimator)
    nearest = ArgMin((Linear((checked,), -2.0 * centers.T, norms),))
    labels = (np.arange(centers.shape[0], dtype=np.int32),)
    return {
        "predict": Output(nearest, ndim=1, labels=labels),
        "transform": Output(Distances((importer.dense(checked),), centers)),
    }
