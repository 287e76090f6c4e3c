"""Graphs as plain data and back: operators by their stable names, arrays by number.

The data can be written as JSON. Arrays stand beside it, each once; reading the data back gives the identical nodes.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir.graph import Node, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.store.digest import digest_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.oven.ir.graph import Array


def to_data(outputs: Mapping[str, Node]) -> tuple[dict[str, Any], list[Array]]:
    """Write a graph as plain data.

    Parameters
    ----------
    outputs : mapping of str to Node
        Nodes by name, such as the methods of an estimator.

    Returns
    -------
    data : dict
        ``"nodes"``: operator, inputs and other fields of each node, inputs before users. ``"outputs"``: numbers of the
        named nodes.
    arrays : list of ndarray
        The arrays of all fields; ``data`` refers to them by position.
    """
    nodes = toposort(outputs.values())
    number = {node: i for i, node in enumerate(nodes)}
    writer = _Writer()
    written = []
    for node in nodes:
        values = {f.name: writer.value(getattr(node, f.name)) for f in fields(node) if f.name != "inputs"}
        written.append([node.op, [number[child] for child in node.inputs], values])
    return {"nodes": written, "outputs": {name: number[node] for name, node in outputs.items()}}, writer.arrays


def from_data(
    data: Mapping[str, Any], array: Callable[[int], Array], estimators: Iterable[Any] = ()
) -> dict[str, Node]:
    """Read what `to_data` has written.

    Parameters
    ----------
    data : mapping
    array : callable
        The array at a position of the list.
    estimators : iterable, optional
        The estimators that opaque nodes call, in the order of these nodes.

    Returns
    -------
    dict of str to Node

    Raises
    ------
    ValueError
        An operator of that name and version does not exist, or an estimator is missing.
    """
    known = operators()
    remaining = iter(estimators)
    nodes: list[Node] = []
    for op, inputs, values in data["nodes"]:
        if op not in known:
            raise ValueError(f"this release of Pretzel has no operator {op!r}")
        read = {name: _read(value, array) for name, value in values.items()}
        node = known[op](inputs=tuple(nodes[i] for i in inputs), **read)
        if isinstance(node, Opaque):
            estimator = next(remaining, None)
            if estimator is None:
                raise ValueError(f"the estimator of an opaque step is missing: {node.method}, {node.reason}")
            node.__dict__.setdefault("_estimator", estimator)
        nodes.append(node)
    return {name: nodes[number] for name, number in data["outputs"].items()}


def operators() -> dict[str, type[Node]]:
    """Every class of nodes by the name of its operator."""
    package = importlib.import_module("pretzel.oven.ir")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    found: dict[str, type[Node]] = {}
    classes: list[type[Node]] = [Node]
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        if cls.op:
            found[cls.op] = cls
    return found


class _Writer:
    """Values of fields as plain data; equal arrays are one."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._position: dict[bytes, int] = {}

    def value(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            digest = digest_array(value)
            if digest not in self._position:
                self._position[digest] = len(self.arrays)
                self.arrays.append(value)
            return {"array": self._position[digest]}
        if isinstance(value, tuple):
            return [self.value(each) for each in value]
        if isinstance(value, bytes):
            return {"bytes": value.hex()}
        if type(value) is float and not math.isfinite(value):
            return {"float": repr(value)}
        if value is None or type(value) in (bool, int, float, str):
            return value
        raise TypeError(f"a node parameter of type {type(value).__name__} cannot be written")


def _read(value: Any, array: Callable[[int], Array]) -> Any:
    if isinstance(value, list):
        return tuple(_read(each, array) for each in value)
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return array(content)
    return bytes.fromhex(content) if kind == "bytes" else float(content)
