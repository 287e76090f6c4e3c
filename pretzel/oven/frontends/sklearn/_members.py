"""What ensembles share: how members are given their input, and their answers as numbers that other nodes read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.demands import receivers
from pretzel.oven.frontends.forms import TwoForms, two_forms
from pretzel.oven.frontends.registry import Unsupported, children, has_trait, public_name
from pretzel.oven.ir.columns import LEAVES, Raw
from pretzel.oven.ir.encode import CategoryCodes
from pretzel.oven.ir.opaque import Opaque, new_token
from pretzel.oven.ir.voting import Mean, MeanInFloat64
from pretzel.schema import FLOAT64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.frontends.registry import Child
    from pretzel.oven.ir.graph import Array, Node, Output


def answers(estimator: Any, x: Node, importer: Importer, width: int | None, method: str | None = None) -> list[Output]:
    """What the members of an ensemble answer, each to the columns that it is given.

    Parameters
    ----------
    estimator : fitted estimator
    x : Node
    importer : Importer
    width : int or None
        Columns of the answer of an opaque member. None: they follow from its classes.
    method : str, optional
        What is asked. By default what the description of the ensemble says.

    Raises
    ------
    Unsupported
        No member has a native form, or one returns several arrays.
    """
    found = [answer(child, x, importer, width, method) for child in children(estimator)]
    if all(is_bare(output.node) for output in found):
        raise Unsupported("no member has a native form")
    return found


def answer(child: Child, x: Node, importer: Importer, width: int | None, method: str | None = None) -> Output:
    """What one member answers to the columns of ``x`` that it is given."""
    asked = method or child.method or "predict"
    given = x if child.columns is None else importer.select(x, child.columns)
    output = importer.answer(child.estimator, asked, given, name=child.name, width=width)
    if output.list_of is not None:
        raise Unsupported(f"{type(child.estimator).__name__}.{asked} returns a list of arrays")
    return output


def vector(child: Child, x: Node, importer: Importer, method: str) -> Node:
    """One number that a member answers."""
    output = answer(child, x, importer, 1, method)
    if output.labels is not None or output.ndim != 1 or output.node.schema().width != 1:
        raise Unsupported(f"{type(child.estimator).__name__}.{method} that is no vector of numbers")
    return output.node


def float64_mean(nodes: Sequence[Node], weights: Array) -> Node:
    """The mean of values that are added up in float64, whatever they are themselves."""
    is_float64 = all(node.schema().dtype == FLOAT64 for node in nodes)
    return (Mean if is_float64 else MeanInFloat64)(tuple(nodes), weights)


def is_always_float32(node: Node) -> bool:
    """Whether a value is float32 also where the request is float64."""
    return node.schema().dtype.dtype_for(np.float64) == np.float32


def is_bare(node: Node) -> bool:
    """Whether ``node`` only reads the result of an opaque method that is called with the request itself."""
    source = called(node)
    if source is None:
        return False
    (given,) = source.inputs
    return isinstance(given, Raw) or (isinstance(given, LEAVES) and not given.inputs)


def called(node: Node) -> Opaque | None:
    """The opaque method whose result ``node`` reads."""
    leaf = node.inputs[0] if isinstance(node, CategoryCodes) else node
    source = leaf.inputs[0] if isinstance(leaf, LEAVES) and leaf.inputs else None
    return source if isinstance(source, Opaque) else None


def as_array(estimator: Any, x: Node, importer: Importer) -> Node:
    """``x`` as an ensemble gives it to its members that makes an array of whatever it is given.

    Opaque members get the numbers, unless some member may read texts.
    """
    inside = [each for child in children(estimator) for each in receivers(child.estimator)]
    if not isinstance(x, Raw | TwoForms) or any(map(_may_read_texts, inside)):
        return x
    return two_forms(x, importer.numeric(x), new_token())


def checked_array(estimator: Any, x: Node, importer: Importer) -> Node:
    """The numbers that an ensemble gives to its members that checks its input.

    Raises
    ------
    Unsupported
        Some member may read texts.
    """
    inside = [each for child in children(estimator) for each in receivers(child.estimator)]
    if any(map(_may_read_texts, inside)):
        raise Unsupported(f"{type(estimator).__name__} of members that may read texts")
    return importer.finite(importer.numeric(x), estimator)


def _may_read_texts(estimator: Any) -> bool:
    """Whether an estimator reads values that are no numbers, or passes them on."""
    imputes_objects = getattr(estimator, "strategy", "") in ("most_frequent", "constant")
    return (
        not has_trait(estimator, "takes_tables")
        or any(has_trait(estimator, trait) for trait in ("reads_columns", "passes_texts_on", "keeps_container"))
        or public_name(type(estimator)) == "sklearn.compose.ColumnTransformer"
        or (public_name(type(estimator)) == "sklearn.impute.SimpleImputer" and imputes_objects)
    )


def positions(labels: Array, classes: Array) -> Array:
    """Position of each label among ``classes``, -1 where it is none of them."""
    at = {label: i for i, label in enumerate(classes.tolist())}
    return np.array([at.get(label, -1) for label in labels.tolist()], dtype=np.int32)


def is_constant_predictor(member: Any) -> bool:
    """Whether a member of `OneVsRestClassifier` answers the same for all rows."""
    return type(member).__name__ == "_ConstantPredictor" and type(member).__module__ == "sklearn.multiclass"


def is_regressor(estimator: Any) -> bool:
    """Whether scikit-learn takes an estimator for a regressor."""
    from sklearn.base import is_regressor as asked

    return bool(asked(estimator))


def threshold_of_scores(member: Any) -> float:
    """What the scores of binary classifiers are compared with, by the first of them."""
    from sklearn.base import is_classifier

    return 0.0 if hasattr(member, "decision_function") and is_classifier(member) else 0.5
