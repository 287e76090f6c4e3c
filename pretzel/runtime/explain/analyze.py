"""`Plan.explain(analyze=)`: the time of every call of a plan on the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel._native import Method, cost_coefficients, isa
from pretzel.runtime.calibration_file import load_calibration

if TYPE_CHECKING:
    from pretzel._native import NativeProgram
    from pretzel.buffers import BufferPlan
    from pretzel.runtime.model import Plan

PASSES = 3


def analyze(plan: Plan, X: Any) -> dict[str, Any]:
    """For each native method the time of its stages and calls on ``X``, in the order in which they run."""
    load_calibration()
    taking = [name for name, method in plan.physical.methods.items() if method.input is None]
    return {name: _method(method, X) for name in taking if isinstance(method := plan.methods[name], Method)}


def _method(method: Method, X: Any) -> dict[str, Any]:
    n_rows, units = method.measure(X)
    _, _, total, own, tiles = method.time(X, max(n_rows, 1), PASSES)
    program = method.program
    program.refresh_price()
    whole = max(float(total.sum()), float(own.sum()))
    predicted = program.estimate(n_rows, units) if n_rows else 0.0
    parts = _predicted(program, n_rows, units, tiles)
    priced = sum(sum(part.values()) for part in parts)
    scale = predicted / priced if priced > 0 else 0.0
    calls = iter(zip(program.buffers.calls(program.plan), program.buffers.steps, own, parts, strict=False))
    stages = []
    for stage, size in zip(program.plan.stages, program.buffers.stage_sizes, strict=True):
        found = []
        taken = 0.0
        for _ in range(size):
            call, step, seconds, part = next(calls)
            taken += float(seconds)
            found.append(
                {
                    "kernel": call.kernel,
                    "call": step.call,  # -1: the copy of a part of a concatenation
                    "origin": step.origin,
                    "seconds": float(seconds),
                    "share": float(seconds) / whole if whole else 0.0,
                    "predicted": sum(part.values()) * scale,
                    "terms": {term: value * scale for term, value in part.items()},
                    "rows": n_rows,
                    "output_bytes": _output_bytes(program.buffers, step.output, n_rows),
                }
            )
        stages.append(
            {
                "digest": stage.digest.hex(),
                "seconds": taken,
                "share": taken / whole if whole else 0.0,
                "calls": found,
            }
        )
    rest = max(whole - float(own.sum()), 0.0)
    return {
        "rows": n_rows,
        "units": units,
        "isa": isa(),
        "seconds": whole,
        "predicted": predicted,
        "overhead": rest,
        "arena_bytes": program.arena_bytes(n_rows, units),
        "stages": stages,
    }


def _predicted(program: NativeProgram, rows: int, units: int, tiles: int) -> list[dict[str, float]]:
    """Seconds of the terms of each step as priced, and of the overhead at the end."""
    coefficients, unmeasured = cost_coefficients()
    found = []
    for kernel, (first_row, row, payload), per_unit, per_row, inside in program.terms():
        counts = ((first_row, tiles), (row, rows - tiles), (payload, units * per_unit + rows * per_row))
        terms = {term: each[term] * n * coefficients.get(term, unmeasured) for each, n in counts for term in each}
        if any(inside):
            terms[f"{kernel}.subplans"] = inside[0] * tiles + inside[1] * (rows - tiles) + inside[2] * units
        found.append(terms)
    return found


def _output_bytes(buffers: BufferPlan, slot: int, rows: int) -> int | None:
    """Bytes that a call writes; None for sparse rows and texts, whose size depends on the values."""
    if slot < 0:
        return 0
    return 8 * rows * buffers.slots[slot].width if buffers.slots[slot].kind.value == "dense" else None


def as_lines(found: dict[str, Any]) -> list[str]:
    """The times as lines of text."""
    lines = []
    for name, method in found.items():
        lines += [
            "",
            f"{name} analyzed: {method['rows']:,} rows, {method['units']:,} units, {method['isa']}: "
            f"{method['seconds'] * 1e6:,.1f} us, predicted {method['predicted'] * 1e6:,.1f} us; "
            f"at most {method['arena_bytes']:,} B of working memory",
        ]
        for number, stage in enumerate(method["stages"]):
            lines.append(f"  stage {number} {stage['digest'][:12]}  {_time(stage)}")
            for call in stage["calls"]:
                size = "sparse" if call["output_bytes"] is None else f"{call['output_bytes']:,} B"
                lines.append(
                    f"    {call['kernel']}  {_time(call)}  predicted {_predicted_time(call)}  -> {size}"
                    f"  [{call['origin']}]"
                )
        lines.append(f"  overhead of tiles  {method['overhead'] * 1e6:,.2f} us")
    return lines


def _time(part: dict[str, Any]) -> str:
    return f"{part['seconds'] * 1e6:,.2f} us ({part['share']:.0%})"


def _predicted_time(call: dict[str, Any]) -> str:
    """The prediction, and the term that most of it is spent on."""
    term = max(call["terms"], key=call["terms"].__getitem__)
    return f"{call['predicted'] * 1e6:,.2f} us (most: {term.partition('.')[2]})"
