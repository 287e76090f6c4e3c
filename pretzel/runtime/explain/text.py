"""The explanation of a plan as text: the overview, then graphs, rules, stages and kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_text(data: dict[str, Any], overview: str) -> str:
    """The explanation below its overview."""
    lines = [overview]
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
