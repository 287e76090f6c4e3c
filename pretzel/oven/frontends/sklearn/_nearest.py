"""Which node finds the nearest rows that an estimator has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.sklearn._common import NUMBERS, dense_only, exclude_all_but_float64, floats
from pretzel.oven.frontends.sklearn._pairwise import columns_of
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.frontends.sklearn.compat.neighbors import (
    WITHOUT_TREE,
    parts_of_threads,
    rows_for_products,
    stored_rows,
)
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.decided_neighbors import DecidedNeighbors
from pretzel.oven.ir.neighbors import Neighbors, SortedNeighbors
from pretzel.oven.ir.product_neighbors import ProductNeighbors
from pretzel.oven.ir.radius_neighbors import RadiusNeighbors

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


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
    searched = stored.order, stored.ranges, stored.bounds, stored.radii, stored.metric, int(k)
    if stored.by_tree:
        return SortedNeighbors((checked,), floats(stored.rows), *searched, stored.form, sort_of_source())
    return Neighbors((checked,), floats(stored.rows), *searched, parts=parts_of_threads(len(stored.rows)))


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


def nearest_in_order(estimator: Any, x: Node, importer: Importer, k: int) -> SortedNeighbors | ProductNeighbors:
    """The nearest stored rows, for those who see their order and their distances, or ask the estimator about a row."""
    stored = rows_for_products(estimator)
    groups = np.arange(0 if stored is None else stored[0].shape[0])
    found = _by_products(estimator, x, importer, k, groups, "order")
    return sorted_nearest(estimator, x, importer, k) if found is None else found


def nearest_by_answers(
    estimator: Any, x: Node, importer: Importer, k: int, targets: Array, *, weighted: bool, votes: bool = False
) -> Neighbors | ProductNeighbors:
    """The nearest stored rows, for those who see but their targets, and their distances where these are weights.

    ``votes`` says that the target with the most weight is the answer.
    """
    groups = np.unique(targets.reshape(len(targets), -1), axis=0, return_inverse=True)[1]
    needs = "answers" if not weighted else "votes" if votes else "weights"
    found = _by_products(estimator, x, importer, k, groups, needs)
    if found is not None:
        return found
    near = nearest(estimator, x, importer, k)
    if isinstance(near, SortedNeighbors) or near.metric not in ("euclidean", "sqeuclidean"):
        return near
    rows = near.points
    return DecidedNeighbors(
        near.inputs, rows, near.order, near.ranges, near.bounds, near.radii, near.metric, near.k, parts=near.parts,
        groups=groups.ravel().astype(np.int32),
        largest=float((rows * rows).sum(axis=1).max()),
        weighted=("answers", "weights", "votes").index(needs),
        whole=bool((rows == np.floor(rows)).all()),
    )  # fmt: skip


def _by_products(
    estimator: Any, x: Node, importer: Importer, k: int, groups: Array, needs: str
) -> ProductNeighbors | None:
    """The nearest stored rows where rows are sparse, the metric is an angle, or the order is seen; else None."""
    stored = rows_for_products(estimator)
    if stored is None:
        return None
    rows, metric = stored
    x = importer.numeric(x)
    if needs != "order" and not is_sparse(x) and isinstance(rows, np.ndarray) and metric in WITHOUT_TREE:
        return None
    if k > rows.shape[0]:
        raise Unsupported(f"{k} neighbours among {rows.shape[0]} rows")
    if metric == "correlation" and (is_sparse(x) or not isinstance(rows, np.ndarray)):
        raise Unsupported("means of sparse rows")
    if rows.dtype != np.float64:
        raise Unsupported(f"stored rows of {rows.dtype}")
    checked = importer.finite(x, estimator)
    exclude_all_but_float64(checked, importer, "products that are not of float64")
    return ProductNeighbors((checked,), *_products(rows, metric), groups.ravel().astype(np.int32), metric, k, needs)


def _products(rows: Any, metric: str) -> tuple[Array, Array, Array, Array]:
    """Begins of the columns of stored rows, row and value of each entry, and what `ProductNeighbors` calls norms."""
    from sklearn.preprocessing import normalize
    from sklearn.utils.extmath import row_norms

    norms = np.ascontiguousarray(row_norms(rows, squared=True), dtype=np.float64)  # sparse rows: the bits of the source
    if metric == "correlation":
        whole, rows = norms, rows - rows.mean(axis=1, keepdims=True)
        norms = (rows * rows).sum(axis=1)
        if not (norms > 0.0).all():
            raise Unsupported("the correlation with a row of equal numbers, which is 0/0")
    if metric in ("cosine", "correlation"):
        # Squares of smaller ones lose digits, and scikit-learn does not divide dense rows that are as short as epsilon.
        smallest = 1e-29 if metric == "cosine" and isinstance(rows, np.ndarray) else 1e-290
        if (norms[norms > 0.0] < smallest).any():
            raise Unsupported("the angle to a row next to zero")
        rows = normalize(rows) if metric == "cosine" else rows / np.sqrt(norms)[:, None]
    if metric == "correlation":
        norms = np.sqrt(whole / norms)
    if not isinstance(rows, np.ndarray):
        starts, places, values, _ = columns_of(rows)
        return starts, places, values, norms
    count, width = rows.shape
    if count * width >= 2**31:
        raise Unsupported("too many values to compare with")
    places = np.tile(np.arange(count, dtype=np.int32), width)
    return np.arange(width + 1, dtype=np.int32) * count, places, np.ascontiguousarray(rows.T).ravel(), norms


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
