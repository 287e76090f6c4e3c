"""`Plan.summary`: a plan in ten lines, for people who know their pipeline and not Pretzel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.packed import REPORT
from pretzel.runtime.schemas.words import result_of, what_requests_are
from pretzel.runtime.summary import summary
from pretzel.schema import INVERSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pretzel.runtime.model import Plan
    from pretzel.runtime.schemas import Column, InputSchema

SHOWN = 6
"""Names in a line."""
_PLURALS = {"number": "numbers", "category": "categories", "text": "texts", "date": "dates", "any": "of any kind"}


def overview(plan: Plan) -> str:
    """See `Plan.summary`."""
    schema, report = plan.input_schema, plan.physical.report.unpack(REPORT)
    outputs = [schema.of(method).outputs[method] for method in plan.methods]
    lines = [
        ("request", what_requests_are(schema)),
        ("columns", "; ".join(_columns(schema))),
        ("missing", _missing(schema)),
        ("answers", _listed(f"{output.method} {result_of(output)}" for output in outputs)),
        ("steps", _listed(_steps(report))),
        ("native", _native(plan)),
        ("memory", _memory(plan)),
        ("expected", _expected(plan)),
        ("compiled", _compiled(report)),
    ]
    return "\n".join([summary(plan), *(f"  {name:<9} {text}" for name, text in lines)])


def _columns(schema: InputSchema) -> Iterator[str]:
    """How many columns there are of each kind, and their names."""
    kinds: dict[str, list[Column]] = {}
    for column in schema.columns:
        kinds.setdefault(column.kind, []).append(column)
    for kind, columns in kinds.items():
        count = f"{len(columns)} {kind if len(columns) == 1 and kind != 'any' else _PLURALS[kind]}"
        yield f"{count}: {_listed(str(column.name) for column in columns)}" if schema.named else count
    if not kinds:
        yield "not known"


def _missing(schema: InputSchema) -> str:
    """Where a value may be missing."""
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for column in schema.columns:
        found[column.nullable].append(str(column.name or column.position))
    parts = {True: "allowed", False: "rejected", None: "not known"}
    told = [(text, found[nullable]) for nullable, text in parts.items() if found[nullable]]
    if len(told) == 1:
        return f"{told[0][0]} everywhere"
    return "; ".join(f"{text} in {_listed(names)}" for text, names in told) or "not known"


def _steps(report: dict[str, Any]) -> list[str]:
    """The steps of the source that the methods run, each where its last computation is."""
    logical = report["logical"]
    ends = [number for name, number in logical["methods"].items() if name != INVERSE]  # which runs steps backwards
    origins = [node["origin"] for node in logical["nodes"][: max(ends, default=-1) + 1]]
    last = list(dict.fromkeys(reversed(origins)))[::-1]
    inner = [origin for origin in last if origin and not any(other.startswith(f"{origin}.") for other in last)]
    return list(dict.fromkeys(origin.rpartition(".")[2] for origin in inner)) or ["none"]


def _native(plan: Plan) -> str:
    """What runs natively, and what is called from Python."""
    methods: dict[str, list[str]] = {}
    for name, method in plan.physical.methods.items():
        if method.program is not None and not method.opaque:
            kernels, stages = len(method.program.calls), len(method.program.stages)
            methods.setdefault(f"{_counted(kernels, 'kernel')} in {_counted(stages, 'stage')}", []).append(name)
    native = "; ".join(f"{', '.join(names)}: {size}" for size, names in methods.items())
    opaque = dict.fromkeys(call.step.rpartition(".")[2] for call in plan.opaque_steps)
    python = f"called from Python: {_listed(opaque)}" if opaque else "nothing is called from Python"
    return f"{native or 'no method as a whole'}; {python}"


def _memory(plan: Plan) -> str:
    shared = plan.nbytes - plan.exclusive_bytes
    return f"{plan.nbytes:,} B of parameters, of which {shared:,} B are shared with other plans"


def _expected(plan: Plan) -> str:
    """The time of the kernels of the first native method, as the cost model has it."""
    for name, method in plan.methods.items():
        if isinstance(method, Method):
            one, many = (plan.estimate(rows, method=name).seconds * 1e6 for rows in (1, 1000))
            return f"{name} {one:,.2f} us for one row, {many:,.1f} us for 1,000, without reading the request"
    return "not known, because every method calls Python"


def _compiled(report: dict[str, Any]) -> str:
    rules = Counter(change["rule"] for change in report["rules"])
    fired = _listed(f"{rule} x {count}" if count > 1 else rule for rule, count in rules.items())
    seconds = report["seconds"]
    when = "" if seconds is None else f"in {seconds * 1e3:,.1f} ms; "
    return f"{when}rules: {fired or 'none fired'}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = len(every) - SHOWN
    return ", ".join(every[:SHOWN] + ([f"and {more:,} more"] if more > 0 else []))
