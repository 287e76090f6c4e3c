"""Micro-batching: single rows that are awaited at the same time run as one table.

Everything happens in the thread of the event loop, and the timer of the loop ends the delay: no other threads, no lock.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from typing import TYPE_CHECKING, Any

from pretzel.errors import WorkerLost

if TYPE_CHECKING:
    from pretzel._native import Method
    from pretzel.options import Batching
    from pretzel.runtime.engine import Answer

    Row = tuple[Any, float | None]  # with its deadline on the clock of `time.monotonic`


class MicroBatcher:
    """Collects rows for one method of one version, separately for each event loop.

    Parameters
    ----------
    batching : Batching
    """

    def __init__(self, batching: Batching) -> None:
        self.batching = batching
        # The waiting coroutines and the timer hold the batch, so that it goes with an abandoned loop.
        self._open: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Batch]]
        self._open = weakref.WeakKeyDictionary()

    def accepts(self, deadline: float | None) -> bool:
        """Whether a row with this deadline, in seconds from now, can wait for a batch."""
        return deadline is None or deadline > self.batching.max_delay

    async def answer(self, method: Method, row: Any, deadline: float | None) -> Any:
        """What ``method.call_row(row)`` returns or raises, from a batch."""
        loop = asyncio.get_running_loop()
        known = self._open.get(loop)
        batch = None if known is None else known()
        if batch is None:
            batch = Batch(loop, method)
            self._open[loop] = weakref.ref(batch)
            batch.timer = loop.call_later(self.batching.max_delay, self._run, batch)
        future = batch.add(row, None if deadline is None else time.monotonic() + deadline)
        if len(batch.rows) >= self.batching.max_batch:
            self._run(batch)
        return await future

    def _run(self, batch: Batch) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        self._open.pop(batch.loop, None)
        batch.run()


class Batch:
    """Rows that run as one table.

    Parameters
    ----------
    loop : AbstractEventLoop
    method : Method
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, method: Method) -> None:
        self.loop = loop
        self.method = method
        self.rows: dict[asyncio.Future[Any], Row] = {}
        self.timer: asyncio.TimerHandle | None = None
        self._answer: Answer | None = None

    def add(self, row: Any, deadline: float | None) -> asyncio.Future[Any]:
        """Add a row with its deadline; returns the future of its answer."""
        future = self.loop.create_future()
        self.rows[future] = (row, deadline)
        future.add_done_callback(self._remove)
        return future

    def _remove(self, future: asyncio.Future[Any]) -> None:
        """Remove an answered or cancelled row; without rows, cancel the request."""
        self.rows.pop(future, None)
        if not self.rows and self._answer is not None:
            self._answer.cancel()

    def run(self) -> None:
        """Run all rows as one task."""
        from pretzel.runtime.asynchronous import INLINE_LIMIT

        waiting = {future: row for future, row in self.rows.items() if not future.done()}
        if not waiting:
            return
        engine = self.method.engine
        earliest = min((deadline for _, deadline in waiting.values() if deadline is not None), default=None)
        try:
            task = engine.scheduler.task_of_rows(self.method, [row for row, _ in waiting.values()])
            if task.estimate < INLINE_LIMIT:
                self._complete(list(waiting), task.run_inline())
                return
            left = None if earliest is None else earliest - time.monotonic()
            self._answer = engine.submit_task(self.method.name, task, left)
        except Exception as error:
            self._fail(waiting, error)
            return
        whole = asyncio.wrap_future(self._answer, loop=self.loop)
        whole.add_done_callback(lambda done: self._end(waiting, done))

    def _end(self, waiting: dict[asyncio.Future[Any], Row], done: asyncio.Future[Any]) -> None:
        self._answer = None
        if done.cancelled():
            for future in waiting:
                future.cancel()
            return
        error = done.exception()
        if error is None:
            self._complete(list(waiting), done.result())
        else:
            self._fail(waiting, error)

    def _complete(self, futures: list[asyncio.Future[Any]], answers: list[Any]) -> None:
        for future, answer in zip(futures, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _fail(self, waiting: dict[asyncio.Future[Any], Row], error: BaseException) -> None:
        """Run every row alone, so that only the rows that cause the error fail."""
        single = len(waiting) == 1 or isinstance(error, WorkerLost)
        for future, row in waiting.items():
            if future.done():
                continue
            if single:
                future.set_exception(error)
            else:
                batch = Batch(self.loop, self.method)
                batch.rows[future] = row
                future.add_done_callback(batch._remove)
                batch.run()
