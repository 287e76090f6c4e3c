"""Adapters of `sklearn.decomposition` that write rows as sums of components with weights that are not negative.

scikit-learn stops where the rows of a request, taken together, hardly change. Here each row has the weights that
scikit-learn gives it alone, so that its answer does not depend on its neighbours in a request.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.frontends.sklearn._common import finite_floats, of_another_precision
from pretzel.oven.frontends.sklearn.compat.projections import minibatch_factorization
from pretzel.oven.frontends.sklearn.decomposition import times_components
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.coordinate_descent import CoordinateDescent
from pretzel.oven.ir.multiplicative_updates import DivergenceUpdates, MultiplicativeUpdates

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node

LEAST_TOLERANCE = {False: 1e-9, True: 1e-5}
"""Below it, the last bits of the error would decide when a dense or sparse row stops."""

_SQUARES = 1e-280, 1e280


@adapter("sklearn.decomposition.NMF")
def nmf(estimator: Any, x: Node, importer: Importer) -> Node:
    """Weights by coordinate descent or multiplicative updates, with the penalties of the fit."""
    components = _components(estimator, estimator.n_components)
    rounds = _rounds(estimator.max_iter)
    loss = estimator.beta_loss
    if estimator.solver == "mu":
        return _updates(estimator, x, importer, components, loss, rounds, by_error=True)
    if estimator.solver != "cd" or loss not in (2, "frobenius"):
        raise Unsupported("parameters that transform rejects")
    if estimator.shuffle:
        raise Unsupported("shuffle=True, which draws the order of the components for each request")
    l1, l2 = _penalties(estimator, components)
    gram = _gram(components)
    gram.flat[:: len(gram) + 1] += l2
    checked = _checked(estimator, x, importer)
    tolerance = float(estimator.tol)
    return CoordinateDescent((checked,), np.ascontiguousarray(components.T), gram, l1, tolerance, rounds)


@adapter("sklearn.decomposition.MiniBatchNMF")
def minibatch_nmf(estimator: Any, x: Node, importer: Importer) -> Node:
    """Weights by multiplicative updates."""
    loss, count, rounds = minibatch_factorization(estimator)
    components = _components(estimator, count)
    return _updates(estimator, x, importer, components, loss, _rounds(rounds), by_error=False)


@inverse("sklearn.decomposition.MiniBatchNMF", "sklearn.decomposition.NMF")
def of_factorization(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_``, of rows that are not checked."""
    return times_components(estimator.components_, importer.dense(x))


def _updates(
    estimator: Any, x: Node, importer: Importer, components: Array, loss: Any, rounds: int, *, by_error: bool
) -> Node:
    l1, l2 = _penalties(estimator, components)
    tolerance = float(estimator.tol)
    if 0.0 < tolerance < LEAST_TOLERANCE[by_error and is_sparse(x)]:
        raise Unsupported(f"tol={tolerance}, with which the last bits decide when a row stops")
    checked, shares = _checked(estimator, x, importer), np.ascontiguousarray(components.T)
    if loss in (2, "frobenius"):
        gram = _gram(components)
        return MultiplicativeUpdates((checked,), shares, l1, l2, tolerance, rounds, by_error, gram)
    if loss in (1, "kullback-leibler"):
        return DivergenceUpdates((checked,), shares, l1, l2, tolerance, rounds, by_error, components.sum(axis=1))
    raise Unsupported(f"beta_loss={loss!r:.40}")


def _components(estimator: Any, count: Any) -> Array:
    components = finite_floats(estimator.components_)
    known = {None: components.shape[1], "warn": components.shape[1], "auto": len(components)}
    expected = known.get(count, count) if isinstance(count, str | None) else count
    if expected != len(components) or (components < 0.0).any() or not components.any():
        raise Unsupported("components that transform rejects")
    return components


def _gram(components: Array) -> Array:
    gram: Array = components @ components.T
    squares = gram.diagonal()[gram.diagonal() != 0.0]
    if not ((squares > _SQUARES[0]) & (squares < _SQUARES[1])).all():
        raise Unsupported("components that are too long, or too short")
    return gram


def _rounds(count: Any) -> int:
    if not isinstance(count, Integral) or not 1 <= int(count) < 2**31:
        raise Unsupported("parameters that transform rejects")
    return int(count)


def _penalties(estimator: Any, components: Array) -> tuple[float, float]:
    """The penalties of the sum of the weights of a row, and of the sum of their squares."""
    alpha, share = float(estimator.alpha_W), float(estimator.l1_ratio)
    if not (0.0 <= alpha < np.inf and 0.0 <= share <= 1.0 and 0.0 <= float(estimator.tol) < np.inf):
        raise Unsupported("parameters that fit rejects")
    width = components.shape[1]
    return width * alpha * share, width * alpha * (1.0 - share)


def _checked(estimator: Any, x: Node, importer: Importer) -> Node:
    checked = importer.finite(importer.numeric(x), estimator)
    importer.exclude(checked, of_another_precision(checked, np.float64), "it is computed in float32, or rejected")
    return checked
