"""``python -m benchmarks.forks``: does a process that is busy with Pretzel fork well?

The parent answers from several threads, in its own and in the workers of the batch engine, and forks again and again.
Each child must answer rows, tables and submitted requests, close, and end, all within a time limit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pretzel
from pretzel.errors import WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 10.0
"""Seconds after which a child counts as hanging."""


@dataclass
class Report:
    """What became of the children.

    Parameters
    ----------
    seconds : list of float
        From the fork until the child had answered everything.
    hung, failed : int
    """

    seconds: list[float] = field(default_factory=list)
    hung: int = 0
    failed: int = 0


class Scene:
    """A runtime with models of several kinds, and what they answer.

    Parameters
    ----------
    executors : int
    """

    def __init__(self, executors: int = 2) -> None:
        rng = np.random.default_rng(0)
        self.table = rng.normal(size=(4000, 6))
        self.texts = [" ".join(rng.choice(["fork", "spoon", "knife", "plate", "Löffel"], 12)) for _ in range(300)]
        y = self.table[:300, 0] > 0
        opaque = make_pipeline(FunctionTransformer(_double), LogisticRegression())
        self.runtime = pretzel.Runtime(store=pretzel.ObjectStore(), executors=executors)
        self.forest = self.runtime.register(
            "forest", RandomForestClassifier(60, random_state=0).fit(self.table[:300], y), engine="batch"
        )
        self.text = self.runtime.register(
            "text", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(self.texts, y)
        )
        self.opaque = self.runtime.register("opaque", opaque.fit(self.table[:300], y))
        self.calls: list[Callable[[], Any]] = [
            lambda: self.forest.predict_proba_one(self.table[5]),
            lambda: self.text.predict_proba_one(self.texts[5]),
            lambda: self.forest.predict_proba(self.table),
            lambda: self.text.predict_proba(self.texts),
            lambda: self.forest.submit(self.table, method="predict_proba").result(LIMIT),
            lambda: self.opaque.submit(self.table[:50], method="predict_proba").result(LIMIT),
        ]
        self.expected = [call() for call in self.calls]

    def check(self) -> None:
        """Every call gives what it gave at first.

        Raises
        ------
        AssertionError
        """
        for call, expected in zip(self.calls, self.expected, strict=True):
            np.testing.assert_array_equal(call(), expected)

    @contextlib.contextmanager
    def busy(self) -> Iterator[list[Any]]:
        """Threads that call all the time, and always some requests under way, of which a sample is given."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def work() -> None:
            try:
                while not stop.is_set():
                    self.check()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield failures
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]


def _double(X: Any) -> Any:
    return X * 2


def child(scene: Scene, pending: list[Any]) -> None:
    """What every child does.

    Parameters
    ----------
    scene : Scene
    pending : list of Answer
        Submitted by the parent; nobody will answer them here, and whoever asks is told so.

    Raises
    ------
    AssertionError
    """
    scene.check()
    for answer in pending:
        try:
            answer.result(LIMIT)
        except WorkerLost:
            continue
    scene.runtime.close()


def fork(scene: Scene, pending: list[Any], report: Report) -> None:
    """Fork one child and wait until it has ended, or has had enough time."""
    heard, say = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(scene, pending)
            os.write(say, b"x")
            code = 0
        except BaseException as error:
            sys.stderr.write(f"child: {error!r}\n")
            sys.stderr.flush()
        finally:
            os._exit(code)
    os.close(say)
    ready, _, _ = select.select([heard], [], [], LIMIT)
    report.seconds.append(time.monotonic() - began)
    if not ready:
        report.hung += 1
        os.kill(pid, signal.SIGKILL)
    os.close(heard)
    _, status = os.waitpid(pid, 0)
    if ready and status != 0:
        report.failed += 1


def run(forks: int) -> Report:
    """Fork that many children, one after the other, while the parent is busy."""
    scene = Scene()
    report = Report()
    with scene.runtime, scene.busy() as failures:
        for _ in range(forks):
            pending = [scene.forest.submit(scene.table), scene.opaque.submit(scene.table)]
            fork(scene, pending, report)
            if failures:
                break
    return report


def main() -> int:
    """Run it and say how it went; 1 when a child hung or failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forks", description=__doc__)
    parser.add_argument("--forks", type=int, default=200)
    report = run(parser.parse_args().forks)
    seconds = np.sort(report.seconds)
    print(
        f"{len(seconds)} forks: {report.hung} hung, {report.failed} failed; until all is answered: "
        f"median {np.median(seconds) * 1e3:.0f} ms, slowest {seconds[-1] * 1e3:.0f} ms"
    )
    return int(report.hung + report.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
