"""The stages of a plan in the language of Mermaid, which forges and notebooks draw."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pretzel.runtime.explain.words import heat, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.explain.drawing import Drawing, DrawnNode

_SHAPES = {"leaf": ("([", "])"), "opaque": ("[[", "]]"), "kernel": ("[", "]"), "result": ("([", "])")}


def as_mermaid(drawings: list[Drawing]) -> str:
    """One sub-graph for each method, and within it one for each stage."""
    lines = ["flowchart TB"]
    for number, drawing in enumerate(drawings):
        lines.append(f'  subgraph m{number}["{escape(drawing.method)}"]')
        lines += [f"    {line}" for line in _method(drawing, f"m{number}_")]
        lines.append("  end")
    return "\n".join(lines)


def _method(drawing: Drawing, prefix: str) -> Iterator[str]:
    for stage in (None, *range(drawing.stages)):
        members = [(i, node) for i, node in enumerate(drawing.nodes) if node.stage == stage]
        if stage is not None and members:
            yield f'subgraph {prefix}s{stage}["stage {stage}"]'
        for number, node in members:
            yield f"  {prefix}{number}{_box(node)}"
        if stage is not None and members:
            yield "end"
    for number, node in enumerate(drawing.nodes):
        if node.share is not None:
            yield f"style {prefix}{number} fill:hsl(30 {100 * heat(node):.0f}% 60%),color:#000"
    yield from (f"{prefix}{a} --> {prefix}{b}" for a, b in drawing.edges)


def _box(node: DrawnNode) -> str:
    begin, end = _SHAPES[node.kind]
    text = "<br/>".join(escape(line).replace("\n", " ") for line in lines_of(node))
    return f'{begin}"{text}"{end}'
