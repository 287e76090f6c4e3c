"""Several workers under load: ``python -m benchmarks.serving_workers [--seconds 20] [--workers 4] [--clients 8]``.

``pretzel serve --workers N`` over one store, whose model changes every other second. Clients ask without a pause, each
request over a connection of its own, so that every worker is asked. Three rows: the default version changes, callers
divide their requests between two versions by name (a canary), and the default changes while workers are killed, each
when all of them serve.

A *mixed* answer is that of another version than its header says. *Lost* requests were under way in a worker when it was
killed, which nobody can answer. The last column is the time from a change in the store to the beginning of the last
request that the former version answered, the longest of all changes.

The promise: nothing fails, nothing is mixed, and 2 seconds after a change all workers answer with the new version.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LinearRegression

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMISED = 2.0
PAUSE = 2.0
"""Seconds from one change to the next one."""
MEANINGS = {"price@v1": 1.0, "price@v2": 2.0}


@dataclass
class Tally:
    """What clients have seen."""

    answers: list[tuple[float, str]] = field(default_factory=list)  # beginning and version
    failures: list[tuple[float, float, str]] = field(default_factory=list)  # beginning, end, and what was wrong
    mixed: int = 0
    changes: list[tuple[float, str]] = field(default_factory=list)
    kills: list[tuple[float, float]] = field(default_factory=list)  # before and after the signal

    def lost(self) -> int:
        """Requests under way when a worker was killed."""
        return sum(
            any(begin <= after and before <= end for before, after in self.kills)
            and not what.startswith("TimeoutError")
            for begin, end, what in self.failures
        )

    def slowest(self) -> float:
        """Seconds until all workers had followed a change."""
        ends = [when for when, _ in self.changes[1:]] + [float("inf")]
        return max(
            max((began - when for began, found in self.answers if when < began < end and found != version), default=0.0)
            for (when, version), end in zip(self.changes, ends, strict=True)
        )


@contextlib.contextmanager
def server(store: Path, workers: int) -> Iterator[tuple[int, int]]:
    """Runs ``pretzel serve``; yields its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pretzel", "serve", str(store), "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command)
    try:
        while True:
            with contextlib.suppress(OSError):
                if ask(port, "GET", "/v2/health/ready")[0] == 200:
                    break
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)  # until the others are ready
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


def ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, bytes, str]:
    """Status, body and version of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("model-version") or ""
    finally:
        connection.close()


def client(port: int, tally: Tally, paths: list[str], over: threading.Event) -> None:
    """Ask until it is over."""
    for path in itertools.cycle(paths):
        if over.is_set():
            return
        began = time.monotonic()
        try:
            status, body, version = ask(port, "POST", path, "[0.0]")
        except (OSError, http.client.HTTPException) as error:
            tally.failures.append((began, time.monotonic(), repr(error)))
            continue
        if status != 200:
            tally.failures.append((began, time.monotonic(), f"{status}: {body!r}"))
        elif json.loads(body) != MEANINGS[version] or ("@" in path and version not in path):
            tally.mixed += 1
        else:
            tally.answers.append((began, version))


def children(pid: int) -> list[int]:
    """Worker processes of a server."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for each in map(int, found) if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def run(options: argparse.Namespace, *, canary: bool = False, kill: bool = False) -> Tally:
    """One row of the table."""
    tally, over = Tally(), threading.Event()
    paths = [f"/models/{name}/predict" for name in (MEANINGS if canary else ("price",))]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "models"
        plans = pretzel.PlanStore(store)
        for value in MEANINGS.values():
            plans.publish("price", LinearRegression().fit(np.array([[0.0], [1.0]]), [value, value]), default=value == 1)
        with server(store, options.workers) as (port, pid):
            arguments = (port, tally, paths, over)
            threads = [threading.Thread(target=client, args=arguments) for _ in range(options.clients)]
            for thread in threads:
                thread.start()
            end = time.monotonic() + options.seconds
            for version in itertools.cycle(("v2", "v1")):
                if time.monotonic() > end:
                    break
                plans.promote("price", version)
                tally.changes.append((time.monotonic(), f"price@{version}"))
                time.sleep(PAUSE / 2)
                if kill and f"pretzel_processes {options.workers}.0".encode() in ask(port, "GET", "/metrics")[1]:
                    worker, before = children(pid)[0], time.monotonic()
                    os.kill(worker, signal.SIGKILL)
                    tally.kills.append((before, time.monotonic()))
                time.sleep(PAUSE / 2)
            over.set()
            for thread in threads:
                thread.join()
    return tally


def main() -> int:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each row")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    sys.stdout.write(f"{'':22}{'requests':>10}{'failures':>10}{'lost':>6}{'mixed':>7}{'all follow in':>15}\n")
    met = True
    rows = {"default changes": {}, "canary by name": {"canary": True}, "default changes, kill -9": {"kill": True}}
    for name, what in rows.items():
        tally = run(options, **what)
        lost = tally.lost()
        failures, requests = len(tally.failures) - lost, len(tally.answers) + len(tally.failures) + tally.mixed
        slowest = 0.0 if what.get("canary") else tally.slowest()
        followed = "" if what.get("canary") else f"{slowest:.2f} s"
        sys.stdout.write(f"{name:24}{requests:>8,}{failures:>10}{lost:>6}{tally.mixed:>7}{followed:>15}\n")
        sys.stdout.writelines(f"    {each}\n" for each in {what for _, _, what in tally.failures})
        met &= not failures and not tally.mixed and slowest <= PROMISED
    sys.stdout.write(f"promised: nothing fails or is mixed, {PROMISED:g} s; {'met' if met else 'not met'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
