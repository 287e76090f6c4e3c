"""The adapter of regressors with a transformed target, `TransformedTargetRegressor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, LastBits, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._members import called
from pretzel.oven.frontends.sklearn.compat.compositions import target_ndim
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.opaque import new_token, opaque
from pretzel.oven.ir.unary_function import KEEP_INTEGERS
from pretzel.steps.inverse import Inverse

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@composition("sklearn.compose.TransformedTargetRegressor")
def regressor_of_target(estimator: Any) -> tuple[Child, ...]:
    """The regressor predicts the transformed target."""
    return (Child(type(estimator.regressor_).__name__, estimator.regressor_, "predict"),)


@adapter("sklearn.compose.TransformedTargetRegressor")
def transformed_target(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The regressor's prediction, through the inverse of the transformation of its target.

    An inverse without a native form is called from Python with what a native regressor predicts.
    """
    (child,) = children(estimator)
    width = getattr(estimator.transformer_, "n_features_in_", None)
    output = importer.answer(child.estimator, "predict", x, name=child.name, width=width)
    if output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{child.name}.predict returns no numbers")
    vector = target_ndim(estimator) == 1
    try:
        made = importer.inverse(estimator.transformer_, output.node)
        if made.labels is not None:
            raise Unsupported("a target of categories")
        node = made.node
    except LastBits:
        raise  # those of the regressor, too
    except Unsupported as error:
        if called(output.node) is not None:
            raise  # both would be called, and the dtype of what is read back between them is lost
        step = Inverse(estimator.transformer_, vector)
        return {"predict": Output(importer.note(opaque(step, "predict", output.node, str(error), new_token())))}
    unchecked = node.inputs[0] if isinstance(node, CheckFinite) else node
    keeps_integers = unchecked is output.node or getattr(unchecked, "function", "") in KEEP_INTEGERS
    if keeps_integers and called(output.node) is not None:
        raise Unsupported(f"{child.name}.predict has no native form, and what is behind it keeps the dtype")
    return {"predict": Output(node, ndim=1 if vector and node.schema().width == 1 else 2)}
