"""Dates over HTTP: texts of ISO 8601 in JSON, columns in Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

import pretzel
import pretzel.serving
from tests.serving.conftest import Client
from tests.serving.test_arrow import ask, read

if TYPE_CHECKING:
    from collections.abc import Iterator

skrub = pytest.importorskip("skrub")

TABLE = pd.DataFrame({"when": pd.date_range("1999-12-31", periods=60, freq="2777h"), "size": 1.0})


@pytest.fixture(scope="module")
def model() -> Any:
    trees = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2)
    return make_pipeline(skrub.TableVectorizer(), trees).fit(TABLE, range(60))


@pytest.fixture(scope="module")
def client(model: Any) -> Iterator[Client]:
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("dated", model, strict=True)
        yield Client(pretzel.serving.app(runtime))


def test_rows_of_json(client: Client, model: Any) -> None:
    texts = ["2005-06-07", "2005-06-07T08:09:10", "2005-06-07T08:09:10.25Z", "2005-06-07 08:09:10+02:00"]
    moments = pd.to_datetime([*texts[:2], "2005-06-07T08:09:10.25", "2005-06-07T06:09:10"], format="ISO8601")
    want = model.predict(pd.DataFrame({"when": moments, "size": 1.0})).tolist()
    rows = [{"when": text, "size": 1.0} for text in texts]
    assert client.post("/models/dated/predict", rows).json == want
    assert [client.post("/models/dated/predict", row).json for row in rows] == want
    missing = client.post("/models/dated/predict", {"when": None, "size": 1.0})
    assert missing.json == model.predict(TABLE[:1].assign(when=pd.NaT))[0]


@pytest.mark.parametrize("value", ["7.6.2005", "2005-02-30", 5, True])
def test_what_is_no_date_is_refused(client: Client, value: Any) -> None:
    answer = client.post("/models/dated/predict", {"when": value, "size": 1.0})
    assert answer.status == 400
    assert "column 'when': expected a date" in answer.error


def test_columns_of_arrow(client: Client, model: Any) -> None:
    answer = ask(client, "/models/dated/predict", pa.Table.from_pandas(TABLE))
    assert read(answer).column(0).to_pylist() == model.predict(TABLE).tolist()
