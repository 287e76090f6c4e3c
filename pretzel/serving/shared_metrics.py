"""Metrics of several processes as one, by the files of prometheus_client's multiprocess mode.

Where the environment variable ``PROMETHEUS_MULTIPROC_DIR`` names a folder, every process that serves writes what it
counts into files there, and whichever of them is scraped answers with the sums: of counters and histograms over all
processes, also those that have ended, and of gauges over those that are alive (of `MAXIMA` the greatest). Metrics that
an application has of its own lie in the same files.

A process writes what it has counted every `PERIOD` seconds, by a timer of its event loop, and all the rest every
`LONG_PERIOD` seconds; both also when it is scraped, and at its end. So one that is killed loses what it counted since
the last time. What was counted before a fork belongs to the parent.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import glob
import os
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from pretzel.errors import OptionError
from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.metrics import Collector

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PERIOD = 0.25
"""Seconds between two times that a process writes; more where writing takes more than a fiftieth of that."""

LONG_PERIOD = 5.0
"""The same of memory, queues and stages, which take longer to be collected."""

MAXIMA = frozenset({"pretzel_models", "pretzel_stale_models", "pretzel_estimate_error_ratio"})
"""Gauges that are the same in all processes, or no amount."""

_Key = tuple[str, str, str, tuple[tuple[str, str], ...], str]  # type, names of metric and sample, labels, description


class SharedMetrics:
    """Writes what is counted in this process to where all processes read it.

    Parameters
    ----------
    runtime : Collector
        The metrics of the runtime.
    answers : collector
        Those of the application.

    Raises
    ------
    OptionError
        The variable names no folder, or prometheus_client was imported before it was set.
    """

    def __init__(self, runtime: Collector, answers: Any) -> None:
        from prometheus_client import values

        self.folder = os.environ[VARIABLE]
        if not os.path.isdir(self.folder):
            raise OptionError(f"{VARIABLE} names a folder that the workers share, and {self.folder!r} is none")
        if not getattr(values.ValueClass, "_multiprocess", False):
            raise OptionError(
                f"{VARIABLE} was set after prometheus_client had been imported: set it before Python starts"
            )
        self._runtime = runtime
        self._answers = answers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start()
        _all.add(self)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._next = self._next_long = 0.0  # times
        self._has_failed = False
        self._written: dict[_Key, float] = {}
        self._state: object = None  # of what is counted

    def follow(self) -> None:
        """Write from now on, for as long as the running event loop does; called with each request."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self._loop = loop
        if os.getpid() != self._pid:  # after a fork
            self._start()
            self.write(all_of_it=True, counts=False)
        loop.call_soon(self._write_in_thread, loop)

    def _write_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        def again(_: object) -> None:
            if loop is self._loop and not loop.is_closed():
                loop.call_later(max(self._next - time.monotonic(), PERIOD), self._write_in_thread, loop)

        all_of_it = time.monotonic() >= self._next_long
        try:
            writing = loop.run_in_executor(None, partial(self.write, all_of_it=all_of_it))
        except RuntimeError:  # the loop ends and has shut its threads down, or no thread can be started now
            again(None)
        else:
            writing.add_done_callback(again)

    def write(self, *, all_of_it: bool, counts: bool = True) -> None:
        """Write what has changed since the last time; with ``counts=False`` only note where counters begin."""
        if os.getpid() != self._pid:
            return  # a fork that has answered nothing
        start = time.monotonic()
        try:
            with self._lock:
                self._write(all_of_it, counts)
        except Exception as error:  # no request fails because its metrics cannot be written
            if not self._has_failed:
                logger.error("metrics cannot be written to %s: %r", self.folder, error)
            self._has_failed = True
        now = time.monotonic()
        self._next = now + max(PERIOD, 50 * (now - start))
        if all_of_it:
            self._next, self._next_long = now + PERIOD, now + max(LONG_PERIOD, 50 * (now - start))

    def _write(self, all_of_it: bool, counts: bool) -> None:
        families = [*self._answers.collect()]
        state = self._runtime.total(), [sample.value for family in families for sample in family.samples]
        if all_of_it or state != self._state:
            families += self._runtime.calls()
        self._state = state
        if all_of_it:
            families += self._runtime.others()
        for family in families:
            gone = {key for key in self._written if key[1] == family.name} if family.type == "gauge" else set()
            for key, value in _amounts(family):
                before, self._written[key] = self._written.get(key), value
                gone.discard(key)
                place = _value(key)
                if family.type == "gauge":
                    place.set(value)
                elif counts and value != before:  # less where a model has left, and another one has taken its name
                    place.inc(value - before if before is not None and value > before else value)
            for key in gone:
                del self._written[key]
                _value(key).set(0.0)

    def collect(self) -> Iterator[Any]:
        """The sums over all processes, after this one has written."""
        from prometheus_client.multiprocess import MultiProcessCollector

        self.write(all_of_it=True)
        self._forget_the_dead()
        files = glob.glob(os.path.join(glob.escape(self.folder), "*.db"))
        yield from MultiProcessCollector.merge([path for path in files if _holds_values(path)], accumulate=True)

    def _forget_the_dead(self) -> None:
        """Remove the gauges of processes that are not there any more, which a killed one has left."""
        from prometheus_client.multiprocess import mark_process_dead

        if os.name != "posix":  # elsewhere a signal of number 0 is none
            return
        for pid in {_pid_of(path) for path in glob.glob(os.path.join(glob.escape(self.folder), "gauge_live*.db"))}:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                with contextlib.suppress(FileNotFoundError):  # another process has been asked, too
                    mark_process_dead(pid, self.folder)
            except PermissionError:
                pass


def _holds_values(path: str) -> bool:
    """Whether a file is there and not empty, as that of a process is which has made it a moment ago."""
    try:
        return os.path.getsize(path) > 0
    except FileNotFoundError:
        return False


def _pid_of(path: str) -> int:
    return int(path.removesuffix(".db").rpartition("_")[2])


def _amounts(family: Any) -> Iterator[tuple[_Key, float]]:
    """The samples of a metric, as files have them: of a histogram the sum, and the number in each bucket alone."""
    series, below = None, 0.0
    for sample in family.samples:
        key = (family.type, family.name, sample.name, tuple(sample.labels.items()), family.documentation)
        if sample.name.endswith("_bucket"):
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            below = below if labels == series else 0.0
            yield key, sample.value - below
            series, below = labels, sample.value
        elif family.type != "histogram" or sample.name.endswith("_sum"):
            yield key, sample.value


_values: dict[_Key, Any] = {}


def _value(key: _Key) -> Any:
    """The place of an amount in the file of this process."""
    found = _values.get(key)
    if found is None:
        from prometheus_client.values import ValueClass

        kind, metric, name, labels, description = key
        mode = ("livemax" if metric in MAXIMA else "livesum") if kind == "gauge" else ""
        names, values = tuple(name for name, _ in labels), tuple(value for _, value in labels)
        found = _values[key] = ValueClass(kind, metric, name, names, values, description, multiprocess_mode=mode)
    return found


_all: weakref.WeakSet[SharedMetrics] = weakref.WeakSet()


@atexit.register
def _write_all() -> None:
    for each in list(_all):
        each.write(all_of_it=True)
