"""Invariants of a graph, at two levels: what must hold after every rule, and what must hold before lowering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.errors import OvenBug
from pretzel.oven.ir.columns import LEAVES, Raw
from pretzel.oven.ir.graph import Node, toposort
from pretzel.oven.ir.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_always(outputs: Iterable[Node]) -> None:
    """Every node has a schema that its inputs allow. Raises `OvenBug`."""
    for node in toposort(outputs):
        check_node(node)


def check_node(node: Node) -> None:
    """A node whose inputs are in order has a schema that they allow. Raises `OvenBug`."""
    if isinstance(node, Raw | Opaque):
        return
    schema = node.schema()
    if schema.width < 0 or (schema.nnz is not None and schema.nnz < 0):
        raise OvenBug(f"{node!r} has the impossible schema {schema}")


def check_executable(outputs: Iterable[Node]) -> None:
    """Every node is a leaf, opaque, or has a kernel that this build knows. Raises `OvenBug`."""
    from pretzel._native import kernels

    known = set(kernels())
    for node in toposort(outputs):
        if isinstance(node, (*LEAVES, Raw, Opaque)):
            continue
        if node.kernel not in known:
            raise OvenBug(f"{node!r} names the kernel {node.kernel!r}, which does not exist")
