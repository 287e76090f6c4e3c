"""Which nodes of a graph a branch or a loop runs as sub-plans: those that nothing outside reads.

Every node has one *scope*: the program, a way of a branch, or the round of a loop. It is the innermost scope that holds
all readers of the node, where a branch reads the value of a way in the scope of that way, and a loop the next state in
that of its round. A node of a round that does not depend on the state is computed once, before the loop, unless only
some rows need it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel.oven.ir.columns import LEAVES, LoopState
from pretzel.oven.ir.interpret import loops_of
from pretzel.oven.ir.subplan import Branch, Loop

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


@dataclass(frozen=True, slots=True)
class Body:
    """A sub-plan to be.

    Parameters
    ----------
    output : Node
    reads : tuple of (Node, int)
        The values that it is given, and which values of the call these are.
    """

    output: Node
    reads: tuple[tuple[Node, int], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The graph of a program with its sub-plans.

    Parameters
    ----------
    inputs : dict of Node to tuple of Node
        What the call of a branch or a loop reads: the codes or the first state, then what its sub-plans are given.
    bodies : dict of Node to tuple of Body
        Those of each branch and loop; whatever a sub-plan runs itself comes before it.
    """

    inputs: dict[Node, tuple[Node, ...]] = field(default_factory=dict)
    bodies: dict[Node, tuple[Body, ...]] = field(default_factory=dict)

    def inputs_of(self, node: Node) -> tuple[Node, ...]:
        """The values that the call of a node reads."""
        return self.inputs.get(node) or node.inputs


@dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    """The program, a way of a branch, or the round of a loop, whose ``state`` is known if anything reads it."""

    outer: _Scope | None
    depth: int
    state: LoopState | None = None


def outline(nodes: list[Node]) -> Outline:
    """The sub-plans of a program.

    Parameters
    ----------
    nodes : list of Node
        All nodes of its graph that are computed natively, leaves among them, inputs before users; the last is the
        result.
    """
    found = Outline()
    controls = [node for node in nodes if isinstance(node, Branch | Loop)]
    if not controls:
        return found
    scopes, ways = _scopes(nodes)
    for node in controls:
        given: dict[Node, int] = {}
        bodies = []
        for output, scope in zip(node.inputs[1:], ways[node], strict=True):
            reads = []
            for read in _read_by(output, scope, scopes, found):
                is_state = isinstance(node, Loop) and isinstance(read, LoopState) and read.token == node.token
                first = 1 if isinstance(node, Loop) else 0
                reads.append((read, 0 if is_state else given.setdefault(read, first + len(given))))
            bodies.append(Body(output, tuple(reads)))
        found.inputs[node] = (node.inputs[0], *given)
        found.bodies[node] = tuple(bodies)
    return found


def _read_by(output: Node, scope: _Scope, scopes: dict[Node, _Scope], found: Outline) -> list[Node]:
    """What the nodes of a scope read from outside, in a fixed order."""
    reads: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = [output]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if scopes[node] is scope and not isinstance(node, LEAVES):
            stack += reversed(found.inputs_of(node))
        else:
            reads[node] = None
    return [*reads]


def _scopes(nodes: list[Node]) -> tuple[dict[Node, _Scope], dict[Node, list[_Scope]]]:
    """The scope of each node, and those that each branch or loop opens."""
    program = _Scope(None, 0)
    states = {node.token: node for node in nodes if isinstance(node, LoopState)}
    depends = loops_of(nodes)
    scopes: dict[Node, _Scope] = {nodes[-1]: program}
    ways: dict[Node, list[_Scope]] = {}
    for node in reversed(nodes):
        scope = program if isinstance(node, LEAVES) and not isinstance(node, LoopState) else scopes[node]
        while scope.state is not None and scope.state.token not in depends[node]:
            assert scope.outer is not None
            scope = scope.outer
        scopes[node] = scope
        inside = [scope] * len(node.inputs)
        if isinstance(node, Branch | Loop):
            state = states.get(node.token) if isinstance(node, Loop) else None
            ways[node] = [_Scope(scope, scope.depth + 1, state) for _ in node.inputs[1:]]
            inside = [scope, *ways[node]]
        for child, each in zip(() if isinstance(node, LEAVES) else node.inputs, inside, strict=False):
            scopes[child] = _common(scopes.get(child, each), each)
    return scopes, ways


def _common(a: _Scope, b: _Scope) -> _Scope:
    """The innermost scope that holds both."""
    while a is not b:
        if not a.depth or not b.depth:
            return a if not a.depth else b
        if a.depth < b.depth:
            a, b = b, a
        assert a.outer is not None
        a = a.outer
    return a
