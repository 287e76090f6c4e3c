"""Threads that call one runtime at the same time: ``python -m benchmarks.threads [--quick]``.

Fifty models, requests of 50 microseconds and more, which are answered in the calling threads without the GIL. Every
answer is compared bit for bit with the one that a single thread got.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import families, tasks
from benchmarks.bars import Verdict
from benchmarks.report import table

if TYPE_CHECKING:
    from collections.abc import Sequence

THREADS = 16
SHORTEST = 50.0  # microseconds that a request takes at least
BAR = 0.9  # of the cores times one thread


@dataclass(frozen=True)
class Result:
    """Requests per second, and answers of many threads that were not those of one."""

    models: int
    request_us: float
    alone: float
    together: float
    different: int

    @property
    def ratio(self) -> float:
        """Of many threads to one."""
        return self.together / self.alone


class Requests:
    """Models, and tables for each that take long enough.

    Parameters
    ----------
    count : int
        Models: half of them read texts, half of them numbers.
    """

    def __init__(self, count: int) -> None:
        import pretzel

        self.runtime = pretzel.Runtime()
        self.calls: list[tuple[Any, Any]] = []
        texts, numbers = tasks.sentiment()[0], tasks.attendees()[0]
        members = [*families.sentiment_heads(count // 2), *families.attendee_models(count - count // 2)]
        for i, member in enumerate(members):
            source = texts if member.kind == "text" else numbers
            model = self.runtime.register(member.name, member.estimator, engine="request")
            rows = 16
            while _microseconds(model.predict, source[i * 1000 :][:rows]) < SHORTEST:
                rows *= 2
            self.calls.append((model.predict, source[i * 1000 :][:rows]))

    def expected(self) -> list[np.ndarray]:
        """The answers of one thread."""
        return [predict(X) for predict, X in self.calls]

    def serve(self, threads: int, seconds: float, expected: Sequence[np.ndarray]) -> tuple[float, int]:
        """Requests per second of so many threads, and wrong answers."""
        start, stop = threading.Barrier(threads + 1), threading.Event()
        counts, wrong = [0] * threads, [0] * threads

        def work(number: int) -> None:
            order = np.random.default_rng(number).permutation(len(self.calls))
            done = failed = 0
            start.wait()
            while not stop.is_set():
                for i in order:
                    predict, X = self.calls[i]
                    failed += not np.array_equal(predict(X), expected[i])
                    done += 1
            counts[number], wrong[number] = done, failed

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        start.wait()
        began = time.perf_counter()
        time.sleep(seconds)
        stop.set()
        for worker in workers:
            worker.join()
        return sum(counts) / (time.perf_counter() - began), sum(wrong)


def _microseconds(predict: Any, X: Any) -> float:
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        predict(X)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def measure(count: int, rounds: int, seconds: float) -> Result:
    """One thread and many take turns."""
    requests = Requests(count)
    expected = requests.expected()
    alone, together, different = [], [], 0
    for _ in range(rounds):
        alone.append(requests.serve(1, seconds, expected)[0])
        rate, wrong = requests.serve(THREADS, seconds, expected)
        together.append(rate)
        different += wrong
    shortest = min(_microseconds(predict, X) for predict, X in requests.calls)
    return Result(len(requests.calls), shortest, statistics.median(alone), statistics.median(together), different)


def judge(result: Result) -> list[Verdict]:
    """What must be reached."""
    cores = len(os.sched_getaffinity(0))
    name = f"{THREADS} threads, {result.models} models"
    return [
        Verdict(name, "answers that differ from those of one thread", "0", str(result.different), not result.different),
        Verdict(
            name,
            f"throughput against one thread, {cores} cores",
            f"{BAR * cores:.2f}x",
            f"{result.ratio:.2f}x",
            result.ratio >= BAR * cores,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few models and short turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    options = parser.parse_args(arguments)
    result = measure(10, 2, 0.3) if options.quick else measure(50, 5, 2.0)
    verdicts = judge(result)
    rows = [[v.what, v.required, v.measured, "met" if v.met else "NOT MET"] for v in verdicts]
    print(f"{result.models} models, requests of {result.request_us:.0f} us and more: ", end="")
    print(f"{result.alone:,.0f}/s with one thread, {result.together:,.0f}/s with {THREADS}\n")
    print(table(["bar", "required", "measured", ""], rows))
    if options.json:
        options.json.write_text(json.dumps(asdict(result) | {"bars": [v.as_dict() for v in verdicts]}, indent=1) + "\n")
    return int(not all(v.met for v in verdicts))


if __name__ == "__main__":
    sys.exit(main())
