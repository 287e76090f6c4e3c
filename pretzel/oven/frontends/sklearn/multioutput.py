"""Adapters of `sklearn.multioutput`: one estimator for each output, side by side or in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._members import answer, answers, is_bare
from pretzel.oven.ir.columns import ToFloat64
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import Log
from pretzel.oven.ir.scale import MulAdd, SparseToFloat64
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@composition("sklearn.multioutput.MultiOutputClassifier", "sklearn.multioutput.MultiOutputRegressor")
def members(estimator: Any) -> tuple[Child, ...]:
    """All members are given the same."""
    return tuple(Child(str(number), member, "predict") for number, member in enumerate(estimator.estimators_))


@adapter("sklearn.multioutput.MultiOutputRegressor")
def multi_output_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A column for each member."""
    found = answers(estimator, x, importer, 1)
    if any(output.ndim != 1 or output.labels is not None for output in found):
        raise Unsupported("a member of MultiOutputRegressor that predicts no vector of numbers")
    return {"predict": Output(importer.concat([output.node for output in found]))}


@adapter("sklearn.multioutput.MultiOutputClassifier")
def multi_output_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A column of labels for each member, and a list of probabilities."""
    found = answers(estimator, x, importer, 1)
    labels = tuple(output.labels[0] for output in found if output.labels is not None and output.ndim == 1)
    if len(labels) != len(found):
        raise Unsupported("a member of MultiOutputClassifier that predicts no vector of labels")
    if len({each.dtype for each in labels}) > 1:
        raise Unsupported("labels of several types")
    methods = {"predict": Output(importer.concat([output.node for output in found]), labels=labels)}
    if all(hasattr(child.estimator, "predict_proba") for child in children(estimator)):
        blocks = [importer.dense(each.node) for each in answers(estimator, x, importer, None, "predict_proba")]
        widths = tuple(block.schema().width for block in blocks)
        methods["predict_proba"] = Output(importer.concat(blocks), list_of=widths)
    return methods


# -- chains ----------------------------------------------------------------------------------------------------------


@composition("sklearn.multioutput.ClassifierChain", "sklearn.multioutput.RegressorChain")
def links(chain: Any) -> tuple[Child, ...]:
    """The members in the order of the chain; only the first is given nothing but the input."""
    names = [str(number) for number in range(len(chain.estimators_))]
    before = [None, *names]
    method = getattr(chain, "chain_method_", "predict")
    return tuple(
        Child(name, member, method, reads=reads, augments=True)
        for name, member, reads in zip(names, chain.estimators_, before, strict=False)
    )


@adapter("sklearn.multioutput.RegressorChain")
def regressor_chain(estimator: Any, x: Node, importer: Importer) -> Methods:
    return {"predict": Output(_Chain(estimator, x, importer).answers("predict"))}


@adapter("sklearn.multioutput.ClassifierChain")
def classifier_chain(estimator: Any, x: Node, importer: Importer) -> Methods:
    """All answers are numbers, labels too; the logarithms are those of the probabilities."""
    chain = _Chain(estimator, x, importer)
    methods = {"predict": Output(chain.answers("predict"))}
    if all(hasattr(member, "predict_proba") for member in estimator.estimators_):
        proba = chain.answers("predict_proba")
        methods |= {"predict_proba": Output(proba), "predict_log_proba": Output(Log((proba,)))}
    if all(hasattr(member, "decision_function") for member in estimator.estimators_):
        methods["decision_function"] = Output(chain.answers("decision_function"))
    return methods


class _Chain:
    """What each link is given: the input in float64, and what the links before it answer.

    A link's input is that of the link before with one more column, so that a chain takes as many nodes as it has
    links. The columns beside sparse rows are a value of their own, which linear models read by itself.
    """

    def __init__(self, estimator: Any, x: Node, importer: Importer) -> None:
        self.importer = importer
        self.links = children(estimator)
        order = [int(each) for each in estimator.order_]
        if sorted(order) != list(range(len(self.links))):
            raise ValueError(f"order_ is {order!r:.40}, expected an order of {len(self.links)} outputs")
        self.link_of = np.argsort(order).tolist()
        x = importer.finite(importer.numeric(x), estimator)
        x = ToFloat64((x,)) if x.schema().kind is Kind.DENSE else SparseToFloat64((x,))
        self.inputs: list[Node] = [x]
        grows = self.inputs if x.schema().kind is Kind.DENSE else []  # what links answer, behind the input or beside it
        for link in self.links[:-1]:
            number = self._number(link, self.inputs[-1], link.method or "predict")
            grows.append(importer.note(Concat((grows[-1], number))) if grows else ToFloat64((number,)))
            if grows is not self.inputs:
                self.inputs.append(importer.note(Concat((x, grows[-1]))))

    def answers(self, method: str) -> Node:
        """What all links answer, in the order of the outputs."""
        found = [self._number(link, x, method) for link, x in zip(self.links, self.inputs, strict=True)]
        if all(map(is_bare, found)):
            raise Unsupported("no member has a native form")
        return ToFloat64((self.importer.concat([found[link] for link in self.link_of]),))

    def _number(self, link: Child, x: Node, method: str) -> Node:
        """The answer of a link as a number: its label, or the score of its last class."""
        output = answer(link, x, self.importer, 2 if "proba" in method else 1, method)
        node = self.importer.dense(output.node)
        has_one_class = len(getattr(link.estimator, "classes_", ())) == 1
        if output.labels is not None:
            return _values(node, output.labels)
        if "proba" in method and node.schema().width == 2:
            return self.importer.select(node, (0 if has_one_class else 1,))
        if output.ndim != 1:
            raise Unsupported(f"{type(link.estimator).__name__}.{method} that is no vector of numbers")
        if has_one_class and method == "decision_function":  # which speaks for a second class
            return MulAdd((node,), np.array([-1.0]), np.zeros(1))
        return node


def _values(node: Node, labels: tuple[np.ndarray, ...]) -> Node:
    """Labels in place of their positions."""
    (classes,) = labels
    if classes.dtype.kind not in "iufb":
        raise Unsupported("labels of a chain that are no numbers")
    if classes.tolist() == list(range(len(classes))):
        return node
    offsets = np.array([0, len(classes)], dtype=np.int32)
    return EmbeddingSum((node,), classes.astype(np.float64)[:, None], offsets, np.zeros(1))
