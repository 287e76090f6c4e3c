"""Logical graph to physical plan: kernels bound through the store, values and calls in SSA form, opaque steps."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pretzel.errors import CompileError, KernelError, OvenBug
from pretzel.input_spec import InputKind, InputSpec
from pretzel.oven.dtypes import (
    columns_of,
    encoded_columns,
    from_source,
    is_always_float64,
    passed_on,
    rounded_columns,
)
from pretzel.oven.ir.columns import (
    LEAVES,
    CellLeaf,
    DateLeaf,
    ItemLeaf,
    NumericLeaf,
    Raw,
    RowLeaf,
    SparseLeaf,
    TextLeaf,
)
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.leaf_types import NOTHING, types_by_leaf, united
from pretzel.oven.stages import cut, program_nodes
from pretzel.oven.subplans import outline
from pretzel.packed import Packed
from pretzel.plan import LeafTypes, MethodPlan, OpaqueStep
from pretzel.program import Call, Leaf, LeafKind, Program, ProgramShape, Stage, Step, SubPlan, Value
from pretzel.schema import FLOAT64, Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.dtypes import Columns
    from pretzel.oven.frontends.value_reader import Refusal
    from pretzel.oven.subplans import Body, Outline
    from pretzel.store.object_store import Lease, ObjectStore


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a program does, before anything is bound.

    Parameters
    ----------
    values : list of Node
        The node of each value, leaves first.
    leaves : int
        How many leaves there are.
    number : dict of Node to int
        The value of each node; a check passes on the value that it checks.
    stages : list of list of Node
        Calls of each stage, in the order in which they run. A dense concatenation is a value, but no call.
    outline : Outline
        The sub-plans of branches and loops.
    """

    values: list[Node]
    leaves: int
    number: dict[Node, int]
    stages: list[list[Node]]
    outline: Outline


def schedule(output: Node, outlined: Outline | None = None, given: tuple[Node, ...] = ()) -> Schedule:
    """Values, calls and stages of the native program that computes ``output``, or of the sub-plan that does.

    Parameters
    ----------
    output : Node
    outlined : Outline, optional
        Of the program that a sub-plan is a part of.
    given : tuple of Node
        What the sub-plan reads: its leaves.
    """
    outlined = outline(program_nodes(output)) if outlined is None else outlined
    nodes = program_nodes(output, outlined.inputs_of, given)
    stages = cut(nodes, outlined.inputs_of, given)
    leaves: list[Node] = [*given] or [node for node in nodes if isinstance(node, LEAVES)]
    values: list[Node] = []
    number: dict[Node, int] = {}
    for node in (*leaves, *(node for stage in stages for node in stage)):
        if node.passthrough and node not in given:
            number[node] = number[node.inputs[0]]
        else:
            number[node] = len(values)
            values.append(node)
    calls = [[node for node in stage if not is_dense_concat(node)] for stage in stages]
    return Schedule(values, len(leaves), number, [stage for stage in calls if stage] or calls[:1], outlined)


def is_dense_concat(node: Node) -> bool:
    """A concatenation that is only a place for other values, not a computation."""
    return isinstance(node, Concat) and node.schema().kind is Kind.DENSE


def _digest(nodes: list[Node], calls: list[Call]) -> bytes:
    """Name of a stage."""
    bound = [digest_parts(call.kernel, [param or b"" for param in call.params]) for call in calls]
    return digest_parts("stage", [node.digest for node in nodes], bound)


@dataclass(frozen=True, slots=True)
class Form:
    """What a method computes for requests of some dtype.

    Parameters
    ----------
    output, unoptimized : Output
        The graph after the rules, and before them.
    variants : dict of str to Form
        What is computed where the values of its opaque steps have another dtype.
    """

    output: Output
    unoptimized: Output
    variants: Mapping[str, Form]


class Lowering:
    """Lowers the methods of one estimator into one store, holding what they need with one lease.

    Attributes
    ----------
    calls : dict of Node to Call
        What has been lowered.
    """

    def __init__(
        self,
        store: ObjectStore,
        lease: Lease,
        origins: dict[Node, str],
        refusals: Mapping[Node, Refusal] = MappingProxyType({}),
    ) -> None:
        self.store = store
        self.lease = lease
        self.origins = origins
        self._refusals = refusals
        self.calls: dict[Node, Call] = {}  # what several methods call is one object
        self._types: list[tuple[Columns, LeafTypes]] = []
        self._rounded: Columns = frozenset()
        self._encoded: Columns = frozenset()

    def method(
        self,
        output: Output,
        sparse: Output | str | None = None,
        unoptimized: Output | None = None,
        variants: Mapping[str, Form] = MappingProxyType({}),
        *,
        keeps_format: bool = False,
        names_out: tuple[str, ...] | None = None,
    ) -> MethodPlan:
        """The physical plan of one method.

        Parameters
        ----------
        output : Output
        sparse : Output or str, optional
            Its graph for sparse requests, or why they are rejected.
        unoptimized : Output, optional
            The graph before any rule, which tells the columns whose dtype matters.
        variants : mapping of str to Form
            What is computed for requests of certain dtypes.
        keeps_format : bool
            Sparse rows have the format of the request.
        names_out : tuple of str, optional
            Names of the columns, where a configuration may ask for frames.
        """
        others = {dtype: self._variant(form) for dtype, form in variants.items()}
        plan = self._method_of(output, unoptimized, has_variants=bool(others))
        if unoptimized is not None:
            plan = replace(plan, from_source=from_source(unoptimized.node))
        if names_out is not None and plan.program is not None:
            plan = replace(plan, names_out=self.store.packed(Packed({"names": names_out})))
        if others:
            plan = replace(plan, variants=others)
        if output.otherwise is not None:
            plan = replace(plan, otherwise=self._method(output.otherwise))
        if output.arrays_only:
            plan = replace(plan, arrays_only=True)
        if output.passed_on:
            plan = replace(plan, passed_on=output.passed_on)
        if sparse is not None:
            other = sparse if isinstance(sparse, str) else self._method_of(sparse, sparse)
            plan = replace(plan, sparse=other, keeps_format=keeps_format)
        return plan

    def _variant(self, form: Form) -> MethodPlan:
        """The plan for requests of some dtype; the dtypes of what its opaque steps make count as those of requests."""
        others = {dtype: self._variant(each) for dtype, each in form.variants.items()}
        plan = self._method_of(form.output, form.unoptimized, has_variants=bool(others))
        if not plan.opaque:
            return plan
        return replace(plan, variants=others, from_source=from_source(form.unoptimized.node))

    def _method_of(self, output: Output, unoptimized: Output | None, *, has_variants: bool = False) -> MethodPlan:
        """The plan of one graph; the columns whose dtype matters are those that it read before any rule.

        Where there are variants although no result follows the dtype of a column, that of every column matters.
        """
        self._types, self._rounded, self._encoded = [], frozenset(), frozenset()
        if unoptimized is not None:
            self._types = types_by_leaf(unoptimized.node, self._refusals)
            self._rounded, self._encoded = rounded_columns(unoptimized.node), encoded_columns(unoptimized.node)
            if has_variants and not any(types.matters for _, types in self._types):
                self._types = [(columns, replace(types, matters=True)) for columns, types in self._types]
        return self._method(output)

    def _method(self, output: Output) -> MethodPlan:
        sources: dict[Opaque, int] = {}
        steps = []
        for node in toposort([output.node]):
            if isinstance(node, Opaque):
                sources[node] = len(sources) + 1
                steps.append(self._opaque(node, sources))
        if isinstance(output.node, Opaque | Raw):
            return MethodPlan(None, tuple(steps))
        dtype = output.node.schema().dtype
        return MethodPlan(
            self.program(output.node, sources),
            tuple(steps),
            output.ndim,
            output.labels,
            FLOAT64 if output.labels is not None else dtype,
            output.list_of,
            self._typed_leaves(output.node),
            output.needs_rows,
        )

    def program(self, output: Node, sources: dict[Opaque, int]) -> Program:
        """The native program that computes ``output``."""
        if output.schema().kind is Kind.CELLS:
            raise OvenBug(f"{output!r}: cells are no result of a program")
        plan = schedule(output)
        passed = passed_on(output)
        subplans: dict[Node, tuple[SubPlan, ...]] = {}
        for node, bodies in plan.outline.bodies.items():
            subplans[node] = tuple([self._subplan(body, plan.outline, subplans) for body in bodies])
        stages, steps = [], []
        for nodes in plan.stages:
            calls = [self._call_of(node, subplans) for node in nodes]
            stages.append(self.store.stage(Stage(_digest(nodes or [output], calls), tuple(calls))))
            steps += [self._step(node, plan) for node in nodes]
        shape = ProgramShape(
            tuple(self._leaf(leaf, sources, verbatim=leaf in passed) for leaf in plan.values[: plan.leaves]),
            tuple(_value(node, plan.number) for node in plan.values),
            tuple(steps),
            plan.number[output],
        )
        return Program(self.store.shape(shape), tuple(stages))

    def _subplan(self, body: Body, outlined: Outline, subplans: Mapping[Node, tuple[SubPlan, ...]]) -> SubPlan:
        """What a branch or a loop runs. It names no origins, so that sub-plans of members alike have one shape."""
        plan = schedule(body.output, outlined, tuple(node for node, _ in body.reads))
        nodes = [node for stage in plan.stages for node in stage]
        shape = ProgramShape(
            tuple(_given(node, source) for node, source in body.reads),
            tuple(_value(node, plan.number, given=at < plan.leaves) for at, node in enumerate(plan.values)),
            tuple(replace(self._step(node, plan), origin="") for node in nodes),
            plan.number[body.output],
        )
        calls = tuple(self._call_of(node, subplans) for node in nodes)
        return self.store.subplan(SubPlan(self.store.shape(shape), calls))

    def _call_of(self, node: Node, subplans: Mapping[Node, tuple[SubPlan, ...]]) -> Call:
        if node in subplans:  # another program may compute a part of them elsewhere
            return replace(self._bound(node), bodies=subplans[node])
        if node not in self.calls:
            self.calls[node] = self._bound(node)
        return self.calls[node]

    def _bound(self, node: Node) -> Call:
        try:
            bound = self.store.bind(node.kernel, node.params(), self.lease)
        except KernelError as error:
            raise CompileError(f"{self.origins.get(node, '')}: {node!r} cannot be bound: {error}") from error
        return Call(node.kernel, bound.params, bound.state, sys.intern(repr(node)), node.columnwise)

    def _step(self, node: Node, plan: Schedule) -> Step:
        output = -1 if node.passthrough else plan.number[node]
        inputs = plan.outline.inputs_of(node)
        return Step(tuple(plan.number[child] for child in inputs), output, self.origins.get(node, ""))

    def _leaf(self, leaf: Node, sources: dict[Opaque, int], *, verbatim: bool) -> Leaf:
        source = sources[leaf.inputs[0]] if leaf.inputs else 0  # type: ignore[index]
        match leaf:
            case NumericLeaf():
                rounded = bool(leaf.columns) and columns_of(leaf) <= self._rounded
                verbatim = verbatim or not columns_of(leaf).isdisjoint(self._encoded)
                return Leaf(LeafKind.NUMERIC, leaf.columns, source, float32=rounded, verbatim=verbatim)
            case CellLeaf():
                return Leaf(LeafKind.CELLS, leaf.columns, source)
            case TextLeaf():
                read = leaf.lower, leaf.accents, leaf.encoding, leaf.decode_error
                return Leaf(LeafKind.TEXT, (leaf.column,), source, *read, missing=leaf.missing)
            case DateLeaf():
                return Leaf(LeafKind.DATES, (leaf.column,), source, zone=leaf.zone, unit=leaf.unit)
            case ItemLeaf():
                return Leaf(LeafKind.ITEMS, (0,), source, form=leaf.form, separator=leaf.separator)
            case RowLeaf():
                return Leaf(LeafKind.ROWS, (), source)
            case SparseLeaf():
                return Leaf(LeafKind.SPARSE, leaf.columns, source)
        raise TypeError(f"{leaf!r} is not a leaf")

    def _opaque(self, node: Opaque, sources: dict[Opaque, int]) -> OpaqueStep:
        (x,) = node.inputs
        number = sources[node]
        origin = self.origins.get(node, "")
        if isinstance(x, Raw):
            source = sources[x.inputs[0]] if x.inputs else 0  # type: ignore[index]
            return OpaqueStep(
                node.estimator,
                node.method,
                number,
                source=source,
                columns=tuple(x.columns) if x.selected else None,
                scalar=x.scalar,
                origin=origin,
                reason=node.reason,
                result=_result_of(node),
                makes_float64=is_always_float64(node),
            )
        return OpaqueStep(
            node.estimator,
            node.method,
            number,
            self.program(x, sources),
            origin=origin,
            reason=node.reason,
            result=_result_of(node),
            dtype=x.schema().dtype,
            typed=self._typed_leaves(x),
            makes_float64=is_always_float64(node),
        )

    def _typed_leaves(self, output: Node) -> tuple[LeafTypes, ...]:
        plan = schedule(output)
        leaves = plan.values[: plan.leaves]
        found = tuple(self._types_of(columns_of(leaf)) for leaf in leaves)
        return found if any(types != NOTHING for types in found) else ()

    def _types_of(self, columns: Columns) -> LeafTypes:
        """What the dtypes of some columns decide together: all that the leaves decide which read any of them."""
        return united(types for known, types in self._types if not known.isdisjoint(columns))


def _given(node: Node, source: int) -> Leaf:
    """How a sub-plan reads a value of the call that runs it."""
    schema = node.schema()
    kind = {Kind.DENSE: LeafKind.NUMERIC, Kind.SPARSE: LeafKind.SPARSE, Kind.CELLS: LeafKind.CELLS}[schema.kind]
    return Leaf(kind, range(schema.width), source)


def _result_of(node: Opaque) -> InputSpec:
    """How the value of an opaque step is read."""
    required = node.required or range(node.width)
    result = InputSpec(InputKind.TABLE, node.width, node.names, required, node.any_order, node.reader)
    return replace(result, text_arrays=node.text_arrays)


def _value(node: Node, number: dict[Node, int], *, given: bool = False) -> Value:
    """Type of a value. A concatenation that is given is no concatenation of values of the program."""
    schema = node.schema()
    parts = tuple(number[child] for child in node.inputs) if is_dense_concat(node) and not given else ()
    return Value(schema.kind, schema.width, parts)
