"""Worker processes, which are replaced when one of them crashes or hangs."""

from __future__ import annotations

import json
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tampering.generator import tampered
from tests.tampering.outcomes import outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(seed: int) -> None:
    """Read numbers from standard input; write phases and outcomes to standard output, one JSON list a line."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        number = int(line)
        case = tampered(number, seed)
        if case is None:
            out.write(json.dumps(["done", "", "not made"]) + "\n")
            continue
        out.write(json.dumps(["name", str(case)]) + "\n")
        found = outcome(case, lambda phase: out.write(json.dumps(["phase", phase]) + "\n") and None)
        out.write(json.dumps(["done", str(case), found]) + "\n")


class Worker:
    """A process that is asked for one outcome at a time and replaced where it ends or hangs."""

    def __init__(self, seed: int, timeout: float) -> None:
        self.seed, self.timeout = seed, timeout
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        import pretzel

        command = [sys.executable, "-m", "tests.tampering", "--serve", "--seed", str(self.seed)]
        path = [
            Path(pretzel.__file__).parent.parent,
            Path(__file__).parent.parent.parent,
        ]  # the Pretzel of this process
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1"}
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            env={**environment, "OMP_NUM_THREADS": "1"},
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        return self.process

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    def ask(self, number: int) -> tuple[str, str]:
        """Name and outcome of a number."""
        process = self.process or self.start()
        assert process.stdin is not None
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        name, phase = f"number {number}", "making it"
        first = True
        end = time.monotonic() + self.timeout + 60.0
        while True:
            try:
                line = self.lines.get(timeout=max(end - time.monotonic(), 0.0))
            except queue.Empty:
                self.stop()
                return name, ("source hangs" if phase.startswith("source") else f"hangs: {phase}")
            if line is None:
                code = process.wait()
                said = self.tail()
                self.stop()
                return name, ("source crashes" if phase.startswith("source") else f"crashes ({code}): {phase} {said}")
            kind, *rest = json.loads(line)
            if kind == "name":
                name = rest[0]
            elif kind == "phase":
                phase = rest[0]
            else:
                return rest[0], rest[1]
            if first:
                first, end = False, time.monotonic() + self.timeout

    def tail(self) -> str:
        self.log.flush()
        self.log.seek(0)
        lines = [line.strip() for line in self.log.read().splitlines()]
        told = [line for line in lines if "ERROR: " in line or "runtime error" in line or line.startswith("#")]
        return " | ".join(told[:8])

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.log.close()


def run(numbers: list[int], seed: int, jobs: int, timeout: float, report: Callable[[int, str, str], None]) -> None:
    """Outcomes of all numbers."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work() -> None:
        worker = Worker(seed, timeout)
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                worker.stop()
                return
            report(number, *worker.ask(number))

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
