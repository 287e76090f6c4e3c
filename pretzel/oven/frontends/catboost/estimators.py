"""Adapters of CatBoost's estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.catboost.binary import model_of
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Exp, Expit, Log, LogSoftmax, Sigmoid, Softmax, Threshold
from pretzel.oven.ir.scale import MulAdd

if TYPE_CHECKING:
    from pretzel.oven.frontends.catboost.model import Model
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array


def raw(model: Model, x: Node, importer: Importer) -> Node:
    """Values before the link: ``scale * sum + bias``."""
    sums = importer.note(model.sums(x, importer))
    if model.scale == 1.0 and not model.bias.any():
        return sums
    return MulAdd((sums,), np.full(model.n_outputs, model.scale), model.bias)


@adapter("catboost.core.CatBoostClassifier")
def classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    return _classified(model_of(estimator), np.asarray(estimator.classes_), x, importer)


@adapter("pretzel.oven.frontends.catboost.model.Model")
def model_file(model: Model, x: Node, importer: Importer) -> Methods:
    """A classifier where the file names classes, else a regressor."""
    try:
        if model.classes:
            return _classified(model, np.array(model.classes), x, importer)
        return _regressed(model, model.loss, x, importer)
    except Unsupported as error:  # no estimator answers instead
        raise CompileError(f"the CatBoost model has no native form: {error}") from error


def _classified(model: Model, classes: Array, x: Node, importer: Importer) -> Methods:
    values = raw(model, x, importer)
    if model.loss in ("MultiLogloss", "MultiCrossEntropy"):
        proba: Node = Expit((values,))
        log_proba: Node = Log((proba,))
        labels = (np.array([0, 1]),) * model.n_outputs
        predict = Output(Threshold((values,)), labels=labels)
    elif model.n_outputs == 1:
        proba = Sigmoid((values,))
        halves: list[Node] = [MulAdd((values,), np.array([half]), np.zeros(1)) for half in (-0.5, 0.5)]
        log_proba = LogSoftmax((importer.concat(halves),))
        above: Node = Threshold((values,))
        if model.threshold is not None:
            above = Threshold((importer.select(proba, (1,)),), model.threshold, of_probabilities=True)
        predict = Output(above, ndim=1, labels=(classes,))
    else:
        one_by_one = model.loss == "MultiClassOneVsAll"
        proba = Expit((values,)) if one_by_one else Softmax((values,))
        log_proba = Log((proba,)) if one_by_one else LogSoftmax((values,))
        predict = Output(ArgMax((values,)), labels=(classes,))
    return {
        "predict": predict,
        "predict_proba": Output(proba),
        "predict_log_proba": Output(log_proba),
    }


@adapter("catboost.core.CatBoostRegressor", "catboost.core.CatBoostRanker", "catboost.core.CatBoost")
def regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` of a regressor is behind the link of its loss; that of the others is raw."""
    model = model_of(estimator)
    return _regressed(model, model.loss if type(estimator).__name__ == "CatBoostRegressor" else "", x, importer)


def _regressed(model: Model, loss: str, x: Node, importer: Importer) -> Methods:
    values = raw(model, x, importer)
    if loss in ("Poisson", "Tweedie"):
        values = Exp((values,))
    elif loss == "RMSEWithUncertainty":
        first, second = importer.select(values, (0,)), importer.select(values, (1,))
        variance = Exp((MulAdd((second,), np.array([2.0]), np.zeros(1)),))
        return {"predict": Output(importer.concat([first, variance]))}
    return {"predict": Output(values, ndim=1 if model.n_outputs == 1 else 2)}
