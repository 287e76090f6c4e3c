"""`Plan.explain`: logical graph, rules, optimized graph, stages and kernels, bytes, opaque steps."""

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


def explain(plan: Plan, format: str = "text", rows: Any = None) -> Any:
    """See `Plan.explain`."""
    if format not in ("text", "json"):
        raise ValueError(f"format is 'text' or 'json', not {format!r}")
    data = as_data(plan)
    if rows is None:
        return data if format == "json" else as_text(data)
    from pretzel.runtime.analyze import analyze, as_lines

    data["analyzed"] = analyze(plan, rows)
    return data if format == "json" else "\n".join([as_text(data), *as_lines(data["analyzed"])])


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


def as_text(data: dict[str, Any]) -> str:
    """The explanation as text."""
    spec = data["input"]
    time = "" if data["seconds"] is None else f", compiled in {data['seconds'] * 1e3:.1f} ms"
    lines = [data["summary"], f"{spec['kind']} of {spec['width']} column(s){time}"]
    for level in ("logical", "optimized"):
        lines += ["", f"{level} graph"]
        for node in data[level]["nodes"]:
            inputs = " ".join(f"%{i}" for i in node["inputs"])
            lines.append(f"  %{node['id']} = {node['op']} {inputs} : {node['schema']}  [{node['origin']}]")
        lines += [f"  {name} -> %{number}" for name, number in data[level]["methods"].items()]
    lines += ["", "rules"]
    lines += [f"  {c['rule']}: {c['before']} -> {c['after']}  [{c['origin']}]" for c in data["rules"]] or [
        "  none fired"
    ]
    for name, method in data["physical"].items():
        lines += ["", f"{name}: {len(method['stages'])} stage(s), buffers {method['buffers']}"]
        for step in method["opaque"]:
            lines.append(f"  opaque {step['step']}: {step['reason']}  [{step['origin']}]")
        for number, stage in enumerate(method["stages"]):
            lines.append(f"  stage {number} {stage['digest'][:12]}")
            lines += map(_call, stage["calls"])
        for number, subplan in enumerate(method.get("subplans", ())):
            lines.append(f"  sub-plan {number}, buffers {subplan['buffers']}")
            lines += [_call(call) for stage in subplan["stages"] for call in stage["calls"]]
    lines += ["", f"bytes: {data['bytes']['all']:,} in all, {data['bytes']['exclusive']:,} its own"]
    return "\n".join(lines)


def _call(call: Mapping[str, Any]) -> str:
    inputs = ", ".join(f"s{i}" for i in call["inputs"])
    output = "check" if call["output"] < 0 else f"s{call['output']}"
    line = f"    {call['kernel']}({inputs}) -> {output}  {call['bytes']:,} B  {call['op']}"
    return line if "runs" not in call else f"{line}  runs sub-plans {', '.join(map(str, call['runs']))}"
