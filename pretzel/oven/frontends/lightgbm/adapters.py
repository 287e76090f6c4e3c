"""Adapters of boosters, of their scikit-learn wrappers, and of models in the text format: all are read as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.forms import Beside, TwoForms
from pretzel.oven.frontends.lightgbm import coding_of
from pretzel.oven.frontends.lightgbm.model_text import LightGBMModel, read_model_text
from pretzel.oven.frontends.lightgbm.trees import Scores, scores
from pretzel.oven.frontends.registry import Unsupported, adapter, frontend_of
from pretzel.oven.ir.columns import Raw, is_sparse
from pretzel.oven.ir.encode import category_codes
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Exp, Expit, Pair, Sigmoid, SignedSquare, Softmax, Threshold
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import AsFloat32, MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pretzel.input_spec import Coding
    from pretzel.oven.frontends.importer import Importer

WIDE_INTEGERS = ("int32", "int64", "uint32", "uint64")
"""dtypes with numbers that float32 does not hold."""

IDENTITY = ("", "regression_l1", "regression_l2", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg")
LOG = ("poisson", "gamma", "tweedie")

STOPS_EARLY = "pred_early_stop"


@adapter("lightgbm.basic.Booster")
def booster(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``num_iteration`` of a call without one is ``best_iteration``; so it is of the text."""
    return _answers(estimator, read_model_text(estimator.model_to_string(), "Booster"), x, importer)


@adapter("pretzel.oven.frontends.lightgbm.model_text.LightGBMModel")
def model(estimator: LightGBMModel, x: Node, importer: Importer) -> Methods:
    return _answers(estimator, estimator, x, importer)


@adapter("lightgbm.sklearn.LGBMRegressor", "lightgbm.sklearn.LGBMRanker", "lightgbm.sklearn.LGBMModel")
def regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    return _answers(estimator, _wrapped(estimator), x, importer)


@adapter("lightgbm.sklearn.LGBMClassifier")
def classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    read = _wrapped(estimator)
    found = scores(read, _input(estimator, x, importer), importer)
    extras = _extras(read, found)
    extras["decision_function"] = extras["raw_score"]
    if callable(estimator.objective_):
        raw = Output(found.raw, ndim=1 if read.n_outputs == 1 else 2)
        return {**extras, "predict": raw, "predict_proba": raw}
    labels = (np.asarray(estimator.classes_),)
    if estimator.n_classes_ > 2 or estimator.objective_ in ("multiclass", "multiclassova"):
        proba = _linked(read, found)
        predict: Node = ArgMax((proba,))
    elif read.objective == "binary":
        score = _scaled(found.mean, _sigmoid(read))
        proba = Sigmoid((score,))
        predict = Threshold((score,), cut=_largest_undecided())
    else:
        proba = Pair((_linked(read, found),))
        predict = ArgMax((proba,))
    return {**extras, "predict": Output(predict, ndim=1, labels=labels), "predict_proba": Output(proba)}


def _wrapped(estimator: Any) -> LightGBMModel:
    """The booster inside, which predicts with some parameters of the wrapper."""
    if estimator.get_params().get(STOPS_EARLY, False):
        raise Unsupported(f"{STOPS_EARLY}=True, with which trees are left out row by row")
    return read_model_text(estimator.booster_.model_to_string(), type(estimator).__name__)


def _answers(estimator: Any, read: LightGBMModel, x: Node, importer: Importer) -> Methods:
    found = scores(read, _input(estimator, x, importer), importer)
    predict = Output(_linked(read, found), ndim=1 if read.n_outputs == 1 else 2)
    return {**_extras(read, found), "predict": predict}


def _extras(read: LightGBMModel, found: Scores) -> dict[str, Output]:
    raw = Output(found.raw, ndim=1 if read.n_outputs == 1 else 2)
    return {"raw_score": raw, "pred_leaf": Output(found.leaves)}


def _input(estimator: Any, x: Node, importer: Importer) -> Node:
    """``x`` as numbers. Arrays of objects are float32 for a booster, and its wrapper parses them; it names the error
    for frames of objects.
    """
    coding = coding_of(estimator)
    if coding is not None and coding.categories and not (isinstance(x, Raw) and not x.inputs):
        if not isinstance(x, Beside | TwoForms) or not coding.columns:
            raise Unsupported("category dtypes of pandas that another step makes")
        return importer.concat(list(_coded(coding, x, importer)), keep_sparse=False)
    container = _container(x)
    x = importer.plain_for(estimator, x)
    if not isinstance(estimator, LightGBMModel):  # which has no library behind it
        # Steps in front make one array of all columns: only of the request itself does each column count.
        importer.exclude(x, _kept(x, ["object"]), "columns of objects", each=isinstance(x, Raw))
    if container == "default" or not importer.asked.rounds_arrays or not isinstance(x, Raw) or x.inputs:
        wide = [] if container == "pandas" else _kept(x, WIDE_INTEGERS)
        reason = "whole numbers, which arrays round to float32 and frames do not"
        if container == "default" and not is_sparse(x):
            numbers = importer.dense(x)
            return importer.note(AsFloat32((numbers,))) if importer.is_of(numbers, wide, reason) else numbers
        importer.exclude(x, wide, reason)
    return importer.numeric(x) if is_sparse(x) else importer.dense(x)


def _container(x: Node) -> str:
    """What a step in front makes: ``"default"`` for arrays, else the name of a frame library; empty if not known."""
    if not isinstance(x, TwoForms):
        return "" if isinstance(x, Raw) else "default"
    if x.first_for == "numbers":  # a ColumnTransformer makes one array of its columns
        return "default"
    if not isinstance(x.source, Raw | Opaque):  # an ensemble makes one array of whatever it is given
        return "default"
    made = x.source.inputs[0] if isinstance(x.source, Raw) and x.source.inputs else x.source
    if x.first_for != "none" or not isinstance(made, Opaque):
        return ""
    return frontend_of(made.estimator).output_container(made.estimator)


def _kept(x: Node, dtypes: Iterable[str]) -> list[str]:
    """Those dtypes of requests that steps in front have not turned into floats: means and scales are float64."""
    return [each for each in dtypes if isinstance(x, Raw) or x.schema().dtype.dtype_for(each).kind != "f"]


def _coded(coding: Coding, x: Beside | TwoForms, importer: Importer) -> Iterator[Node]:
    """The columns of a frame that a step has made, one by one: codes of categories, and numbers."""
    native = x.native if isinstance(x, TwoForms) else x
    width = sum(native.widths) if isinstance(native, Beside) else native.schema().width
    categories = dict(zip(coding.columns, coding.categories, strict=True))
    for column in range(width):
        part = importer.select(native, (column,))
        known = categories.get(column)
        if known is None:
            yield importer.dense(part)
        else:
            codes = list(map(float, range(len(known))))
            yield category_codes(importer.cells(part), [known], [codes], [math.nan], reject=0)


def _linked(read: LightGBMModel, found: Scores) -> Node:
    """What a booster predicts, by its objective."""
    x, name = found.mean, read.objective
    if name == "regression":
        return SignedSquare((x,)) if "sqrt" in read.options else x
    if name in IDENTITY:
        return SignedSquare((x,)) if "sqrt" in read.options else x
    if name in LOG:
        return Exp((x,))
    if name in ("binary", "multiclassova"):
        return Expit((_scaled(x, _sigmoid(read)),))
    if name == "cross_entropy":
        return Expit((x,))
    if name == "cross_entropy_lambda":
        return UnaryFunction((Exp((x,)),), "log1p")
    if name == "multiclass":
        return Softmax((x,))
    raise Unsupported(f"objective {name!r:.40}")


def _sigmoid(read: LightGBMModel) -> float:
    factor = float(read.options.get("sigmoid", "1"))
    if not 0 < factor < math.inf:
        raise Unsupported(f"a sigmoid of {factor}")
    return factor


def _scaled(x: Node, factor: float) -> Node:
    width = x.schema().width
    return x if factor == 1.0 else MulAdd((x,), np.full(width, factor), np.zeros(width))


def _largest_undecided() -> float:
    """Largest score whose probability is not above that of the other class: 1 / (1 + exp(-x)) rounds to a half."""
    low, high = 0.0, 1e-15
    while (middle := (low + high) / 2) not in (low, high):
        p = 1.0 / (1.0 + math.exp(-middle))
        low, high = (low, middle) if p > 1.0 - p else (middle, high)
    return low
