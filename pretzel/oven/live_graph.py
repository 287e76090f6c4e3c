"""A graph while rules rewrite it: nodes stay frozen, the places they stand in change.

Nodes hold their inputs, so replacing one replaces every node above it. Here each node stands in a `Place`, and places
read places: a change costs one place, and the nodes above it are rebuilt once in a sweep, however many changes there
were below them.

The graph knows who reads each node. `Readers` gives that to the rules as ``users`` and remembers which rule asked about
which node, so that a node is looked at again when, and only when, something that a rule saw there has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import Node, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    Question = tuple[int, "Place"]  # number of the rule that asked, and the place it was looking at


class Place:
    """Where a node stands; readers read whatever stands there.

    Parameters
    ----------
    node : Node
    depth : int
        Number of firings that led to this node, each on the result of the one before.
    """

    __slots__ = (
        "_merged",
        "_users",
        "asked",
        "cause",
        "depth",
        "inputs",
        "is_live",
        "is_stale",
        "node",
        "readers",
        "results",
    )

    def __init__(self, node: Node, depth: int) -> None:
        self.node = node
        self.depth = depth
        self.inputs: list[Place] = []
        self.readers: list[Place] = []
        self.results = 0  # number of outputs of the graph that stand here
        self.is_live = True
        self.is_stale = False  # a node below has changed, and `LiveGraph.rebuild` has not been called yet
        self.cause: object = None  # of the latest change here or, for a stale place, below
        self.asked: set[Question] = set()
        self._merged: Place | None = None
        self._users: list[Node] | None = None

    @property
    def current(self) -> Place:
        """This place, or the one that it was merged into."""
        place = self
        while place._merged is not None:
            place = place._merged
        return place

    @property
    def users(self) -> list[Node]:
        """The nodes that read this one, each as often as it does."""
        if self._users is None:
            self._users = [reader.node for reader in self.readers]
        return self._users


class LiveGraph:
    """The nodes that the outputs need, and nothing else.

    Parameters
    ----------
    outputs : iterable of Node
    rules : int
        How many rules there are.

    Attributes
    ----------
    pending : list of set of Place
        For each rule the places to look at: those that entered the graph or got another node, and those where the
        answer to a question that the rule asked may have changed. Places that left the graph may be among them.
    """

    def __init__(self, outputs: Iterable[Node], rules: int) -> None:
        self.pending: list[set[Place]] = [set() for _ in range(rules)]
        self._places: dict[Node, Place] = {}
        self._waiting: set[Place] = set()  # stale places, whose nodes are not among `_places`
        self._results: list[Place] = []
        self._order: list[Place] | None = None
        for node in outputs:
            self._enter(node, 0, None)
            place = self._places[node]
            place.results += 1
            self._results.append(place)

    def __len__(self) -> int:
        return len(self._places) + len(self._waiting)

    @property
    def outputs(self) -> list[Node]:
        """The nodes that the outputs have become."""
        return [place.current.node for place in self._results]

    @property
    def has_stale(self) -> bool:
        """Whether a place waits to be rebuilt."""
        return bool(self._waiting)

    def place_of(self, node: Node) -> Place | None:
        """Where a node stands, if it does and is not stale."""
        return self._places.get(node)

    def order(self) -> list[Place]:
        """Every place once, inputs before readers, in the order of `toposort`."""
        if self._order is None:
            order: dict[Place, None] = {}
            for result in self._results:
                stack = [(result.current, iter(result.current.inputs))]
                while stack:
                    place, rest = stack[-1]
                    if place in order:
                        stack.pop()
                        continue
                    child = next(rest, None)
                    if child is None:
                        order[place] = None
                        stack.pop()
                    elif child.current not in order:
                        stack.append((child.current, iter(child.current.inputs)))
            self._order = list(order)
        return self._order

    def change(self, place: Place, new: Node, cause: object) -> list[Place]:
        """Let ``new`` stand where ``place.node`` stood.

        Returns
        -------
        list of Place
            The places of the nodes that entered with it, inputs first; the last is the one where ``new`` stands.
        """
        self._make_stale(place, cause)
        self._forget(place)
        place.depth += 1
        made = [] if new in self._places else [m for x in new.inputs for m in self._enter(x, place.depth, cause)]
        return [*made, self._put(place, new, cause)]

    def rebuild(self, place: Place) -> Place | None:
        """Build the node of a stale place again over its present inputs.

        Returns
        -------
        Place or None
            Where the node stands; None while an input is stale itself.
        """
        current = [child.current for child in place.inputs]
        if any(child.is_stale for child in current):
            return None
        self._forget(place)
        place.is_stale = False
        inputs = tuple(child.node for child in current)
        new = place.node
        if any(a is not b for a, b in zip(inputs, new.inputs, strict=True)):
            new = replace(new, inputs=inputs)
        return self._put(place, new, place.cause)

    def clear(self) -> None:
        """Forget everything: places refer to each other, and nodes should not wait for the garbage collector."""
        for place in self.order():
            self._end(place)
        self.pending.clear()
        self._results.clear()
        self._order = None

    # -- inside ------------------------------------------------------------------------------------------------------

    def _enter(self, node: Node, depth: int, cause: object) -> list[Place]:
        """Give a place to ``node`` and to everything below it that has none; returns the new places, inputs first."""
        made: list[Place] = []
        stack = [(node, False)]
        while stack:
            each, inputs_done = stack.pop()
            if each in self._places:
                continue
            if not inputs_done:
                stack.append((each, True))
                stack += [(child, False) for child in reversed(each.inputs)]
                continue
            place = self._places[each] = Place(each, depth)
            place.cause = cause
            self._connect(place)
            self._look_at(place)
            made.append(place)
        return made

    def _put(self, place: Place, node: Node, cause: object) -> Place:
        """Let ``node``, whose inputs are all here, stand at ``place``, or where it stands already."""
        self._order = None
        there = self._places.get(node)
        if there is not None:
            self._merge(place, there)
            return there
        before = place.inputs
        place.node = node
        place.cause = cause
        self._places[node] = place
        self._connect(place)
        self._disconnect(place, before)
        self._look_at(place)
        return place

    def _merge(self, place: Place, into: Place) -> None:
        """Two places with one node become one."""
        into.results += place.results
        into.readers += place.readers
        into.depth = max(into.depth, place.depth)
        self._doubt(into)
        place._merged = into
        self._disconnect(place, self._end(place))

    def _connect(self, place: Place) -> None:
        place.inputs = [self._places[child] for child in place.node.inputs]
        for child in place.inputs:
            child.readers.append(place)
            self._doubt(child)

    def _disconnect(self, place: Place, inputs: list[Place]) -> None:
        """``place`` no longer reads ``inputs``; places without readers leave the graph."""
        stack = [(place, inputs)]
        while stack:
            reader, inputs = stack.pop()
            for each in inputs:
                child = each.current
                child.readers.remove(reader)
                self._doubt(child)
                if not child.readers and not child.results:
                    stack.append((child, self._end(child)))

    def _end(self, place: Place) -> list[Place]:
        """Take a place out of the graph; returns the inputs that the caller has to disconnect."""
        place.is_live = False
        self._forget(place)
        inputs, place.inputs, place.readers = place.inputs, [], []
        place.asked.clear()
        return inputs

    def _forget(self, place: Place) -> None:
        if self._places.get(place.node) is place:
            del self._places[place.node]
        self._waiting.discard(place)

    def _doubt(self, place: Place) -> None:
        """The readers of ``place``, or their nodes, have changed."""
        place._users = None
        asked, place.asked = place.asked, set()
        for number, asker in asked:
            if asker.is_live:
                self.pending[number].add(asker)

    def _look_at(self, place: Place) -> None:
        for places in self.pending:
            places.add(place)

    def _make_stale(self, place: Place, cause: object) -> None:
        """Every direct and indirect reader of ``place`` has to be rebuilt."""
        stack = list(place.readers)
        while stack:
            reader = stack.pop()
            if reader.is_stale:
                continue
            reader.is_stale = True
            reader.cause = cause
            del self._places[reader.node]
            self._waiting.add(reader)
            stack += reader.readers


class Readers(Mapping[Node, "list[Node]"]):
    """The ``users`` argument of rules: the same mapping as `ir.graph.users` builds, kept up to date.

    A stale node may be among the readers of others, but has no known readers. Rules that follow readers upwards
    stop there; they are asked again when it has been rebuilt.

    ``asking`` is the current question, recorded at every node that is looked up.
    """

    def __init__(self, graph: LiveGraph) -> None:
        self._graph = graph
        self.asking: Question | None = None

    def __getitem__(self, node: Node) -> list[Node]:
        place = self._graph.place_of(node)
        if place is None:
            raise KeyError(node)
        if self.asking is not None:
            place.asked.add(self.asking)
        return place.users

    def __iter__(self) -> Iterator[Node]:
        return (place.node for place in self._graph.order())

    def __len__(self) -> int:
        return len(self._graph)
