"""Adapters of `sklearn.dummy`: the same answer for each row, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import EXACT_INTEGERS
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn.compat.dummies import strategy_of
from pretzel.oven.ir.columns import Constant
from pretzel.oven.ir.graph import Methods, Node, Output

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array

RANDOM = ("stratified", "uniform")
"""Strategies that draw the answer to each row."""

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64")
"""dtypes of constants that float64 holds, integers of 64 bits as far as it does."""

ONE_ROW = ((0.0,),)


@adapter("sklearn.dummy.DummyClassifier")
def dummy_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The estimator is asked about one row, because all have its answer."""
    strategy = strategy_of(estimator)
    if strategy in RANDOM:
        raise Unsupported(f"strategy={strategy!r:.40}, whose answers are random")
    if estimator.sparse_output_:
        raise Unsupported("targets that were sparse")
    rows, several = importer.rows(x), estimator.n_outputs_ > 1
    classes = list(map(np.asarray, estimator.classes_ if several else [estimator.classes_]))
    labels = np.atleast_2d(estimator.predict(ONE_ROW))
    if labels.shape != (1, len(classes)):
        raise Unsupported(f"a constant of shape {np.shape(estimator.constant)}")
    numbers, known = _numbered(labels[0], classes)
    found = estimator.predict_proba(ONE_ROW)
    blocks = [each[0] for each in found] if several else [found[0]]
    widths = tuple(map(len, blocks)) if several else None
    with np.errstate(divide="ignore"):
        logarithms = np.log(np.concatenate(blocks))
    return {
        "predict": Output(Constant((rows,), numbers), ndim=2 if several else 1, labels=known),
        "predict_proba": Output(Constant((rows,), np.concatenate(blocks)), list_of=widths),
        "predict_log_proba": Output(Constant((rows,), logarithms), list_of=widths),
    }


def _numbered(labels: Array, classes: list[Array]) -> tuple[Array, tuple[Array, ...]]:
    """Labels as positions among the classes of each output, or alone where they have a type of their own."""
    places = [np.flatnonzero(known == label) for label, known in zip(labels, classes, strict=True)]
    if all(known.dtype == labels.dtype and len(at) == 1 for known, at in zip(classes, places, strict=True)):
        return np.concatenate(places).astype(np.float64), tuple(classes)
    return np.zeros(len(labels)), tuple(labels[i : i + 1] for i in range(len(labels)))


@adapter("sklearn.dummy.DummyRegressor")
def dummy_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The constant; its deviation is zero."""
    rows, answer = importer.rows(x), estimator.predict(ONE_ROW)
    values = floats(answer.ravel())
    is_long = answer.dtype.kind in "iu" and (np.abs(values) >= EXACT_INTEGERS).any()
    if answer.dtype not in DTYPES or is_long:
        raise Unsupported(f"constants of {answer.dtype} that float64 does not hold")
    constant = Constant((rows,), values, answer.dtype.name)
    methods = {"predict": Output(constant, ndim=answer.ndim)}
    if answer.ndim == 1 and answer.dtype == np.float64:
        methods["return_std"] = Output(Constant((rows,), np.array([*values, 0.0])))
    return methods
