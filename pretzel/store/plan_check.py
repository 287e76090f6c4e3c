"""Whether a plan that was read from a file is one that the runtime can load: numbers of values, widths, columns.

Parameters and states are checked by their kernels when the plan is loaded, estimators of opaque steps where they are
read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.dates import UNITS, is_zone
from pretzel.errors import CorruptStoreError
from pretzel.input_spec import MOST_UNREAD, InputKind, InputSpec
from pretzel.program import LABEL_FORMS, LeafKind
from pretzel.schema import INVERSE, METHODS, RARE_METHODS, Follows, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pretzel.plan import LeafTypes, MethodPlan, OpaqueStep, PassedOn, PhysicalPlan
    from pretzel.program import Call, Program, ProgramShape, SubPlan, Value
    from pretzel.schema import DTypeRule, Positions

WIDEST = 2**31 - 1
_DTYPES = frozenset(
    (
        "bool",
        "object",
        "float16",
        "float32",
        "float64",
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    )
)
_KINDS = {
    LeafKind.NUMERIC: Kind.DENSE,
    LeafKind.CELLS: Kind.CELLS,
    LeafKind.TEXT: Kind.CELLS,
    LeafKind.DATES: Kind.DENSE,
    LeafKind.ITEMS: Kind.CELLS,
    LeafKind.ROWS: Kind.DENSE,
    LeafKind.SPARSE: Kind.SPARSE,
}
_OF_ONE = (LeafKind.TEXT, LeafKind.DATES, LeafKind.ITEMS)
"""Leaves of a single column."""
_FORMS = {LeafKind.ITEMS: ("named", "dict", "pair", "string", "label set", *LABEL_FORMS)}


def check_plan(plan: PhysicalPlan) -> None:
    """Check everything that no kernel checks.

    Raises
    ------
    CorruptStoreError
        It names the method and what contradicts the rest.
    """
    for name, method in plan.methods.items():
        for each, spec in _each(method, method.input or plan.input):
            wrong = next(_wrong(each, spec, set(plan.objects)), None)
            if wrong is not None:
                raise CorruptStoreError(f"{name}: {wrong}")
        wrong = next(_wrong_input(method.input or plan.input), None)
        if wrong is not None:
            raise CorruptStoreError(f"{name}: {wrong}")
    wrong = next(_wrong_input(plan.input), None)
    if wrong is not None:
        raise CorruptStoreError(wrong)


def _each(method: MethodPlan, spec: InputSpec) -> Iterator[tuple[MethodPlan, InputSpec]]:
    yield method, spec
    for other in (*method.variants.values(), method.sparse, method.otherwise):
        if other is not None and not isinstance(other, str):
            yield from _each(other, spec)


def all_below(width: int, columns: Positions) -> bool:
    """Whether columns are some of so many."""
    if isinstance(columns, range):
        return len(columns) <= width
    return not columns or (min(columns) >= 0 and max(columns) < width)


def _wrong_input(spec: InputSpec) -> Iterator[str]:
    if not 0 <= spec.width <= WIDEST:
        yield f"requests of {spec.width} columns"
    if spec.names is not None and len(spec.names) != spec.width:
        yield f"{len(spec.names)} names of {spec.width} columns"
    if not all(all_below(spec.width, columns) for columns in (spec.required, spec.texts, spec.nan_columns)):
        yield f"a required column is none of {spec.width}"
    unpaid = spec.kind is InputKind.TABLE and spec.names is None and len(spec.required) != spec.width
    if unpaid and (spec.width > MOST_UNREAD or not spec.any_order):
        yield f"{len(spec.required)} required columns of {spec.width} without names"
    if spec.missing and len(spec.missing) != spec.width:
        yield f"{len(spec.missing)} missing values of {spec.width} columns"


def _wrong(method: MethodPlan, spec: InputSpec, objects: set[bytes]) -> Iterator[str]:
    specs = {0: spec}  # of the request, and of the values of opaque steps by their numbers
    for number, step in enumerate(method.opaque, start=1):
        yield from _wrong_step(step, number, specs, objects)
        specs[number] = step.result
    for dtype in (*method.variants, *method.from_source, *_dtypes(method.dtype)):
        if dtype not in _DTYPES:
            yield f"{dtype!r:.50} is no dtype of a request or a result"
    program = method.program
    if program is None:
        if not method.opaque:
            yield "nothing makes the result"
        return
    yield from _wrong_program(program, method.typed, specs, objects)
    if method.ndim not in (1, 2):
        yield f"a result of {method.ndim} dimensions"
    result = program.values[program.output]
    if method.list_of is not None and (min(method.list_of, default=0) < 0 or sum(method.list_of) != result.width):
        yield f"blocks of {sum(method.list_of)} columns in a result of {result.width}"
    if method.labels is not None and (
        len(method.labels) != result.width
        or any(not isinstance(each, np.ndarray) or each.ndim != 1 for each in method.labels)
    ):
        yield f"labels of {len(method.labels)} outputs for a result of {result.width} columns"
    if not isinstance(method.passed_on, str):
        yield from _wrong_passed_on(method.passed_on, result, spec)


def _wrong_passed_on(passed: tuple[PassedOn, ...], result: Value, spec: InputSpec) -> Iterator[str]:
    at = 0
    for each in passed:
        if not at <= each.start <= result.width - len(each.columns) or result.kind is not Kind.DENSE:
            yield f"{len(each.columns)} columns are passed on to {each.start} in a result of {result.width}"
        if spec.kind is not InputKind.TABLE or any(
            not 0 <= column < spec.width for column in (*each.columns, *each.numbers)
        ):
            yield f"a column is passed on that is none of {spec.width}"
        at = each.start + len(each.columns)


def _wrong_step(step: OpaqueStep, number: int, specs: Mapping[int, InputSpec], objects: set[bytes]) -> Iterator[str]:
    if step.output != number:
        yield f"opaque step {number} makes value {step.output}"
    if step.method not in (*METHODS, *RARE_METHODS, INVERSE):
        yield f"no step calls a method {step.method!r:.50}"
    for dtype in _dtypes(step.dtype):
        if dtype not in _DTYPES:
            yield f"{dtype!r:.50} is no dtype of the argument of a step"
    yield from _wrong_input(step.result)
    if step.program is not None:
        yield from _wrong_program(step.program, step.typed, specs, objects)
    elif step.source not in specs:
        yield f"opaque step {number} reads value {step.source}, which no step before it makes"
    elif (width := specs[step.source].width) and any(not 0 <= column < width for column in step.columns or ()):
        yield f"an opaque step reads a column that is none of {width}"


def _wrong_program(
    program: Program, typed: tuple[LeafTypes, ...], specs: Mapping[int, InputSpec], objects: set[bytes]
) -> Iterator[str]:
    yield from _wrong_shape(program.shape, specs)
    yield from _wrong_calls(program.calls, program.shape, objects)
    for subplan in program.subplans:
        yield from _wrong_subplan(subplan, objects)
    if typed and len(typed) != len(program.leaves):
        yield f"{len(typed)} typed leaves of {len(program.leaves)}"
    for dtype in {dtype for types in typed for dtype in types.refuses} - _DTYPES:
        yield f"{dtype!r:.50} is no dtype of a leaf"
    if program.values[program.output].kind is Kind.CELLS:
        yield "the result is cells"


def _dtypes(rule: DTypeRule) -> tuple[str, ...]:
    return (rule.least,) if rule.least or rule.follows is Follows.NOTHING else ()


def _wrong_shape(shape: ProgramShape, specs: Mapping[int, InputSpec]) -> Iterator[str]:
    values, leaves = shape.values, shape.leaves
    if not 0 < len(leaves) <= len(values):
        yield f"{len(leaves)} leaves among {len(values)} values"
        return
    for leaf, value in zip(leaves, values, strict=False):
        spec = specs.get(leaf.source)
        rows = leaf.kind is LeafKind.ROWS
        if spec is None or (
            not rows and (spec.kind is InputKind.ANY or (spec.kind is InputKind.ITEMS) != (leaf.kind is LeafKind.ITEMS))
        ):
            yield f"a leaf reads value {leaf.source}, which is not there or no table"
            return
        is_whole = leaf.kind is LeafKind.NUMERIC and not leaf.columns
        width = spec.width if is_whole else leaf.width
        if value.kind is not _KINDS[leaf.kind] or value.width != width or value.parts or (is_whole and not width):
            yield f"a leaf of {width} columns makes a value of {value.width}"
        # The value of an opaque step, whose width is not known before it is made, has 0 of them here.
        known = spec.width or (WIDEST if leaf.source else 0)
        if not all_below(known, leaf.columns):
            yield f"a leaf reads a column that is none of {spec.width}"
        all_columns = leaf.columns == range(spec.width or width)
        if rows and leaf.columns:
            yield "a leaf that counts rows reads columns"
        if leaf.kind is LeafKind.SPARSE and not all_columns:
            yield "a leaf of sparse rows leaves out columns"
        if leaf.kind in _OF_ONE and len(leaf.columns) != 1:
            yield "a leaf of documents, dates or items reads several columns"
        if leaf.unit not in UNITS or (leaf.kind is not LeafKind.DATES and (leaf.zone or leaf.unit)):
            yield f"a leaf reads dates in units of {leaf.unit!r:.50}"
        if leaf.kind is LeafKind.DATES and not is_zone(leaf.zone):
            yield f"there is no time zone {leaf.zone!r:.50}"
        if leaf.form not in _FORMS.get(leaf.kind, ("",)):
            yield f"a leaf reads items of the form {leaf.form!r:.50}"
    for number, value in enumerate(values):
        if not 0 <= value.width <= WIDEST:
            yield f"a value of {value.width} columns"
        if value.parts and (
            value.kind is not Kind.DENSE
            or any(not 0 <= part < number or values[part].kind is not Kind.DENSE for part in value.parts)
            or sum(values[part].width for part in value.parts) != value.width
        ):
            yield f"value {number} is no concatenation of values before it"
    made = len(leaves)  # values below this number are made
    for number, step in enumerate(shape.steps):
        last = max(step.inputs, default=-1)
        until = last + 1 if step.output < 0 else step.output
        while made < until <= len(values) and values[made].parts:
            made += 1
        if min(step.inputs, default=-1) < 0 or last >= made:
            yield f"step {number} reads a value that no step before it makes"
            return
        if step.output >= 0:
            if made != step.output or step.output >= len(values) or values[step.output].parts:
                yield f"step {number} makes value {step.output} in place of {made}"
                return
            made += 1
    if not all(value.parts for value in values[made:]) or not 0 <= shape.output < len(values):
        yield "a value, or the result, is made by no step"


def _wrong_subplan(subplan: SubPlan, objects: set[bytes]) -> Iterator[str]:
    """Whether the call that runs it has such values is checked when the plan is loaded."""
    leaves = subplan.shape.leaves
    specs = {leaf.source: InputSpec(InputKind.TABLE, len(leaf.columns)) for leaf in leaves}
    if any(leaf.columns != range(len(leaf.columns)) or not 0 <= leaf.source <= WIDEST for leaf in leaves):
        yield "a sub-plan reads some columns of a value"
    if len(specs) != len(leaves) or any(leaf.kind in (*_OF_ONE, LeafKind.ROWS) for leaf in leaves):
        yield "a sub-plan reads a value twice, or as documents, dates, items or rows"
    yield from _wrong_shape(subplan.shape, specs)
    yield from _wrong_calls(subplan.calls, subplan.shape, objects)


def _wrong_calls(calls: tuple[Call, ...], shape: ProgramShape, objects: set[bytes]) -> Iterator[str]:
    if len(calls) != len(shape.steps):
        yield f"{len(shape.steps)} steps for {len(calls)} calls"
    named = {digest for call in calls for digest in (*call.params, call.state) if digest is not None}
    if not named <= objects:
        yield "a call reads an object that the plan does not name"
