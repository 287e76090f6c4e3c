"""Private attributes of linear models, and what their answers depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pretzel.oven.frontends.sklearn.compat import since

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


def link_name(estimator: Any) -> str:
    """Class of the link function of a generalized linear model or of gradient boosting."""
    loss = estimator._base_loss if hasattr(estimator, "_base_loss") else estimator._loss
    return type(loss.link).__name__


def label_binarizer(estimator: Any) -> Any:
    """The `LabelBinarizer` of the target of a classifier, None where there is none."""
    return getattr(estimator, "_label_binarizer", None)


def logistic_kind(estimator: Any) -> Literal["sigmoid", "softmax", "doubled", "one-versus-rest"]:
    """How a `LogisticRegression` makes probabilities of its scores.

    Before 1.8 its parameter ``multi_class`` decides: two classes may be fitted as multinomial, where the softmax of a
    score and its negative is the sigmoid of twice the score, and more than two may be fitted one by one.
    """
    many = len(estimator.classes_) > 2
    if since("1.8"):
        return "softmax" if many else "sigmoid"
    one_by_one = ("liblinear",) if since("1.6") else ("liblinear", "newton-cholesky")
    if estimator.multi_class in ("auto", "deprecated"):
        return ("one-versus-rest" if estimator.solver in one_by_one else "softmax") if many else "sigmoid"
    if estimator.multi_class == "multinomial":
        return "softmax" if many else "doubled"
    return "one-versus-rest" if many else "sigmoid"


def center_of_variance(estimator: Any) -> Array:
    """What is subtracted from rows before the variance of a Bayesian regression is computed; before 1.9 nothing."""
    offset = np.asarray(estimator.X_offset_)
    return offset if since("1.9") else np.zeros_like(offset)


def columns_with_variance(estimator: Any) -> tuple[int, ...]:
    """The columns that ``sigma_`` is about."""
    width = len(estimator.X_offset_)
    if type(estimator).__name__ == "BayesianRidge":
        return tuple(range(width))
    return tuple(np.flatnonzero(np.asarray(estimator.lambda_) < estimator.threshold_lambda).tolist())


def zero_sum_is_uniform() -> bool:
    """Whether an `SGDClassifier` gives all classes the same probability where each has 0; before 1.9 it gives NaN."""
    return since("1.9")
