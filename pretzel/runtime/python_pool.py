"""Threads that call estimators: Python answers what no program does."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PythonPool:
    """A pool of threads, of which as many take jobs as there are workers.

    A thread that waits for an answer, in a callback or within an estimator, no longer counts, because the answer may be
    that of a job behind it. It ends after its job.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._changed = threading.Condition()  # its lock is reentrant, because a finalizer may close the pool
        self._jobs: deque[tuple[Callable[[], None], Callable[[], None]]] = deque()
        self._threads: set[threading.Thread] = set()
        self._taking: set[threading.Thread] = set()
        self._idle = 0
        self._closed = False

    def submit(self, job: Callable[[], None], cancel: Callable[[], None]) -> None:
        """Run ``job`` in a thread; ``cancel`` runs instead if the pool is closed before."""
        with self._changed:
            self._jobs.append((job, cancel))
            self._start_threads()
            self._changed.notify()

    def withdraw(self, job: Callable[[], None]) -> bool:
        """Forget a job that has not begun; False: it has, or is none of this pool."""
        with self._changed:
            found = next((each for each in self._jobs if each[0] is job), None)
            if found is not None:
                self._jobs.remove(found)
            return found is not None

    def hand_over(self) -> None:
        """Called before a thread waits: if it is one of this pool, another takes its place."""
        own = threading.current_thread()
        if own in self._taking:
            with self._changed:
                self._taking.discard(own)
                self._start_threads()

    def close(self, *, drain: bool = False, wait: bool = True) -> None:
        """End the threads once the jobs have run (``drain``), or cancel those that have not begun."""
        with self._changed:
            self._closed = True
            dropped = [] if drain else list(self._jobs)
            if not drain:
                self._jobs.clear()
            threads = list(self._threads)
            self._changed.notify_all()
        for _, cancel in dropped:
            cancel()
        for thread in threads if wait else ():
            if thread is not threading.current_thread():
                thread.join()

    def _start_threads(self) -> None:
        if len(self._jobs) > self._idle and len(self._taking) < self._workers:
            thread = threading.Thread(target=self._run, name="pretzel-opaque", daemon=True)
            thread.start()
            self._threads.add(thread)
            self._taking.add(thread)

    def _run(self) -> None:
        own = threading.current_thread()
        with self._changed:  # until it has been added
            pass
        while True:
            with self._changed:
                self._idle += 1
                while own in self._taking and not self._jobs and not self._closed:
                    self._changed.wait()
                self._idle -= 1
                if own not in self._taking or not self._jobs:
                    self._taking.discard(own)
                    self._threads.discard(own)
                    return
                job = self._jobs.popleft()[0]
            job()
            del job  # before the thread waits for another
