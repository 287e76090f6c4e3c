"""Pretzel, scikit-learn and onnxruntime side by side: ``python -m benchmarks.versus [--quick] [--only NAME]``.

One process and one run for everybody, contenders taking turns, on the pipelines of `benchmarks.zoo` and real data. The
end of the report holds the figures against the bars that were promised: met or not met.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import bars, data, report, zoo
from benchmarks.contest import FULL, QUICK, Contest, Effort


def measure(case: zoo.Case, effort: Effort) -> dict[str, Any]:
    """Everything about one pipeline; what goes wrong is part of the result."""
    try:
        contest = Contest(case, effort)
        result = {
            "kind": case.kind,
            "method": contest.method,
            "compile_ms": contest.compile_ms,
            "onnx_reason": contest.onnx_reason,
            "parity": contest.parity(),
            "latency": contest.latency(),
            "throughput": contest.throughput(),
        }
    except data.DataMissing:
        raise
    except Exception as error:
        return {"kind": case.kind, "error": f"{type(error).__name__}: {error}"}
    return result


def machine() -> dict[str, str]:
    """Where and with what was measured."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    found = {"processor": f"{model}, {os.cpu_count()} cores", "Python": platform.python_version()}
    for name in ("scikit-learn", "numpy", "pandas", "onnxruntime", "skl2onnx"):
        with contextlib.suppress(PackageNotFoundError):  # not all measurements need all of them
            found[name] = version(name)
    return found


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and turns: minutes instead of half an hour")
    parser.add_argument("--only", action="append", metavar="NAME", help="this pipeline, or `memory`; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, report, and return 1 if a bar is not met."""
    options = parse(arguments)
    if options.list:
        print(*[case.name for case in zoo.CASES], "memory", sep="\n")
        return 0
    chosen = options.only or [case.name for case in zoo.CASES] + ["memory"]
    document: dict[str, Any] = {"machine": machine(), "quick": options.quick, "cases": {}, "bars": []}
    for name in chosen:
        start = time.perf_counter()
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        if name == "memory":
            from benchmarks import memory

            document["memory"], verdicts = memory.measure()
        else:
            case = zoo.case(name)
            document["cases"][name] = measure(case, QUICK if options.quick else FULL)
            verdicts = list(bars.judge(case, document["cases"][name]))
        document["bars"] += [verdict.as_dict() for verdict in verdicts]
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    text = report.markdown(document)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(text)
    return int(any(bar["met"] is False for bar in document["bars"]))


if __name__ == "__main__":
    sys.exit(main())
