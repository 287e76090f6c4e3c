"""The server of ``pretzel serve``: uvicorn in this process, or in several workers that accept from one socket.

A server that is told to stop accepts no more, answers what comes over open connections and asks to close them, and then
ends. A worker that dies is replaced. All workers write their metrics into a folder that is removed at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NoReturn

from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import SpawnProcess

    from pretzel.serving.application import Application

    Maker = Callable[[dict[str, Any]], Application]

FAILED = 3
"""Exit status of a server that could not start, as uvicorn has it."""

YOUNG = 10.0
PAUSE = 1.0
"""Seconds until a worker is replaced that has not lived for `YOUNG` seconds, because the next one may not either."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def run(
    app: Application,
    options: dict[str, Any],
    sockets: list[socket.socket] | None = None,
    listening: Callable[[], None] | None = None,
) -> NoReturn:
    """Serve an application by uvicorn with these options, until told to stop; ``listening`` is called once it does."""
    import uvicorn

    parent = multiprocessing.parent_process() if sockets else None

    class Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if listening is not None and self.started:
                listening()
            if parent is not None:  # workers end with the process that would replace them
                loop, sentinel = asyncio.get_running_loop(), parent.sentinel

                def orphaned() -> None:
                    loop.remove_reader(sentinel)
                    self.handle_exit(signal.SIGTERM, None)

                loop.add_reader(sentinel, orphaned)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for each in [*self.servers, *(sockets or ())]:
                each.close()
            await app.leave()
            await super().shutdown(sockets)

    signal.signal(signal.SIGTERM, end)  # which uvicorn calls when it has stopped, after what it does itself
    server = Server(uvicorn.Config(app, **options))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets)
    sys.exit(0 if server.started else FAILED)


def end(*_: object) -> NoReturn:
    """Handle a signal that ends the process."""
    sys.exit(0)


def run_several(
    make: Maker, settings: dict[str, Any], options: dict[str, Any], count: int, listening: Callable[[], None]
) -> NoReturn:
    """Serve ``make(settings)`` in so many processes.

    Parameters
    ----------
    make : function of a module
    settings : dict
        Can be pickled.
    options : dict
        Of uvicorn.
    count : int
    listening : callable
        Called once the socket is bound.
    """
    import uvicorn

    listener = uvicorn.Config("", **options).bind_socket()
    listening()
    with _metrics_folder():
        _Workers(lambda: _started(make, settings, options, listener), count).run(patience=2 * settings["drain"] + 10)
    listener.close()
    sys.exit(0)


def _started(make: Maker, settings: dict[str, Any], options: dict[str, Any], listener: socket.socket) -> SpawnProcess:
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(make, settings, options, listener))
    worker.start()
    return worker


def _work(make: Maker, settings: dict[str, Any], options: dict[str, Any], listener: socket.socket) -> None:
    signal.signal(signal.SIGTERM, end)
    run(make(settings), options, [listener])


class _Workers:
    """Processes that are replaced when they die.

    Parameters
    ----------
    start : callable
        Starts one.
    count : int
    """

    def __init__(self, start: Callable[[], SpawnProcess], count: int) -> None:
        self._start = start
        self._count = count
        self._running: dict[
            int, tuple[SpawnProcess, float]
        ] = {}  # with their start, by what is readable after their end
        self._is_told_to_stop = False

    def run(self, patience: float) -> None:
        """Keep them running until a signal comes, then let them end within so many seconds."""
        told, teller = socket.socketpair()
        teller.setblocking(False)
        signal.set_wakeup_fd(teller.fileno())
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)
        while not self._is_told_to_stop:
            while len(self._running) < self._count:
                worker = self._start()
                self._running[worker.sentinel] = worker, time.monotonic()
            for ended in wait([*self._running, told]):
                if isinstance(ended, int):
                    self._bury(*self._running.pop(ended), told)
        self._end(time.monotonic() + patience)

    def _bury(self, worker: SpawnProcess, began: float, told: socket.socket) -> None:
        worker.join()
        if not self._is_told_to_stop:
            logger.error("worker %d died with %s, and is replaced", worker.pid, worker.exitcode)
            if time.monotonic() - began < YOUNG:
                wait([told], PAUSE)
        if os.environ.get(_FOLDER) and worker.pid is not None:
            from prometheus_client.multiprocess import mark_process_dead

            mark_process_dead(worker.pid, os.environ[_FOLDER])

    def _stop(self, *_: object) -> None:
        self._is_told_to_stop = True

    def _end(self, until: float) -> None:
        workers = [worker for worker, _ in self._running.values()]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(max(until - time.monotonic(), 0.0))
            if worker.is_alive():
                worker.kill()
                worker.join()


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """Sets a folder in which workers write metrics, unless there is one, and removes it."""
    if os.environ.get(_FOLDER) or importlib.util.find_spec("prometheus_client") is None:
        yield
        return
    memory = "/dev/shm"  # not on a disk; writable also where the file system of a container is not
    try:
        folder = tempfile.mkdtemp(prefix="pretzel-metrics-", dir=memory if os.access(memory, os.W_OK) else None)
    except OSError as error:
        logger.warning("/metrics tells of one worker alone, because no folder can be written: %s", error)
        yield
        return
    os.environ[_FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)
