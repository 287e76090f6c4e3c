"""The whole explanation of a plan, as plain dicts and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.buffers import plan_buffers
from pretzel.packed import REPORT
from pretzel.runtime.summary import summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.plan import MethodPlan
    from pretzel.program import Program, SubPlan
    from pretzel.runtime.model import Plan


def as_data(plan: Plan) -> dict[str, Any]:
    """The whole explanation, as plain dicts and lists."""
    physical = plan.physical
    spec = physical.input
    return {
        "name": plan.name,
        "summary": summary(plan),
        "input": {
            "kind": spec.kind.value,
            "width": spec.width,
            "names": list(spec.names) if spec.names is not None else None,
        },
        **physical.report.unpack(REPORT),
        "physical": {name: _method(plan, method) for name, method in physical.methods.items()},
        "bytes": {"all": plan.nbytes, "exclusive": plan.exclusive_bytes},
    }


def _method(plan: Plan, method: MethodPlan) -> dict[str, Any]:
    return {
        "opaque": [
            {"origin": step.origin, "step": f"{type(step.estimator).__name__}.{step.method}", "reason": step.reason}
            for step in method.opaque
        ],
        **({"stages": [], "buffers": []} if method.program is None else _program(plan, method.program)),
    }


def _program(plan: Plan, program: Program) -> dict[str, Any]:
    """Stages and buffers; with sub-plans also these, by the numbers that calls have for them."""
    subplans = program.subplans
    numbers = {subplan: number for number, subplan in enumerate(subplans)}
    found = _stages(plan, program, numbers)
    if subplans:
        found["subplans"] = [_stages(plan, subplan.program, numbers) for subplan in subplans]
    return found


def _stages(plan: Plan, program: Program, numbers: Mapping[SubPlan, int]) -> dict[str, Any]:
    buffers = plan_buffers(program)
    steps = iter(zip(buffers.calls(program), buffers.steps, strict=True))
    stages = []
    for stage, size in zip(program.stages, buffers.stage_sizes, strict=True):
        calls = []
        for _ in range(size):
            call, step = next(steps)
            digests = [d for d in (*call.params, call.state) if d is not None]
            calls.append(
                {
                    "kernel": call.kernel,
                    "op": call.label,
                    "inputs": list(step.inputs),
                    "output": step.output,
                    "origin": step.origin,
                    "bytes": plan.store.bytes_of(digests),
                    **({"runs": [numbers[body] for body in call.bodies]} if call.bodies else {}),
                }
            )
        stages.append({"digest": stage.digest.hex(), "calls": calls})
    return {"stages": stages, "buffers": buffers.buffers}
