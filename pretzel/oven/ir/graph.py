"""The logical graph: frozen, hash-consed nodes, each one computation.

Building a node that already exists returns the existing object, so that common sub-expressions are one node without a
rule, and ``a is b`` is structural equality.
"""

from __future__ import annotations

import enum
import functools
import threading
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import numpy as np
import numpy.typing as npt

from pretzel.errors import CompileError
from pretzel.oven.ir._array_key import ArrayKey
from pretzel.oven.ir.value_properties import UNKNOWN, ZERO, ValueProperties
from pretzel.schema import Kind, as_positions
from pretzel.store.digest import digest_array, digest_parts, frozen, is_frozen

if TYPE_CHECKING:
    from pretzel.oven.ir._states import States
    from pretzel.oven.ir.step_forms import Affine, Boundaries, Replacement
    from pretzel.plan import PassedOn
    from pretzel.schema import Positions, Schema

Array = npt.NDArray[Any]
Value = Any  # ndarray (n, width) float64 | scipy CSR (n, width) | object ndarray (n, width) of cells


class Parity(enum.Enum):
    """How near a kernel must come to scikit-learn: the same bits, or rtol 1e-9 / atol 1e-12."""

    EXACT = "exact"
    TOLERANCE = "tolerance"


class _Known(threading.local):
    """Nodes by what they are made of, for each thread its own, because a graph never leaves its thread.

    One table for all would need a lock: between look-up and entry of a node another thread can enter an equal one.
    """

    def __init__(self) -> None:
        self.nodes: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
class _HashConsing(type):
    """Metaclass: makes every subclass a frozen dataclass and returns the existing node when there is one."""

    _known: ClassVar[_Known] = _Known()

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
        namespace.setdefault("op", "")  # never inherited: two classes with one name would be one computation
        if "schema" in namespace:
            namespace["schema"] = _once(namespace["schema"])
        cls: Any = super().__new__(mcs, name, bases, namespace)
        made: type = dataclass(frozen=True, eq=False, repr=False)(cls)
        return made

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        node = super().__call__(*args, **kwargs)
        if not node.op:
            raise TypeError(f"{cls.__name__} does not name its computation: it needs an `op`")
        parts: list[Any] = [node.op]
        for f in fields(node):
            value = getattr(node, f.name)
            if isinstance(value, np.ndarray) and not is_frozen(value):
                object.__setattr__(node, f.name, value := frozen(value))
            parts.append(_key(value))
        return _HashConsing._known.nodes.setdefault(tuple(parts), node)


def _once(schema: Callable[[Node], Schema]) -> Callable[[Node], Schema]:
    """Compute the schema of a node once: it asks those of its inputs, and rules ask again after every change."""

    @functools.wraps(schema)
    def cached(self: Node) -> Schema:
        found: Schema | None = self.__dict__.get("_schema")
        if found is None:
            found = self.__dict__["_schema"] = schema(self)
        return found

    return cached


def _key(value: Any) -> Any:
    """What tells a value of a field from others: by type and bits, so that 1, 1.0 and True are three, as are zeros."""
    if isinstance(value, Node):
        return value
    if isinstance(value, np.ndarray):
        return ArrayKey(value)
    if isinstance(value, range):
        return (int, value)
    if isinstance(value, tuple):
        return (int, value) if {*map(type, value)} == {int} else tuple(map(_key, value))  # columns, of which many are
    return _scalar(value)


def _scalar(value: Any) -> bytes:
    if value is None or isinstance(value, str | bool | int | float | bytes | enum.Enum):
        return f"{type(value).__name__}:{value!r}".encode()
    raise TypeError(f"a node parameter of type {type(value).__name__} has no canonical bytes")


def _canonical(value: Any) -> bytes:
    if isinstance(value, Node):
        return value.digest
    if isinstance(value, np.ndarray):
        return digest_array(value)
    if isinstance(value, tuple) and {*map(type, value)} != {int}:
        return digest_parts("tuple", [_canonical(v) for v in value])
    if isinstance(value, tuple | range):  # columns, of which there may be many
        found = as_positions(value)
        each = [b"first:%d" % len(found)] if isinstance(found, range) else [b"int:%d" % column for column in found]
        return digest_parts("tuple", each)
    return _scalar(value)


class Node(metaclass=_HashConsing):
    """One computation: typed parameters as dataclass fields, inputs first.

    Subclasses are frozen dataclasses without writing it. A field may hold a ``Node``, an ndarray (kept read-only),
    a str, bytes, bool, int, float, enum, None, a range from 0 on, or a tuple of these. ``inputs`` is the tuple of nodes
    it reads.

    Each class that is built names its computation by a unique ``op``. The name stays when the class is renamed or
    moved; its version changes when the same fields mean something else.

    Rules ask nodes for traits. The defaults claim nothing, so that a new class is correct before it is fast; each
    claim is compared with `reference` on boundary rows by ``tests/oven/ir/test_traits.py``.
    """

    inputs: tuple[Node, ...]

    op: ClassVar[str] = ""  # stable name and version of the computation, e.g. "linear/1"; part of the digest
    kernel: ClassVar[str] = ""  # name in the native table; empty: never lowered as it is
    parity: ClassVar[Parity] = Parity.EXACT

    columnwise: ClassVar[bool] = False  # column j of the result depends on column j of the only input alone
    passthrough: ClassVar[bool] = False  # the result is the input itself, which is only checked
    needs_rows: ClassVar[bool] = True  # the source rejects a request without rows
    discrete: ClassVar[bool] = False  # the result depends on which side of some edges the values lie
    rounds_once: ClassVar[bool] = False  # scikit-learn, too, computes in float64 and rounds the result to float32
    states: ClassVar[States] = {}  # reads the arrays that only `bind` needs from what it made of them

    @property
    def digest(self) -> bytes:
        """Sixteen bytes that name the computation with everything below it, in every process; computed when asked."""
        if (known := self.__dict__.get("_digest")) is not None:
            return bytes(known)
        stack: list[Node] = [self]
        while stack:
            node = stack[-1]
            missing = [child for child in node.inputs if "_digest" not in child.__dict__]
            stack += missing
            if not missing:
                stack.pop()
                values = [_canonical(getattr(node, f.name)) for f in fields(node)]
                node.__dict__["_digest"] = digest_parts(node.op, values)
        return bytes(self.__dict__["_digest"])

    def schema(self) -> Schema:
        """Type of the output."""
        raise TypeError(f"{type(self).__name__} has no schema")

    def params(self) -> dict[str, Array]:
        """Arrays that the kernel is bound to, by the names and in the order of its signature; scalars as 0-d arrays."""
        return {}

    def reference(self, *inputs: Value) -> Value:
        """The same computation in NumPy: the oracle of the kernel. Dense values are 2-D float64, also one wide."""
        raise TypeError(f"{type(self).__name__} has no reference")

    # -- traits ------------------------------------------------------------------------------------------------------

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        """Properties of the values, given those of the inputs. Callers use `properties`.

        By default the bounds of a monotone step are the images of the bounds of its input.
        """
        directions = self.monotone()
        if directions is None or not directions.all():
            return UNKNOWN
        if not directions.size:
            return ZERO
        (x,) = inputs
        with np.errstate(all="ignore"):
            ends = self.reference(np.repeat([[x.low], [x.high]], directions.size, axis=1))
        return ValueProperties(float(ends.min()), float(ends.max()), x.no_nan)

    def properties(self, *, checks: bool = True) -> ValueProperties:
        """Properties of the values; with ``checks=False`` as if no check stood before them.

        Computed once for each node, and without recursion, because graphs may be deep.
        """
        key = "_properties" if checks else "_properties_without_checks"
        stack: list[Node] = [self]
        while stack:
            node = stack[-1]
            waiting = [child for child in node.inputs if key not in child.__dict__]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if key not in node.__dict__:
                inputs = [child.__dict__[key] for child in node.inputs]
                skipped = node.passthrough and not checks
                node.__dict__[key] = inputs[0] if skipped else node.value_properties(*inputs)
        found: ValueProperties = self.__dict__[key]
        return found

    def monotone(self) -> Array | None:
        """Direction of each column of a column-wise step, None where nothing is claimed of any.

        1: a larger value never becomes a smaller one. -1: never a larger one. 0: no claim. A claim covers all doubles,
        infinities among them, to the last bit of `reference`; only NaN becomes NaN.
        """
        return None

    def as_affine(self) -> Affine | None:
        """The step as one factor and one offset per column."""
        return None

    def as_replacement(self) -> Replacement | None:
        """The step as constants in place of certain cells."""
        return None

    def as_sparse(self) -> Node | None:
        """A node that has the same rows sparse, at no more cost."""
        return None

    def mostly_zeros(self) -> bool:
        """Rows are sparse, or most of their values are zeros by construction."""
        return self.schema().kind is Kind.SPARSE

    def in_float32(self) -> Node:
        """The computation of scikit-learn where all inputs are float32; they are those of this node already.

        By default it computes in float64, or exactly, and rounds once where its result is float32: `ToFloat32`.
        """
        return self

    def is_exact(self) -> bool:
        """Whether the bits follow from the definition of the step, in float32 as in float64."""
        return self.parity is Parity.EXACT

    def rounds_inputs(self) -> bool:
        """Whether values are rounded to float32 before anything else is done with them."""
        return False

    def boundaries(self) -> Boundaries | None:
        """Where the result of a discrete node changes, if it compares the values of single columns with numbers."""
        return None

    def move_edges(self, slack: Array, offsets: Array | float) -> Node:
        """A discrete node whose edges lie a little further from the values that are equal to them.

        Parameters
        ----------
        slack : ndarray of float64, shape (width,)
            How far the edges of each column move, as a part of their magnitude.
        offsets : ndarray of float64, shape (width,), or 0
            Magnitudes that the edges of each column are compared with.
        """
        return self

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        """The same step for some columns: column j of ``x`` is column ``columns[j]`` of the present input.

        None where the step is not column-wise or may reject a value, because a column left out would not be checked.
        """
        parameters = (getattr(self, f.name) for f in fields(self))
        if not self.columnwise or self.passthrough or any(isinstance(value, np.ndarray) for value in parameters):
            return None
        return replace(self, inputs=(x,))

    def pick_outputs(self, columns: Positions) -> Node | None:
        """A node that makes only these columns of the result, with the same bits, where that is less work."""
        return None

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        """One node for the results of this node and of ``others``, of the same class, side by side, with the same bits.

        Column-wise steps without parameters for each column need not say it.
        """
        return None

    def simplify(self) -> Node:
        """A node with the same bits that does less: parts that change nothing are gone. The input where all are."""
        return self

    def describe(self) -> str:
        """Parameters in a few words, for ``explain``."""
        return ""

    def __repr__(self) -> str:
        text = self.describe()
        return f"{type(self).__name__}({text})" if text else type(self).__name__


def replace(node: Node, **changes: Any) -> Node:
    """The same computation with other fields (``dataclasses.replace`` through the cache of nodes)."""
    values = {f.name: getattr(node, f.name) for f in fields(node) if f.init}
    values.update(changes)
    new: Node = type(node)(**values)
    if "_estimator" in node.__dict__:
        new.__dict__.setdefault("_estimator", node.__dict__["_estimator"])  # what an opaque node calls travels along
    return new


def toposort(outputs: Iterable[Node], known: Container[Node] = ()) -> list[Node]:
    """Every node once, inputs before users, in a fixed order; without those that are ``known`` and what is below them.

    Iterative: pipelines may be deep.
    """
    order: dict[Node, None] = {}
    for output in outputs:
        if output in known:
            continue
        stack: list[tuple[Node, Iterator[Node]]] = [(output, iter(output.inputs))]
        while stack:
            node, rest = stack[-1]
            if node in order:
                stack.pop()
                continue
            child = next(rest, None)
            if child is None:
                order[node] = None
                stack.pop()
            elif child not in order and child not in known:
                stack.append((child, iter(child.inputs)))
    return list(order)


def users(outputs: Iterable[Node]) -> dict[Node, list[Node]]:
    """Who reads each node; a node that reads another twice stands there twice."""
    result: dict[Node, list[Node]] = {}
    for node in toposort(outputs):
        result.setdefault(node, [])
        for child in node.inputs:
            result[child].append(node)
    return result


def rewrite(outputs: Iterable[Node], change: Callable[[Node], Node | None]) -> dict[Node, Node]:
    """Apply ``change`` to every node bottom-up; the result maps each old node to its new form."""
    new: dict[Node, Node] = {}
    for node in toposort(outputs):
        inputs = tuple(new[child] for child in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        current = node if same else replace(node, inputs=inputs)
        new[node] = change(current) or current
    return new


@dataclass(frozen=True)
class Output:
    """How one method of the estimator presents its node to the caller.

    Parameters
    ----------
    node : Node
        The value. For labels: class indices, one column for each output.
    ndim : {1, 2}
        1 returns the first column as a vector.
    labels : tuple of ndarray or None
        ``classes_`` of each output column, which turn indices into labels.
    list_of : tuple of int or None
        Widths of the blocks that are returned as a list of arrays (multi-output ``predict_proba``).
    needs_rows : bool
        A request without rows is rejected.
    otherwise : Output or None
        The estimator's own result, for values that ``node`` cannot hold; for all but arrays if ``arrays_only``.
    passed_on : tuple of PassedOn
        Columns of the result that may hold anything, because they are columns of the request.
    """

    node: Node
    ndim: int = 2
    labels: tuple[Array, ...] | None = field(default=None, compare=False)
    list_of: tuple[int, ...] | None = None
    needs_rows: bool = True
    otherwise: Output | None = None
    arrays_only: bool = False
    passed_on: tuple[PassedOn, ...] = ()

    def __post_init__(self) -> None:
        if wrong := [np.shape(classes) for classes in self.labels or () if np.ndim(classes) != 1]:
            raise CompileError(f"labels of an estimator are one-dimensional, got shape {wrong[0]}")


Methods = Mapping[str, Output]
