"""What a child process of a fork finds: requests of its parent fail, and everything works anew."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pretzel
from pretzel.errors import WorkerLost

from .models import ROWS, constant

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def in_child(work: Callable[[], None]) -> None:
    """Run it in a child, which must end well and soon."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
        finally:
            os._exit(code)
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert status == 0
            return
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


def pause(X: Any) -> Any:
    """A step that only Python can compute, and that takes its time."""
    time.sleep(0.3)
    return X


def test_what_the_parent_owes_fails_in_the_child() -> None:
    """Native requests and those of Python, whoever holds the locks of their futures; what is there stays."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        model = runtime.register("m", constant(1.0))
        opaque = runtime.register("opaque", make_pipeline(FunctionTransformer(pause), Ridge()).fit(ROWS, ROWS[:, 0]))
        there = model.submit(ROWS)
        expected = there.result(10)
        runtime.engine.scheduler.pause()
        owed = [model.submit(ROWS), opaque.submit(ROWS), opaque.submit(ROWS)]
        called: list[Any] = []
        for answer in owed:
            answer.add_done_callback(called.append)

        def child() -> None:
            for answer in owed:
                with pytest.raises(WorkerLost, match="before a fork"):
                    answer.result(5)
            assert called == []  # whom the parent's threads would have told
            np.testing.assert_array_equal(there.result(5), expected)
            np.testing.assert_array_equal(model.submit(ROWS).result(5), expected)
            assert opaque.submit(ROWS).result(5).shape == (len(ROWS),)
            runtime.close()

        with owed[0]._condition:  # as if another thread were in the middle of it
            in_child(child)
        runtime.engine.scheduler.pause(False)
        for answer in owed:
            assert len(answer.result(10)) == len(ROWS)


def test_what_is_closed_stays_closed() -> None:
    runtime = pretzel.Runtime(store=pretzel.ObjectStore(), executors=1)
    method = runtime.register("m", constant(1.0)).plan.methods["predict"]
    runtime.engine.submit(method, ROWS).result(10)
    runtime.close()

    def child() -> None:
        with pytest.raises(RuntimeError, match="closed"):
            runtime.engine.submit(method, ROWS)

    in_child(child)
