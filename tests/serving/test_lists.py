"""Steps that return lists: of rows, which are no answers for several targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.preprocessing import FunctionTransformer

import pretzel
import pretzel.serving
from pretzel.integrations.scorer import BatchScorer
from tests.serving.conftest import Client
from tests.serving.test_arrow import ARROW, ask, read

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["Ab", "C d"]
MODELS = {
    "lower": (lambda X: [text.lower() for text in X], ["ab", "c d"]),
    "split": (lambda X: [text.split() for text in X], [["Ab"], ["C", "d"]]),
    "pairs": (lambda X: [[text, text] for text in X], [["Ab", "Ab"], ["C d", "C d"]]),
    "sizes": (lambda X: [np.float64(len(text)) for text in X], [2.0, 3.0]),
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        for name, (function, _) in MODELS.items():
            runtime.register(name, FunctionTransformer(function))
        yield Client(pretzel.serving.app(runtime))


@pytest.mark.parametrize("name", MODELS)
def test_a_list_has_the_answers_by_row(client: Client, name: str) -> None:
    expected = MODELS[name][1]
    path = f"/models/{name}/transform"
    assert client.post(path, TEXTS).json == expected
    assert [client.post(path, text).json for text in TEXTS] == expected
    assert read(client.post(path, TEXTS, headers={"Accept": ARROW})).to_pydict() == {"transform": expected}
    assert read(ask(client, path, pa.table({"text": TEXTS}))).to_pydict() == {"transform": expected}
    tensor = {"name": "X", "datatype": "BYTES", "shape": [2], "data": TEXTS}
    answer = client.post(f"/v2/models/{name}/infer", {"inputs": [tensor]})
    (output,) = answer.json["outputs"]
    assert (output["name"], output["shape"]) == ("transform", [2])
    data = [row if isinstance(row, float) else str(row) for row in expected]
    assert output["data"] == data


def test_a_list_has_the_answers_by_row_in_a_table() -> None:
    plan = pretzel.compile(FunctionTransformer(lambda X: [f"{row[0]}!" for row in X]))
    answer = BatchScorer(plan)(pd.DataFrame({"text": TEXTS}))
    assert answer["transform"].tolist() == ["Ab!", "C d!"]


def test_columns_of_texts_of_a_stream() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("same", FunctionTransformer())
        client = Client(pretzel.serving.app(runtime))
        path = "/models/same/transform"
        assert read(ask(client, path, pa.table({"t": TEXTS}))).to_pydict() == {"transform": TEXTS}
        both = read(ask(client, path, pa.table({"t": TEXTS, "u": ["x", None]}))).to_pydict()
        assert both == {"transform_0": TEXTS, "transform_1": ["x", None]}
        empty = ask(client, path, pa.table({"t": pa.array([], pa.string())}), Accept="application/json")
        assert (empty.status, empty.json) == (200, [])
        answer = ask(client, path, pa.table({"d": pa.array([1], pa.date32())}))
        assert answer.status == 400
        assert "expected columns of numbers or texts, got date32[day] in column 'd'" in answer.error
