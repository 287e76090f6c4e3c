"""Adapters of `sklearn.decomposition`: projections onto components are linear computations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.frontends.sklearn._common import (
    dense_only,
    finite_floats,
    floats,
    product_dtype,
    projected,
    without_mean,
)
from pretzel.oven.frontends.sklearn._pairwise import times_kernels
from pretzel.oven.frontends.sklearn.compat.densities import exp_of_equal_shares
from pretzel.oven.frontends.sklearn.compat.kernel_machines import centered_kernel
from pretzel.oven.frontends.sklearn.compat.projections import checks_projections
from pretzel.oven.ir.columns import ToFloat64, is_sparse
from pretzel.oven.ir.linear import Linear, LinearFloat32
from pretzel.oven.ir.normalize import UnitNorm
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.topics import Topics
from pretzel.schema import Follows, fixed

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


@adapter("sklearn.decomposition.PCA")
def pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``, minus the projected mean, divided by the standard deviations where it whitens."""
    return _principal(estimator, importer.numeric(x), importer)


@adapter("sklearn.decomposition.IncrementalPCA")
def incremental_pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """`PCA` of rows that are dense, because it makes sparse ones dense."""
    return _principal(estimator, importer.dense(x), importer)


def _principal(estimator: Any, x: Node, importer: Importer) -> Node:
    components = floats(estimator.components_)
    offset = floats((estimator.mean_.reshape(1, -1) @ estimator.components_.T)[0])  # in their own dtype
    checked = importer.finite(x, estimator)
    result = product_dtype(checked, estimator.components_.dtype, estimator.mean_.dtype, kept=Follows.FLOAT32)
    found: Node = projected(checked, components, -offset, result)
    if not estimator.whiten or not len(components):
        return found
    scale = np.sqrt(np.asarray(estimator.explained_variance_))
    smallest = np.finfo(scale.dtype).eps
    return SubDiv((found,), None, np.maximum(scale, smallest).astype(np.float64))


@inverse("sklearn.decomposition.PCA", "sklearn.decomposition.IncrementalPCA")
def of_principal(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_ + mean_``, where it whitens of components times standard deviations."""
    components = np.asarray(estimator.components_)
    if estimator.whiten:
        components = np.sqrt(np.asarray(estimator.explained_variance_)[:, None]) * components
    x = importer.dense(x)
    if not checks_projections():
        return times_components(components, x, estimator.mean_)
    return times_components(components, importer.finite(x, estimator), estimator.mean_, kept=Follows.FLOAT32)


@adapter("sklearn.decomposition.TruncatedSVD")
def truncated_svd(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``, of which SciPy adds up each product of sparse rows in float32 where both are."""
    components = floats(estimator.components_)
    checked = importer.finite(importer.numeric(x), estimator)
    if is_sparse(checked) and checked.schema().dtype == fixed("float32") and estimator.components_.dtype == np.float32:
        bias = np.zeros(len(components), dtype=np.float32)
        return LinearFloat32((checked,), np.ascontiguousarray(estimator.components_.T), bias)
    result = product_dtype(checked, estimator.components_.dtype)
    return projected(checked, components, np.zeros(components.shape[0]), result)


@inverse("sklearn.decomposition.TruncatedSVD")
def of_truncated_svd(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_``."""
    return times_components(estimator.components_, importer.finite(importer.dense(x), estimator))


def times_components(components: Any, x: Node, offset: Any = None, *, kept: Follows = Follows.REQUEST) -> Node:
    """``x @ components``, and an offset where there is one."""
    components = np.asarray(components)
    bias = np.zeros(components.shape[1], dtype=components.dtype) if offset is None else np.asarray(offset)
    result = product_dtype(x, components.dtype, bias.dtype, kept=kept)
    return Linear((x,), floats(components), floats(bias), result)


@adapter("sklearn.decomposition.FastICA")
def fast_ica(estimator: Any, x: Node, importer: Importer) -> Node:
    """``(X - mean_) @ components_.T``, where it was centred."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    result = product_dtype(checked, estimator.components_.dtype, kept=Follows.FLOAT32)
    centered = SubDiv((checked,), floats(estimator.mean_), None) if estimator.whiten else checked
    return projected(centered, floats(estimator.components_), np.zeros(len(estimator.components_)), result)


@inverse("sklearn.decomposition.FastICA")
def of_fast_ica(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ mixing_.T + mean_``, where it was centred."""
    checked = importer.finite(importer.dense(x), estimator)
    mixed = times_components(estimator.mixing_.T, checked, kept=Follows.FLOAT32)
    return MulAdd((mixed,), np.ones(mixed.schema().width), floats(estimator.mean_)) if estimator.whiten else mixed


@adapter("sklearn.decomposition.FactorAnalysis")
def factor_analysis(estimator: Any, x: Node, importer: Importer) -> Node:
    """The mean of the latent variables: ``(X - mean_) @ weights.T @ covariance``."""
    dense_only(x, estimator)
    scaled = estimator.components_ / estimator.noise_variance_
    covariance = _inverse(np.eye(len(scaled)) + scaled @ estimator.components_.T)
    centered = without_mean(importer.finite(importer.dense(x), estimator), estimator.mean_, scaled, covariance)
    hidden = projected(centered, floats(scaled), np.zeros(len(scaled)), "float64")
    return Linear((hidden,), floats(covariance), np.zeros(len(scaled)))


@adapter("sklearn.decomposition.SparsePCA", "sklearn.decomposition.MiniBatchSparsePCA")
def sparse_pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """The ridge regression of a row on the components, whose solution is linear in the row."""
    from scipy import linalg

    dense_only(x, estimator)
    components, mean = finite_floats(estimator.components_), finite_floats(estimator.mean_)
    gram = components @ components.T + float(estimator.ridge_alpha) * np.eye(len(components))
    try:
        weights = linalg.solve(gram, components, assume_a="pos").T
    except linalg.LinAlgError as error:
        raise Unsupported("components of which some depend on others") from error
    centered = without_mean(importer.finite(importer.dense(x), estimator), mean, weights)
    return Linear((centered,), np.ascontiguousarray(weights), np.zeros(len(components)))


@inverse("sklearn.decomposition.SparsePCA", "sklearn.decomposition.MiniBatchSparsePCA")
def of_sparse_pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_ + mean_``."""
    return times_components(estimator.components_, importer.finite(importer.dense(x), estimator), estimator.mean_)


@adapter("sklearn.decomposition.LatentDirichletAllocation")
def latent_dirichlet_allocation(estimator: Any, x: Node, importer: Importer) -> Node:
    """The expectation step for each document."""
    checked = importer.finite(importer.numeric(x), estimator)
    words = finite_floats(estimator.exp_dirichlet_component_).T
    first = exp_of_equal_shares(words.shape[1])
    prior, tolerance = float(estimator.doc_topic_prior_), float(estimator.mean_change_tol)
    found = Topics((checked,), np.ascontiguousarray(words), first, prior, tolerance, int(estimator.max_doc_update_iter))
    return importer.note(found)


def _inverse(matrix: Array) -> Array:
    """The inverse as scikit-learn computes it."""
    from scipy import linalg

    inverse: Array = linalg.inv(matrix)
    return inverse


@adapter("sklearn.decomposition.KernelPCA")
def kernel_pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """Kernels of the rows of the fit, centred and projected, which is one product of the kernels."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    weights, bias = map(finite_floats, centered_kernel(estimator))
    if estimator.kernel == "precomputed":
        importer.exclude(checked, ["float16", "float32"], "kernels that are centred in float32")
        return Linear((checked,), weights, bias)
    if estimator.kernel == "cosine":
        unit = finite_floats(estimator.X_fit_)
        norms = np.sqrt((unit * unit).sum(axis=1))[:, None]
        unit = unit / np.where(norms == 0.0, 1.0, norms)
        return Linear((UnitNorm((ToFloat64((checked,)),), "l2"),), np.ascontiguousarray(unit.T @ weights), bias)
    if hasattr(estimator.X_fit_, "tocsr"):
        raise Unsupported("KernelPCA that was fitted on sparse rows")
    return times_kernels(estimator, checked, estimator.X_fit_, weights, bias, gamma=estimator.gamma_)


@inverse("sklearn.decomposition.KernelPCA")
def of_kernel_pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """Kernels of the projected rows of the fit, times what a ridge regression has learnt."""
    if not estimator.fit_inverse_transform:
        raise Unsupported("KernelPCA(fit_inverse_transform=False)")
    checked = importer.finite(importer.dense(x), estimator)
    weights, references = finite_floats(estimator.dual_coef_), finite_floats(estimator.X_transformed_fit_)
    if estimator.kernel == "cosine":
        norms = np.sqrt((references * references).sum(axis=1))[:, None]
        unit = references / np.where(norms == 0.0, 1.0, norms)
        bias = np.zeros(weights.shape[1])
        return Linear((UnitNorm((ToFloat64((checked,)),), "l2"),), np.ascontiguousarray(unit.T @ weights), bias)
    return times_kernels(estimator, checked, references, weights, gamma=estimator.gamma_)
