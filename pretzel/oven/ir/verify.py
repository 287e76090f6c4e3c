"""Invariants of a graph: what holds after every rule, what holds after importing, and what holds before lowering."""

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


def check_parameters(node: Node) -> None:
    """A node has a schema, and the parameters of its kernel fit each other and the widths of its inputs.

    Raises
    ------
    OvenBug, ValueError
        The node does not fit. What is wrong is the node or, where it was just imported, its source.
    """
    from pretzel._native import check_call

    check_node(node)
    if not node.kernel or isinstance(node, LEAVES):
        return
    inputs = [(schema.kind.value, schema.width) for schema in (child.schema() for child in node.inputs)]
    schema = node.schema()
    output = None if node.passthrough else (schema.kind.value, schema.width)
    if wrong := check_call(node.kernel, node.params(), inputs, output):
        raise ValueError(wrong)


def check_executable(outputs: Iterable[Node]) -> None:
    """Every node is a leaf, opaque, or has a kernel that this build knows. Raises `OvenBug`."""
    from pretzel._native import kernels

    known = set(kernels())
    for node in toposort(outputs):
        if isinstance(node, (*LEAVES, Raw, Opaque)):
            continue
        if node.kernel not in known:
            raise OvenBug(f"{node!r} names the kernel {node.kernel!r}, which does not exist")
