"""Rows that are awaited at the same time are answered together: delayed micro-batching.

Everything happens in the thread of the event loop, whose timer ends the wait: there is no other thread and no lock.
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

    Row = tuple[Any, float | None]  # with the moment at which its answer is wanted


class Batches:
    """Collects rows for one method of one version; for each event loop by itself.

    Parameters
    ----------
    batching : Batching
    """

    def __init__(self, batching: Batching) -> None:
        self.batching = batching
        # Whoever waits, and the timer, hold the batch: a loop that is given up in the middle takes it along.
        self._open: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Batch]]
        self._open = weakref.WeakKeyDictionary()

    def takes(self, deadline: float | None) -> bool:
        """Whether a row can wait for others."""
        return deadline is None or deadline > self.batching.max_delay

    async def answer(self, method: Method, row: Any, deadline: float | None) -> Any:
        """What ``method.call_row(row)`` returns or raises, computed with other rows."""
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
    """Some rows on their way.

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

    def add(self, row: Any, latest: float | None) -> asyncio.Future[Any]:
        """Take in a row; returns the future of its answer."""
        future = self.loop.create_future()
        self.rows[future] = (row, latest)
        future.add_done_callback(self._left)
        return future

    def _left(self, future: asyncio.Future[Any]) -> None:
        """A row has been answered or given up."""
        self.rows.pop(future, None)
        if not self.rows and self._answer is not None:
            self._answer.cancel()

    def run(self) -> None:
        """Have all rows computed as one request."""
        from pretzel.runtime.asynchronous import SHORT

        waiting = {future: row for future, row in self.rows.items() if not future.done()}
        if not waiting:
            return
        engine = self.method.engine
        latest = min((moment for _, moment in waiting.values() if moment is not None), default=None)
        try:
            task = engine.scheduler.task_of_rows(self.method, [row for row, _ in waiting.values()])
            if task.estimate < SHORT:
                self._settle(list(waiting), task.here())
                return
            left = None if latest is None else latest - time.monotonic()
            self._answer = engine.hand_over(self.method.name, task, left)
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
            self._settle(list(waiting), done.result())
        else:
            self._fail(waiting, error)

    def _settle(self, futures: list[asyncio.Future[Any]], answers: list[Any]) -> None:
        for future, answer in zip(futures, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _fail(self, waiting: dict[asyncio.Future[Any], Row], error: BaseException) -> None:
        """Find out whose fault it was: every row on its own."""
        alone = len(waiting) == 1 or isinstance(error, WorkerLost)
        for future, row in waiting.items():
            if future.done():
                continue
            if alone:
                future.set_exception(error)
            else:
                single = Batch(self.loop, self.method)
                single.rows[future] = row
                future.add_done_callback(single._left)
                single.run()
