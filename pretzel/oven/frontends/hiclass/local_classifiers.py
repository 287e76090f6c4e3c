"""Adapters of hiclass's local classifiers: a branch on the node that a row has reached, repeated down the hierarchy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.ir.columns import LoopState, Select
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.graph import Methods, Node, Output, toposort
from pretzel.oven.ir.link import ArgMax
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.subplan import Branch, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array

    Choose = Callable[[Any], tuple[Node | None, list[Any]]]
    # What is chosen at a node, as an index, and the choices. None: the only choice.


def _inner(estimator: Any) -> list[Any]:
    """The nodes with successors, the root first."""
    hierarchy = estimator.hierarchy_
    found = [estimator.root_]
    for node in found:
        found += [each for each in hierarchy.successors(node) if hierarchy.out_degree(each)]
    return found


def _is_constant(classifier: Any) -> bool:
    """Whether a classifier saw one class, and so predicts a constant."""
    return type(classifier).__name__ == "ConstantClassifier"


@composition("hiclass.LocalClassifierPerParentNode.LocalClassifierPerParentNode")
def parents(estimator: Any) -> tuple[Child, ...]:
    """Each node with successors chooses one of them."""
    nodes = estimator.hierarchy_.nodes
    found = ((str(node), nodes[node]["classifier"]) for node in _inner(estimator))
    return tuple(Child(name, each, "predict") for name, each in found if not _is_constant(each))


@composition("hiclass.LocalClassifierPerNode.LocalClassifierPerNode")
def nodes(estimator: Any) -> tuple[Child, ...]:
    """The most probable successor of a node is chosen; a single successor is chosen without asking its classifier."""
    hierarchy = estimator.hierarchy_
    found = []
    for node in _inner(estimator):
        successors = list(hierarchy.successors(node))
        if len(successors) > 1:
            found += [Child(str(each), hierarchy.nodes[each]["classifier"], "predict_proba") for each in successors]
    return tuple(found)


@composition("hiclass.LocalClassifierPerLevel.LocalClassifierPerLevel")
def levels(estimator: Any) -> tuple[Child, ...]:
    """The successor of a node that the classifier of its level finds most probable is chosen."""
    methods = ["predict"] + ["predict_proba"] * (len(estimator.local_classifiers_) - 1)
    found = zip(estimator.local_classifiers_, methods, strict=True)
    return tuple(Child(f"level {level}", each, method) for level, (each, method) in enumerate(found))


@adapter("hiclass.LocalClassifierPerParentNode.LocalClassifierPerParentNode")
def per_parent_node(estimator: Any, x: Node, importer: Importer) -> Methods:
    x = _checked(estimator, x, importer)
    members = {child.name: child for child in children(estimator)}

    def choose(node: Any) -> tuple[Node | None, list[Any]]:
        member = members.get(str(node))
        if member is None:
            return None, list(estimator.hierarchy_.nodes[node]["classifier"].classes_)
        output = _native(importer.answer(member.estimator, "predict", x, name=member.name))
        assert output.labels is not None
        return output.node, output.labels[0].tolist()

    return {"predict": _routed(estimator, choose, importer)}


@adapter("hiclass.LocalClassifierPerNode.LocalClassifierPerNode")
def per_node(estimator: Any, x: Node, importer: Importer) -> Methods:
    x = _checked(estimator, x, importer)
    members = {child.name: child for child in children(estimator)}

    def choose(node: Any) -> tuple[Node | None, list[Any]]:
        successors = list(estimator.hierarchy_.successors(node))
        if len(successors) == 1:
            return None, successors
        scores = []
        for member in (members[str(each)] for each in successors):
            if _is_constant(member.estimator):
                raise Unsupported("a node with siblings whose classifier saw one class")
            (positive,) = np.flatnonzero(member.estimator.classes_ == 1)
            output = _native(importer.answer(member.estimator, "predict_proba", x, name=member.name))
            scores.append(importer.note(Select((output.node,), (int(positive),))))
        return importer.note(ArgMax((importer.concat(scores),))), successors

    return {"predict": _routed(estimator, choose, importer)}


@adapter("hiclass.LocalClassifierPerLevel.LocalClassifierPerLevel")
def per_level(estimator: Any, x: Node, importer: Importer) -> Methods:
    x = _checked(estimator, x, importer)
    asked = children(estimator)
    answers = [_native(importer.answer(child.estimator, child.method or "", x, name=child.name)) for child in asked]
    level_of = {estimator.root_: -1}

    def choose(node: Any) -> tuple[Node | None, list[Any]]:
        level = level_of[node] + 1
        successors = list(estimator.hierarchy_.successors(node))
        level_of.update(dict.fromkeys(successors, level))
        if level == 0:
            assert answers[0].labels is not None
            return answers[0].node, answers[0].labels[0].tolist()
        known = np.asarray(asked[level].estimator.classes_).tolist()
        columns = tuple(known.index(each) for each in successors)
        return importer.note(ArgMax((importer.note(Select((answers[level].node,), columns)),))), successors

    return {"predict": _routed(estimator, choose, importer)}


def _checked(estimator: Any, x: Node, importer: Importer) -> Node:
    if any(degree > 1 for _, degree in estimator.hierarchy_.in_degree()):
        raise Unsupported("a hierarchy that is no tree")
    return importer.finite(importer.numeric(x), estimator)


def _native(output: Output) -> Output:
    """The answer of a member, which is asked for its own rows only; the estimator itself would be asked for all."""
    if output.list_of is not None or any(isinstance(node, Opaque) for node in toposort([output.node])):
        raise Unsupported("a member has no native form")
    return output


def _routed(estimator: Any, choose: Choose, importer: Importer) -> Output:
    """The labels on the way from the root to the node at which each row ends.

    The first choice is made for all rows, the others in a loop, whose state is the number of the choice that comes
    next, or -1 - i for the i-th end.
    """
    routes = _Routes(estimator, choose)
    node, *ways = (importer.note(way) for way in routes.ways)
    if ways:
        token = importer.new_loop()
        state = importer.note(LoopState((), 1, token))
        following = importer.note(Branch((state, *ways)))
        node = importer.note(Loop((node, following), token, max(map(len, routes.ends))))
    ends = importer.note(MulAdd((node,), np.array([-1.0]), np.array([-1.0])))
    codes, labels = routes.labels()
    return Output(_table(ends, codes), ndim=1 if estimator.max_levels_ == 1 else 2, labels=labels)


def _table(codes: Node, rows: Array) -> Node:
    """The row of each code."""
    return EmbeddingSum((codes,), rows, np.array([0, len(rows)], dtype=np.int32), np.zeros(rows.shape[1]))


class _Routes:
    """The choices of a hierarchy where rows part ways, and where they end; nodes with one choice are passed by.

    Attributes
    ----------
    ways : list of Node
        For each choice, the number of what comes next. The first is that of all rows, and has the number -1.
    ends : list of tuple
        The nodes on the way to each end.
    """

    def __init__(self, estimator: Any, choose: Choose) -> None:
        self._estimator = estimator
        self._choose = choose
        self._inner = set(_inner(estimator))
        self._pending: list[tuple[tuple[Any, ...], Node, list[Any]]] = []
        self.ends: list[tuple[Any, ...]] = []
        self.ways: list[Node] = []
        self._number_of(())
        if not self._pending:
            raise Unsupported("all rows have the same labels")
        for path, chosen, choices in self._pending:  # which grows
            numbers = [self._number_of((*path, each)) for each in choices]
            self.ways.append(_table(chosen, np.array(numbers)[:, None]))

    def _number_of(self, path: tuple[Any, ...]) -> float:
        """The number of the choice, or of the end, that comes next on a way."""
        while True:
            at = path[-1] if path else self._estimator.root_
            if at not in self._inner:
                self.ends.append(path)
                return -float(len(self.ends))
            chosen, choices = self._choose(at)
            if chosen is not None:
                self._pending.append((path, chosen, choices))
                return len(self._pending) - 2.0
            path = (*path, choices[0])

    def labels(self) -> tuple[Array, tuple[Array, ...]]:
        """For each end the index of its label at each level, and the labels of the levels."""
        levels = self._estimator.max_levels_
        known: list[dict[Any, int]] = [{} for _ in range(levels)]
        codes = np.empty((len(self.ends), levels))
        for end, path in enumerate(self.ends):
            for level in range(levels):
                label = path[level] if level < len(path) else ""
                if level > 0:
                    label = label.split(self._estimator.separator_)[-1]
                codes[end, level] = known[level].setdefault(label, len(known[level]))
        return codes, tuple(np.array([*each], dtype=self._estimator.dtype_) for each in known)
