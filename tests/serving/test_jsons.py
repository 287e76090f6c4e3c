"""JSON by orjson and by the standard library: the same values, read and written."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

import pretzel
import pretzel.serving
from pretzel.serving import jsons
from pretzel.serving.failures import BadRequest
from tests.serving.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Callable

WRITTEN = {
    "float32": (np.float32(0.1), 0.10000000149011612),
    "float32s": (np.array([[0.1, np.nan]], np.float32), [[0.10000000149011612, None]]),
    "float32s apart": (np.array([0.1, 0.2, 0.3], np.float32)[::2], [0.10000000149011612, 0.30000001192092896]),
    "float16s": ([np.float16(0.1), np.array([0.1], np.float16)], [0.0999755859375, [0.0999755859375]]),
    "long doubles": ([np.longdouble(0.5), np.array([0.5], np.longdouble)], [0.5, [0.5]]),
    "float64s": (np.array([[0.1, np.inf], [1.5, 2]]), [[0.1, None], [1.5, 2.0]]),
    "big-endian": (np.array([1.5, 2], ">f8"), [1.5, 2.0]),
    "no rows": ([np.empty((0, 2)), np.empty((2, 0))], [[], [[], []]]),
    "one number": (np.array(3), 3),
    "flags": (np.array([True, False]), [True, False]),
    "days": (np.array(["2020-01-02", "NaT"], "M8[D]"), ["2020-01-02T00:00:00", None]),
    "nanoseconds": (np.array(["2020-01-02T03:04:05"], "M8[ns]"), ["2020-01-02T03:04:05"]),
    "dates": ([datetime.datetime(2020, 1, 2), datetime.date(2020, 1, 2)], ["2020-01-02T00:00:00", "2020-01-02"]),
    "a timestamp": (np.array([pd.Timestamp("2020-01-02 03:04")], object), ["2020-01-02T03:04:00"]),
    "large": ([2**70, 2**64 - 1], [2**70, 2**64 - 1]),
}

READ = {
    "123456789012345678901234567890": 1.2345678901234568e29,
    "-9223372036854775809": -9.223372036854776e18,
    "18446744073709551615": 2**64 - 1,
    "[-9223372036854775808,1e300,-0.0]": [-(2**63), 1e300, -0.0],
}


@pytest.mark.parametrize("case", WRITTEN)
@pytest.mark.parametrize("dumps", [jsons.dumps, jsons._dumps], ids=["orjson", "json"])
def test_one_value_is_written_in_one_way(dumps: Callable[[Any], bytes], case: str) -> None:
    value, expected = WRITTEN[case]
    for nested, wanted in ((value, expected), ({"data": value}, {"data": expected}), ([value], [expected])):
        assert json.loads(dumps(nested)) == wanted


@pytest.mark.parametrize("loads", [jsons.loads, jsons._loads], ids=["orjson", "json"])
def test_numbers_are_read_in_one_way(loads: Callable[[bytes], Any]) -> None:
    for body, expected in READ.items():
        found = loads(body.encode())
        assert (found, type(found)) == (expected, type(expected))
    for body in ("1e400", "[-1e400]", "1" * 400, "1" * 5000, "NaN", "Infinity"):
        with pytest.raises(BadRequest, match="the body is no JSON"):
            loads(body.encode())


def test_float32_of_a_row_is_that_of_a_batch() -> None:
    frame = pd.DataFrame({"a": [0.1, 0.2], "b": [0.3, 0.7]})
    model = FunctionTransformer(lambda X: np.asarray(X, np.float32)).fit(frame)
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("m", model)
        client = Client(pretzel.serving.app(runtime))
        rows = frame.to_dict("records")
        expected = model.transform(frame).tolist()
        assert client.post("/models/m/transform", rows).json == expected
        assert [client.post("/models/m/transform", row).json for row in rows] == expected


def test_an_answer_that_is_nested_deeply() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("echo", FunctionTransformer(lambda X: X))
        client = Client(pretzel.serving.app(runtime))
        for depth, status in ((100, 200), (900, 400)):
            body = f'{{"f":{"[" * depth}1{"]" * depth},"m":"a"}}'.encode()
            answer = client.post("/models/echo/transform", body, headers={"Content-Type": "application/json"})
            assert answer.status == status, answer.body[:300]
