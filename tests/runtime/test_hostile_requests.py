"""Requests that change, or call back, while they are being read; after each the model still answers."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputError, InputValueError

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = ["long enough not to be cached " + letter for letter in "abcd"]


class Callback:
    """A number whose ``__float__`` does something else first."""

    def __init__(self, value: float, action: Callable[[], Any]) -> None:
        self.value = value
        self.action = action

    def __float__(self) -> float:
        self.action()
        return self.value


@pytest.fixture(scope="module")
def mixed() -> pretzel.Plan:
    """A text column, a number behind it."""
    frame = pd.DataFrame({"city": LONG, "age": [1.0, 2.0, 3.0, 4.0]})
    codes = make_column_transformer((OrdinalEncoder(), ["city"]), (StandardScaler(), ["age"]))
    return pretzel.compile(codes.fit(frame), strict=True)


def fresh(text: str) -> str:
    """An equal text that nobody else refers to."""
    return "".join(list(text))


def churn() -> None:
    """Overwrite memory that has just been given back."""
    gc.collect()
    _ = [fresh("X" * len(LONG[0])) for _ in range(1000)]


def test_dict_that_loses_its_text(mixed: pretzel.Plan) -> None:
    row: dict[str, Any] = {"city": fresh(LONG[2])}

    def steal() -> None:
        row["city"] = "another"
        churn()

    row["age"] = Callback(1.0, steal)
    assert mixed.transform_one(row)[0] == 2.0


def test_dict_that_loses_its_keys(mixed: pretzel.Plan) -> None:
    row: dict[str, Any] = {"city": fresh(LONG[2])}
    row["age"] = Callback(1.0, row.clear)
    assert mixed.transform_one(row)[0] == 2.0
    assert mixed.transform_one({"city": LONG[1], "age": 2})[0] == 1.0


def test_list_that_becomes_shorter() -> None:
    X = np.random.default_rng(0).normal(size=(50, 4))
    source = make_pipeline(StandardScaler(), LinearRegression()).fit(X, X[:, 0])
    plan = pretzel.compile(source, strict=True)
    row: list[Any] = X[7].tolist()

    def shrink() -> None:
        row.clear()
        churn()

    row[0] = Callback(row[0], shrink)
    assert plan.predict_one(row) == plan.predict_one(X[7])
    assert row == []


def test_rows_whose_texts_are_made_on_the_way(mixed: pretzel.Plan) -> None:
    series = pd.Series({"city": LONG[3], "age": 2.0})
    array = np.array([LONG[3], 2.0], dtype=object)
    for row in (series, array, [fresh(LONG[3]), 2.0]):
        assert mixed.transform_one(row)[0] == 3.0


def test_calling_the_model_while_it_reads(mixed: pretzel.Plan) -> None:
    """To any depth, with answers and with errors; what the outer call has read stays intact."""
    seen: list[float] = []

    def nested(depth: int) -> dict[str, Any]:
        def call() -> None:
            if depth == 0:
                with pytest.raises(InputError):
                    mixed.transform_one({"city": "a", "age": object()})
                seen.append(mixed.transform(pd.DataFrame({"city": LONG * 500, "age": 1.0}))[-1, 0])
            else:
                seen.append(mixed.transform_one(nested(depth - 1))[0])

        return {"city": fresh(LONG[depth % 4]), "age": Callback(0.0, call)}

    assert mixed.transform_one(nested(40))[0] == 0.0
    assert seen == [3.0, *[float(depth % 4) for depth in range(40)]]


def test_callback_that_raises(mixed: pretzel.Plan) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mixed.transform_one({"city": "x", "age": Callback(0.0, fail)})
    assert mixed.transform_one({"city": LONG[1], "age": 2})[0] == 1.0


@pytest.mark.parametrize("index", [4, 1_000_000_000, -1])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_sparse_indices_outside(index: int, dtype: type) -> None:
    X = csr_array(np.eye(4))
    plan = pretzel.compile(LinearRegression().fit(X, np.arange(4.0)), strict=True)
    broken = csr_array(np.eye(4))
    broken.indices = np.array([0, 1, index, 3], dtype=dtype)
    broken.indptr = broken.indptr.astype(dtype)
    broken.has_canonical_format = True
    with pytest.raises((InputValueError, ValueError)):
        plan.predict(broken)
    assert plan.predict(X).shape == (4,)


def test_tables_changed_by_another_thread() -> None:
    """A list of rows, whose texts are replaced all the time: any answer will do, but no crash and no foreign text."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    plan = pretzel.compile(codes.fit([[text] for text in LONG]), strict=True)
    rows = [[fresh(LONG[i % 4])] for i in range(20_000)]
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number = (number + 7919) % len(rows)
            rows[number][0] = fresh(LONG[number % 3])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(10):
            assert set(np.unique(plan.transform(rows))) <= {0.0, 1.0, 2.0, 3.0}
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
