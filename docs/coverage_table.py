"""Writes the table of `docs/coverage.md`: every estimator of the installed libraries, tried as the pages are built."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pretzel
from pretzel.oven.frontends.registry import BATCH_DEPENDENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pretzel import MethodCoverage


def write(path: Path) -> None:
    """Write the table, unless one is there that is younger than the package: it takes half a minute."""
    sources = Path(pretzel.__file__).parent.rglob("*")
    if path.exists() and path.stat().st_mtime > max(each.stat().st_mtime for each in sources):
        return
    found = pretzel.coverage()
    counts = Counter(found.estimators().values())
    releases = ", ".join(f"{name} {release}" for name, release in found.releases.items())
    summary = ", ".join(f"{counts[state]} {state}" for state in ("native", "partly native", "opaque", "refused"))
    lines = [f"Tried with {releases}: {summary}.", ""]
    modules: dict[str, dict[str, list[MethodCoverage]]] = defaultdict(lambda: defaultdict(list))
    for each in found.methods:
        module, _, name = each.estimator.rpartition(".")
        modules[module][name].append(each)
    for module, estimators in sorted(modules.items(), key=lambda each: (not each[0].startswith("sklearn"), each[0])):
        lines += [f"## {module}", "", "| estimator | native methods | other methods, and why |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_native(methods)}{_alone(methods)} | {_others(methods)} |"
            for name, methods in estimators.items()
        ]
        lines.append("")
    path.write_text("\n".join(lines))


def _native(methods: Iterable[MethodCoverage]) -> str:
    return ", ".join(f"`{each.method}`" for each in methods if each.state == "native")


def _alone(methods: Iterable[MethodCoverage]) -> str:
    """Whether rows are answered as if they were alone, where the source lets them depend on each other."""
    return " (each row as if it were alone)" if any(each.estimator in BATCH_DEPENDENT for each in methods) else ""


def _others(methods: Iterable[MethodCoverage]) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in methods:
        if each.state != "native":
            reasons.setdefault((each.state, each.reason), []).append(f"`{each.method}`" if each.method else "")
    return "; ".join(
        f"{', '.join(filter(None, names))} {state}: {_plain(reason)}".strip()
        for (state, reason), names in reasons.items()
    )


def _plain(reason: str) -> str:
    """A reason as a cell of a table, without markup."""
    for mark in "\\`*_|<>[]":
        reason = reason.replace(mark, f"\\{mark}")
    return " ".join(reason.split())
