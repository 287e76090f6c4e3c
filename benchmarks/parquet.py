"""Parquet from the shell: ``python -m benchmarks.parquet [--rows 5000000] [--rounds 3]``.

The census table, drawn with replacement, is answered by ``pretzel predict`` in a fresh process. Beside it another fresh
process reads the same columns and writes the same answers without a model, and lets the plan answer each batch in
memory; what starts a process is in both. They take turns.

The promise: the command takes at most 1.2 times the time of reading and writing alone and of predicting, and its memory
does not grow with the file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROMISED = 1.2
BATCH = 1 << 16
"""Rows that are read at once, as the command reads them."""
ROOT = Path(__file__).parents[1]
CASES = ("table_logistic", "table_boosting")

# The peak is of the process alone: what `wait4` says has that of the process it was forked from.
_PEAK = """
import atexit, json
def peak():
    kib = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps({"peak": int(kib) * 1024}))
atexit.register(peak)
"""
_COMMAND = _PEAK + "import sys; from pretzel.cli import main; sys.argv[0] = 'pretzel'; main()"
_APART = _PEAK + "import sys; sys.path.append(sys.argv[1]); from benchmarks import parquet; parquet.apart(sys.argv[2])"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parquet", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=CASES, action="append")
    options = parser.parse_args()
    from benchmarks.report import table

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only or CASES:
            lines += measured(Path(folder), name, options.rows, options.rounds)
    header = ["model", "rows", "who", "wall s", "CPU s", "peak MB"]
    print(table(header, lines))


def measured(folder: Path, name: str, rows: int, rounds: int) -> list[list[str]]:
    """Rows of the report for one model."""
    make(folder, name, rows)
    found: dict[str, list[dict[str, float]]] = {"apart": [], "command": [], "a tenth of the rows": []}
    for _ in range(rounds):
        found["apart"].append(ran([sys.executable, "-c", _APART, str(ROOT), str(folder)]))
        for who, data in (("command", "table.parquet"), ("a tenth of the rows", "tenth.parquet")):
            command = ["predict", folder / "model.pretzel", folder / data, "-o", folder / "answers.parquet"]
            found[who].append(ran([sys.executable, "-c", _COMMAND, *map(str, command)]))
    lines = []
    for who, figures in found.items():
        of = {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        count = rows // 10 if who.startswith("a tenth") else rows
        lines.append([name, f"{count:,}", who, f"{of['wall']:.2f}", f"{of['cpu']:.2f}", f"{of['peak'] / 2**20:.0f}"])
    for key, label in (("wall", "time"), ("cpu", "CPU time")):
        ratios = [a[key] / b[key] for a, b in zip(found["command"], found["apart"], strict=True)]
        print(f"{name}: {label} {statistics.median(ratios):.2f} of reading, predicting and writing (bar {PROMISED})")
    return lines


def make(folder: Path, name: str, rows: int) -> None:
    """Write the table and the plan."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    import pretzel
    from benchmarks import zoo

    case = next(case for case in zoo.CASES if case.name == name)
    pretzel.compile(case.fit()).save(folder / "model.pretzel")
    census = pa.Table.from_pandas(case.load()[0], preserve_index=False)
    draws = np.random.default_rng(0)
    for file, count in (("table.parquet", rows), ("tenth.parquet", rows // 10)):
        with pq.ParquetWriter(folder / file, census.schema) as writer:
            for begin in range(0, count, 1 << 18):
                drawn = draws.integers(0, census.num_rows, min(1 << 18, count - begin))
                writer.write_table(census.take(pa.array(drawn)))


def ran(command: list[str]) -> dict[str, float]:
    """Seconds and bytes of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    said = process.stdout.read() if process.stdout else b"{}"
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, **json.loads(said)}


def apart(folder: str) -> None:
    """Read, predict and write one after the other, in a process of its own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import pretzel

    at = Path(folder)
    plan: Any = pretzel.load(at / "model.pretzel")
    with pq.ParquetFile(at / "table.parquet") as file:
        sink = None
        for batch in file.iter_batches(BATCH, columns=list(plan.physical.input.names)):
            answers = pa.table({"predict": plan.predict(pa.Table.from_batches([batch]))})
            sink = sink or pq.ParquetWriter(at / "apart.parquet", answers.schema)
            sink.write_table(answers)
        if sink:
            sink.close()


if __name__ == "__main__":
    main()
