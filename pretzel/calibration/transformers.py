"""Models for the kernels of single transformers: splines, imputation by models, topics, codes, categories, features."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel import examples

if TYPE_CHECKING:
    from collections.abc import Iterator


def transformers(rng: np.random.Generator, rows: int, quick: bool) -> Iterator[tuple[Any, Any]]:
    """Fitted models, each with rows to time it on, over widths and sizes."""
    for width, size in [(4, 3), (20, 8)] if quick else [(3, 2), (8, 5), (20, 10), (50, 25)]:
        X, y = examples.regression(rows, width, rng)
        yield from _splines(X)
        yield from _imputers(rng, X)
        yield from _sketches(X)
        yield from _topics(rng, rows, width, size)
        yield from _codes(rng, X)
        yield from _factorizations(rng, rows, width, size)
        yield from _categories(rng, y, width, size)
        yield from _features(rng, rows, 4 * width, size)
    if find_spec("skrub") is not None:
        yield from _dates(rng, rows)


def _dates(rng: np.random.Generator, rows: int) -> Iterator[tuple[Any, Any]]:
    """Columns of dates of which few or many features are made, which are scaled."""
    import pandas as pd
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from skrub import DatetimeEncoder, SquashingScaler, TableVectorizer

    X = pd.DataFrame({name: rng.integers(0, 2**60, rows).view("datetime64[ns]") for name in "abc"})
    for options in ({"resolution": "month", "add_total_seconds": False}, {"resolution": "nanosecond"}):
        steps = TableVectorizer(datetime=DatetimeEncoder(**options)), SquashingScaler(), Ridge()
        yield make_pipeline(*steps).fit(X, np.arange(rows)), X
    for form in ("%Y-%m-%d", "%d/%m/%Y %H:%M:%S"):
        texts = X.apply(lambda column, form=form: column.dt.strftime(form))
        yield make_pipeline(TableVectorizer(), SquashingScaler(), Ridge()).fit(texts, np.arange(rows)), texts


def _splines(X: Any) -> Iterator[tuple[Any, Any]]:
    from sklearn.preprocessing import SplineTransformer

    for degree, knots in ((1, 4), (3, 5), (3, 20), (5, 8)):
        yield SplineTransformer(n_knots=knots, degree=degree).fit(X), X
    yield SplineTransformer(extrapolation="linear").fit(X[:50]), X


def _imputers(rng: np.random.Generator, X: Any) -> Iterator[tuple[Any, Any]]:
    importlib.import_module("sklearn.experimental.enable_iterative_imputer")
    from sklearn.impute import IterativeImputer, KNNImputer
    from sklearn.linear_model import Ridge

    holes = np.where(rng.random(X.shape) < 0.1, np.nan, X)  # as many as its cost assumes
    for rounds in (1, 5):
        yield IterativeImputer(Ridge(), max_iter=rounds, tol=0.0, random_state=0).fit(holes), holes
    for donors in (100, 1000, len(holes)):
        yield KNNImputer().fit(holes[:donors]), holes


def _sketches(X: Any) -> Iterator[tuple[Any, Any]]:
    from scipy.sparse import csr_matrix
    from sklearn.kernel_approximation import PolynomialCountSketch

    rows = csr_matrix(np.where(X > 1.0, X, 0.0))
    for degree, n in ((1, 50), (2, 50), (2, 200), (3, 100)):
        for each in (X, rows):
            yield PolynomialCountSketch(degree=degree, n_components=n, random_state=0).fit(each), each


def _topics(rng: np.random.Generator, rows: int, width: int, size: int) -> Iterator[tuple[Any, Any]]:
    """With as many rounds for every document, because how many it takes is no property of a machine."""
    from sklearn.decomposition import LatentDirichletAllocation
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    for rounds in (2, 10):
        topics = LatentDirichletAllocation(
            size, max_iter=2, max_doc_update_iter=rounds, mean_change_tol=1e-99, random_state=0
        )
        counts = rng.poisson(3.0, size=(rows, width)).astype(np.float64)
        yield examples.fitted(topics, counts), counts
        for length in (5, 30):
            texts = examples.texts(rows, examples.vocabulary(20 * width, rng), length, rng)
            yield make_pipeline(CountVectorizer(), topics).fit(texts), texts


def _codes(rng: np.random.Generator, X: Any) -> Iterator[tuple[Any, Any]]:
    from sklearn.decomposition import SparseCoder

    width = X.shape[1]
    for atoms, most in ((width, 1), (2 * width, width), (4 * width, 3)):
        yield SparseCoder(rng.normal(size=(atoms, width)), transform_n_nonzero_coefs=most).fit(X), X


def _factorizations(rng: np.random.Generator, rows: int, width: int, size: int) -> Iterator[tuple[Any, Any]]:
    """With as many rounds for every row, as `_topics`."""
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    texts = examples.texts(rows, examples.vocabulary(20 * width, rng), 30, rng)
    counts = rng.poisson(3.0, size=(rows, width)).astype(np.float64)
    losses = {"cd": ("frobenius",), "mu": ("frobenius", "kullback-leibler")}
    for rounds in (3, 30):
        for solver, loss in [(solver, loss) for solver, found in losses.items() for loss in found]:
            model = NMF(size, init="random", solver=solver, beta_loss=loss, max_iter=rounds, tol=0.0, random_state=0)
            yield examples.fitted(model, counts), counts
            yield examples.fitted(make_pipeline(CountVectorizer(), model), texts), texts


def _categories(rng: np.random.Generator, y: Any, width: int, size: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.naive_bayes import CategoricalNB

    codes = rng.integers(0, 2 + size, size=(len(y), width)).astype(np.float64)
    yield CategoricalNB(min_categories=2 + size).fit(codes, examples.classes(y, 3)), codes


def _features(rng: np.random.Generator, rows: int, width: int, size: int) -> Iterator[tuple[Any, Any]]:
    """Dicts with names of different lengths; a third of the features is not in the vocabulary."""
    from sklearn.feature_extraction import DictVectorizer, FeatureHasher
    from sklearn.preprocessing import MultiLabelBinarizer

    for names in (examples.vocabulary(width, rng), [f"feature number {i} of many" for i in range(300 * width)]):
        chosen = rng.integers(0, len(names), size=(rows, 2 * size))
        items = [{names[i]: float(i) for i in each} for each in chosen.tolist()]
        known = [dict.fromkeys(names[: 2 * len(names) // 3], 1.0)]
        yield DictVectorizer().fit(known), items
        yield FeatureHasher(2**16), items
        yield MultiLabelBinarizer(sparse_output=True).fit([names]), [[*item] for item in items]
