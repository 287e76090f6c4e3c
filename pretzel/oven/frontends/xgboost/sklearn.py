"""Adapters of `xgboost.sklearn`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.xgboost.booster import answers
from pretzel.oven.frontends.xgboost.ensemble import Columns, Ensemble
from pretzel.oven.frontends.xgboost.model import read_model
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Pair, Softmax, Threshold
from pretzel.oven.ir.scale import ToFloat32

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.frontends.xgboost.model import Model


@adapter(*(f"xgboost.sklearn.{name}" for name in ("XGBModel", "XGBRegressor", "XGBRFRegressor", "XGBRanker")))
def regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    model, ensemble = _read(estimator, x, importer)
    return {**answers(model, ensemble), **_leaves(model, ensemble)}


@adapter("xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRFClassifier")
def classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Classes from the prediction of the booster: the greatest of several, or those that are likelier than not."""
    model, ensemble = _read(estimator, x, importer)
    own, n_classes = answers(model, ensemble), estimator.n_classes_
    found, margin = own["predict"], own["output_margin"].node
    width = found.node.schema().width if found.ndim == 2 else 1
    if width > 1 and n_classes != 2:
        predict = Output(ArgMax((found.node,)), ndim=1, labels=(np.arange(width),))
    elif width > 1:
        predict = Output(Threshold((found.node,), 0.5), labels=(np.arange(2.0),) * width)
    elif estimator.objective == "multi:softmax":
        predict = Output(found.node, ndim=1, labels=(np.arange(margin.schema().width, dtype=np.int32),))
    else:
        predict = Output(Threshold((found.node,), 0.5), ndim=1, labels=(np.arange(2),))
    if estimator.objective == "multi:softmax":
        proba: Node = ToFloat32((Softmax((margin,)),))
    elif width > 1 and n_classes not in (2, width):
        raise Unsupported(f"{n_classes} classes and {width} outputs")
    else:
        proba = found.node if width > 1 else ToFloat32((Pair((found.node,)),))
    return {**own, "predict": predict, "predict_proba": Output(proba), **_leaves(model, ensemble)}


def _read(estimator: Any, x: Node, importer: Importer) -> tuple[Model, Ensemble]:
    """The model behind a wrapper, and its trees up to the best round."""
    model = read_model(bytes(estimator.get_booster().save_raw("ubj")))
    n_rounds = None if model.best_iteration is None else model.best_iteration + 1
    missing = math.nan if estimator.missing is None else float(estimator.missing)
    columns = Columns(model, x, importer, estimator, missing)
    return model, Ensemble(model, columns, n_rounds=n_rounds, in_place=True)


def _leaves(model: Model, ensemble: Ensemble) -> dict[str, Output]:
    """Numbers of leaves; linear models have none."""
    return {} if model.booster == "gblinear" else {"apply": ensemble.leaf_numbers()}
