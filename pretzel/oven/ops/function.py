"""Functions of NumPy applied to every value, and methods of fitted estimators used as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Parity, Value
from pretzel.oven.ops.columns import Raw
from pretzel.oven.ops.link import Exp, Log
from pretzel.oven.ops.opaque import Opaque
from pretzel.oven.ops.scale import dense_only
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer

FUNCTIONS = ("absolute", "sqrt", "square", "negative", "log1p", "expm1", "log2", "log10", "cbrt")
"""Names in NumPy; the kernel knows them by their position."""

SHAPED = ("transform", "predict_proba", "predict_log_proba", "decision_function", "apply")
"""Methods whose result may be a table of numbers."""


class Apply(Node):
    """A function of one number, for every value."""

    function: str

    kernel: ClassVar[str] = "apply"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, keeps_float32=source.keeps_float32)

    def params(self) -> tuple[Array, ...]:
        return (np.array(FUNCTIONS.index(self.function), dtype=np.uint8),)

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(all="ignore"):
            return getattr(np, self.function)(inputs[0])

    def describe(self) -> str:
        return self.function


@from_sklearn("sklearn.preprocessing.FunctionTransformer")
def function_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Nothing, a function of NumPy that is known here, or a method of an estimator that has an adapter.

    Doing nothing is also what a fitted container holds for "passthrough".
    """
    if estimator.kw_args:
        raise Unsupported("FunctionTransformer(kw_args=...)")
    if estimator.validate:
        dense_only(x, estimator)
        x = importer.finite(importer.dense(x), estimator)
    function = estimator.func
    if function is None:
        return x
    if hasattr(function, "__self__") and callable(getattr(function.__self__, "fit", None)):
        return _method(function, x, importer)
    dense_only(x, estimator)
    return numpy_function(function, importer.dense(x))


def numpy_function(function: Any, x: Node) -> Node:
    """``function`` of every value of a dense node; None is the identity."""
    if function is None:
        return x
    name = getattr(function, "__name__", "")
    if not isinstance(function, np.ufunc) or getattr(np, name, None) is not function:
        raise Unsupported(f"function {name or function!r}")
    if name in ("exp", "log"):
        return Exp((x,)) if name == "exp" else Log((x,))
    if name not in FUNCTIONS:
        raise Unsupported(f"function numpy.{name}")
    return Apply((x,), name)


def _method(function: Any, x: Node, importer: Importer) -> Node:
    """The node of a bound method, where it returns one row of numbers for each row."""
    estimator, name = function.__self__, function.__name__
    if name not in SHAPED:
        raise Unsupported(f"method {type(estimator).__name__}.{name} as a function")
    width = len(x.columns) if isinstance(x, Raw) else x.schema().width
    if getattr(estimator, "n_features_in_", width) != width:
        raise Unsupported(f"{type(estimator).__name__} was fitted on another number of columns than {width}")
    output = importer.methods(estimator, x, only=(name,)).get(name)
    if output is None or isinstance(output.node, Opaque | Raw):
        raise Unsupported(f"{type(estimator).__name__}.{name} has no native form")
    if output.ndim != 2 or output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{type(estimator).__name__}.{name} returns no table of numbers")
    return output.node
