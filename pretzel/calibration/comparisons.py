"""Models for the kernels that compare a row with stored ones, with centres, or with pairs of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel import examples

if TYPE_CHECKING:
    from collections.abc import Iterator


def comparisons(rng: np.random.Generator, rows: int, quick: bool) -> Iterator[tuple[Any, Any]]:
    """Fitted models, each with rows to time it on, over widths, numbers of classes and of stored rows."""
    sizes = [(4, 3, 90), (20, 6, 400)] if quick else [(3, 3, 60), (8, 4, 500), (20, 6, 150), (60, 9, 500)]
    for width, classes, stored in sizes:
        X, y = examples.regression(rows, width, rng)
        labels = examples.classes(y, classes)
        yield from _machines(X, y, labels, stored)
        yield from _sparse_machines(rng, rows, classes, stored, 20 * width)
        yield from _processes(X, y, stored)
        yield from _densities(X, labels, classes)
        yield from _centers(X, labels, stored)
    for width, stored, k in [(4, 300, 5), (10, 900, 20)] if quick else NEIGHBORS:
        X, y = examples.regression(stored + rows, width, rng)
        yield from _neighbors(X, y, stored, k)
    for width, stored, k in (
        [(4, 60, 6), (10, 200, 12)] if quick else [(3, 60, 5), (5, 200, 12), (10, 600, 5), (30, 300, 20)]
    ):
        yield from _embeddings(rng, rows, width, stored, k)


NEIGHBORS = [(2, 300, 5), (2, 20000, 5), (4, 5000, 30), (10, 1000, 1), (10, 5000, 10), (40, 2000, 5)]
"""Widths, numbers of stored rows and of neighbours."""


def _machines(X: Any, y: Any, labels: Any, stored: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.svm import SVC, SVR

    few, gamma = slice(stored), 0.3 / X.shape[1]
    for kernel in ("rbf", "poly", "sigmoid"):
        yield SVR(kernel=kernel, gamma=gamma, coef0=0.5).fit(X[few], y[few]), X
        yield SVC(kernel=kernel, gamma=gamma, coef0=0.5).fit(X[few], labels[few]), X
    yield SVC(gamma=gamma, probability=True, random_state=0).fit(X[few], labels[few]), X


def _sparse_machines(
    rng: np.random.Generator, rows: int, classes: int, stored: int, words: int
) -> Iterator[tuple[Any, Any]]:
    """Machines on texts, and on dense rows with support vectors that are mostly zeros."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC, SVR

    for length in (6, 40):
        texts = examples.texts(rows, examples.vocabulary(words, rng), length, rng)
        y = np.array([len(text) % classes for text in texts])
        yield make_pipeline(TfidfVectorizer(), SVC()).fit(texts[:stored], y[:stored]), texts
        yield make_pipeline(TfidfVectorizer(), SVR(kernel="poly")).fit(texts[:stored], y[:stored]), texts
    if stored >= 500:  # more values than a cache holds
        texts = examples.texts(4 * rows, examples.vocabulary(5 * words, rng), 100, rng)
        yield make_pipeline(TfidfVectorizer(), SVR()).fit(texts, np.array(list(map(len, texts))) % 9), texts[:rows]
    counts = rng.poisson(0.05, size=(rows, words)).astype(np.float64)
    target = counts[:, :5].sum(axis=1)
    for kernel in ("rbf", "sigmoid"):
        yield SVR(kernel=kernel, gamma=0.1).fit(csr_matrix(counts[:stored]), target[:stored]), counts


def _processes(X: Any, y: Any, stored: int) -> Iterator[tuple[Any, Any]]:
    """Means of Gaussian processes, and a ridge regression of kernels that have functions of their own."""
    from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, DotProduct, ExpSineSquared, Matern, RationalQuadratic
    from sklearn.kernel_ridge import KernelRidge

    scale = 3.0 * X.shape[1] ** 0.5
    smooth, rough = RBF(scale), Matern(scale, nu=1.5)
    for kernel in (
        smooth * rough,
        smooth * rough * Matern(scale, nu=2.5),
        RationalQuadratic(scale) * ExpSineSquared(scale, 5.0 * scale) + 1e-3 * DotProduct(),
        Matern(scale, nu=0.5),
    ):
        process = GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None)
        yield process.fit(X[:stored], y[:stored]), X
    yield GaussianProcessClassifier(smooth, optimizer=None).fit(X[:stored], y[:stored] > y[:stored].mean()), X
    yield KernelRidge(kernel="laplacian").fit(X[:stored], y[:stored]), X


def _densities(X: Any, labels: Any, classes: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.covariance import EmpiricalCovariance
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.mixture import GaussianMixture
    from sklearn.naive_bayes import GaussianNB

    for kind in ("full", "tied", "diag"):
        for components in (classes, 3 * classes):
            mixture = GaussianMixture(components, covariance_type=kind, max_iter=2, reg_covar=1e-2, random_state=0)
            yield mixture.fit(X), X
    yield GaussianNB().fit(X, labels), X
    yield QuadraticDiscriminantAnalysis(reg_param=0.1).fit(X, labels % 3), X  # each class has more rows than columns
    yield EmpiricalCovariance().fit(X), X


def _centers(X: Any, labels: Any, stored: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.cluster import Birch
    from sklearn.neighbors import NearestCentroid

    yield NearestCentroid().fit(X, labels), X
    for each in (stored // 10, stored):
        yield Birch(threshold=1e-3, n_clusters=None).fit(X[:each]), X


def _neighbors(X: Any, y: Any, stored: int, k: int) -> Iterator[tuple[Any, Any]]:
    from scipy.sparse import csr_matrix
    from sklearn.neighbors import (
        KNeighborsClassifier,
        KNeighborsRegressor,
        KNeighborsTransformer,
        LocalOutlierFactor,
        NearestNeighbors,
        RadiusNeighborsClassifier,
        RadiusNeighborsRegressor,
        RadiusNeighborsTransformer,
    )

    few, asked = slice(stored), X[stored:]  # a row that is stored would be found at once
    many, width = np.stack([y, y * y, np.abs(y)], axis=1), X.shape[1]
    for algorithm in ("kd_tree", "ball_tree", "brute"):
        made: dict[str, Any] = {"n_neighbors": k, "algorithm": algorithm}
        yield KNeighborsClassifier(**made).fit(X[few], examples.classes(y, 3)[few]), asked
        yield KNeighborsRegressor(weights="distance", **made).fit(X[few], many[few]), asked
        mode = "connectivity" if algorithm == "brute" else "distance"
        if mode == "distance":
            yield NearestNeighbors(**made).fit(X[few]), asked
            yield KNeighborsTransformer(**made).fit(X[few]), asked
        yield RadiusNeighborsTransformer(mode=mode, radius=width**0.5, algorithm=algorithm).fit(X[few]), asked
        within = RadiusNeighborsClassifier(width**0.5, algorithm=algorithm, outlier_label=0)
        yield within.fit(X[few], examples.classes(y, 3)[few]), asked
        within = RadiusNeighborsRegressor(width**0.5, algorithm=algorithm, weights="distance")
        yield within.fit(X[few], many[few]), asked
    weighted = KNeighborsClassifier(k, algorithm="brute", weights="distance")
    yield weighted.fit(X[few], examples.classes(y, 12)[few]), asked
    yield KNeighborsRegressor(k, metric="manhattan").fit(X[few], y[few]), asked
    for algorithm in ("auto", "brute"):
        yield LocalOutlierFactor(n_neighbors=k, algorithm=algorithm, novelty=True).fit(X[few]), asked
    angles = KNeighborsClassifier(k, metric="cosine")
    yield angles.fit(X[few], examples.classes(y, 3)[few]), asked
    sparse = csr_matrix(np.where(np.abs(X) > 1.0, X, 0.0))
    for rows in (sparse[stored:], sparse[stored:].toarray()):
        yield KNeighborsClassifier(k).fit(sparse[few], examples.classes(y, 3)[few]), rows


def _embeddings(rng: np.random.Generator, rows: int, width: int, stored: int, k: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.manifold import Isomap, LocallyLinearEmbedding

    X, _ = examples.regression(stored + rows, width, rng)
    for components in (2, width):
        made: dict[str, Any] = {"n_neighbors": k, "n_components": components}
        yield Isomap(**made).fit(X[:stored]), X[stored:]
        yield LocallyLinearEmbedding(random_state=0, **made).fit(X[:stored]), X[stored:]
