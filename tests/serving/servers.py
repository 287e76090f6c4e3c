"""``pretzel serve`` and other servers in processes of their own, and a client."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(pretzel.__file__).parent.parent


@contextlib.contextmanager
def running(
    command: list[str], port: int, cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Runs a server until the block ends; it must become ready, and stop when told to."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                assert ask(port, "/v2/health/ready")["ready"]
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < end
                time.sleep(0.05)
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the workers that are left if a test has failed
        process.communicate()


@contextlib.contextmanager
def serving(
    store: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Runs ``pretzel serve``."""
    port = free_port()
    command = [sys.executable, "-m", "pretzel", "serve", str(store), "--port", str(port), "--watch", "0.1", *arguments]
    with running(command, port, store.parent, environment) as process:
        yield port, process


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def fetch(port: int, path: str, body: Any = None, **headers: str) -> tuple[bytes, Mapping[str, str]]:
    """The body and the headers of an answer, over a connection of its own."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return answer.read(), answer.headers


def ask(port: int, path: str, body: Any = None, **headers: str) -> Any:
    """The answer of a server as JSON."""
    return json.loads(fetch(port, path, body, **headers)[0])


def scrape(port: int) -> dict[str, float]:
    """The samples of /metrics, by name and labels as they are written."""
    lines = fetch(port, "/metrics")[0].decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
