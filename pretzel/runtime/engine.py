"""The batch engine: tables go to native workers, answers come back as futures that can also be awaited.

A native scheduler knows nothing of Python: its workers never take the GIL. One thread for each engine, started by the
first request that nobody waits for in place, turns what is over into results of futures.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from concurrent.futures import CancelledError, Future, InvalidStateError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pretzel._native import Endpoint, Method, Scheduler, Task
from pretzel.errors import DeadlineExceeded, Overloaded, PretzelError, WorkerLost
from pretzel.runtime import tracing
from pretzel.runtime.calibration_file import load_calibration
from pretzel.runtime.log import Complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PLACES = 4096
"""Requests that may wait, unless a runtime says otherwise."""


class Answer(Future[Any]):
    """The future result of a submitted request. ``await`` it, or use it as any `concurrent.futures.Future`.

    Cancelling one frees its place and, when the request has begun, whatever rows of it are left.
    """

    def __init__(self, engine: BatchEngine, endpoint: Endpoint | None = None) -> None:
        super().__init__()
        self._engine: BatchEngine | None = engine  # lives for as long as it owes an answer
        self._task: Task | None = None
        self._endpoint = endpoint
        self._began = time.monotonic()
        engine.owed.add(self)

    def cancel(self) -> bool:
        """Give up the request; False when it is over."""
        cancelled = super().cancel()
        engine, task = self._engine, self._task
        if cancelled and engine is not None and task is not None:
            engine.scheduler.cancel(task)
        return cancelled

    def settle(self, answer: Callable[[], Any]) -> None:
        """Take over what ``answer`` returns or raises, unless the future has been cancelled."""
        engine, endpoint = self._engine, self._endpoint
        self._engine = self._task = self._endpoint = None
        result, failure = None, None
        try:
            result = answer()
        except BaseException as error:
            failure = error
        if endpoint is not None:
            endpoint.end(False, failure, time.monotonic() - self._began)
        try:
            if failure is None:
                self.set_result(result)
            elif isinstance(failure, CancelledError) and super().cancel():
                self.set_running_or_notify_cancel()
            else:
                self.set_exception(failure)
        except InvalidStateError:
            self.set_running_or_notify_cancel()  # whoever has cancelled it told its callbacks, but not all who wait
        if engine is not None:
            engine.owed.discard(self)
            if isinstance(failure, DeadlineExceeded | WorkerLost):
                engine.complaints.add(type(failure).__name__, failure)

    def lose(self) -> None:
        """In a child process: who would have answered, who waits, and who held the lock of this future are not here."""
        state, result, failure = self._state, self._result, self._exception
        super().__init__()
        self._engine = self._task = self._endpoint = None
        if state != "FINISHED":
            failure = WorkerLost("the request was submitted before a fork; the parent process has it")
        if failure is None:
            self.set_result(result)
        else:
            self.set_exception(failure)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self).__await__()


class BatchEngine:
    """Workers of a runtime, or of one model that reserves its own.

    Parameters
    ----------
    executors : int, optional
        Worker threads; one for each core that this process may use by default.
    places : int
        Requests that may wait.
    memory : int
        Bytes of working memory that each worker gets in advance.
    yielding : bool
        The system is to prefer other threads, which answer single rows, to the workers; otherwise the workers.
    tracing : bool, optional
        Whether requests have spans of OpenTelemetry; by default, if the process has imported it.
    """

    def __init__(
        self,
        executors: int | None = None,
        places: int = PLACES,
        memory: int = 0,
        *,
        yielding: bool = False,
        tracing: bool | None = None,
    ) -> None:
        executors = cores() if executors is None else executors
        if executors < 1 or places < 1:
            raise ValueError(f"at least one executor and one place are needed, got {executors} and {places}")
        load_calibration()
        self.scheduler = Scheduler(executors, places, memory, yielding)
        self._places = places
        self._notifier: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None  # for what only Python can compute
        self._in_pool = 0
        self.owed: set[Answer] = set()
        self.complaints = Complaints()
        self._tracing = tracing
        self._closed = False
        self._lock = threading.Lock()
        _engines.add(self)

    def submit(self, method: Any, X: Any, deadline: float | None = None, endpoint: Endpoint | None = None) -> Answer:
        """Compute ``method(X)`` in the workers.

        Parameters
        ----------
        method : Method or OpaqueMethod
        X : table or documents
            Read before this returns, unless the request is refused for its length alone.
        deadline : float, optional
            Seconds from now within which the answer is wanted.
        endpoint : Endpoint, optional
            Told what becomes of a request that is accepted.

        Raises
        ------
        Overloaded, DeadlineExceeded
            The request is refused.
        InputError
            The table does not fit the model.
        """
        if not isinstance(method, Method):
            return self.call(method.name, lambda: method(X), deadline, endpoint)
        began = time.monotonic()
        try:
            self.scheduler.foresee(method, X, deadline)
        except PretzelError as error:
            self._refuse(method.name, error)
            raise
        task = self.scheduler.task(method, X)
        if deadline is not None:
            deadline -= time.monotonic() - began
        if task is None:
            answer = Answer(self, endpoint)
            answer.settle(lambda: method(X))
            return answer
        return self.hand_over(method.name, task, deadline, endpoint)

    def hand_over(
        self, name: str, task: Task, deadline: float | None = None, endpoint: Endpoint | None = None
    ) -> Answer:
        """Compute a task of this engine's scheduler for the model of that name; `submit` has the other parameters."""
        answer = Answer(self, endpoint)
        task.future = answer
        answer._task = task
        try:
            self._start_notifier()
            self.scheduler.submit(task, deadline)
        except BaseException as error:
            self.owed.discard(answer)
            self._refuse(name, error)
            raise
        self._follow(name, answer)
        return answer

    def call(
        self, name: str, function: Callable[[], Any], deadline: float | None = None, endpoint: Endpoint | None = None
    ) -> Answer:
        """What only Python can compute runs in threads of Python, as many as there are workers.

        Parameters
        ----------
        name : str
            What messages call the model.
        function : callable
            ``function()`` is the answer.
        deadline, endpoint
            As in `submit`.

        Raises
        ------
        Overloaded
        """
        latest = None if deadline is None else time.monotonic() + deadline

        def compute() -> Any:
            if latest is not None and time.monotonic() >= latest:
                raise DeadlineExceeded(f"{name}: the deadline passed before the request began")
            return function()

        def work() -> None:
            with self._lock:
                self._in_pool -= 1
            answer.settle(compute)

        def drop(done: Future[None]) -> None:
            if done.cancelled():
                answer.settle(done.result)

        with self._lock:
            if self._closed:
                raise RuntimeError("this runtime has been closed")
            if self._in_pool >= self._places:
                overloaded = Overloaded(f"{name}: {self._places} requests are waiting, which is the limit")
                self._refuse(name, overloaded)
                raise overloaded
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.scheduler.workers, "pretzel-opaque")
            answer = Answer(self, endpoint)
            self._in_pool += 1
            self._pool.submit(work).add_done_callback(drop)
        self._follow(name, answer)
        return answer

    def _follow(self, name: str, answer: Answer) -> None:
        tracer = tracing.tracer(self._tracing)
        if tracer is not None:
            tracing.follow(tracer, name, answer)

    def _refuse(self, name: str, error: BaseException) -> None:
        """Tell the log and the trace, but not of every request under overload."""
        self.complaints.add(type(error).__name__, error)
        tracer = tracing.tracer(self._tracing)
        if tracer is not None:
            tracing.refused(tracer, name, error)

    def _start_notifier(self) -> None:
        if self._notifier is not None:
            return
        with self._lock:
            if self._notifier is None and not self._closed:
                notifier = threading.Thread(
                    target=_notify, args=(self.scheduler,), name="pretzel-notifier", daemon=True
                )
                notifier.start()
                self._notifier = notifier

    def close(self, *, drain: bool = False) -> None:
        """Accept nothing more; finish what is left (``drain``) or cancel it. Harmless when repeated."""
        with self._lock:
            self._closed = True
            pool, notifier = self._pool, self._notifier
        self.scheduler.close(drain)
        if pool is not None:
            pool.shutdown(cancel_futures=not drain)
        if notifier is not None and notifier is not threading.current_thread():
            notifier.join()

    def load(self) -> dict[str, Any]:
        """What there is to do, and what has been done."""
        return {**self.scheduler.load(), "in_python": self._in_pool}

    def _restart(self) -> None:
        """In a child process: none of the threads are here."""
        self._lock = threading.Lock()
        self._notifier = self._pool = None
        self._in_pool = 0
        self.scheduler.restart()
        if self._closed:
            self.scheduler.close()
        owed, self.owed = self.owed, set()
        for answer in owed:
            answer.lose()

    def __del__(self) -> None:
        if hasattr(self, "scheduler"):
            self.scheduler.close()


def _notify(scheduler: Scheduler) -> None:
    """Body of the notifier: it knows the scheduler only, so that an engine that nobody uses can go."""
    while tasks := scheduler.collect():
        for task in tasks:
            task.future.settle(task.answer)
            del task
        tasks.clear()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_engines: weakref.WeakSet[BatchEngine] = weakref.WeakSet()


def _restart_all() -> None:
    for engine in list(_engines):
        engine._restart()


def _close_all() -> None:
    """Threads must have ended before the interpreter does."""
    for engine in list(_engines):
        engine.close()


os.register_at_fork(after_in_child=_restart_all)
atexit.register(_close_all)
