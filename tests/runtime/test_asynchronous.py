"""Awaitable methods: short work runs inline, long work elsewhere, and the event loop is never blocked."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel import examples
from pretzel.errors import DeadlineExceeded, InputError, ModelNotFoundError
from pretzel.runtime import asynchronous
from pretzel.runtime.version import version_of
from tests.answers import assert_identical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))
TEXTS = examples.texts()
FRAME = examples.table(missing=0.0)[["city", "age", "pay"]]
Y = X[:, 0] > 0


class Slow(TransformerMixin, BaseEstimator):
    """An opaque step that records its threads, and waits while `gate` is closed."""

    gate = threading.Event()

    def fit(self, X: Any, y: Any = None) -> Slow:
        self.n_features_in_ = X.shape[1]
        self.threads_: list[threading.Thread] = []
        return self

    def transform(self, X: Any) -> Any:
        self.threads_.append(threading.current_thread())
        self.gate.wait(60.0)
        return X * 2


Slow.gate.set()


@pytest.fixture
def runtime() -> Iterator[pretzel.Runtime]:
    """A runtime over a store of its own."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=2) as runtime:
        yield runtime


@functools.cache
def models() -> dict[str, tuple[Any, list[Any], Any]]:
    """Fitted sources with rows in all forms, and a table."""
    columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city"]))
    plain = [X[0], tuple(X[1]), X[2].tolist(), X[3].astype(np.float32), np.arange(5), np.ones(5, dtype=bool)]
    named = [FRAME.iloc[3].to_dict(), tuple(FRAME.iloc[4]), FRAME.iloc[5]]
    return {
        "linear": (make_pipeline(StandardScaler(), Ridge()).fit(X, X[:, 1]), plain, X),
        "labels": (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.where(Y, "a", "b")), plain, X),
        "forest": (RandomForestClassifier(30, max_depth=4, random_state=0).fit(X, Y), plain, X),
        "texts": (make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, Y), TEXTS[:3], TEXTS),
        "counts": (CountVectorizer().fit(TEXTS), TEXTS[:3], TEXTS),
        "table": (make_pipeline(columns, LogisticRegression()).fit(FRAME, Y), named, FRAME),
        "several": (RandomForestClassifier(9, max_depth=3).fit(X, np.c_[Y, np.where(X[:, 1] > 0, 2, 7)]), plain, X),
    }


NAMES = ("linear", "labels", "forest", "texts", "counts", "table", "several")


async def waiting(runtime: pretzel.Runtime, requests: int) -> None:
    """Lets the event loop turn until so many requests wait in the queue of paused workers."""
    async with asyncio.timeout(60.0):
        while runtime.engine.load()["waiting"] != requests:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["inline", "workers"])
@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_the_methods_that_are_not_awaited(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch, name: str, limit: float
) -> None:
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", limit)
    source, rows, table = models()[name]
    model = runtime.register(name, source, engine="request")

    async def main() -> None:
        for method in pretzel.compile(source).methods:
            for row in rows:
                assert_identical(await getattr(model, f"a{method}_one")(row), getattr(model, f"{method}_one")(row))
            for part in (table, table[:1], table[:37]):
                assert_identical(await getattr(model, f"a{method}")(part), getattr(model, method)(part))

    asyncio.run(main())
    accepted = runtime.engine.load()["accepted"]
    assert accepted == 0 if limit else accepted >= len(rows)


def test_methods_are_coroutine_functions_with_names(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", models()["labels"][0])
    for name in ("apredict", "apredict_one", "apredict_proba", "apredict_proba_one", "adecision_function"):
        assert inspect.iscoroutinefunction(getattr(model, name))
        assert getattr(model, name).__name__ == name
        assert getattr(model, name) is getattr(model, name)
        assert name in dir(model)
    for wrong in ("atransform", "apredict_two", "a", "a_one", "apredict_one_one"):
        assert not hasattr(model, wrong)


def test_calls_are_counted(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", models()["labels"][0])

    async def main() -> None:
        await asyncio.gather(*(model.apredict_one(row) for row in X), model.apredict(X))

    asyncio.run(main())
    assert runtime.stats()["models"]["m"]["calls"] == len(X) + 1


def test_the_event_loop_runs_while_workers_do(runtime: pretzel.Runtime) -> None:
    forest = RandomForestClassifier(200, random_state=0).fit(X, Y)
    model = runtime.register("forest", forest)
    table = RNG.normal(size=(60_000, 5))
    expected = model.predict_proba(table)

    async def main() -> Any:
        runtime.engine.scheduler.pause()
        task = asyncio.create_task(model.apredict_proba(table))
        await waiting(runtime, 1)
        assert not task.done()
        runtime.engine.scheduler.pause(False)
        return await task

    np.testing.assert_array_equal(asyncio.run(main()), expected, strict=True)


def test_large_tables_of_texts_are_read_in_a_thread(runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    model = runtime.register("texts", models()["texts"][0])
    calls: list[str] = []
    call = runtime.engine.call

    def counted(name: str, *arguments: Any) -> Any:
        calls.append(name)
        return call(name, *arguments)

    monkeypatch.setattr(runtime.engine, "call", counted)
    for texts, expected in ((TEXTS, []), (TEXTS * 500, ["texts"])):
        answer = asyncio.run(model.apredict_proba(texts))
        np.testing.assert_array_equal(answer, model.predict_proba(texts), strict=True)
        assert calls == expected


def test_opaque_steps_never_run_in_the_thread_of_the_loop(runtime: pretzel.Runtime) -> None:
    source = make_pipeline(Slow(), Ridge()).fit(X, X[:, 0])
    model = runtime.register("opaque", source)
    slow = model.plan.physical.methods["predict"].opaque[0].estimator
    slow.threads_.clear()

    async def main() -> tuple[Any, Any]:
        return await model.apredict_one(tuple(X[0])), await model.apredict(X)

    row, table = asyncio.run(main())
    assert len(slow.threads_) == 2
    assert threading.main_thread() not in slow.threads_
    np.testing.assert_allclose(table, source.predict(X), rtol=1e-9)
    assert row == model.predict_one(tuple(X[0]))


def test_timeouts_cancel_requests(runtime: pretzel.Runtime) -> None:
    model = runtime.register("forest", RandomForestClassifier(200, random_state=0).fit(X, Y))
    table = RNG.normal(size=(200_000, 5))

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await model.apredict_proba(table)
        task = asyncio.create_task(model.apredict_proba(table))
        await waiting(runtime, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runtime.engine.scheduler.pause()
    asyncio.run(main())
    load = runtime.engine.load()
    assert (load["waiting"], load["started"], load["cancelled"], load["done"]) == (0, 0, 2, 0)


def test_deadlines(runtime: pretzel.Runtime) -> None:
    model = runtime.register("forest", RandomForestClassifier(200, random_state=0).fit(X, Y))
    opaque = runtime.register("opaque", make_pipeline(Slow(), Ridge()).fit(X, X[:, 0]))
    table = RNG.normal(size=(200_000, 5))

    async def main() -> None:
        with pytest.raises(DeadlineExceeded):
            await model.apredict_proba(table, deadline=0.001)
        assert (await model.apredict_proba(table[:2000], deadline=30.0)).shape == (2000, 2)
        Slow.gate.clear()
        busy = [asyncio.create_task(opaque.apredict_one(X[0])) for _ in range(2)]
        await asyncio.sleep(0)
        late = asyncio.create_task(opaque.apredict_one(X[0], deadline=0.01))
        await asyncio.sleep(0.02)
        Slow.gate.set()
        with pytest.raises(DeadlineExceeded):
            await late
        await asyncio.gather(*busy)

    asyncio.run(main())


@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["inline", "workers"])
def test_errors_are_those_of_the_methods_that_are_not_awaited(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch, limit: float
) -> None:
    monkeypatch.setattr(asynchronous, "INLINE_LIMIT", limit)
    model = runtime.register("m", models()["linear"][0])
    table = runtime.register("t", models()["table"][0])
    hole = [0.0, 1.0, float("nan"), 1.0, 0.0]

    def message(call: Callable[[], Any]) -> tuple[type, str]:
        with pytest.raises(InputError) as caught:
            call()
        return caught.type, str(caught.value)

    wrong = [(model, hole), (model, "text"), (model, (1.0,)), (model, None), (model, (1.0, 2.0, 3.0, 4.0, "x"))]
    wrong += [(table, {"city": "one"}), (table, {"city": "nowhere", "age": 1.0, "pay": 2.0}), (table, {})]
    for handle, row in wrong:
        same_row = message(lambda handle=handle, row=row: asyncio.run(handle.apredict_one(row)))
        assert same_row == message(lambda handle=handle, row=row: handle.predict_one(row))
    for bad in ([hole], np.zeros((2, 3)), np.zeros((0, 5)), "text"):
        same_table = message(lambda bad=bad: asyncio.run(model.apredict(bad)))
        assert same_table == message(lambda bad=bad: model.predict(bad))


@pytest.mark.parametrize(
    "kind", [StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit, CancelledError, asyncio.CancelledError]
)
def test_what_no_future_takes_is_an_ordinary_failure(
    runtime: pretzel.Runtime, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runtime.register("slow", make_pipeline(Slow(), Ridge()).fit(X, X[:, 1]))

    def raising(self: Slow, X: Any) -> Any:
        raise kind("odd")

    monkeypatch.setattr(Slow, "transform", raising)

    async def submitted() -> Any:
        return await model.submit(X)

    async def main() -> None:
        for ask in (lambda: model.apredict_one(X[0]), lambda: model.apredict(X), submitted):
            async with asyncio.timeout(20.0):
                with pytest.raises(RuntimeError, match=kind.__name__) as failed:
                    await ask()
            assert type(failed.value.__cause__) is kind

    asyncio.run(main())
    with pytest.raises(RuntimeError, match=kind.__name__):
        model.submit(X).result(timeout=20)


def test_what_no_future_takes_may_come_from_loading() -> None:
    async def main() -> None:
        async with asyncio.timeout(20.0):
            await asynchronous.in_thread(next, iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(main())


def test_unregistered_models_raise(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", models()["linear"][0])
    answer = model.apredict_one
    runtime.unregister("m")
    for call in (answer, model.apredict_one):
        with pytest.raises(ModelNotFoundError):
            asyncio.run(call(X[0]))


def test_each_call_is_answered_by_the_version_of_its_time(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", Ridge().fit(X, np.zeros(400)))
    answer = model.apredict_one
    assert asyncio.run(answer(X[0])) == 0.0
    runtime.replace("m", Ridge().fit(X, np.ones(400)))
    assert asyncio.run(answer(X[0])) == asyncio.run(model.apredict_one(X[0])) == model.predict_one(X[0]) != 0.0
    runtime.replace("m", StandardScaler().fit(X), allow_changes=True)
    assert not hasattr(model, "apredict_one")
    assert asyncio.run(model.atransform(X)).shape == X.shape


def test_loops_in_several_threads(runtime: pretzel.Runtime) -> None:
    """Each loop gets its own answers, whichever thread computes them."""
    from .models import in_threads

    model = runtime.register("forest", RandomForestClassifier(100, random_state=0).fit(X, Y))
    tables = [RNG.normal(size=(3000, 5)) for _ in range(4)]
    expected = [model.predict_proba(table) for table in tables]

    async def main(i: int) -> list[Any]:
        return await asyncio.gather(*(model.apredict_proba(tables[i]) for _ in range(10)))

    found = in_threads(*(lambda i=i: asyncio.run(main(i)) for i in range(4)))
    for answers, right in zip(found, expected, strict=True):
        for answer in answers:
            np.testing.assert_array_equal(answer, right)


def test_closing_cancels_what_is_awaited() -> None:
    async def main() -> None:
        runtime = pretzel.Runtime(store=pretzel.ObjectStore(), executors=1)
        model = runtime.register("forest", RandomForestClassifier(200, random_state=0).fit(X, Y))
        runtime.engine.scheduler.pause()
        task = asyncio.create_task(model.apredict(RNG.normal(size=(200_000, 5))))
        await waiting(runtime, 1)
        await asyncio.to_thread(runtime.close)
        with pytest.raises((asyncio.CancelledError, CancelledError)):
            await task

    asyncio.run(main())


def test_a_list_of_rows_is_answered_as_its_rows_are(runtime: pretzel.Runtime) -> None:
    names = runtime.register(
        "names",
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["age", "pay"])
            ),
            LogisticRegression(),
        ).fit(FRAME, FRAME["age"] > FRAME["age"].median()),
    )
    opaque = runtime.register("opaque", make_pipeline(Slow(), Ridge()).fit(X, Y))
    vectors = runtime.register("vectors", TfidfVectorizer().fit(TEXTS))
    records = FRAME.head(6).to_dict("records")
    requests: list[tuple[Any, str, list[Any]]] = [
        (names, "predict", records),
        (names, "predict_proba", [list(row.values()) for row in records]),
        (names, "predict", records * 3000),
        (opaque, "predict", X[:4].tolist()),
        (vectors, "transform", TEXTS[:4]),
    ]
    for model, method, rows in requests:
        endpoint = model.endpoint(method)
        assert endpoint is not None

        async def answers(endpoint: Any = endpoint, rows: list[Any] = rows) -> Any:
            target = await asynchronous.in_memory(endpoint.pick())
            return await asynchronous.answer_rows(endpoint, target, rows, None), target

        found, target = asyncio.run(answers())
        assert version_of(target) == f"{model.name}@v1"
        expected = [getattr(model, f"{method}_one")(row) for row in rows]
        if method == "transform":
            found, expected = found.toarray(), np.vstack([each.toarray() for each in expected])
        np.testing.assert_array_equal(found, expected)


def test_a_list_of_rows_that_fails_names_the_row(runtime: pretzel.Runtime) -> None:
    model = runtime.register("five", Ridge().fit(X, Y))
    endpoint = model.endpoint("predict")
    assert endpoint is not None
    with pytest.raises(InputError, match=r"^five: row 1: expected 5 values, got 2"):
        asyncio.run(asynchronous.answer_rows(endpoint, endpoint.pick(), [[0.0] * 5, [0.0] * 2], None))
