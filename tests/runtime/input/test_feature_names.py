"""The warning about column names points at the line that called Pretzel."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "income": [4.0, 3.0, 2.0, 1.0]})
ARRAY = FRAME.to_numpy()
ROWS = [tuple(row) for row in ARRAY.tolist()]
TARGET = [1.0, 2.0, 3.0, 4.0]

MODELS: dict[str, Any] = {
    "native": Ridge().fit(FRAME, TARGET),
    "nameless": Ridge().fit(ARRAY, TARGET),
    "mixed": make_pipeline(StandardScaler(), KNeighborsRegressor(2, p=3)).fit(FRAME, TARGET),
    "columns": make_pipeline(
        make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["income"])), Ridge()
    ).fit(FRAME, TARGET),
}


@pytest.fixture(scope="module")
def runtime() -> Iterator[pretzel.Runtime]:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as found:
        for name, source in MODELS.items():
            found.register(name, source)
        yield found


def line() -> int:
    """The line that calls."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize("name", MODELS)
def test_the_warning_points_at_the_call(runtime: pretzel.Runtime, name: str) -> None:
    model, plan = runtime[name], runtime[name].plan

    async def awaited(X: Any) -> tuple[Any, int]:
        return await model.apredict(X), line()

    async def in_a_task(X: Any) -> tuple[Any, int]:
        return (await asyncio.create_task(awaited(X)))[0], awaited_at

    awaited_at = inspect.getsourcelines(awaited)[1] + 1
    nameless = [ROWS] if name == "columns" else [ARRAY, ROWS, pd.DataFrame(ARRAY)]
    requests = [FRAME] if name == "nameless" else nameless
    for X in requests:
        calls = [
            lambda X=X: (plan.predict(X), line()),
            lambda X=X: (model.predict(X), line()),
            lambda X=X: (runtime.predict(name, X), line()),
            lambda X=X: (runtime.submit(name, X).result(), line()),
            lambda X=X: (model.submit(X).result(), line()),
            lambda X=X: asyncio.run(awaited(X)),
            lambda X=X: asyncio.run(in_a_task(X)),
        ]
        if name == "mixed":  # submitted and awaited requests are read in another thread, which knows no caller
            calls = calls[:3]
        for call in calls:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                _, expected = call()
            places = [(one.filename, one.lineno) for one in caught if "fitted with" in str(one.message)]
            assert set(places) == {(__file__, expected)}, (type(X), inspect.getsource(call))
