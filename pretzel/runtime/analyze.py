"""`Plan.explain(analyze=)`: the time of every call of a plan on the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method, isa

if TYPE_CHECKING:
    from pretzel.buffers import BufferPlan
    from pretzel.runtime.model import Plan

PASSES = 3


def analyze(plan: Plan, X: Any) -> dict[str, Any]:
    """For each native method the times of its stages and calls on ``X``, in the order in which they run."""
    return {name: _method(method, X) for name, method in plan.methods.items() if isinstance(method, Method)}


def _method(method: Method, X: Any) -> dict[str, Any]:
    n_rows, units = method.measure(X)
    _, _, total, own, tiles = method.time(X, max(n_rows, 1), PASSES)
    program = method.program
    whole = max(float(total.sum()), float(own.sum()))
    predicted = program.estimate(n_rows, units) if n_rows else 0.0
    parts = _predicted(program, n_rows, units, tiles)
    scale = predicted / sum(parts) if sum(parts) > 0 else 0.0
    calls = iter(zip(program.buffers.calls(program.plan), program.buffers.steps, own, parts, strict=False))
    stages = []
    for stage, size in zip(program.plan.stages, program.buffers.stage_sizes, strict=True):
        found = []
        taken = 0.0
        for _ in range(size):
            call, step, nanoseconds, part = next(calls)
            taken += float(nanoseconds)
            found.append(
                {
                    "kernel": call.kernel,
                    "origin": step.origin,
                    "microseconds": float(nanoseconds) / 1e3,
                    "share": float(nanoseconds) / whole if whole else 0.0,
                    "predicted": part * scale / 1e3,
                    "rows": n_rows,
                    "output_bytes": _output_bytes(program.buffers, step.output, n_rows),
                }
            )
        stages.append(
            {
                "digest": stage.digest.hex(),
                "microseconds": taken / 1e3,
                "share": taken / whole if whole else 0.0,
                "calls": found,
            }
        )
    rest = max(whole - float(own.sum()), 0.0)
    return {
        "rows": n_rows,
        "units": units,
        "isa": isa(),
        "microseconds": whole / 1e3,
        "predicted": predicted / 1e3,
        "frame": rest / 1e3,
        "arena_bytes": program.arena_bytes(n_rows, units),
        "stages": stages,
    }


def _predicted(program: Any, rows: int, units: int, tiles: int) -> list[float]:
    """Nanoseconds of each step as priced, and of the frame at the end."""
    from pretzel._native import kernel_weights

    found = []
    for kernel, terms, unit_entries, row_entries in program.terms():
        often = np.array([tiles, rows - tiles, units * unit_entries + rows * row_entries])
        found.append(float((terms * kernel_weights(kernel) * often[:, None]).sum()))
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
            f"{method['microseconds']:,.1f} us, predicted {method['predicted']:,.1f} us; "
            f"at most {method['arena_bytes']:,} B of working memory",
        ]
        for number, stage in enumerate(method["stages"]):
            lines.append(f"  stage {number} {stage['digest'][:12]}  {_time(stage)}")
            for call in stage["calls"]:
                size = "sparse" if call["output_bytes"] is None else f"{call['output_bytes']:,} B"
                lines.append(
                    f"    {call['kernel']}  {_time(call)}  predicted {call['predicted']:,.2f} us  -> {size}"
                    f"  [{call['origin']}]"
                )
        lines.append(f"  reading slots, handing over  {method['frame']:,.2f} us")
    return lines


def _time(part: dict[str, Any]) -> str:
    return f"{part['microseconds']:,.2f} us ({part['share']:.0%})"
