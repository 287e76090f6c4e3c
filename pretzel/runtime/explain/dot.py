"""The stages of a plan in the language of Graphviz."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pretzel.runtime.explain.words import heat, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.explain.drawing import Drawing

_SHAPES = {"leaf": "ellipse", "opaque": "box3d", "kernel": "box", "result": "ellipse"}


def as_dot(drawings: list[Drawing]) -> str:
    """One cluster for each method, and within it one for each stage."""
    lines = ["digraph plan {", '  node [fontname="sans-serif", fontsize=11]; edge [color="gray50"]; rankdir=TB']
    for number, drawing in enumerate(drawings):
        lines += [f"  subgraph cluster_{number} {{", f"    label={json.dumps(drawing.method)}; style=rounded"]
        lines += [f"    {line}" for line in _method(drawing, f"m{number}_")]
        lines.append("  }")
    return "\n".join([*lines, "}"])


def _method(drawing: Drawing, prefix: str) -> Iterator[str]:
    for number, node in enumerate(drawing.nodes):
        color = f', style=filled, fillcolor="0.08 {heat(node):.2f} 1.0"' if node.share is not None else ""
        label = json.dumps("\n".join(lines_of(node)), ensure_ascii=False)
        yield f"{prefix}{number} [shape={_SHAPES[node.kind]}, label={label}{color}]"
    for stage in range(drawing.stages):
        members = [f"{prefix}{i}" for i, node in enumerate(drawing.nodes) if node.stage == stage]
        if members:
            inside = "; ".join(members)
            yield f'subgraph cluster_{prefix}{stage} {{ label="stage {stage}"; style=dashed; {inside} }}'
    yield from (f"{prefix}{a} -> {prefix}{b}" for a, b in drawing.edges)
