"""Settings of a wrong type or value raise one exception, which names the setting and what it may be."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import OneHotEncoder

import pretzel
from pretzel.errors import OptionError
from pretzel.options import parse_bytes
from pretzel.runtime import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

X = np.random.default_rng(0).normal(size=(20, 2))


@pytest.fixture(scope="module")
def runtime() -> Iterator[pretzel.Runtime]:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as found:
        found.register("native", Ridge().fit(X, X[:, 0]))
        found.register("opaque", KNeighborsRegressor(p=3).fit(X, X[:, 0]))
        found.register("batched", Ridge().fit(X, X[:, 0]), batching=pretzel.Batching())
        yield found


SETTINGS: list[tuple[Callable[..., Any], str, Any, str]] = [
    (pretzel.Runtime, "executors", "2", "executors must be an integer >= 1, got '2'"),
    (pretzel.Runtime, "executors", 2.5, "executors must be an integer >= 1, got 2.5"),
    (pretzel.Runtime, "executors", 0, "executors must be an integer >= 1, got 0"),
    (pretzel.Runtime, "queue", "3", "queue must be an integer >= 1, got '3'"),
    (pretzel.Runtime, "queue", None, "queue must be an integer >= 1, got None"),
    (pretzel.Runtime, "results", None, "expected a number of bytes, or text such as '64MB', got None"),
    (pretzel.Reservation, "workers", "1", "workers must be an integer >= 1, got '1'"),
    (pretzel.Reservation, "workers", 0, "workers must be an integer >= 1, got 0"),
    (pretzel.Reservation, "memory", "2 XB", "expected a number of bytes, or text such as '64MB', got '2 XB'"),
]


@pytest.mark.parametrize(("make", "name", "value", "message"), SETTINGS)
def test_a_wrong_setting(make: Callable[..., Any], name: str, value: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reserve": 1}, "reserve must be a Reservation or None, got 1"),
        ({"batching": 3}, "batching must be a Batching or None, got 3"),
        ({"engine": "x"}, "engine is 'auto', 'request' or 'batch', not 'x'"),
        ({"engine": ["auto"]}, "engine is 'auto', 'request' or 'batch', not"),
    ],
)
def test_a_wrong_setting_of_a_model(runtime: pretzel.Runtime, settings: Any, message: str) -> None:
    for call in (
        lambda: runtime.register("new", Ridge().fit(X, X[:, 0]), **settings),
        lambda: runtime.replace("native", Ridge().fit(X, X[:, 0]), **settings),
    ):
        with pytest.raises(OptionError, match=message):
            call()
    assert "new" not in runtime
    assert runtime["native"].version == "v1"


@pytest.mark.parametrize("name", ["native", "opaque", "batched"])
def test_a_wrong_deadline(runtime: pretzel.Runtime, name: str) -> None:
    model = runtime[name]

    async def awaited(call: Callable[..., Any], request: Any, deadline: Any) -> Any:
        return await call(request, deadline=deadline)

    calls: list[Callable[[Any], Any]] = [
        lambda deadline: runtime.submit(name, X, deadline=deadline).result(),
        lambda deadline: asyncio.run(awaited(model.apredict, X, deadline)),
        lambda deadline: asyncio.run(awaited(model.apredict_one, X[0], deadline)),
    ]
    for call in calls:
        with pytest.raises(OptionError, match="deadline must be a number or None, got '1'"):
            call("1")
        for wrong in (True, float("nan"), np.float64("nan")):
            with pytest.raises(OptionError, match="deadline must be a number or None, got"):
                call(wrong)
        expected = model.predict(X)
        for deadline in (None, 60, np.float32(60.0), np.int64(60)):
            answer = call(deadline)
            assert (answer == (expected if np.ndim(answer) else expected[0])).all()


def test_one_exception_for_type_and_value() -> None:
    assert issubclass(OptionError, pretzel.errors.PretzelError)
    assert issubclass(OptionError, TypeError)
    assert issubclass(OptionError, ValueError)


def test_whatever_compiles_takes_all_options_of_compile(tmp_path: Any) -> None:
    """`Runtime.register` and `PlanStore.publish`."""
    options = inspect.signature(pretzel.compile).parameters.keys() - {"estimator", "name", "store"}
    assert {*prepare._OPTIONS} == options
    source = OneHotEncoder(handle_unknown="ignore").fit(np.array([["a"], [np.nan]], dtype=object))
    models = pretzel.PlanStore(tmp_path)
    models.publish("m", source, none="exact")
    with pretzel.Runtime() as runtime:
        served = runtime.register("m", source, none="exact")
        assert [plan.transform_one([None]).nnz for plan in (served, models.load("m"))] == [0, 0]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, 0),
        (np.int64(7), 7),
        ("5", 5),
        ("5B", 5),
        ("2G", 2 * 10**9),
        ("2gb", 2 * 10**9),
        (" 1.5 KiB ", 1536),
        ("3m", 3_000_000),
    ],
)
def test_sizes(size: Any, expected: int) -> None:
    assert parse_bytes(size) == expected


@pytest.mark.parametrize("size", [True, False, -1, 2.0, 1e9, float("nan"), "", "G", "1T", "-1K", "1 2", b"1", None])
def test_what_is_no_size(size: Any) -> None:
    with pytest.raises(OptionError, match="expected a number of bytes"):
        parse_bytes(size)
