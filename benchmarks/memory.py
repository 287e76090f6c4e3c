"""Memory of many text models over two shared vectorizers, counted in a process of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.bars import Verdict

FEW, MANY = 20, 200
ROOT = str(Path(__file__).resolve().parent.parent)
# The checkout goes behind site-packages: an installed pretzel is preferred to the tree's.
_CHILD = (
    "import sys; sys.path.append({path!r}); from benchmarks import memory; print(memory.json.dumps(memory.count()))"
)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def count() -> dict[str, Any]:
    """Register many models and count: run this in a fresh process, or the figures mean little."""
    import pretzel
    from benchmarks.families import sentiment_heads

    runtime = pretzel.Runtime()
    marks: dict[int, tuple[int, int]] = {}
    weights = 0
    for number, member in enumerate(sentiment_heads(MANY), start=1):
        runtime.register(member.name, member.estimator)
        head = member.estimator.steps[-1][1]
        weights = head.coef_.nbytes + head.intercept_.nbytes
        if number in (FEW, MANY):
            del member, head
            gc.collect()
            marks[number] = (runtime.stats()["unique_bytes"], resident())
    extra = MANY - FEW
    stats = runtime.stats()
    return {
        "models": MANY,
        "logical_bytes": stats["logical_bytes"],
        "unique_bytes": stats["unique_bytes"],
        "weights_per_model": weights,
        "unique_bytes_per_extra_model": (marks[MANY][0] - marks[FEW][0]) / extra,
        "resident_bytes_per_extra_model": (marks[MANY][1] - marks[FEW][1]) / extra,
    }


def figures() -> dict[str, Any]:
    """What `count` says in a process of its own.

    Raises
    ------
    RuntimeError
        The process failed; the message is its last line.
    """
    done = subprocess.run([sys.executable, "-c", _CHILD.format(path=ROOT)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return dict(json.loads(done.stdout))


def measure() -> tuple[dict[str, Any], list[Verdict]]:
    """Figures, and the bars they are held against."""
    from benchmarks.bars import Verdict  # which imports scikit-learn: the processes that are measured do not

    try:
        found = figures()
    except RuntimeError as error:
        return {"error": str(error)}, [Verdict("memory", f"{MANY} text models", "runs", str(error), False)]
    weights, unique = found["weights_per_model"], found["unique_bytes_per_extra_model"]
    ratio = found["resident_bytes_per_extra_model"] / weights
    what = f"per extra model of {MANY} over two vectorizers"
    return found, [
        Verdict("memory", f"unique bytes {what}", f"{weights:,} (its weights)", f"{unique:,.0f}", unique == weights),
        Verdict("memory", f"resident bytes {what}", "at most 1.2x its weights", f"{ratio:.2f}x", ratio <= 1.2),
    ]
