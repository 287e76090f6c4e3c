"""Graphs as plain data and back: operators by their stable names, arrays by number.

The data can be written as JSON. Arrays stand beside it, each once; reading the data back gives the identical nodes.
Arrays that only `bind` reads can be left out: then the state of the kernel stands beside the data in their place, and
`Node.states` reads them from it.
"""

from __future__ import annotations

import importlib
import itertools
import math
import pkgutil
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir._dictionary import decoded, is_encoding
from pretzel.oven.ir._states import fields_of_state
from pretzel.oven.ir.graph import Node, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.store.digest import digest_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.oven.ir.graph import Array
    from pretzel.program import Call
    from pretzel.store.object_store import ObjectStore


def to_data(
    outputs: Mapping[str, Node], calls: Mapping[Node, Call] = MappingProxyType({}), store: ObjectStore | None = None
) -> tuple[dict[str, Any], list[bytes]]:
    """Write a graph as plain data.

    Parameters
    ----------
    outputs : mapping of str to Node
        Nodes by name, such as the methods of an estimator.
    calls : mapping of Node to Call, optional
        What nodes have been lowered to. Arrays that these calls do not read are left out.
    store : ObjectStore, optional
        Holds what the calls read.

    Returns
    -------
    data : dict
        ``"nodes"``: operator, inputs and other fields of each node, inputs before users. ``"outputs"``: numbers of the
        named nodes.
    digests : list of bytes
        Those of the arrays of all fields, and of states in place of arrays; ``data`` refers to them by position.
    """
    nodes = toposort(outputs.values())
    number = {node: i for i, node in enumerate(nodes)}
    writer = _Writer(store)
    written = []
    for node in nodes:
        call = calls.get(node)
        values = {f.name: writer.value(getattr(node, f.name), call) for f in fields(node) if f.name != "inputs"}
        written.append([node.op, [number[child] for child in node.inputs], values])
    return {"nodes": written, "outputs": {name: number[node] for name, node in outputs.items()}}, writer.digests


def from_data(
    data: Mapping[str, Any],
    array: Callable[[int], Array],
    estimators: Iterable[Any] = (),
    versions: Mapping[str, int] = MappingProxyType({}),
    check: Callable[[Node], None] = lambda node: None,
) -> dict[str, Node]:
    """Read what `to_data` has written.

    Parameters
    ----------
    data : mapping
    array : callable
        The array or state at a position of the list.
    estimators : iterable, optional
        The estimators that opaque nodes call, in the order of these nodes.
    versions : mapping of str to int
        Versions of the states, by kernel.
    check : callable, optional
        Called with each node, inputs before users.

    Returns
    -------
    dict of str to Node

    Raises
    ------
    ValueError
        An operator of that name and version does not exist, an estimator is missing, or a state cannot be read.
    """
    known = operators()
    remaining = iter(estimators)
    nodes: list[Node] = []
    for op, inputs, values in data["nodes"]:
        if op not in known:
            raise ValueError(f"this release of Pretzel has no operator {op!r}")
        if any(not 0 <= i < len(nodes) for i in inputs):
            raise ValueError(f"{op} reads what no node before it makes")
        read: dict[str, Any] = {"inputs": tuple(nodes[i] for i in inputs)}
        from_state = {}
        for name, value in values.items():
            if isinstance(value, dict) and "state" in value:
                from_state[name] = value["state"]
            else:
                read[name] = _read(value, array)
        for position in {*from_state.values()}:
            found = fields_of_state(known[op], array(position), versions, read)
            read |= {name: found[name] for name in from_state if from_state[name] == position}
        node = known[op](**read)
        if isinstance(node, Opaque):
            estimator = next(remaining, None)
            if estimator is None:
                raise ValueError(f"the estimator of an opaque step is missing: {node.method}, {node.reason}")
            node.__dict__.setdefault("_estimator", estimator)
        check(node)
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

    def __init__(self, store: ObjectStore | None) -> None:
        self._store = store
        self._positions: dict[bytes, int] = {}

    @property
    def digests(self) -> list[bytes]:
        return [*self._positions]

    def position(self, digest: bytes) -> int:
        return self._positions.setdefault(digest, len(self._positions))

    def value(self, value: Any, call: Call | None = None) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(value, call)
        if isinstance(value, range):
            return {"first": len(value)}
        if isinstance(value, tuple):
            return [self.value(each) for each in value]
        if isinstance(value, bytes):
            return {"bytes": value.hex()}
        if type(value) is float and not math.isfinite(value):
            return {"float": repr(value)}
        if value is None or type(value) in (bool, int, float, str):
            return value
        raise TypeError(f"a node parameter of type {type(value).__name__} cannot be written")

    def _array(self, array: Array, call: Call | None) -> dict[str, Any]:
        """An array that the call of its node reads, else its encoding, else the state in which it is."""
        digest = digest_array(array)
        if call is not None and digest not in call.params and self._store is not None:
            for values, codes in itertools.pairwise(call.params):
                if values and codes and is_encoding(self._store.get(values), self._store.get(codes), array):
                    return {"encoded": [self.position(values), self.position(codes)]}
            if call.state is not None:
                return {"state": self.position(call.state)}
        return {"array": self.position(digest)}


def _read(value: Any, array: Callable[[int], Array]) -> Any:
    if isinstance(value, list):
        return tuple(_read(each, array) for each in value)
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return array(content)
    if kind == "encoded":
        return decoded(*map(array, content))
    if kind == "first":
        if content >> 31:
            raise ValueError(f"{content!r:.50} columns")
        return range(content)
    return bytes.fromhex(content) if kind == "bytes" else float(content)
