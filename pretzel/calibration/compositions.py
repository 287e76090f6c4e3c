"""Models for the kernels of compositions of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel import examples

if TYPE_CHECKING:
    from collections.abc import Iterator


def compositions(rng: np.random.Generator, rows: int, quick: bool) -> Iterator[tuple[Any, Any]]:
    """Fitted compositions, each with rows to time it on, over widths, numbers of classes and of members."""
    sizes = [(4, 3, 5), (20, 6, 12)] if quick else [(3, 3, 4), (8, 4, 10), (20, 6, 20), (60, 9, 8)]
    for width, classes, members in sizes:
        X, y = examples.regression(rows, width, rng)
        yield from _ensembles(X, y, classes, members)
        yield from _by_class(X, y, classes, members)
        yield from _targets(X, y, members)


def _ensembles(X: Any, y: Any, classes: int, members: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.ensemble import (
        AdaBoostClassifier,
        AdaBoostRegressor,
        BaggingClassifier,
        IsolationForest,
        StackingClassifier,
    )
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    made = {"n_estimators": members, "random_state": 0}
    linear = LogisticRegression(max_iter=20)
    for n in (2, classes):
        yield BaggingClassifier(linear, **made).fit(X, examples.classes(y, n)), X
    yield BaggingClassifier(MultinomialNB(), **made).fit(np.abs(X), examples.classes(y, classes)), np.abs(X)
    for estimator in (DecisionTreeClassifier(max_depth=3), linear):
        yield AdaBoostClassifier(estimator, **made).fit(X, examples.classes(y, classes)), X
    for estimator in (DecisionTreeRegressor(max_depth=3), Ridge()):
        yield AdaBoostRegressor(estimator, **made).fit(X, y), X
    yield IsolationForest(**made).fit(X), X
    parts = [("linear", linear), ("tree", DecisionTreeClassifier(max_depth=4))]
    yield StackingClassifier(parts, linear, cv=2).fit(X, examples.classes(y, classes)), X


def _by_class(X: Any, y: Any, classes: int, members: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
    from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

    linear = LogisticRegression(max_iter=20)
    labels = examples.classes(y, classes)
    for method in ("sigmoid", "isotonic"):
        yield CalibratedClassifierCV(linear, method=method, cv=2).fit(X, labels), X
    early = np.where(np.arange(len(y)) < 9, 0, labels + 1)  # one of the two classifiers does not know class 0
    yield CalibratedClassifierCV(linear, cv=KFold(2)).fit(X, early), X
    yield OneVsRestClassifier(linear).fit(X, labels), X
    yield OneVsOneClassifier(linear).fit(X, labels), X
    yield OutputCodeClassifier(linear, code_size=members / classes, random_state=0).fit(X, labels), X
    flags = np.stack([X[:, i % X.shape[1]] > 0.1 * i for i in range(members)], axis=1).astype(int)
    yield MultiOutputClassifier(linear).fit(X, flags), X
    yield ClassifierChain(linear).fit(X, flags[:, :3]), X
    flags[:, 1] = 0  # a label that no row has
    yield OneVsRestClassifier(linear).fit(X, flags), X


def _targets(X: Any, y: Any, members: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import PowerTransformer, QuantileTransformer

    many = np.stack([y + i * X[:, 0] for i in range(members)], axis=1)
    for transformer, target in (
        (PowerTransformer(), many),
        (PowerTransformer("box-cox"), np.exp(many / many.std())),
        (QuantileTransformer(n_quantiles=10 * members), many),
        (QuantileTransformer(n_quantiles=100, output_distribution="normal"), many),
    ):
        yield TransformedTargetRegressor(Ridge(), transformer=transformer).fit(X, target), X
    for dtype in (np.float64, np.float32):
        column = X[:, :1].astype(dtype)
        for points in (len(y), 10 * members):
            curve = np.sort(column[:points], axis=0), np.sort(y[:points]).astype(dtype)
            yield IsotonicRegression(out_of_bounds="clip").fit(*curve), column
