"""The logical graph that travels with a plan, so that the plan can be lowered again without its estimator.

The optimized graph is stored, not the imported one: it is what lowering reads, and most of its arrays are the very
parameters that the kernels keep. The imported graph would need every array from before the rules were applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import Output, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.serialize import from_data, to_data
from pretzel.packed import STRUCTURE, Packed
from pretzel.plan import StoredGraph
from pretzel.store.digest import DIGEST, digest_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array
    from pretzel.plan import PhysicalPlan
    from pretzel.store.object_store import ObjectStore


def store_graph(
    methods: Mapping[str, Output], variants: Mapping[str, Mapping[str, Output]], store: ObjectStore
) -> StoredGraph:
    """Write the graph of all methods as plain data; models that differ in arrays only share its structure.

    Variants for requests of a dtype are stored as ``method/dtype``.
    """
    outputs = {name: output.node for name, output in methods.items()}
    for dtype, others in variants.items():
        outputs |= {f"{name}/{dtype}": output.node for name, output in others.items()}
    data, arrays = to_data(outputs)
    opaque = [node for node in toposort(outputs.values()) if isinstance(node, Opaque)]
    digests = b"".join(map(digest_array, arrays))
    return StoredGraph(store.packed(Packed(data)), digests, tuple(node.estimator for node in opaque))


def load_graph(plan: PhysicalPlan, store: ObjectStore) -> dict[str, Output]:
    """Read the graph that travels with a plan.

    Parameters
    ----------
    plan : PhysicalPlan
    store : ObjectStore
        Holds the arrays.

    Returns
    -------
    dict of str to Output
        What lowering takes, by method, and by ``method/dtype`` for variants.

    Raises
    ------
    KeyError
        The store does not hold an array: of what a kernel is bound to, it keeps only what the kernel reads at run time.
    ValueError
        The plan has no graph, or one of another release.
    """
    stored = plan.graph
    if stored is None:
        raise ValueError("no graph travels with this plan")
    digests = stored.arrays

    def array(position: int) -> Array:
        return store.get(digests[position * DIGEST : (position + 1) * DIGEST])

    nodes = from_data(stored.structure.unpack(STRUCTURE), array, stored.estimators)
    methods = {name: plan.methods[name.partition("/")[0]] for name in nodes}
    return {
        name: Output(node, methods[name].ndim, methods[name].labels, methods[name].list_of)
        for name, node in nodes.items()
    }
