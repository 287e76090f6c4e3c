"""The threads that call estimators: they may wait for each other, and go with their engine."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import CancelledError, wait
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pretzel
from pretzel.errors import Overloaded
from pretzel.runtime.python_pool import PythonPool

from .models import ROWS, Doubling

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runtime() -> Iterator[pretzel.Runtime]:
    """A runtime with one worker."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        yield runtime


def waiting(begin: threading.Event, begun: threading.Event | None = None) -> Any:
    """A model that answers once ``begin`` is set, and sets ``begun`` before."""
    begun = begun or threading.Event()

    def waits(X: Any) -> Any:
        begun.set()
        begin.wait(30)
        return X

    begin.set()
    fitted = make_pipeline(FunctionTransformer(waits), Doubling()).fit(ROWS)
    begin.clear()
    begun.clear()
    return fitted


def threads() -> int:
    return sum(thread.name == "pretzel-opaque" for thread in threading.enumerate())


def test_a_callback_waits_for_a_request_behind_it(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", Doubling().fit(ROWS))
    begin, seen = threading.Event(), []
    runtime.register("slow", waiting(begin))
    first = runtime["slow"].submit(ROWS[:3])
    second = model.submit(ROWS[:3])
    first.add_done_callback(lambda _: seen.append(second.result(timeout=30)))
    first.add_done_callback(lambda _: seen.append(model.submit(ROWS[:2]).result(timeout=30)))
    begin.set()
    assert len(first.result(timeout=30)) == 3
    assert len(model.submit(ROWS[:1]).result(timeout=30)) == 1
    deadline = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [len(answer) for answer in seen] == [3, 2]


def test_an_estimator_asks_its_own_runtime(runtime: pretzel.Runtime) -> None:
    inner = runtime.register("inner", Doubling().fit(ROWS))
    outer = make_pipeline(FunctionTransformer(lambda X: inner.submit(X).result(timeout=30)[:, None]), Doubling())
    model = runtime.register("outer", outer.fit(ROWS))
    assert model.submit(ROWS[:2]).result(timeout=30).tolist() == (4.0 * ROWS[:2, 0]).tolist()


def test_whatever_a_callback_raises(runtime: pretzel.Runtime) -> None:
    def leave(_: Any) -> None:
        raise SystemExit

    model = runtime.register("m", Doubling().fit(ROWS))
    model.submit(ROWS[:3]).add_done_callback(leave)
    assert len(model.submit(ROWS[:3]).result(timeout=30)) == 3


def test_cancelling_frees_the_place_of_a_request_that_waits() -> None:
    """And it is not computed."""
    begin, begun, seen = threading.Event(), threading.Event(), []
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1, queue=1) as runtime:
        runtime.register("slow", waiting(begin, begun))
        counting = FunctionTransformer(lambda X: seen.append(X) or X)
        runtime.register("counted", make_pipeline(counting, Doubling()).fit(ROWS))
        seen.clear()
        try:
            first = runtime["slow"].submit(ROWS[:3])
            assert begun.wait(30)
            second = runtime["counted"].submit(ROWS[:3])
            with pytest.raises(Overloaded):
                runtime["counted"].submit(ROWS[:3])
            assert second.cancel()
            assert runtime.engine.load()["in_python"] == 0
            third = runtime["counted"].submit(ROWS[:2])
            assert second.cancel()  # once more changes nothing
            assert runtime.engine.load()["in_python"] == 1
        finally:
            begin.set()
        assert [len(each.result(timeout=30)) for each in (first, third)] == [3, 2]
        assert [len(each) for each in seen] == [2]
        assert second.cancelled()
        assert wait([second], timeout=30).done == {second}


def test_closing_cancels_what_has_not_begun() -> None:
    pool, begin, ran, dropped = PythonPool(1), threading.Event(), [], []
    pool.submit(lambda: begin.wait(30) and ran.append(0), lambda: dropped.append(0))
    for i in (1, 2):
        pool.submit(lambda i=i: ran.append(i), lambda i=i: dropped.append(i))
    while len(pool._jobs) > 2:
        time.sleep(0.001)
    threading.Timer(0.05, begin.set).start()
    pool.close()
    assert (ran, dropped) == ([0], [1, 2])


def test_draining_runs_everything() -> None:
    pool, ran = PythonPool(2), []
    for i in range(50):
        pool.submit(lambda i=i: ran.append(i), ran.clear)
    pool.close(drain=True)
    assert sorted(ran) == list(range(50))


def test_a_closed_runtime_cancels(runtime: pretzel.Runtime) -> None:
    begin, begun = threading.Event(), threading.Event()
    model = runtime.register("slow", waiting(begin, begun))
    first, second = model.submit(ROWS[:3]), model.submit(ROWS[:3])
    assert begun.wait(30)
    threading.Timer(0.05, begin.set).start()
    runtime.close()
    assert len(first.result(timeout=30)) == 3
    with pytest.raises(CancelledError):
        second.result(timeout=30)


def test_threads_go_with_an_unused_engine() -> None:
    before = threads()
    runtime = pretzel.Runtime(store=pretzel.ObjectStore(), executors=1)
    runtime.register("m", Doubling().fit(ROWS)).submit(ROWS[:3]).result(timeout=30)
    del runtime
    gc.collect()
    deadline = time.monotonic() + 30
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == before
