"""Sends a schedule to a contender and records when each request was answered.

One client thread per core takes the next request, sleeps until its arrival, and makes the call itself, as a thread of a
web application does. There is no dispatcher that could fall behind, and a thread that is blocked by one request leaves
the next one to another thread. Clients sleep rather than spin, because spinning clients would take the cores from the
contender on a small machine. Every latency therefore includes one wake-up by the kernel, as a request from a socket
does; `contenders.Nothing` measures it.

Latency counts from the scheduled arrival of the request, also if the client is late.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import no_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.families import Member
    from benchmarks.load.arrivals import Arrivals
    from benchmarks.load.contenders import Contender
    from benchmarks.load.rows import Rows

UNANSWERED, ANSWERED, REJECTED, FAILED, GIVEN_UP = range(5)
OUTSTANDING = 1000  # requests that an open loop leaves waiting before it rejects more
WINDOW = 32  # requests that a closed loop keeps under way
DRAIN = 2.0  # seconds that answers may take after the last arrival


@dataclass
class Outcome:
    """Outcome of a schedule; times are nanoseconds since its start.

    Parameters
    ----------
    arrivals : Arrivals
        The schedule.
    sent : ndarray
        When a client took the request; zero: never.
    answered : ndarray
        When the answer was there; without an answer, the end of the measurement.
    state : ndarray
        `UNANSWERED`, `ANSWERED`, `REJECTED` at once, `FAILED`, or `GIVEN_UP`: rejected after it had been accepted.
    seconds : float
        From the start to the last answer, or to the end.
    error : str
        The first failure.
    """

    arrivals: Arrivals
    sent: np.ndarray
    answered: np.ndarray
    state: np.ndarray
    seconds: float
    error: str


@dataclass
class _Run:
    """State that the client threads share; single operations on its containers are atomic."""

    calls: Sequence[Callable[[Any], Any]]
    arguments: Sequence[Any]
    times: list[int]
    rejections: tuple[type[Exception], ...]
    tokens: SimpleQueue[None]
    tickets: itertools.count[int] = field(default_factory=itertools.count)
    pending: dict[int, Future[Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    start: int = 0
    stop: int = 0

    def __post_init__(self) -> None:
        count = len(self.calls)
        self.sent, self.answered, self.state = [0] * count, [0] * count, [UNANSWERED] * count

    def finish(self, i: int, future: Future[Any]) -> None:
        """Record the answer of a future, in the thread that completes it."""
        self.answered[i] = time.perf_counter_ns()
        self.pending.pop(i, None)
        self.tokens.put(None)
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.state[i] = ANSWERED
        else:
            self.fail(i, error, GIVEN_UP)

    def fail(self, i: int, error: BaseException, rejected: int = REJECTED) -> None:
        """Record an exception."""
        self.answered[i] = self.answered[i] or time.perf_counter_ns()
        self.state[i] = rejected if isinstance(error, self.rejections) else FAILED
        if self.state[i] == FAILED and not self.errors:
            self.errors.append(f"{type(error).__name__}: {error}")


def _wake_precisely() -> None:
    """Ask Linux to wake this thread on time; by default, it may be 50 microseconds late."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK, nanoseconds


def _client(run: _Run, waits: bool) -> None:
    """Send requests until there are none left or time is over.

    Parameters
    ----------
    waits : bool
        Whether to wait for a free slot, as a closed loop does; an open loop rejects the request instead.
    """
    _wake_precisely()
    clock, sleep, tokens, pending = time.perf_counter_ns, time.sleep, run.tokens, run.pending
    calls, arguments, times, sent, answered, state = (
        run.calls,
        run.arguments,
        run.times,
        run.sent,
        run.answered,
        run.state,
    )
    for i in run.tickets:
        if i >= len(calls):
            return
        due, now = run.start + times[i], clock()
        while now < due:
            sleep((due - now) * 1e-9)
            now = clock()
        if now > run.stop:
            return
        sent[i] = now
        try:
            if waits:
                tokens.get(timeout=max(0.0, (run.stop - now) * 1e-9))
            else:
                tokens.get_nowait()
        except Empty:
            if not waits:
                answered[i], state[i] = clock(), REJECTED
            continue
        try:
            future = calls[i](arguments[i])
        except Exception as error:
            run.fail(i, error)
            tokens.put(None)
            continue
        if isinstance(future, Future):
            pending[i] = future
            future.add_done_callback(functools.partial(run.finish, i))
        else:
            answered[i], state[i] = clock(), ANSWERED
            tokens.put(None)


def bind(
    contender: Contender, members: Sequence[Member], rows: Sequence[Rows], arrivals: Arrivals
) -> tuple[list[Callable[[Any], Any]], list[Any]]:
    """Call and argument of each request, so that sending it is one call."""
    ready = {one.kind: contender.arguments(one) for one in rows}
    kinds = [ready[member.kind] for member in members]
    calls = [(contender.single(model), contender.batch(model)) for model in range(len(members))]
    chosen: list[Callable[[Any], Any]] = []
    arguments: list[Any] = []
    for model, batch, row in zip(arrivals.model.tolist(), arrivals.batch.tolist(), arrivals.row.tolist(), strict=True):
        form = kinds[model][batch]
        chosen.append(calls[model][batch])
        arguments.append(form[row % len(form)])
    return chosen, arguments


def drive(
    contender: Contender,
    members: Sequence[Member],
    rows: Sequence[Rows],
    arrivals: Arrivals,
    seconds: float,
    closed: bool = False,
    clients: int | None = None,
) -> Outcome:
    """Send a schedule and wait for the answers.

    Parameters
    ----------
    contender : Contender
        Answers the requests.
    members : sequence of Member
        The models.
    rows : sequence of Rows
        One for each kind.
    arrivals : Arrivals
        The schedule.
    seconds : float
        No request is sent after that time.
    closed : bool
        Send as fast as answers arrive, and ignore the times of the schedule.
    clients : int, optional
        Threads that send; one per core by default.
    """
    calls, arguments = bind(contender, members, rows, arrivals)
    times = [0] * len(arrivals) if closed else (arrivals.seconds * 1e9).astype(np.int64).tolist()
    tokens: SimpleQueue[None] = SimpleQueue()
    for _ in range(WINDOW if closed else OUTSTANDING):
        tokens.put(None)
    run = _Run(calls, arguments, times, contender.rejections, tokens)
    threads = [
        threading.Thread(target=_client, args=(run, closed), daemon=True) for _ in range(clients or os.cpu_count() or 1)
    ]
    with no_collection():
        run.start = time.perf_counter_ns() + 2_000_000  # the threads are all there when the first request arrives
        run.stop = run.start + int(seconds * 1e9)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _drain(run, 0.0 if closed else DRAIN)
    return _outcome(run, arrivals)


def _drain(run: _Run, seconds: float) -> None:
    """Wait for pending requests, then cancel them and wait for those that cannot be cancelled."""
    limit = time.perf_counter() + seconds
    while run.pending and time.perf_counter() < limit:
        time.sleep(0.001)
    run.stop = time.perf_counter_ns()
    for future in list(run.pending.values()):
        future.cancel()
    limit = time.perf_counter() + 10.0
    while run.pending and time.perf_counter() < limit:
        time.sleep(0.001)


def _outcome(run: _Run, arrivals: Arrivals) -> Outcome:
    sent, answered, state = np.array(run.sent), np.array(run.answered), np.array(run.state)
    # Requests answered after the end count as unanswered, with the latency that they had reached by then.
    state[(state == ANSWERED) & (answered > run.stop)] = UNANSWERED
    answered[state == UNANSWERED] = run.stop
    last = int(answered[state == ANSWERED].max(initial=run.start))
    return Outcome(
        arrivals=arrivals,
        sent=np.where(sent > 0, sent - run.start, 0),
        answered=answered - run.start,
        state=state,
        seconds=(last - run.start) * 1e-9,
        error=run.errors[0] if run.errors else "",
    )
