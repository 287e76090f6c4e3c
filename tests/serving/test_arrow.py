"""Arrow streams in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

import pretzel
import pretzel.serving
from tests.serving.conftest import FRAME, TEXTS, Answer, Client, X

ARROW = "application/vnd.apache.arrow.stream"


def stream(table: Any) -> bytes:
    """A table as a stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return sink.getvalue().to_pybytes()


def ask(client: Client, path: str, table: Any, **headers: str) -> Answer:
    """A request with a table."""
    return client.post(path, stream(table), headers={"Content-Type": ARROW, **headers})


def read(answer: Answer) -> Any:
    """The table of an answer."""
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == ARROW
    return pa.ipc.open_stream(answer.body).read_all()


def test_answers_are_those_of_the_models(client: Client, runtime: pretzel.Runtime) -> None:
    table = pa.table(FRAME.head(10))
    plan = runtime["churn/de"].plan
    answer = read(ask(client, "/models/churn/de/predict", table))
    assert answer.column("predict").to_pylist() == plan.predict(table).tolist()
    proba = read(ask(client, "/models/churn/de/predict_proba", table))
    assert proba.column_names == ["predict_proba_no", "predict_proba_yes"]
    np.testing.assert_array_equal(np.column_stack(proba.columns), plan.predict_proba(table))


def test_an_answer_that_arrow_has_no_type_for() -> None:
    model = SimpleImputer(strategy="most_frequent").fit(pd.DataFrame({"a": ["x", 1, "x"]}, dtype=object))
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", model)
        client = Client(pretzel.serving.app(runtime))
        answer = client.post("/models/m/transform", [{"a": "x"}, {"a": 1}], headers={"Accept": ARROW})
        assert answer.status == 406
        assert "m: Arrow has no type for column 'a' of the answer" in answer.error
        assert client.post("/models/m/transform", [{"a": "x"}, {"a": 1}]).json == [["x"], [1]]


def test_matrices_and_documents(client: Client, runtime: pretzel.Runtime) -> None:
    for dtype in (np.float64, np.float32):
        table = pa.table({name: X[:10, i].astype(dtype) for i, name in enumerate("abc")})
        found = read(ask(client, "/models/scaled/transform", table))
        expected = runtime["scaled"].plan.transform(X[:10].astype(dtype))
        np.testing.assert_array_equal(np.column_stack(found.columns), expected)
        assert found.column(0).to_numpy().dtype == expected.dtype
    found = read(ask(client, "/models/spam/predict", pa.table({"text": TEXTS})))
    assert found.column(0).to_pylist() == runtime["spam"].plan.predict(TEXTS).tolist()
    two = read(ask(client, "/models/two/predict_proba", pa.table({name: X[:4, i] for i, name in enumerate("abc")})))
    assert two.column_names[0] == "predict_proba_0_0"


def test_json_in_and_arrow_out_and_back(client: Client) -> None:
    rows = FRAME.head(3).to_dict("records")
    expected = client.post("/models/churn/de/predict", rows).json
    for body in (rows, rows[0]):
        found = read(client.post("/models/churn/de/predict", body, headers={"Accept": ARROW}))
        assert found.column("predict").to_pylist() == expected[: len(found)]
    answer = ask(client, "/models/churn/de/predict", pa.table(FRAME.head(3)), Accept="application/json")
    assert answer.json == expected
    proba = read(client.post("/models/two/predict_proba", X[:3].tolist(), headers={"Accept": ARROW}))
    assert (proba.num_rows, proba.num_columns) == (3, 5)


@pytest.mark.parametrize(
    ("name", "table", "kind"),
    [
        ("churn/de", {"age": [1.0]}, "InputKeyError"),
        ("churn/de", {"age": ["x"], "city": ["y"]}, "InputTypeError"),
        ("numbers", {"a": [1.0]}, "InputShapeError"),
        ("numbers", {"a": ["x"], "b": [1.0], "c": [1.0]}, "InputTypeError"),
        ("numbers", {}, "InputShapeError"),
        ("spam", {"a": ["x"], "b": ["y"]}, "InputTypeError"),
        ("spam", {"a": [1.0]}, "InputTypeError"),
        ("churn/de", {"age": pa.array([], "float64"), "city": pa.array([], "string")}, "InputShapeError"),
    ],
)
def test_tables_that_do_not_fit(client: Client, name: str, table: Any, kind: str) -> None:
    answer = ask(client, f"/models/{name}/predict", pa.table(table))
    assert (answer.status, answer.json["type"]) == (400, kind), answer.body


UNION = pa.UnionArray.from_dense(pa.array([0, 0], pa.int8()), pa.array([0, 1], pa.int32()), [pa.array([1, 2])])


@pytest.mark.parametrize("estimator", ["scaler", "encoder", "opaque over names", "encoder over names", "any"])
def test_columns_that_no_array_holds(estimator: str) -> None:
    frame = pd.DataFrame({"age": X[:, 0], "pay": X[:, 1]})
    fitted = {
        "scaler": StandardScaler().fit(X[:, :2]),
        "encoder": OrdinalEncoder().fit(np.array([["a", "b"]], dtype=object)),
        "opaque over names": make_pipeline(FunctionTransformer(np.cbrt), StandardScaler()).fit(frame),
        "encoder over names": OrdinalEncoder().fit(frame),
        "any": FunctionTransformer(np.cbrt),
    }
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("m", fitted[estimator])
        client = Client(pretzel.serving.app(runtime))
        for table in ({"age": UNION, "pay": [1.0, 2.0]}, {"age": [1.0, 2.0], "pay": UNION}):
            answer = ask(client, "/models/m/transform", pa.table(table))
            assert (answer.status, answer.json["type"]) == (400, "InputTypeError"), answer.body
            name = next(name for name, column in table.items() if column is UNION)
            assert answer.error.startswith("m: "), answer.error
            assert f"'{name}'" in answer.error, answer.error


def test_documents_that_cannot_be_decoded_name_the_model(client: Client) -> None:
    answer = ask(client, "/models/spam/predict", pa.table({"a": [b"good", b"\xff"]}))
    assert (answer.status, answer.json["type"]) == (400, "InputValueError"), answer.body
    assert answer.error.startswith("spam: document: it cannot be decoded as utf-8")


def test_damaged_streams(client: Client) -> None:
    whole = stream(pa.table(FRAME.head(10)))
    rng = np.random.default_rng(0)
    headers = {"Content-Type": ARROW}
    for end in range(0, len(whole), 97):
        assert client.post("/models/churn/de/predict", whole[:end], headers=headers).status in (200, 400)
    for _ in range(80):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            damaged[at] = rng.integers(256)
        answer = client.post("/models/churn/de/predict", bytes(damaged), headers=headers)
        assert answer.status in (200, 400, 413), answer.body  # a size may be what is damaged
    assert client.post("/models/churn/de/predict", b"{}", headers=headers).json["type"] == "BadRequest"


def compressed(table: Any, codec: str | None = "zstd") -> bytes:
    """A table as a stream of one batch whose buffers are compressed."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("codec", ["zstd", "lz4", None])
def test_compressed_streams(client: Client, runtime: pretzel.Runtime, codec: str | None) -> None:
    repeated = FRAME.loc[np.arange(2000) % len(FRAME)].reset_index(drop=True)
    for table in (pa.table(FRAME.head(10)), pa.table(repeated)):
        table = table.set_column(1, "city", table["city"].dictionary_encode())
        answer = read(
            client.post("/models/churn/de/predict", compressed(table, codec), headers={"Content-Type": ARROW})
        )
        assert answer.column("predict").to_pylist() == runtime["churn/de"].plan.predict(table).tolist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array(np.zeros(20_000_000)),
        pa.nulls(200_000_000),
        pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1]), pa.array([1.0])),
        pa.DictionaryArray.from_arrays(pa.array([0], "int32"), pa.array(["x" * 100_000_000])),
    ],
    ids=["zeros", "nulls", "a run", "a dictionary"],
)
def test_tables_that_are_small_only_as_streams(client: Client, column: Any) -> None:
    """Nothing of them is decompressed or made, because they say how large they would be."""
    before = pa.total_allocated_bytes()
    body = compressed(pa.table({"age": column, "city": column}))
    assert len(body) < 500_000
    peak = pa.default_memory_pool().max_memory()
    answer = client.post("/models/churn/de/predict", body, headers={"Content-Type": ARROW})
    assert (answer.status, answer.json["type"]) == (413, "TooLarge"), answer.body
    assert answer.json["error"].startswith("churn/de: the table has ")
    assert pa.default_memory_pool().max_memory() == peak
    assert pa.total_allocated_bytes() <= before + len(body) + 10_000
