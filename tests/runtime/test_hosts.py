"""Pretzel inside real servers and process pools: each is started, asked from several threads, and stopped."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

HERE = Path(__file__).parent
UNIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
GUNICORN = ["gunicorn", "--log-level", "warning", "--graceful-timeout", "5", "--workers"]
SERVERS = {
    "gunicorn sync": [*GUNICORN, "2", "host_app:wsgi"],
    "gunicorn sync preload": [*GUNICORN, "4", "--preload", "host_app:wsgi"],
    "gunicorn gthread preload": [*GUNICORN, "4", "--preload", "--threads", "4", "host_app:wsgi"],
    "flask": [*GUNICORN, "2", "--preload", "--threads", "2", "host_app:flask_app()"],
    "django": [*GUNICORN, "1", "--threads", "4", "host_app:django_app()"],
    "uvicorn": ["uvicorn", "--log-level", "warning", "--factory", "host_app:starlette_app"],
}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The application, under the name by which other processes import it."""
    monkeypatch.syspath_prepend(str(HERE))
    return importlib.import_module("host_app")


def ask(port: int, path: str, x: float) -> float:
    """The prediction that a server answers with."""
    url = f"http://127.0.0.1:{port}{path}?x={x}"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
        return float(answer.read())


@contextlib.contextmanager
def server(name: str) -> Iterator[int]:
    """Runs a server on a free port until the block ends; it must stop when told to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module, *arguments = SERVERS[name]
    bind = ["--port", str(port)] if module == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    where = os.pathsep.join([str(Path(pretzel.__file__).parent.parent), str(HERE)])
    process = subprocess.Popen(
        [sys.executable, "-m", module, *bind, *arguments], env={**os.environ, "PYTHONPATH": where}, cwd=HERE
    )
    try:
        wait_until_it_answers(process, port)
        yield port
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode in (0, -signal.SIGTERM)


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    """Servers import scikit-learn first."""
    give_up = time.monotonic() + 120
    while True:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            ask(port, "/one", 0.0)
            return
        assert time.monotonic() < give_up, "the server does not answer"
        time.sleep(0.05)


@UNIX
@pytest.mark.parametrize("name", SERVERS)
def test_servers(app: ModuleType, name: str) -> None:
    pytest.importorskip(name.split()[0])
    paths = ["/one", "/table", "/submit", *(["/await"] if name == "uvicorn" else [])]
    requests = [(path, x) for x in np.linspace(-2, 2, 12).tolist() for path in paths]
    with server(name) as port, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: ask(port, *request), requests))
    assert answers == [app.model.predict_one((x,) * 4) for _, x in requests]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_of_processes(app: ModuleType, method: str) -> None:
    """Children that are forked have the models; others import them anew."""
    xs = np.linspace(-1, 1, 9).tolist()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(app.work, xs).get(60) == [app.model.predict_one((x,) * 4) for x in xs]
