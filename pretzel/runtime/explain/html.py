"""A plan as a page that needs no network: its overview, and a drawing of each method, in light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pretzel.runtime.explain.layout import BOX, arranged
from pretzel.runtime.explain.overview import overview
from pretzel.runtime.explain.words import heat, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.explain.drawing import Drawing, DrawnNode
    from pretzel.runtime.model import Plan

MOST_DRAWN = 150
"""Boxes of a method up to which it is drawn."""

_STYLE = """
.pretzel{--fg:#1a1a1a;--line:#8a8f98;--kernel:#e8f0fe;--leaf:#f1f3f4;--opaque:#fde8e8;--hot:#f9ab00;
 color:var(--fg);font:13px/1.45 system-ui,sans-serif}
@media (prefers-color-scheme:dark){.pretzel{--fg:#e8eaed;--line:#9aa0a6;--kernel:#1f3a5f;--leaf:#303134;
 --opaque:#5c2b29;--hot:#b06000}}
.pretzel pre{margin:0 0 .6em;white-space:pre-wrap;font:12px/1.45 ui-monospace,monospace;color:var(--fg)}
.pretzel summary{cursor:pointer;font-weight:600;padding:.2em 0}
.pretzel .scroll{overflow-x:auto}
.pretzel rect{stroke:var(--line);fill:var(--kernel)}
.pretzel .leaf rect,.pretzel .result rect{fill:var(--leaf)}
.pretzel .opaque rect{fill:var(--opaque);stroke-dasharray:4 2}
.pretzel .heat{fill:var(--hot);stroke:none}
.pretzel text{fill:var(--fg);font-size:10.5px;text-anchor:middle}
.pretzel text.title{font-weight:600;font-size:12px}
.pretzel text.stage{text-anchor:start;font-size:10px;opacity:.7}
.pretzel path{fill:none;stroke:var(--line);stroke-width:1.3}
""".strip()


def as_html(plan: Plan, drawings: list[Drawing]) -> str:
    """The first method is open, the others are closed."""
    parts = [f'<div class="pretzel"><style>{_STYLE}</style><pre>{escape(overview(plan))}</pre>']
    for number, drawing in enumerate(drawings):
        kernels = sum(node.kind == "kernel" for node in drawing.nodes)
        opaque = sum(node.kind == "opaque" for node in drawing.nodes)
        title = f"{drawing.method}: {kernels} kernel(s) in {drawing.stages} stage(s)"
        title += f", {opaque} opaque step(s)" if opaque else ""
        is_open = ' open=""' if number == 0 else ""
        parts.append(f"<details{is_open}><summary>{escape(title)}</summary>")
        drawn = len(drawing.nodes) <= MOST_DRAWN
        parts += _svg(drawing) if drawn else [f"<p>{len(drawing.nodes):,} boxes: explain(format='dot') has them.</p>"]
        parts.append("</details>")
    return "\n".join([*parts, "</div>"])


def _svg(drawing: Drawing) -> Iterator[str]:
    places, width, height = arranged(drawing)
    yield f'<div class="scroll"><svg role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    yield f"<title>{escape(drawing.method)}</title>"
    for a, b in drawing.edges:
        (x0, y0), (x1, y1) = places[a], places[b]
        x0, x1, y0 = x0 + BOX[0] / 2, x1 + BOX[0] / 2, y0 + BOX[1]
        half = (y0 + y1) / 2
        yield f'<path d="M{x0:g} {y0:g}C{x0:g} {half:g} {x1:g} {half:g} {x1:g} {y1:g}"/>'
    for node, (x, y) in zip(drawing.nodes, places, strict=True):
        yield from _box(node, x, y)
    yield "</svg></div>"


def _box(node: DrawnNode, x: float, y: float) -> Iterator[str]:
    width, height = BOX
    told = "\n".join(part for part in (node.title, node.note, node.origin) if part)
    yield f'<g class="{node.kind}"><title>{escape(told)}</title>'
    yield f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="6"/>'
    if node.share is not None:
        taken = heat(node) * (width - 2)
        yield f'<rect class="heat" x="{x + 1:g}" y="{y + height - 5:g}" width="{taken:.1f}" height="4"/>'
    if node.stage is not None:
        yield f'<text class="stage" x="{x + 6:g}" y="{y + 11:g}">stage {node.stage}</text>'
    for number, line in enumerate(lines_of(node)[:4]):
        style = ' class="title"' if number == 0 else ""
        at = y + 24 + 13 * number
        yield f'<text{style} x="{x + width / 2:g}" y="{at:g}">{escape(line)}</text>'
    yield "</g>"
