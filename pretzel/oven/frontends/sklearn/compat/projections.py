"""Private attributes of estimators that project rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


def mean_and_scale(model: Any) -> tuple[Array, Array]:
    """What a partial least squares subtracts from each column, and divides it by."""
    return model._x_mean, model._x_std


def checks_projections() -> bool:
    """Whether the inverse of a `PCA` checks its input, as it has done for some releases."""
    from sklearn.decomposition import PCA

    return "check_array" in PCA.inverse_transform.__code__.co_names


def predicts_one(model: Any) -> bool:
    """Whether a partial least squares was fitted on a vector, and predicts one."""
    return bool(model._predict_1d)


def discriminants(model: Any) -> int:
    """Columns of the projection of a linear discriminant analysis."""
    return int(model._max_components)


def minibatch_factorization(model: Any) -> tuple[Any, Any, Any]:
    """Loss, number of components, and most rounds of ``transform``, as the fit of a ``MiniBatchNMF`` took them."""
    return model._beta_loss, model._n_components, model._transform_max_iter
