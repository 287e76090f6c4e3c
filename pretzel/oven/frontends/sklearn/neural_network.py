"""Adapters of `sklearn.neural_network`: linear layers with activations between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats, product_dtype
from pretzel.oven.frontends.sklearn.compat.linear_models import label_binarizer
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Exp, Expit, Log, Pair, Softmax, Threshold
from pretzel.oven.ir.mlp import Relu, Tanh
from pretzel.schema import Follows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.frontends.importer import Importer


_ACTIVATIONS: dict[str, Callable[[Node], Node]] = {
    "exp": lambda x: Exp((x,)),
    "identity": lambda x: x,
    "logistic": lambda x: Expit((x,)),
    "relu": lambda x: Relu((x,)),
    "softmax": lambda x: Softmax((x,)),
    "tanh": lambda x: Tanh((x,)),
}


def forward(estimator: Any, x: Node, importer: Importer) -> Node:
    """All layers, the last with the activation of the output."""
    x = importer.finite(importer.numeric(x), estimator)
    if estimator.n_layers_ != len(estimator.coefs_) + 1:
        raise ValueError(f"n_layers_ is {estimator.n_layers_!r:.40} where coefs_ has {len(estimator.coefs_)}")
    names = [estimator.activation] * (len(estimator.coefs_) - 1) + [estimator.out_activation_]
    for weights, bias, name in zip(estimator.coefs_, estimator.intercepts_, names, strict=True):
        if name not in _ACTIVATIONS:
            raise Unsupported(f"activation {name!r}")
        result = product_dtype(x, weights.dtype, bias.dtype)
        layer = Linear((x,), floats(weights), floats(bias), result)
        x = _ACTIVATIONS[name](layer)
    return x


@adapter("sklearn.neural_network.MLPRegressor")
def mlp_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The output layer; a vector where there is one output."""
    out = forward(estimator, x, importer)
    return {"predict": Output(out, ndim=1 if out.schema().width == 1 else 2)}


@adapter("sklearn.neural_network.MLPClassifier")
def mlp_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """One logistic output for two classes, a softmax for more, one logistic output for each of several labels."""
    binarizer = label_binarizer(estimator)
    multi_label = binarizer.y_type_ == "multilabel-indicator"
    out = forward(estimator, x, importer)
    binary = out.schema().width == 1
    if binarizer.y_type_ not in ("binary", "multiclass", "multilabel-indicator") or (multi_label and binary):
        raise Unsupported(f"{binarizer.y_type_} targets in {out.schema().width} columns")
    if binarizer.sparse_input_:
        raise Unsupported("a sparse target, which is predicted as sparse rows")
    cut = (binarizer.pos_label + binarizer.neg_label) / 2.0
    classes = np.asarray(binarizer.classes_)
    one_class = not multi_label and len(classes) == 1  # its one output may exceed the threshold nevertheless
    winner: Node = Threshold((out,), cut) if (binary and not one_class) or multi_label else ArgMax((out,))
    labels = (np.array([0, 1]),) * out.schema().width if multi_label else (classes,)
    proba: Node = Pair((out,)) if binary else out
    return {
        "predict": Output(winner, ndim=2 if multi_label else 1, labels=labels),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(Log((proba,))),
    }


@adapter("sklearn.neural_network.BernoulliRBM")
def bernoulli_rbm(estimator: Any, x: Node, importer: Importer) -> Node:
    """How probable each hidden unit is. ``score_samples`` is opaque, because it corrupts rows at random."""
    checked = importer.finite(importer.numeric(x), estimator)
    components, bias = estimator.components_, estimator.intercept_hidden_
    result = product_dtype(checked, components.dtype, bias.dtype, kept=Follows.FLOAT32)
    return Expit((Linear((checked,), np.ascontiguousarray(floats(components).T), floats(bias), result),))
