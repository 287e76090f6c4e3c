"""Threads of a runtime: one follows a store on disk, one keeps working memory within the limit."""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING

from pretzel._native import stop_waiting, wait_for_growth
from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.runtime.plan_store import PlanStore
    from pretzel.runtime.stored_models import StoredModels


class _Thread:
    """A thread of a runtime that is there in forked processes, too.

    Parameters
    ----------
    name : str
    run : callable
        ``run(stop, models)`` returns soon after the event ``stop`` is set, or the weak reference ``models`` is dead.
    models : StoredModels
    """

    def __init__(
        self, name: str, run: Callable[[threading.Event, weakref.ref[StoredModels]], object], models: StoredModels
    ) -> None:
        self._name, self._run, self._models = name, run, weakref.ref(models)
        self._start()
        _threads.add(self)

    def _start(self) -> None:
        self._stop = threading.Event()
        arguments = (self._stop, self._models)
        threading.Thread(target=self._run, args=arguments, name=self._name, daemon=True).start()

    def restart_in_child(self) -> None:
        """A fork copies no threads."""
        if not self._stop.is_set():
            self._start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()


class Watcher(_Thread):
    """A thread that lets a runtime follow a store: it looks every few seconds whether a name has changed.

    A model that cannot be followed is logged once for each reason, and tried again at each look.

    Parameters
    ----------
    plans : PlanStore
    models : StoredModels
        The thread holds no reference to them, and ends when they are collected.
    interval : float
        Seconds.
    """

    def __init__(self, plans: PlanStore, models: StoredModels, interval: float) -> None:
        super().__init__("pretzel-watcher", partial(_watch, plans, interval), models)


def _watch(plans: PlanStore, interval: float, stop: threading.Event, models: weakref.ref[StoredModels]) -> None:
    seen: object = None
    failed: dict[str, str] = {}  # models that could not be followed, with the reason
    while not stop.wait(interval):
        found = models()
        if found is None:
            return
        try:
            state = plans.state()
            before, has_changed = failed, state is None or state != seen
            failed = found.refresh(None if has_changed else failed)
            for name, reason in failed.items():
                if before.get(name) != reason:
                    logger.error("%s stays as it is: %s", name, reason)
            seen = state
        except Exception as error:
            found.cannot_follow(error)
            logger.error("the store cannot be followed: %s", error)
        del found


class Trimmer(_Thread):
    """A thread that lets plans leave memory when the working memory of other threads has grown.

    Parameters
    ----------
    models : StoredModels
        The thread holds no reference to them, and ends when they are collected.
    """

    def __init__(self, models: StoredModels) -> None:
        super().__init__("pretzel-trimmer", _trim, models)
        weakref.finalize(models, stop_waiting).atexit = False

    def close(self) -> None:
        """End the thread."""
        super().close()
        stop_waiting()


def _trim(stop: threading.Event, models: weakref.ref[StoredModels]) -> None:
    seen = 0
    while True:
        seen = wait_for_growth(seen)
        found = models()
        if found is None or stop.is_set():
            return
        found.trim()
        del found


_threads: weakref.WeakSet[_Thread] = weakref.WeakSet()


def _restart_in_child() -> None:
    for thread in list(_threads):
        thread.restart_in_child()


os.register_at_fork(after_in_child=_restart_in_child)
