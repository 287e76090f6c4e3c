"""Whether a native step gives the bits of NumPy's own functions on this machine: it is asked, not assumed.

NumPy computes logarithms and powers with the C library on one machine and with its own vector code on another. Where
both give the same bits, a step that agrees within a tolerance in general is exact.
"""

from __future__ import annotations

import functools
from dataclasses import fields

import numpy as np

from pretzel._native import NativeProgram
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.graph import Array, Node, replace
from pretzel.oven.lower import Lowering
from pretzel.schema import Kind
from pretzel.store.object_store import ObjectStore

SAMPLES = 1000
"""Values of each kind. Functions that are rounded in two ways differ for one in ten, some for one in five hundred."""

MOST = 200_000
"""Values of all columns together, for steps with parameters of many columns."""


def has_same_bits(node: Node) -> bool:
    """Whether the kernel of a column-wise node of dense rows gives the bits of its reference."""
    if not node.columnwise or not node.kernel or node.passthrough or node.schema().kind is Kind.SPARSE:
        return False
    arrays = [value for f in fields(node) if isinstance(value := getattr(node, f.name), np.ndarray)]
    if not arrays:
        return _is_same_function(replace(node, inputs=(NumericLeaf((), (0,)),)))
    if "_same_bits" not in node.__dict__:
        width = node.inputs[0].schema().width
        values = _samples(arrays)
        alone = replace(node, inputs=(NumericLeaf((), range(width)),))
        node.__dict__["_same_bits"] = _is_same(alone, values[:: 1 + len(values) * width // MOST])
    return bool(node.__dict__["_same_bits"])


@functools.lru_cache(maxsize=64)
def _is_same_function(node: Node) -> bool:
    """Nodes without arrays are few."""
    return _is_same(node, _samples([]))


def _is_same(node: Node, values: Array) -> bool:
    width = node.schema().width
    X = np.repeat(values[:, None], width, axis=1)
    store = ObjectStore()
    lease = store.lease()
    program = Lowering(store, lease, {}).program(node, {})
    found = NativeProgram(program, store, lease).trace([X], len(X))[-1]
    with np.errstate(all="ignore"):
        expected = node.reference(X)
    return np.array_equal(found, expected, equal_nan=True)


def _samples(arrays: list[Array]) -> Array:
    """Numbers of all magnitudes, and those between the parameters of a step."""
    rng = np.random.default_rng(0)
    magnitudes = np.exp(rng.uniform(np.log(1e-9), np.log(1e9), SAMPLES))
    near = rng.normal(size=SAMPLES)
    found = [magnitudes, -magnitudes, near, 10.0 * near, rng.uniform(size=SAMPLES)]
    for each in arrays:
        if each.dtype.kind == "f" and each.size and np.isfinite(each).all():
            found += [rng.uniform(each.min(), each.max(), SAMPLES), rng.choice(each.ravel(), SAMPLES)]
    return np.concatenate(found)
