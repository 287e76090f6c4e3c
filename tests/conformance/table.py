"""The table of a conformance run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.conformance.known import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.run import Case


def summary(cases: Sequence[Case]) -> str:
    """Cases, same answers, kinds of differences, documented differences, and native share by estimator."""
    same = [case for case in cases if not case.kind]
    kinds = Counter(case.kind for case in cases if case.kind and reason(case) is None)
    reasons = Counter(found for case in cases if case.kind and (found := reason(case)) is not None)
    lines = [f"{'estimator':<34}{'cases':>8}{'same':>8}{'native':>8}  differences"]
    for name in dict.fromkeys(case.subject for case in cases):
        own = [case for case in cases if case.subject == name]
        text = ", ".join(f"{kind} {n}" for kind, n in Counter(c.kind for c in own if c.kind).most_common())
        equal = sum(not case.kind for case in own)
        native = sum(case.native for case in own) / len(own)
        lines.append(f"{name:<34}{len(own):>8}{equal:>8}{native:>8.0%}  {text}")
    native = sum(case.native and not case.kind for case in cases)
    lines += ["", f"cases {len(cases):,}; the source's answer {len(same):,} ({_share(len(same), len(cases))});"]
    lines += [f"native and the source's answer {native:,} ({_share(native, len(cases))})"]
    lines += ["", "differences"] + [f"{n:>8,}  {kind}" for kind, n in kinds.most_common()]
    lines += ["", "documented differences"] + [f"{n:>8,}  {text}" for text, n in reasons.most_common()]
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part / max(whole, 1):.2%}"


def differences(cases: Sequence[Case]) -> list[str]:
    """A line for each case that differs without a reason."""
    return [
        f"{case.kind:<16}{case.subject} on {case.fit}: {case.method}, {case.form}: {case.detail}"
        for case in cases
        if case.kind and reason(case) is None
    ]
