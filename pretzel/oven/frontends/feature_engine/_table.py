"""The columns between two steps, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.feature_engine._codes import Codes, encoded
from pretzel.oven.frontends.forms import Relabelled, arranged, made_for_checks, places_of
from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.columns import LEAVES, Raw, Select, is_sparse
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import CategoryCodes, OneHot
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.impute import Impute, ImputeCells, MissingMask
from pretzel.oven.ir.link import Log
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.power import YeoJohnson
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pretzel.oven.frontends.forms import Place
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

ROUNDED = ("float16", "float32")
"""Floats in which steps compute, or not, by what the other columns of a request are."""

HARMLESS = (
    *LEAVES, Bins, Concat, Impute, ImputeCells, Log, MissingMask, MulAdd, OneHot, Opaque, Raw, Relabelled, Select,
    SubDiv, UnaryFunction, YeoJohnson,
)  # fmt: skip
"""Steps that take any value, as they are used here."""


class Table:
    """What a step is given, column by column.

    Parameters
    ----------
    estimator : fitted step
    x : Node
        The columns in the order of the fit.
    importer : Importer
    """

    def __init__(self, estimator: Any, x: Node, importer: Importer) -> None:
        self._importer = importer
        names = list(estimator.feature_names_in_)
        places = places_of(x)
        if any(is_sparse(node) for node, _ in places):
            raise Unsupported("it takes no sparse rows")
        if not places:
            raise Unsupported("the number of columns that it receives is not known")
        if len(places) != len(names):
            raise ValueError(f"feature_names_in_ has {len(names)} names, and the input has {len(places)} columns")
        self._places: dict[Any, Place] = dict(zip(names, places, strict=True))
        self._added: list[Place] = []
        self._checked = made_for_checks(x)

    def groups(self, names: Iterable[Any]) -> Iterator[tuple[list[Any], Node]]:
        """The columns of these names, in groups that one node can read."""
        found: dict[Any, list[Any]] = {}
        for name in names:
            node, _ = self._places[name]
            found.setdefault(node.inputs if isinstance(node, Raw) else node, []).append(name)
        for group in found.values():
            yield group, arranged([self._places[name] for name in group])

    def numbers(self, names: Iterable[Any]) -> Iterator[tuple[list[Any], Node]]:
        """Groups of columns that are read as numbers."""
        for group, node in self.groups(names):
            read = self._importer.dense(node)
            self._importer.exclude(read, ROUNDED, "numbers of which each column has its own precision", each=True)
            yield group, read

    def together(self, names: Iterable[Any]) -> Node:
        """Columns that are read as numbers, side by side."""
        read = self._importer.dense(self.columns(names))
        self._importer.exclude(read, ROUNDED, "numbers of which each column has its own precision", each=True)
        return read

    def values(self, names: Iterable[Any]) -> Iterator[tuple[list[Any], Node]]:
        """Groups of columns that are read as the caller's values, or as what a step has made."""
        for group, node in self.groups(names):
            if not isinstance(node, Raw):
                _check_bits(node)
            yield group, self._importer.cells(node) if isinstance(node, Raw) else node

    def columns(self, names: Iterable[Any]) -> Node:
        """Some of the columns side by side."""
        return arranged([self._places[name] for name in names])

    def put(self, names: Sequence[Any], node: Node) -> None:
        """Replace columns by those of a value."""
        node = self._importer.note(node)
        self._places.update({name: (node, i) for i, name in enumerate(names)})

    def add(self, node: Node, column: int) -> None:
        """Add a column of a value behind all others."""
        self._added.append((self._importer.note(node), column))

    def take_out(self, names: Iterable[Any]) -> None:
        """Leave columns out that the step reads."""
        for name in names:
            del self._places[name]

    def drop(self, estimator: Any, names: Iterable[Any]) -> None:
        """Leave columns out, but for the checks of the steps that made them."""
        for name in names:
            node, _ = self._places.pop(name)
            if isinstance(node, Relabelled) and node.rejects_missing:
                nothing = [Codes({}, 0.0, None, None)] * node.schema().width
                node = encoded(node, nothing, estimator, self._importer, dtype="float64")
            if node not in self._checked and any(map(_may_reject, toposort([node]))):
                self._checked.append(self._importer.note(node))

    def node(self) -> Node:
        """All columns in their order."""
        return arranged([*self._places.values(), *self._added], self._checked)


def _check_bits(node: Node) -> None:
    """Raise `Unsupported` where the last bits of numbers decide what they are equal to, and are not the source's."""
    agenda = [node]
    while agenda:
        each = agenda.pop()
        if isinstance(each, Relabelled) or not (isinstance(each, LEAVES) or each.discrete):
            if not isinstance(each, Relabelled) and not each.is_exact():
                raise Unsupported("categories that are numbers whose last bits may differ")
            agenda += each.inputs


def _may_reject(node: Node) -> bool:
    """Whether a step may stop at a value; columns that are read as numbers may hold texts if no step reads them."""
    return not isinstance(node, HARMLESS) and not (isinstance(node, CategoryCodes) and not node.reject.any())
