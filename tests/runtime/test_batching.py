"""Micro-batching: rows that are awaited at the same time run as one table, with the answers of rows alone."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pretzel
from pretzel.errors import DeadlineExceeded, InputError, OptionError, Overloaded
from pretzel.runtime import asynchronous, batching
from tests.answers import assert_identical

from .test_asynchronous import TEXTS, X, models

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runtime() -> Iterator[pretzel.Runtime]:
    """A runtime over a store of its own."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=2) as runtime:
        yield runtime


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each batch had."""
    found: list[int] = []
    run = batching.Batch.run

    def counted(batch: batching.Batch) -> None:
        found.append(len(batch.rows))
        run(batch)

    monkeypatch.setattr(batching.Batch, "run", counted)
    return found


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["inline", "workers"])
@pytest.mark.parametrize("name", ["linear", "labels", "forest", "texts", "table", "several"])
def test_answers_have_the_bits_of_rows_alone(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch, sizes: list[int], name: str, limit: float
) -> None:
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", limit)
    source, rows, _ = models()[name]
    model = runtime.register(name, source, batching=pretzel.Batching(max_batch=7))
    rows = rows * 20

    async def main(method: str) -> list[Any]:
        return await asyncio.gather(*(getattr(model, f"a{method}_one")(row) for row in rows))

    for method in model.plan.methods:
        sizes.clear()
        for answer, row in zip(asyncio.run(main(method)), rows, strict=True):
            assert_identical(answer, getattr(model, f"{method}_one")(row))
        batched = [row for row in rows if not model.plan.methods[method].is_typed_row(row)]  # a table has one dtype
        assert sum(sizes) == len(batched) >= len(rows) // 2
        assert sizes[:-1] == [7] * (len(sizes) - 1)


def test_full_batches_do_not_wait_and_others_do(runtime: pretzel.Runtime, sizes: list[int]) -> None:
    async def main(max_delay: float, rows: int) -> None:
        batching = pretzel.Batching(max_batch=10, max_delay=max_delay)
        model = runtime.replace("m", models()["linear"][0], batching=batching)
        async with asyncio.timeout(60.0):
            await asyncio.gather(*(model.apredict_one(row) for row in X[:rows]))

    runtime.register("m", models()["linear"][0])
    asyncio.run(main(3600.0, 30))
    assert sizes == [10, 10, 10]
    asyncio.run(main(0.01, 3))
    assert sizes[3:] == [3]


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["inline", "workers"])
@pytest.mark.parametrize("bad", [(np.nan, 0, 0, 0, 0), (1.0,), ("x", 0, 0, 0, 0), None], ids=repr)
def test_a_bad_row_fails_alone(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch, bad: Any, limit: float
) -> None:
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", limit)
    model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_batch=8))

    async def main() -> list[Any]:
        rows = [*X[:5], bad, *X[5:7]]
        return await asyncio.gather(*(model.apredict_one(row) for row in rows), return_exceptions=True)

    answers = asyncio.run(main())
    error = answers.pop(5)
    assert answers == [model.predict_one(row) for row in X[:7]]
    with pytest.raises(InputError) as alone:
        model.predict_one(bad)
    assert (type(error), str(error)) == (alone.type, str(alone.value))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["ok", "bad", "cancelled"])), min_size=1, max_size=40),
    max_batch=st.integers(1, 9),
)
def test_any_mixture_of_rows_errors_and_cancellations(
    runtime: pretzel.Runtime, plan: list[tuple[int, str]], max_batch: int
) -> None:
    settings = pretzel.Batching(max_batch=max_batch, max_delay=0.001)
    model = runtime.register("m", models()["texts"][0], batching=settings)

    async def main() -> list[Any]:
        tasks = []
        for pause, kind in plan:
            row: Any = None if kind == "bad" else TEXTS[len(tasks)]
            task = asyncio.create_task(model.apredict_proba_one(row))
            tasks.append(task)
            if pause:
                await asyncio.sleep(0 if pause == 1 else 0.0005)
            if kind == "cancelled":
                task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    for i, (answer, (_, kind)) in enumerate(zip(asyncio.run(main()), plan, strict=True)):
        if kind == "bad":
            assert isinstance(answer, InputError)
        elif kind == "ok" or not isinstance(answer, asyncio.CancelledError):
            assert_identical(answer, model.predict_proba_one(TEXTS[i]))


def test_cancelled_rows_leave_the_batch(runtime: pretzel.Runtime, sizes: list[int]) -> None:
    model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_batch=3, max_delay=0.05))

    async def main() -> None:
        first = asyncio.create_task(model.apredict_one(X[0]))
        second = asyncio.create_task(model.apredict_one(X[1]))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await model.apredict_one(X[2])
        assert await second == model.predict_one(X[1])

    asyncio.run(main())
    assert sizes == [1]


def test_a_batch_of_cancelled_rows_is_cancelled(runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", 0.0)
    model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_batch=2))
    cancelled: list[Any] = []

    async def main() -> None:
        tasks = [asyncio.create_task(model.apredict_one(row)) for row in X[:2]]
        await asyncio.sleep(0)  # both have been submitted
        (batch,) = {callback[0].__self__ for task in tasks for callback in task._fut_waiter._callbacks[:1]}  # type: ignore[attr-defined]
        answer = batch._answer
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        cancelled.append(answer.cancelled() or answer.done())

    asyncio.run(main())
    assert cancelled == [True]


def test_deadlines_are_those_of_each_row(runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that cannot be met fails one row only; a row with a deadline below the delay does not wait."""
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", 0.0)
    model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_batch=3, max_delay=0.01))

    async def main() -> list[Any]:
        calls = [
            model.apredict_one(X[0]),
            model.apredict_one(X[1], deadline=1e-6),
            model.apredict_one(X[2], deadline=9),
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    first, late, third = asyncio.run(main())
    assert isinstance(late, DeadlineExceeded)
    assert [first, third] == [model.predict_one(X[0]), model.predict_one(X[2])]


def test_rejected_batches_are_retried_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the queue has fewer places than there are rows, as many rows are answered as there are places."""
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", 0.0)
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1, queue=1) as runtime:
        model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_batch=4))
        calls: list[int] = []
        submit_task = runtime.engine.submit_task

        def reject_first(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == 1:
                raise Overloaded("no place")
            return submit_task(*arguments)

        monkeypatch.setattr(runtime.engine, "submit_task", reject_first)

        async def main() -> list[Any]:
            return await asyncio.gather(*(model.apredict_one(row) for row in X[:4]), return_exceptions=True)

        answers = asyncio.run(main())
        assert len(calls) == 5
        right = [model.predict_one(row) for row in X[:4]]
        assert all(a == b or isinstance(a, Overloaded) for a, b in zip(answers, right, strict=True))
        assert any(a == b for a, b in zip(answers, right, strict=True))


def test_versions_do_not_mix(runtime: pretzel.Runtime) -> None:
    """Rows collected for a version are answered by it, although it is replaced while they wait."""
    settings = pretzel.Batching(max_delay=0.02)
    model = runtime.register("m", models()["linear"][0], batching=settings)
    old = [model.predict_one(row) for row in X[:3]]

    async def main() -> tuple[list[Any], list[Any]]:
        before = asyncio.gather(*(model.apredict_one(row) for row in X[:3]))
        await asyncio.sleep(0)
        runtime.replace("m", models()["forest"][0], batching=settings, allow_changes=True)
        after = asyncio.gather(*(model.apredict_one(row) for row in X[:3]))
        return await before, await after

    before, after = asyncio.run(main())
    assert before == old
    assert after == [model.predict_one(row) for row in X[:3]] != old


def test_loops_have_batches_of_their_own_and_let_go(runtime: pretzel.Runtime, sizes: list[int]) -> None:
    """A loop that ends with waiting rows frees them."""
    model = runtime.register("m", models()["linear"][0], batching=pretzel.Batching(max_delay=60.0))
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(model.apredict_one(X[0]))
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    waiting.cancel()
    loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    loop.close()
    (collector,) = (m.batches for name, m in model.plan.methods.items() if name == "predict")
    del loop, waiting
    import gc

    gc.collect()
    assert len(collector._open) == 0
    assert sizes == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_batch": 0}, "max_batch must be an integer >= 1, got 0"),
        ({"max_batch": "2"}, "max_batch must be an integer >= 1, got '2'"),
        ({"max_delay": -1.0}, "max_delay must be a number >= 0, got -1.0"),
        ({"max_delay": math.nan}, "max_delay must be a number >= 0, got nan"),
        ({"max_delay": "1"}, "max_delay must be a number >= 0, got '1'"),
        ({"max_delay": math.inf}, "max_delay must be finite, got inf"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        pretzel.Batching(**wrong)
