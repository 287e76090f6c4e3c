"""One runtime, many threads at once: answers to the last bit as from one thread, counts exact, rows that others change.

With the GIL threads take turns very often here; without it they are in the same code at the same time.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, InputShapeError

from .models import ROWS, WIDTH, Doubling, callers, in_threads, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = 12
TURNS = 150
CITIES = ["Bonn", "Köln", "北京", "a city whose name is not kept by anybody"]


@pytest.fixture(autouse=True)
def many_turns() -> Iterator[None]:
    """Threads take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Text and numbers."""
    cities = np.array(CITIES, dtype=object)[np.arange(300) % 4]
    return pd.DataFrame({"city": cities, "age": ROWS[:300, 0], "pay": ROWS[:300, 1]})


@pytest.fixture(scope="module")
def runtime(frame: pd.DataFrame) -> Iterator[pretzel.Runtime]:
    """Numbers, a table, texts, and a model with a step of Python."""
    target = ROWS[:300, 0] > 0
    columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city"]))
    with pretzel.Runtime(store=pretzel.ObjectStore(), materialize="1 MB") as runtime:
        runtime.register("numbers", make_pipeline(StandardScaler(), Ridge()).fit(ROWS[:300], ROWS[:300, 1]))
        runtime.register("table", make_pipeline(columns, LogisticRegression()).fit(frame, target))
        runtime.register("texts", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["city"], target))
        runtime.register("python", make_pipeline(StandardScaler(), Doubling()).fit(ROWS[:300]))
        yield runtime


def requests(runtime: pretzel.Runtime, frame: pd.DataFrame) -> list[Callable[[], Any]]:
    """Every form that a request can take, and every way to ask."""
    numbers, table, texts, python = (runtime[name] for name in ("numbers", "table", "texts", "python"))
    found: list[Callable[[], Any]] = []
    for at in (0, 1, 2, 3):
        vector, record = ROWS[at].copy(), frame.iloc[at].to_dict()
        values, text = tuple(record.values()), CITIES[at]
        pairs = [("numbers", vector), (numbers, tuple(vector)), ("table", record), (table, values), (texts, text)]
        found += [
            partial(numbers.predict_one, vector),
            partial(numbers.predict_one, vector.astype(np.float32)),
            partial(numbers.predict_one, tuple(vector)),
            partial(numbers.predict_one, vector.tolist()),
            partial(table.predict_proba_one, record),
            partial(table.predict_one, values),
            partial(table.predict_proba_one, list(values)),
            partial(texts.predict_proba_one, text),
            partial(python.predict_one, vector),
            partial(runtime.predict_many, pairs),
            partial(runtime.predict_many, pairs[2:], "predict_proba"),
            partial(runtime.predict_all, vector, ["numbers", numbers]),
        ]
    found += [
        partial(table.predict_proba, frame),
        partial(table.predict, frame.to_dict("records")),
        partial(numbers.predict, ROWS),
        partial(texts.predict_proba, CITIES),
        lambda: numbers.submit(ROWS[:500]).result(),
        lambda: table.submit(frame, method="predict_proba").result(),
        lambda: texts.submit(CITIES, method="predict_proba").result(),
        lambda: python.submit(ROWS[:50]).result(),
    ]
    return found


def bits(answer: Any) -> Any:
    """Equal for equal bits."""
    if isinstance(answer, list):
        return [bits(each) for each in answer]
    return (type(answer), np.asarray(answer).dtype, np.asarray(answer).tobytes())


def test_answers_have_the_bits_of_one_thread(runtime: pretzel.Runtime, frame: pd.DataFrame) -> None:
    """Every thread goes through all requests in an order of its own."""
    asked = requests(runtime, frame)
    expected = [bits(ask()) for ask in asked]

    def work(number: int) -> None:
        for _ in range(4):
            for at in np.random.default_rng(number).permutation(len(asked)):
                assert bits(asked[at]()) == expected[at]

    in_threads(*[lambda number=number: work(number) for number in range(THREADS)])


def test_counts_are_exact(runtime: pretzel.Runtime) -> None:
    """Calls of handles, of versions and of methods that only Python computes, and what became of each."""
    names = ("numbers", "python")
    before = runtime.stats()["models"]

    def work() -> None:
        for _ in range(TURNS):
            runtime.predict_many([(name, ROWS[0]) for name in names])
            for name in names:
                runtime.predict_one(name, ROWS[0])
                with pytest.raises(InputShapeError):
                    runtime.predict_one(name, (1.0,))

    in_threads(*[work] * THREADS)
    after, calls = runtime.stats()["models"], 3 * TURNS * THREADS
    for name in names:
        assert after[name]["calls"] - before[name]["calls"] == calls
        assert after[name]["versions"]["v1"]["calls"] - before[name]["versions"]["v1"]["calls"] == calls


def test_versions_change_under_many_threads() -> None:
    """Whoever calls keeps the version that it has begun with; every call is counted once, whatever answers."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    versions = [plan(value) for value in range(3)]
    model = runtime.register("m", versions[0])
    with callers(
        *[partial(model.predict_one, ROWS[0])] * 8,
        *[partial(runtime.predict_many, [("m", ROWS[0])])] * 2,
        lambda: model.predict(ROWS[:5]),
        lambda: model.submit(ROWS[:50]).result(),
    ) as watch:
        turn = 0
        while turn < 300 or watch.wants(0, 1, 2):
            turn += 1
            runtime.replace("m", versions[turn % 3])
    assert model.calls == runtime.stats()["models"]["m"]["calls"] >= watch.turns
    runtime.unregister("m")
    latest = time.monotonic() + 10  # the last task may go a little after its future is set
    while runtime.store.stats()["objects"] and time.monotonic() < latest:
        time.sleep(0.001)
    assert runtime.store.stats()["objects"] == 0


def test_methods_of_a_handle_change_together() -> None:
    """Versions only go up here, so no method may answer with an older one than another method did before."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    sources = [LogisticRegression().fit(ROWS[:50], np.arange(50) % 2 + 2 * version) for version in range(40)]
    plans = [pretzel.compile(source, store=pretzel.ObjectStore()) for source in sources]
    model, done = runtime.register("m", plans[0]), threading.Event()
    known = [int(classes.min()) for classes in (source.classes_ for source in sources)]
    rows = [source.decision_function(ROWS[:1])[0] for source in sources]
    assert len({*known}) == len(sources)
    assert np.allclose(rows, rows[0])

    def change() -> None:
        for each in plans[1:]:
            runtime.replace("m", each)
        done.set()

    def work() -> None:
        latest = 0.0
        while not done.is_set():
            for version in (model.predict_one(ROWS[0]) // 2, model.predict(ROWS[:1])[0] // 2):
                assert version >= latest
                latest = version

    in_threads(change, *[work] * 8)


def changed(
    row: Any, change: Callable[[int], None], ask: Callable[[Any], Any], *rejections: type[Exception]
) -> set[Any]:
    """What threads are answered about a row that two others change all the time, or None where they are rejected."""
    found: set[Any] = set()
    done = threading.Event()

    def disturb() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            change(turn)

    def work() -> None:
        for _ in range(10 * TURNS):
            try:
                found.add(ask(row))
            except rejections:
                found.add(None)

    others = [threading.Thread(target=disturb) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        in_threads(*[work] * 6)
    finally:
        done.set()
        for thread in others:
            thread.join()
    return found


def fresh(text: str) -> str:
    """An equal text that nobody else refers to."""
    return "".join(list(text))


@pytest.fixture(scope="module")
def mixed() -> pretzel.Plan:
    """A text as its number, and a number as it is."""
    known = pd.DataFrame({"city": CITIES, "age": [1.0, 2.0, 3.0, 4.0]})
    codes = make_column_transformer(
        (OrdinalEncoder(categories=[CITIES]), ["city"]), (StandardScaler(with_mean=False, with_std=False), ["age"])
    )
    return pretzel.compile(codes.fit(known), strict=True)


def test_dicts_whose_values_others_replace(mixed: pretzel.Plan) -> None:
    row = {"city": CITIES[0], "age": 1000.5}

    def change(turn: int) -> None:
        row["city"] = fresh(CITIES[turn % 4])
        row["age"] = float(1000.5 + turn % 4)

    found = changed(row, change, lambda row: tuple(mixed.transform_one(row)))
    assert found <= {(float(code), 1000.5 + age) for code in range(4) for age in range(4)}


def test_dicts_whose_keys_come_and_go(mixed: pretzel.Plan) -> None:
    row: dict[str, Any] = {"city": CITIES[0], "age": 1000.5}

    def change(turn: int) -> None:
        key = ("city", "age", "other")[turn % 3]
        row.pop(key, None)
        if key != "other":
            row[key] = fresh(CITIES[turn % 4]) if key == "city" else float(1000.5 + turn % 4)
        elif turn % 2:
            row["other"] = object()

    found = changed(row, change, lambda row: tuple(mixed.transform_one(row)), InputKeyError)
    assert found - {None} <= {(float(code), 1000.5 + age) for code in range(4) for age in range(4)}


def test_lists_that_others_make_shorter(mixed: pretzel.Plan) -> None:
    row: list[Any] = [CITIES[0], 1000.5]

    def change(turn: int) -> None:
        row[:] = [fresh(CITIES[turn % 4]), float(1000.5 + turn % 4)] if turn % 3 else []

    found = changed(row, change, lambda row: tuple(mixed.transform_one(row)), InputShapeError)
    assert found - {None} <= {(float(code), 1000.5 + age) for code in range(4) for age in range(4)}


def test_lists_of_rows_that_others_make_shorter() -> None:
    codes = pretzel.compile(StandardScaler(with_mean=False, with_std=False).fit(ROWS[:5]), strict=True)
    rows = [(float(number),) * WIDTH for number in range(50)]
    table = list(rows)

    def change(turn: int) -> None:
        table[:] = rows[: 1 + turn * 7919 % 50]

    def ask(table: Any) -> bool:
        answer = codes.transform(table)
        return bool((answer == np.arange(len(answer))[:, np.newaxis]).all())

    assert changed(table, change, ask) == {True}
