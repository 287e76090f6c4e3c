"""A thread that lets a runtime follow a store on disk."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from pretzel.runtime.plan_store import PlanStore
    from pretzel.runtime.stored_models import StoredModels


class Watcher:
    """A thread that lets a runtime follow a store: it looks every few seconds whether a name has changed.

    Parameters
    ----------
    plans : PlanStore
    models : StoredModels
        The thread ends when nobody else needs them.
    interval : float
        Seconds.
    """

    def __init__(self, plans: PlanStore, models: StoredModels, interval: float) -> None:
        self._plans = plans
        self._models = weakref.ref(models)
        self._interval = interval
        self._start()
        _watchers.add(self)

    def _start(self) -> None:
        self._stop = threading.Event()
        arguments = (self._stop, self._plans, self._models, self._interval)
        threading.Thread(target=_watch, args=arguments, name="pretzel-watcher", daemon=True).start()

    def restart_in_child(self) -> None:
        """A fork copies no threads."""
        if not self._stop.is_set():
            self._start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()


def _watch(stop: threading.Event, plans: PlanStore, models: weakref.ref[StoredModels], interval: float) -> None:
    seen: object = None
    while not stop.wait(interval):
        found = models()
        if found is None:
            return
        try:
            state = plans.state()
            if state is None or state != seen:
                found.refresh()
                seen = state
        except Exception as error:
            logger.error("the store cannot be followed: %s", error)
        del found


_watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()


def _restart_in_child() -> None:
    for watcher in list(_watchers):
        watcher.restart_in_child()


os.register_at_fork(after_in_child=_restart_in_child)
