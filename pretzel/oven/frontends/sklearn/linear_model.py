"""Adapters of `sklearn.linear_model`: scores by `Linear`, answers by the links."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, has_trait
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats, floats, product_dtype
from pretzel.oven.frontends.sklearn.compat.linear_models import (
    center_of_variance,
    columns_with_variance,
    label_binarizer,
    link_name,
    logistic_kind,
    zero_sum_is_uniform,
)
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import (
    ArgMax,
    Exp,
    Expit,
    HuberProbability,
    Log,
    NormalizeSum,
    Pair,
    Sigmoid,
    Softmax,
    Threshold,
)
from pretzel.oven.ir.quadratic import QuadraticForm
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.schema import FLOAT64, Follows, Kind

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


MOST_SPREAD = 2.0**21
"""So far, times their number, covariances may cancel each other: rounding stays below a billionth of a variance."""


def scores(estimator: Any, x: Node, importer: Importer, kept: Follows = Follows.REQUEST) -> Node:
    """``X @ coef_.T + intercept_`` after the check that the estimator makes."""
    coef = estimator.coef_
    coef = np.atleast_2d(floats(coef.toarray() if hasattr(coef, "toarray") else coef))
    bias = floats(estimator.intercept_)
    if bias.ndim > 1:
        raise ValueError(f"intercept_ is one-dimensional, got the shape {bias.shape}")
    bias = np.broadcast_to(bias, (coef.shape[0],))
    x = importer.numeric(x)
    if x.schema().kind is not Kind.SPARSE or has_trait(estimator, "checks_sparse"):
        x = importer.finite(x, estimator)
    result = product_dtype(x, estimator.coef_.dtype, _dtype_of(estimator.intercept_), kept=kept)
    return Linear((x,), np.ascontiguousarray(coef.T), np.ascontiguousarray(bias), result)


def _dtype_of(intercept: Any) -> Any:
    """dtype that an intercept gives a product; a Python number gives none."""
    return intercept.dtype if hasattr(intercept, "dtype") else intercept


@adapter(
    "sklearn.linear_model.ElasticNet",
    "sklearn.linear_model.ElasticNetCV",
    "sklearn.linear_model.HuberRegressor",
    "sklearn.linear_model.Lars",
    "sklearn.linear_model.LarsCV",
    "sklearn.linear_model.Lasso",
    "sklearn.linear_model.LassoCV",
    "sklearn.linear_model.LassoLars",
    "sklearn.linear_model.LassoLarsCV",
    "sklearn.linear_model.LassoLarsIC",
    "sklearn.linear_model.LinearRegression",
    "sklearn.linear_model.MultiTaskElasticNet",
    "sklearn.linear_model.MultiTaskElasticNetCV",
    "sklearn.linear_model.MultiTaskLasso",
    "sklearn.linear_model.MultiTaskLassoCV",
    "sklearn.linear_model.OrthogonalMatchingPursuit",
    "sklearn.linear_model.OrthogonalMatchingPursuitCV",
    "sklearn.linear_model.PassiveAggressiveRegressor",
    "sklearn.linear_model.QuantileRegressor",
    "sklearn.linear_model.Ridge",
    "sklearn.linear_model.RidgeCV",
    "sklearn.linear_model.SGDRegressor",
    "sklearn.linear_model.TheilSenRegressor",
)
def regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Plain linear regression; as many columns as ``coef_`` has rows."""
    ndim = 2 if np.ndim(estimator.coef_) == 2 and "SGD" not in type(estimator).__name__ else 1
    return {"predict": Output(scores(estimator, x, importer), ndim=ndim)}


@adapter("sklearn.linear_model.ARDRegression", "sklearn.linear_model.BayesianRidge")
def bayesian(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Linear regression with the variance of its prediction."""
    mean = scores(estimator, x, importer)
    methods = {"predict": Output(mean, ndim=1)}
    with contextlib.suppress(Unsupported, AttributeError):  # who only predicts may have dropped the covariances
        if mean.schema().dtype == FLOAT64:
            methods["return_std"] = Output(Concat((mean, _deviation(estimator, x, importer))))
    return methods


def _deviation(estimator: Any, x: Node, importer: Importer) -> Node:
    """``sqrt(d @ sigma_ @ d + 1 / alpha_)``, with ``d = x - center``.

    Raises
    ------
    Unsupported
        The covariances cancel each other so far that rounding decides, or the input is sparse.
    """
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    center, kept = finite_floats(center_of_variance(estimator)), columns_with_variance(estimator)
    sigma, noise = finite_floats(estimator.sigma_), finite_floats(1.0 / estimator.alpha_)
    if not kept or sigma.shape != (len(kept), len(kept)):
        raise Unsupported(f"covariances of shape {sigma.shape} for {len(kept)} columns")
    spread = np.linalg.norm(np.abs(sigma), 2) / max(float(np.linalg.eigvalsh(sigma)[0]), 0.0)
    if not spread * len(kept) < MOST_SPREAD:
        raise Unsupported("variances of which the last bits of covariances decide")
    read = checked if len(kept) == len(center) else importer.select(checked, kept)
    form = QuadraticForm((read,), center[list(kept)], np.ascontiguousarray(sigma.T))
    return UnaryFunction((MulAdd((form,), np.ones(1), noise.reshape(1)),), "sqrt")


@adapter(
    "sklearn.linear_model.PoissonRegressor",
    "sklearn.linear_model.GammaRegressor",
    "sklearn.linear_model.TweedieRegressor",
)
def generalized(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A linear predictor behind the inverse of its link, ``exp`` or nothing."""
    raw = scores(estimator, x, importer, Follows.FLOAT32)
    link = link_name(estimator)
    if link not in ("IdentityLink", "LogLink"):
        raise Unsupported(f"link {link}")
    return {"predict": Output(raw if link == "IdentityLink" else Exp((raw,)), ndim=1)}


def classifier(estimator: Any, raw: Node, *, leaves_out: bool = False) -> dict[str, Output]:
    """``decision_function`` and ``predict`` of a linear classifier: the sign of one score, or the largest of many.

    ``leaves_out`` is for estimators that may have scores of the first classes only.
    """
    classes = (np.asarray(estimator.classes_),)
    width = raw.schema().width
    binary = width == 1
    known = len(classes[0])
    if width != (known if known > 2 else 1) and not (leaves_out and 0 < width < known):
        raise ValueError(f"classes_ holds {known} labels, and there are {width} scores")
    winner: Node = Threshold((raw,)) if binary else ArgMax((raw,))
    return {
        "decision_function": Output(raw, ndim=1 if binary else 2),
        "predict": Output(winner, ndim=1, labels=classes),
    }


def with_probabilities(methods: dict[str, Output], proba: Node) -> dict[str, Output]:
    """The same with ``predict_proba`` and its logarithm."""
    return {**methods, "predict_proba": Output(proba), "predict_log_proba": Output(Log((proba,)))}


def one_versus_rest(raw: Node, *, uniform: bool = False) -> Node:
    """Probabilities as LibLinear makes them: sigmoids, divided by their sum when there are several."""
    return Sigmoid((raw,)) if raw.schema().width == 1 else NormalizeSum((Expit((raw,)),), uniform)


@adapter("sklearn.linear_model.LogisticRegression", "sklearn.linear_model.LogisticRegressionCV")
def logistic_regression(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Two classes through the sigmoid, more through the softmax, unless an older release was asked for another way."""
    raw = scores(estimator, x, importer)
    kind = logistic_kind(estimator)
    proba: Node
    if kind == "softmax":
        proba = Softmax((raw,))
    elif kind == "doubled":
        proba = Sigmoid((MulAdd((raw,), np.full(1, 2.0), np.zeros(1)),))
    else:
        proba = one_versus_rest(raw)
    return with_probabilities(classifier(estimator, raw), proba)


@adapter("sklearn.linear_model.SGDClassifier")
def sgd_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Probabilities for the losses that have them."""
    raw = scores(estimator, x, importer)
    methods = classifier(estimator, raw)
    if estimator.loss == "log_loss":
        return with_probabilities(methods, one_versus_rest(raw, uniform=zero_sum_is_uniform()))
    if estimator.loss == "modified_huber":
        proba: Node = HuberProbability((raw,))
        return with_probabilities(methods, Pair((proba,)) if raw.schema().width == 1 else NormalizeSum((proba,)))
    return methods


@adapter(
    "sklearn.linear_model.Perceptron",
    "sklearn.linear_model.PassiveAggressiveClassifier",
    "sklearn.linear_model.RidgeClassifier",
    "sklearn.linear_model.RidgeClassifierCV",
)
def plain_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """No probabilities; ridge classifiers also take several labels for each row."""
    raw = scores(estimator, x, importer)
    binarizer = label_binarizer(estimator)
    if binarizer is None or not binarizer.y_type_.startswith("multilabel"):
        return classifier(estimator, raw)
    width = raw.schema().width
    if binarizer.sparse_input_ or width == 1:
        raise Unsupported(f"{binarizer.y_type_} targets that are sparse or have one column")
    return {
        "decision_function": Output(raw),
        "predict": Output(Threshold((raw,)), labels=(np.array([0, 1]),) * width),
    }


@adapter("sklearn.linear_model.SGDOneClassSVM")
def sgd_one_class_svm(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Rows whose score is below `offset_` are outliers."""
    coef, offset = floats(estimator.coef_), floats(estimator.offset_)
    if coef.ndim != 1 or offset.shape != (1,):
        raise ValueError(f"coef_ has the shape {coef.shape}, offset_ the shape {offset.shape}")
    x = importer.finite(importer.numeric(x), estimator)
    result = product_dtype(x, estimator.coef_.dtype, estimator.offset_.dtype)
    decision = Linear((x,), np.ascontiguousarray(coef[:, None]), -offset, result)
    inlier = Threshold((decision,), inclusive=True)
    return {
        "predict": Output(inlier, ndim=1, labels=(np.array([-1, 1], dtype=np.int32),)),
        "decision_function": Output(decision, ndim=1),
        "score_samples": Output(MulAdd((decision,), np.ones(1), offset), ndim=1),
    }
