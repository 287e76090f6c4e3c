"""Which node finds the nearest rows that an estimator has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.sklearn._common import NUMBERS, dense_only, exclude_all_but_float64, floats
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.frontends.sklearn.compat.neighbors import stored_rows
from pretzel.oven.ir.neighbors import Neighbors, SortedNeighbors
from pretzel.oven.ir.radius_neighbors import RadiusNeighbors

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


def nearest(estimator: Any, x: Node, importer: Importer, k: int) -> Neighbors:
    """The nearest stored rows of each row of ``x``.

    Without a tree, scikit-learn finds them by another way unless the rows and the stored ones are float64, and then
    `numpy.argpartition` decides among equal distances, which it does otherwise on each processor.
    """
    _check_metric(x, estimator)
    stored = stored_rows(estimator)
    if k > len(stored.rows):
        raise Unsupported(f"{k} neighbours among {len(stored.rows)} rows")
    checked = importer.finite(importer.dense(x), estimator)
    if not stored.by_tree:
        reason = "equal distances among which numpy.argpartition decides"
        if stored.rows.dtype != np.float64:
            raise Unsupported(reason)
        importer.exclude(checked, [each for each in NUMBERS if each not in ("float64", "object")], reason)
    parts = stored.order, stored.ranges, stored.bounds, stored.radii, stored.metric, int(k)
    if stored.by_tree:
        return SortedNeighbors((checked,), floats(stored.rows), *parts, stored.form, sort_of_source())
    return Neighbors((checked,), floats(stored.rows), *parts)


def sorted_nearest(estimator: Any, x: Node, importer: Importer, k: int) -> SortedNeighbors:
    """The same, for those who see the order.

    Raises
    ------
    Unsupported
        Without a tree, the number of threads decides about the order of rows that are equally far.
    """
    found = nearest(estimator, x, importer, k)
    if not isinstance(found, SortedNeighbors):
        raise Unsupported("equal distances without a tree, whose order depends on the number of threads")
    return found


def sort_of_source() -> str:
    """How the installed scikit-learn sorts neighbours by their distances."""
    return "intro" if since("1.9") else "quick"


def within(estimator: Any, x: Node, importer: Importer) -> RadiusNeighbors:
    """All stored rows within the radius of each row of ``x``."""
    _check_metric(x, estimator)
    if estimator.radius is None:
        raise Unsupported("no radius")
    stored = stored_rows(estimator)
    if not stored.by_tree and stored.rows.dtype != np.float64:
        raise Unsupported("distances that are rounded to float32")
    checked = importer.finite(importer.dense(x), estimator)
    if not stored.by_tree and stored.metric in ("sqeuclidean", "canberra", "braycurtis"):
        exclude_all_but_float64(checked, importer, "distances that SciPy adds up")
    return RadiusNeighbors(
        (checked,), floats(stored.rows), stored.order, stored.ranges, stored.bounds, stored.radii, stored.metric,
        float(estimator.radius), stored.form,
    )  # fmt: skip


def _check_metric(x: Node, estimator: Any) -> None:
    dense_only(x, estimator)
    if estimator.metric == "precomputed":
        raise Unsupported("distances that the request holds")


def by_distance(estimator: Any) -> bool:
    """Whether nearer neighbours count more."""
    if estimator.weights not in ("uniform", "distance", None):
        raise Unsupported(f"weights={estimator.weights!r:.40}")
    return bool(estimator.weights == "distance")
