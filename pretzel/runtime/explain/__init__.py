"""`Plan.explain` and `Plan.summary`: a plan in ten lines, as text, as data, and as a drawing of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.runtime.explain.overview import overview

if TYPE_CHECKING:
    from pretzel.runtime.model import Plan

__all__ = ["FORMATS", "explain", "overview"]

FORMATS = ("text", "json", "html", "dot", "mermaid")


def explain(plan: Plan, format: str = "text", rows: Any = None) -> Any:
    """See `Plan.explain`."""
    if format not in FORMATS:
        hint = "; plan.summary() is the summary alone" if format == "summary" else ""
        raise ValueError(f"format is one of {', '.join(map(repr, FORMATS))}, not {format!r}{hint}")
    if format == "text" or format == "json":
        return _in_full(plan, format, rows)
    from pretzel.runtime.explain.drawing import drawings

    analyzed = None if rows is None else _analyze(plan, rows)
    drawn = drawings(plan, analyzed)
    if format == "dot":
        from pretzel.runtime.explain.dot import as_dot

        return as_dot(drawn)
    if format == "mermaid":
        from pretzel.runtime.explain.mermaid import as_mermaid

        return as_mermaid(drawn)
    from pretzel.runtime.explain.html import as_html

    return as_html(plan, drawn)


def _in_full(plan: Plan, format: str, rows: Any) -> Any:
    from pretzel.runtime.explain.analyze import as_lines
    from pretzel.runtime.explain.data import as_data
    from pretzel.runtime.explain.text import as_text

    data = as_data(plan)
    if rows is not None:
        data["analyzed"] = _analyze(plan, rows)
    if format == "json":
        return data
    lines = [] if rows is None else as_lines(data["analyzed"])
    return "\n".join([as_text(data, overview(plan)), *lines])


def _analyze(plan: Plan, rows: Any) -> dict[str, Any]:
    from pretzel.runtime.explain.analyze import analyze

    return analyze(plan, rows)
