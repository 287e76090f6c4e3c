"""Dates over HTTP: texts of ISO 8601, or those of the training, in JSON, columns in Arrow."""

from __future__ import annotations

import json
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


TEXTS = TABLE.assign(when=TABLE["when"].dt.strftime("%d/%m/%Y"))


@pytest.fixture(scope="module")
def model_of_texts() -> Any:
    trees = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2)
    return make_pipeline(skrub.TableVectorizer(), trees).fit(TEXTS, range(60))


@pytest.fixture(scope="module")
def client_of_texts(model_of_texts: Any) -> Iterator[Client]:
    """A server of a plan behind which is no estimator."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("dated", model_of_texts, strict=True, keep_source=False)
        yield Client(pretzel.serving.app(runtime))


def test_texts_of_the_training_in_rows_of_json(client_of_texts: Client, model_of_texts: Any) -> None:
    """A missing date, and a text of another form, which is a missing date for the library, too."""
    texts = ["29/02/2024", "1/3/2024", None, "30/02/2024", "2024-02-29", "7.6.2005", ""]
    rows = [{"when": text, "size": 1.0} for text in texts]
    want = model_of_texts.predict(pd.DataFrame(rows)).tolist()
    assert len({*want[:3]}) > 1
    assert client_of_texts.post("/models/dated/predict", rows).json == want
    assert [client_of_texts.post("/models/dated/predict", row).json for row in rows] == want


@pytest.mark.parametrize("value", ["today", 5, True])
def test_what_only_the_library_reads_is_refused(client_of_texts: Client, value: Any) -> None:
    row = {"when": value, "size": 1.0}
    for body, number in ((row, 0), ([{**row, "when": None}, row], 1)):
        answer = client_of_texts.post("/models/dated/predict", body)
        assert answer.status == 400
        assert f"row {number}, column 'when' holds a value that this step cannot read: expected" in answer.error


def test_texts_are_described_to_clients(client_of_texts: Client) -> None:
    described = client_of_texts.get("/openapi.json").json
    assert "a date in the format %d/%m/%Y" in json.dumps(described)
