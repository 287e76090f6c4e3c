"""Timing that treats all contenders alike, and exact comparison of answers."""

from __future__ import annotations

import contextlib
import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RTOL, ATOL = 1e-9, 1e-12


@dataclass(frozen=True)
class Contender:
    """One way to get one answer.

    Parameters
    ----------
    name : str
        Who and from what, as in ``"pretzel dict"``.
    call : callable
        The call that a user writes.
    rows : sequence
        Ready-made arguments; calls take them in turn.
    """

    name: str
    call: Callable[[Any], Any]
    rows: Sequence[Any]


@dataclass(frozen=True)
class Latency:
    """Microseconds per call, and how many calls were timed."""

    p50: float
    p99: float
    calls: int


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of the measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def latencies(contenders: Sequence[Contender], rounds: int, seconds: float) -> dict[str, Latency]:
    """Time single calls, a short block of each contender per round so that drift of the machine hits all alike.

    Parameters
    ----------
    contenders : sequence of Contender
        Whom to time.
    rounds : int
        How often the turn goes round.
    seconds : float
        Length of one block; slow contenders make at least three calls.
    """
    clock = time.perf_counter_ns
    taken: dict[str, list[int]] = {one.name: [] for one in contenders}
    position = dict.fromkeys(taken, 0)
    with no_collection():
        for one in contenders:
            for row in one.rows[:3]:
                one.call(row)
        for _ in range(rounds):
            for one in contenders:
                call, rows, times = one.call, one.rows, taken[one.name]
                at, count, stop = position[one.name], 0, clock() + int(seconds * 1e9)
                call(rows[at % len(rows)])  # whoever comes next finds the caches as the one before left them
                while count < 3 or clock() < stop:
                    row = rows[(at + count) % len(rows)]
                    start = clock()
                    call(row)
                    times.append(clock() - start)
                    count += 1
                position[one.name] = at + count
    return {
        name: Latency(float(np.percentile(times, 50)) / 1e3, float(np.percentile(times, 99)) / 1e3, len(times))
        for name, times in taken.items()
    }


@dataclass(frozen=True)
class Throughput:
    """Rows per second, and the rows of one timed call."""

    rows_per_second: float
    rows: int


@dataclass(frozen=True)
class Batcher:
    """One way to get the answers of many rows.

    Parameters
    ----------
    name : str
        Who, and with how many threads.
    prepare : callable
        ``prepare(rows)`` returns the call that is timed.
    context : callable
        Context that the calls run in: thread limits.
    """

    name: str
    prepare: Callable[[int], Callable[[], Any]]
    context: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext


def seconds_per_call(call: Callable[[], Any], least: float) -> float:
    """Mean time of as many calls as take `least` seconds, one at least."""
    start, repeats, spent = time.perf_counter(), 0, 0.0
    while repeats == 0 or spent < least:
        call()
        repeats += 1
        spent = time.perf_counter() - start
    return spent / repeats


def throughputs(batchers: Sequence[Batcher], size: int, rounds: int, budget: float) -> dict[str, Throughput]:
    """Best rows per second at a batch size, contenders taking turns.

    Parameters
    ----------
    batchers : sequence of Batcher
        Whom to time.
    size : int
        Rows per call. Whoever would need longer than `budget` seconds for them gets fewer, and the result says so.
    rounds : int
        Turns of each.
    budget : float
        Seconds per call.
    """
    calls: dict[str, tuple[Callable[[], Any], int]] = {}
    best = {one.name: np.inf for one in batchers}
    with no_collection():
        for one in batchers:
            probe = min(size, 256)
            call = one.prepare(probe)
            with one.context():
                call()
                rows = int(probe * budget / seconds_per_call(call, 1e-3))
            rows = min(size, max(probe, rows))
            calls[one.name] = (one.prepare(rows), rows)
        for _ in range(rounds):
            for one in batchers:
                with one.context():
                    best[one.name] = min(best[one.name], seconds_per_call(calls[one.name][0], 0.02))
    return {name: Throughput(rows / best[name], rows) for name, (_, rows) in calls.items()}


@dataclass(frozen=True)
class Difference:
    """How far answers are from the expected ones.

    Parameters
    ----------
    values : int
        Compared values.
    mismatches : int
        Labels that differ.
    outside : int
        Numbers outside rtol 1e-9 / atol 1e-12.
    largest : float
        Greatest absolute difference of numbers.
    """

    values: int = 0
    mismatches: int = 0
    outside: int = 0
    largest: float = 0.0

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.values + other.values,
            self.mismatches + other.mismatches,
            self.outside + other.outside,
            max(self.largest, other.largest),
        )


def compare(got: Any, expected: Any, labels: bool) -> Difference:
    """Compare two answers of the same method.

    Parameters
    ----------
    got, expected : array_like
        Answers for the same rows.
    labels : bool
        They are classes, which are equal or not.
    """
    left, right = np.asarray(got), np.asarray(expected)
    if left.shape != right.shape:
        return Difference(right.size, right.size if labels else 0, 0 if labels else right.size, np.inf)
    if labels:
        return Difference(right.size, int(np.count_nonzero(left != right)))
    gap = np.abs(left.astype(np.float64) - right)
    outside = ~np.isclose(left, right, rtol=RTOL, atol=ATOL, equal_nan=True)
    return Difference(right.size, 0, int(np.count_nonzero(outside)), float(np.nanmax(gap, initial=0.0)))
