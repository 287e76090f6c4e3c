"""Private attributes of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


def bisections(estimator: Any) -> tuple[Array, Array, Array, Array]:
    """The tree of a `BisectingKMeans`, depth first.

    Returns
    -------
    left, right : int64 arrays of shape (n_nodes,)
        Numbers of the children; -1 for leaves.
    centers : array of shape (n_nodes, width)
        In the columns of a request.
    labels : int64 array of shape (n_nodes,)
        Of leaves.
    """
    nodes: list[Any] = []
    children: list[tuple[int, int]] = []
    waiting = [(estimator._bisecting_tree, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if parent >= 0:
            pair = children[parent]
            children[parent] = (len(nodes), pair[1]) if side == 0 else (pair[0], len(nodes))
        nodes.append(node)
        children.append((-1, -1))
        if node.left is not None:
            waiting += [(node.right, len(nodes) - 1, 1), (node.left, len(nodes) - 1, 0)]
    left, right = np.array(children).T
    centers = np.stack([np.asarray(node.center).ravel() for node in nodes]) + getattr(estimator, "_X_mean", 0.0)
    labels = np.array([node.label if node.left is None else 0 for node in nodes])
    return left, right, centers, labels
