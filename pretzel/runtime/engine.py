"""The batch engine: native workers run tables, and callers get futures that can be awaited, too.

The workers of the native scheduler never take the GIL. One notifier thread for each engine, started by the first
submitted request, completes the futures.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from concurrent.futures import CancelledError, Future, InvalidStateError
from numbers import Integral
from typing import TYPE_CHECKING, Any, NoReturn

from pretzel._native import Method, Scheduler, Task, UninterruptedCondition
from pretzel.errors import DeadlineExceeded, InputError, Overloaded, PretzelError, WorkerLost
from pretzel.options import check_deadline, check_option
from pretzel.runtime import tracing
from pretzel.runtime.calibration_file import load_calibration
from pretzel.runtime.log import Complaints, logger
from pretzel.runtime.notifier import Notifier
from pretzel.runtime.python_pool import PythonPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Ended = Callable[[BaseException | None, float], None]

QUEUE_CAPACITY = 4096
"""Number of requests that may wait, by default."""


class Answer(Future[Any]):
    """The future result of a submitted request. ``await`` it, or use it as any `concurrent.futures.Future`.

    Cancelling it frees its place in the queue; of a request that has started, the remaining rows are dropped.
    """

    version = ""  # ``"name@version"`` of the model that answers, where a handle has submitted the request

    def __init__(self, engine: BatchEngine, ended: Ended | None = None) -> None:
        super().__init__()
        self._condition = UninterruptedCondition()
        self._engine: BatchEngine | None = engine  # kept alive until the answer is there
        self._task: Task | None = None
        self._withdraw: Callable[[], None] | None = None  # of a request that waits for Python
        self._ended = ended
        self._submitted = time.monotonic()
        engine.pending.add(self)

    def cancel(self) -> bool:
        """Cancel the request; False: it is over."""
        cancelled = super().cancel()
        engine, task, withdraw = self._engine, self._task, self._withdraw
        if cancelled and engine is not None and task is not None:
            engine.scheduler.cancel(task)
        if cancelled and withdraw is not None:
            withdraw()
        return cancelled

    def result(self, timeout: float | None = None) -> Any:
        """The answer, when it is there; see `concurrent.futures.Future.result`. A callback may wait for one, too."""
        self._hand_over()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the request raised, when it is over; see `concurrent.futures.Future.exception`."""
        self._hand_over()
        return super().exception(timeout)

    def _hand_over(self) -> None:
        engine = self._engine
        if engine is not None:
            engine.hand_over()

    def complete(self, answer: Callable[[], Any]) -> None:
        """Set what ``answer`` returns or raises, unless the future has been cancelled."""
        engine, ended = self._engine, self._ended
        self._engine = self._task = self._ended = self._withdraw = None
        result, failure = None, None
        try:
            result = answer()
        except BaseException as error:
            failure = settable(error)
        if ended is not None:
            ended(failure, time.monotonic() - self._submitted)
        try:
            if failure is None:
                self.set_result(result)
            elif isinstance(failure, CancelledError) and super().cancel():
                self.set_running_or_notify_cancel()
            else:
                self.set_exception(failure)
        except InvalidStateError:
            if self.cancelled():  # otherwise the caller has set a result
                self.set_running_or_notify_cancel()  # `cancel` has not woken `concurrent.futures.wait`
        finally:
            if engine is not None:
                engine.pending.discard(self)
                if isinstance(failure, DeadlineExceeded | WorkerLost):
                    engine.complaints.add(type(failure).__name__, failure)

    def fail_in_child(self) -> None:
        """Fail in a forked child, without the threads that would answer, wait, or release the lock of this future."""
        state, result, failure = self._state, self._result, self._exception
        super().__init__()
        self._condition = UninterruptedCondition()
        self._engine = self._task = self._ended = self._withdraw = None
        if state != "FINISHED":
            failure = WorkerLost("the request was submitted before a fork and belongs to the parent process")
        if failure is None:
            self.set_result(result)
        else:
            self.set_exception(failure)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self).__await__()


class BatchEngine:
    """Workers of a runtime, or of a single model with a reservation.

    Parameters
    ----------
    executors : int, optional
        Number of worker threads. By default, the number of cores that this process may use.
    queue_capacity : int
        Number of requests that may wait.
    memory : int
        Bytes of working memory that each worker allocates in advance.
    background : bool
        Whether the workers lower their priority, so that threads that answer single rows go first. Otherwise, the
        workers and the notifier raise it, if the process may.
    tracing : bool, optional
        Whether requests have OpenTelemetry spans. By default, they have if the process has imported OpenTelemetry.
    """

    def __init__(
        self,
        executors: int | None = None,
        queue_capacity: int = QUEUE_CAPACITY,
        memory: int = 0,
        *,
        background: bool = False,
        tracing: bool | None = None,
    ) -> None:
        executors = cores() if executors is None else executors
        check_option("executors", executors, Integral, 1)
        check_option("queue", queue_capacity, Integral, 1)
        load_calibration()
        self.scheduler = Scheduler(executors, queue_capacity, memory, background)
        self._queue_capacity = queue_capacity
        self._notifier: Notifier | None = None
        self._pool: PythonPool | None = None  # for opaque methods
        self._in_pool = 0
        self.pending: set[Answer] = set()
        self.complaints = Complaints()
        self._tracing = tracing
        self._closed = False
        self._lock = threading.Lock()
        _engines.add(self)

    def submit(self, method: Any, X: Any, deadline: float | None = None, ended: Ended | None = None) -> Answer:
        """Run ``method(X)`` in the workers.

        Parameters
        ----------
        method : Method or OpaqueMethod
        X : table or documents
            Read before this returns, unless the request is rejected for its length alone.
        deadline : float, optional
            Seconds from now.
        ended : callable, optional
            ``ended(error, seconds)`` counts how an accepted request ended: with an exception, or None for an answer.

        Raises
        ------
        Overloaded, DeadlineExceeded
            The request is rejected.
        InputError
            The table does not fit the model.
        """
        check_deadline(deadline)
        if not isinstance(method, Method):
            return self.call(method.name, lambda: method(X), deadline, ended)
        start = time.monotonic()
        try:
            self.scheduler.check_admission(method, X, deadline)
        except PretzelError as error:
            self._reject(method.name, error)
            raise
        task = self.scheduler.task(method, X)
        if deadline is not None:
            deadline -= time.monotonic() - start
        if task is None:
            return self._answered(method, X, ended)
        return self.submit_task(method.name, task, deadline, ended)

    def _answered(self, method: Method, X: Any, ended: Ended | None) -> Answer:
        """The answer of this thread, to a request that is not one for a worker."""
        made: Future[Any] = Future()
        try:
            made.set_result(method(X))
        except InputError:
            raise
        except Exception as error:
            made.set_exception(error)
        answer = Answer(self, ended)
        answer.complete(made.result)
        return answer

    def submit_task(self, name: str, task: Task, deadline: float | None = None, ended: Ended | None = None) -> Answer:
        """Run a task of this engine's scheduler for the model ``name``; the other parameters are those of `submit`."""
        answer = Answer(self, ended)
        task.future = answer
        answer._task = task
        try:
            self._start_notifier()
            self.scheduler.submit(task, deadline)
        except BaseException as error:
            self.pending.discard(answer)
            self._reject(name, error)
            raise
        self._trace(name, answer)
        return answer

    def call(
        self, name: str, function: Callable[[], Any], deadline: float | None = None, ended: Ended | None = None
    ) -> Answer:
        """Run ``function`` in a pool of Python threads, as many as there are workers.

        Parameters
        ----------
        name : str
            Name of the model, for messages.
        function : callable
            Returns the answer.
        deadline, ended
            As in `submit`.

        Raises
        ------
        Overloaded
        """
        latest = None if deadline is None else time.monotonic() + deadline

        def compute() -> Any:
            if latest is not None and time.monotonic() >= latest:
                raise DeadlineExceeded(f"{name}: the deadline passed before the request started")
            try:
                return function()
            except CancelledError as error:  # of another request, because this one is under way
                raise RuntimeError(f"{name}: a step raised CancelledError") from error

        def work() -> None:
            with self._lock:
                self._in_pool -= 1
            try:
                answer.complete(compute)
            except BaseException:  # SystemExit and KeyboardInterrupt, which `concurrent.futures` lets through
                logger.exception("a callback of an answer failed")

        def drop() -> None:
            answer.complete(_raise_cancelled)

        def withdraw() -> None:
            if pool.withdraw(work):
                with self._lock:
                    self._in_pool -= 1
                drop()

        with self._lock:
            if self._closed:
                raise RuntimeError("this runtime has been closed")
            if self._in_pool >= self._queue_capacity:
                overloaded = Overloaded(f"{name}: {self._queue_capacity} requests are waiting, which is the limit")
                self._reject(name, overloaded)
                raise overloaded
            if self._pool is None:
                self._pool = PythonPool(self.scheduler.workers)
            answer, pool = Answer(self, ended), self._pool
            answer._withdraw = withdraw
            self._in_pool += 1
            pool.submit(work, drop)
        self._trace(name, answer)
        return answer

    def _trace(self, name: str, answer: Answer) -> None:
        tracer = tracing.tracer(self._tracing)
        if tracer is not None:
            tracing.trace(tracer, name, answer)

    def _reject(self, name: str, error: BaseException) -> None:
        """Log and trace a rejection; under overload, only some of them are logged."""
        self.complaints.add(type(error).__name__, error)
        tracer = tracing.tracer(self._tracing)
        if tracer is not None:
            tracing.trace_rejection(tracer, name, error)

    def _start_notifier(self) -> None:
        if self._notifier is not None:
            return
        with self._lock:
            if self._notifier is None and not self._closed:
                notifier = Notifier(self.scheduler)
                notifier.start()
                self._notifier = notifier

    def hand_over(self) -> None:
        """Let another thread do the work of this one, which is going to wait, if it is one of the engine's."""
        pool = self._pool
        if pool is not None:
            pool.hand_over()
        if self._notifier is not None:
            self._notifier.hand_over()

    def close(self, *, drain: bool = False) -> None:
        """Reject everything from now on; complete what is left (``drain``) or cancel it. May be called again."""
        with self._lock:
            self._closed = True
            pool, notifier = self._pool, self._notifier
        self.scheduler.close(drain)
        if pool is not None:
            pool.close(drain=drain)
        if notifier is not None:
            notifier.join()

    def load(self) -> dict[str, Any]:
        """Counts of requests, and seconds of estimated work in the queue."""
        return {**self.scheduler.load(), "in_python": self._in_pool}

    def _restart(self) -> None:
        """Start over in a forked child, which has none of the threads."""
        self._lock = threading.Lock()
        self._notifier = self._pool = None
        self._in_pool = 0
        self.scheduler.restart()
        if self._closed:
            self.scheduler.close()
        pending, self.pending = self.pending, set()
        for answer in pending:
            answer.fail_in_child()

    def __del__(self) -> None:
        if hasattr(self, "scheduler"):
            self.scheduler.close()
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.close(wait=False)


def settable(error: BaseException) -> BaseException:
    """An exception as a future takes it.

    StopIteration, and what would end the thread or the event loop that awaits the future, become a RuntimeError, as
    StopIteration does in a generator.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failure = RuntimeError(f"a step raised {type(error).__name__}")
    failure.__cause__ = error
    return failure


def _raise_cancelled() -> NoReturn:
    raise CancelledError


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
    """End all threads before the interpreter exits."""
    for engine in list(_engines):
        engine.close()


os.register_at_fork(after_in_child=_restart_all)
atexit.register(_close_all)
