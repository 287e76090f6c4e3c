"""What KServe's clients and MLServer ask: a store, and servers in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(pretzel.__file__).parent.parent
FRAME = pd.DataFrame({"age": [42.0, 17.0, 66.0, 30.0] * 10, "city": ["Bonn", "Köln", "Paris", "Bonn"] * 10})


@pytest.fixture(scope="session")
def estimator() -> Any:
    """A pipeline over a table with names."""
    features = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["city"])])
    return make_pipeline(features, LogisticRegression()).fit(FRAME, ["no", "yes"] * 20)


def free_ports(count: int) -> list[int]:
    """Ports that are free."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(command: Sequence[str], port: int, folder: Path, ready: str = "/v2/health/ready") -> Iterator[None]:
    """Runs a server until the block ends, with the processes that it starts."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "*"}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + 90
            while not answers(port, ready):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
            yield
            process.terminate()
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def answers(port: int, path: str) -> bool:
    """Whether a server says that it is ready."""
    try:
        ask(port, path)
        return True
    except OSError:
        return False


def ask(port: int, path: str, body: Any = None) -> Any:
    """The answer of a server as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def refused(port: int, path: str, body: Any) -> tuple[int, str]:
    """Status and message of a request that fails."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(port, path, body)
    return caught.value.code, json.loads(caught.value.read())["error"]
