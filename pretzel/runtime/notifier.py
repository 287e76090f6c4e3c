"""The thread that completes the futures of finished requests, and so runs their callbacks."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from pretzel._native import Scheduler, Task


class Notifier:
    """Completes futures in one thread, which `start` starts.

    It refers to the scheduler only, so that an unused engine can be collected. The thread ends when the scheduler has
    been closed.

    Parameters
    ----------
    scheduler : Scheduler
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._finished: deque[Task] = deque()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        thread = threading.Thread(target=self._run, name="pretzel-notifier", daemon=True)
        self._thread = thread
        thread.start()

    def hand_over(self) -> None:
        """Called before a thread waits for a future: a callback that does so is in the notifier's own thread.

        Another thread then goes on with the other futures, because the awaited one is among them.
        """
        if self._thread is threading.current_thread():
            self.start()

    def join(self) -> None:
        """Wait for the end of the thread; a callback may call this, too."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        own = threading.current_thread()
        while self._thread is own:
            if not self._finished:
                self._finished.extend(self._scheduler.collect())
            if not self._finished:
                break
            _complete(self._finished.popleft())


def _complete(task: Task) -> None:
    """Set the result of a task's future. Whatever a callback raises, other requests are answered."""
    try:
        task.future.complete(task.answer)
    except BaseException:  # SystemExit and KeyboardInterrupt, which `concurrent.futures` lets through
        logger.exception("a callback of an answer failed")
