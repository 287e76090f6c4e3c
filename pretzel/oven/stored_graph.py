"""The logical graph that travels with a plan, so that the plan can be lowered again without its estimator.

The optimized graph is stored, not the imported one: it is what lowering reads, and its arrays are the very parameters
and states that the kernels keep. The imported graph would need every array from before the rules were applied.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING, Any

from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.opaque import Opaque, new_token
from pretzel.oven.ir.serialize import from_data, to_data
from pretzel.packed import STRUCTURE, Packed
from pretzel.plan import StoredGraph
from pretzel.store.digest import DIGEST, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pretzel.oven.ir.graph import Array, Node
    from pretzel.program import Call
    from pretzel.store.object_store import ObjectStore


def store_graph(outputs: Mapping[str, Node], calls: Mapping[Node, Call], store: ObjectStore) -> StoredGraph:
    """Write the graph of all methods as plain data; models that differ in arrays only share its structure.

    Parameters
    ----------
    outputs : mapping of str to Node
        By method; ``method/dtype`` for requests of some dtype, ``method/sparse`` for sparse ones.
    calls : mapping of Node to Call
        What the nodes have been lowered to.
    store : ObjectStore
    """
    data, digests = to_data(outputs, calls, store)
    _replace_tokens(data, itertools.count().__next__)  # so that one model always has the same graph
    opaque = [node for node in toposort(outputs.values()) if isinstance(node, Opaque)]
    return StoredGraph(store.packed(Packed(data)), b"".join(digests), tuple(node.estimator for node in opaque))


def load_graph(
    stored: StoredGraph,
    store: ObjectStore,
    versions: Mapping[str, int],
    check: Callable[[Node], None] = lambda node: None,
) -> dict[str, Node]:
    """Read the graph that travels with a plan.

    Parameters
    ----------
    stored : StoredGraph
    store : ObjectStore
        Holds the arrays and states.
    versions : mapping of str to int
        Versions of the states, by kernel.
    check : callable, optional
        Called with each node, inputs before users.

    Returns
    -------
    dict of str to Node
        Outputs by name, as `store_graph` takes them.

    Raises
    ------
    KeyError
        The store does not hold an array.
    ValueError
        The graph is one of another release.
    """
    digests = stored.arrays

    @cache
    def array(position: int) -> Array:  # nodes keep frozen arrays: a copy for all that name it
        return frozen(store.get(digests[position * DIGEST : (position + 1) * DIGEST]))

    data = stored.structure.unpack(STRUCTURE)
    _replace_tokens(data, new_token)  # nodes of other graphs have other estimators
    return from_data(data, array, stored.estimators, versions, check)


def _replace_tokens(data: dict[str, Any], new: Callable[[], int]) -> None:
    """Let each token of the nodes be another number."""
    tokens: dict[int, int] = {}
    for _, _, values in data["nodes"]:
        if "token" in values:
            if values["token"] not in tokens:
                tokens[values["token"]] = new()
            values["token"] = tokens[values["token"]]
