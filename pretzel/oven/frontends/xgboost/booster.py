"""Adapters of boosters and of model files, which answer as ``Booster.predict`` does: with all rounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pretzel.errors import CompileError
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.xgboost.ensemble import Columns, Ensemble
from pretzel.oven.frontends.xgboost.model import Model, read_model
from pretzel.oven.frontends.xgboost.objectives import prediction
from pretzel.oven.ir.graph import Methods, Node, Output

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter("xgboost.core.Booster")
def booster(estimator: Any, x: Node, importer: Importer) -> Methods:
    return model(read_model(bytes(estimator.save_raw("ubj"))), x, importer)


@adapter("pretzel.oven.frontends.xgboost.model.Model")
def model(read: Model, x: Node, importer: Importer) -> Methods:
    """A file names no value that means missing, so NaN does; wrappers may name another one."""
    try:
        ensemble = Ensemble(read, Columns(read, x, importer, read, math.nan), n_rounds=None, in_place=False)
        leaves = {"pred_leaf": ensemble.leaf_numbers()} if ensemble.trees else {}
        return {**answers(read, ensemble), **leaves}
    except Unsupported as error:  # nothing else takes rows: a booster takes what it calls a `DMatrix`
        raise CompileError(f"the XGBoost model has no native form: {error}") from error


def answers(read: Model, ensemble: Ensemble) -> dict[str, Output]:
    """What a booster predicts, and its margins."""
    margin = ensemble.margin()
    ndim = 1 if read.n_groups == 1 else 2
    return {"predict": prediction(read.objective, margin), "output_margin": Output(margin, ndim=ndim)}
