"""``POST /models/NAME/METHOD`` with JSON: the answers of the models, and one error for what they cannot answer."""

from __future__ import annotations

import gzip
import json
import warnings
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
import pretzel.serving
from pretzel.serving import jsons
from tests.serving.conftest import FRAME, TEXTS, Client, X, churn

ROWS = {
    "churn/de": FRAME.head(4).to_dict("records"),
    "spam": TEXTS[:3],
    "words": TEXTS[:3],
}


def rows_of(name: str) -> Any:
    """Rows that a model takes, as JSON has them."""
    return ROWS.get(name) or X[:4].tolist()


def table_of(name: str) -> Any:
    """The same rows, as its estimator takes them."""
    return FRAME.head(4) if name == "churn/de" else rows_of(name) if name in ROWS else X[:4]


def plain(answer: Any) -> Any:
    """An answer of an estimator, as JSON: by row also where it is a list by target."""
    if isinstance(answer, list):
        return [list(parts) for parts in zip(*(plain(part) for part in answer), strict=True)]
    values = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    with np.errstate(invalid="ignore"):
        return json.loads(json.dumps(values.tolist()).replace("-Infinity", "null").replace("NaN", "null"))


@pytest.fixture(params=["orjson", "json"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways in which JSON is read and written."""
    if request.param == "json":
        from pretzel.serving import exchange, plain, protocol

        for module in (plain, protocol):
            monkeypatch.setattr(module, "loads", jsons._loads)
        for module in (exchange, protocol):
            monkeypatch.setattr(module, "dumps", jsons._dumps)
    else:
        pytest.importorskip("orjson")
    return str(request.param)


def test_answers_are_those_of_the_models(client: Client, runtime: pretzel.Runtime, codec: str) -> None:
    for name in runtime:
        plan = runtime[name].plan
        for method in plan.methods:
            expected = plain(getattr(plan, method)(table_of(name)))
            one = [client.post(f"/models/{name}/{method}", row) for row in rows_of(name)]
            many = client.post(f"/models/{name}/{method}", rows_of(name))
            assert {each.status for each in (*one, many)} == {200}, (name, method, many.body)
            assert many.json == expected, (name, method)
            assert [each.json for each in one] == expected, (name, method)


def test_a_row_may_be_an_array_in_the_order_of_the_fit(client: Client) -> None:
    as_dict = client.post("/models/churn/de/predict_proba", {"age": 42, "city": "Bonn"}).json
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.post("/models/churn/de/predict_proba", [42, "Bonn"]).json == as_dict
        assert client.post("/models/churn/de/predict_proba", [[42, "Bonn"], {"age": 42, "city": "Bonn"}]).json == (
            [as_dict] * 2
        )


def test_null_is_the_missing_value_of_the_column(client: Client, runtime: pretzel.Runtime) -> None:
    row = {"age": None, "city": "Bonn"}
    expected = runtime["churn/de"].predict_proba_one(row).tolist()
    assert client.post("/models/churn/de/predict_proba", row).json == expected
    assert client.post("/models/churn/de/predict_proba", [row, row]).json == [expected] * 2
    rejected = client.post("/models/numbers/predict", [1.0, None, 2.0])
    assert (rejected.status, rejected.json["type"]) == (400, "InputValueError")


BAD = {
    "no JSON": ("churn/de/predict", b"{", "BadRequest", "no JSON"),
    "no body": ("churn/de/predict", b"", "BadRequest", "no JSON"),
    "NaN": ("numbers/predict", b"[NaN, 1, 2]", "BadRequest", "NaN and Infinity are none: send null"),
    "no UTF-8": ("spam/predict", b'"\xff"', "BadRequest", "no JSON"),
    "half a pair": ("spam/predict", b'"\\ud800"', "BadRequest", "no JSON"),
    "deep": ("numbers/predict", b"[" * 100_000, "BadRequest", "no JSON"),
    "a number": ("churn/de/predict", b"5", "InputTypeError", "churn/de"),
    "null": ("churn/de/predict", b"null", "InputTypeError", "churn/de"),
    "true": ("spam/predict", b"true", "InputTypeError", "spam"),
    "missing": ("churn/de/predict", b'{"city": "Bonn"}', "InputKeyError", "churn/de: missing 'age'"),
    "missing in row 1": (
        "churn/de/predict",
        b'[{"age": 1, "city": "Bonn"}, {"city": "Bonn"}]',
        "InputKeyError",
        "churn/de: row 1: missing 'age'",
    ),
    "text": ("churn/de/predict", b'{"age": "x", "city": "Bonn"}', "InputTypeError", "column 'age': expected a number"),
    "object": ("churn/de/predict", b'{"age": {}, "city": "Bonn"}', "InputTypeError", "column 'age'"),
    "array": ("churn/de/predict", b'{"age": [1], "city": "Bonn"}', "InputTypeError", "column 'age'"),
    "too few": ("numbers/predict", b"[1, 2]", "InputShapeError", "numbers: expected 3 values, got 2"),
    "too few in row 1": ("numbers/predict", b"[[1, 2, 3], [1, 2]]", "InputShapeError", "numbers: row 1: "),
    "no rows": ("numbers/predict", b"[]", "InputShapeError", "at least one row"),
    "no rows with names": ("churn/de/predict", b"[]", "InputShapeError", "at least one row"),
    "no rows for a step in Python": ("opaque/predict", b"[]", "InputShapeError", "at least one row"),
    "no documents": ("spam/predict", b"[]", "InputShapeError", "at least one document"),
    "nested": ("numbers/predict", b"[[[1, 2, 3]]]", "InputShapeError", "numbers"),
    "a dict without names": ("numbers/predict", b'{"a": 1}', "InputTypeError", "without column names"),
    "infinite": ("numbers/predict", b"[1e308, 1e308, 1e999]", "", ""),
    "no document": ("spam/predict", b'["a", 5]', "InputTypeError", "document: expected"),
    "opaque": ("opaque/predict", b'["a", 5, 6]', "", ""),
    "opaque too few": ("opaque/predict", b"[[1, 2, 3], [1]]", "InputShapeError", "row 1"),
    "opaque nested": ("opaque/predict", b"[[1, [2], 3]]", "", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_told_what_is_wrong(client: Client, case: str, codec: str) -> None:
    path, body, kind, text = BAD[case]
    answer = client.post(f"/models/{path}", body)
    assert answer.status == 400, answer.body
    assert set(answer.json) == {"error", "type"}
    assert kind in answer.json["type"]
    assert text in answer.error


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/models/nobody/predict", "ModelNotFoundError"),
        ("/models/churn/de@v9/predict", "ModelNotFoundError"),
        ("/models/@/predict", "ModelNotFoundError"),
        ("/models/\x00/../predict", "ModelNotFoundError"),
        ("/models/" + "x" * 5000 + "/predict", "ModelNotFoundError"),
        ("/models/\ud800/predict", "ModelNotFoundError"),
        ("/models/churn/de/fit", "NotFound"),
        ("/models/churn/de/_route", "NotFound"),
        ("/models/churn/de/__class__", "NotFound"),
        ("/models/predict", "NotFound"),
        ("/models/", "NotFound"),
        ("/nothing", "NotFound"),
    ],
)
def test_what_is_not_there(client: Client, path: str, kind: str) -> None:
    answer = client.post(path, {"age": 42, "city": "Bonn"})
    assert (answer.status, answer.json["type"]) == (404, kind), answer.body


def test_a_method_takes_post_alone(client: Client) -> None:
    answer = client.get("/models/churn/de/predict")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert client("DELETE", "/models").headers["allow"] == "GET, HEAD"
    assert client("HEAD", "/models").status == 200


def test_versions_and_aliases() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        client = Client(pretzel.serving.app(runtime))
        runtime.register("churn/de", churn())
        row = {"age": 17, "city": "Köln"}
        assert client.post("/models/churn/de/predict", row).headers["model-version"] == "churn/de@v1"
        runtime.register("churn/de", churn(("yes", "no")), default=False)
        assert client.post("/models/churn/de/predict", row).json == "yes"
        assert client.post("/models/churn/de@v2/predict", row).json == "no"
        runtime.alias("churn/live", {"churn/de@v1": 0.5, "churn/de@v2": 0.5})
        answers = [client.post("/models/churn/live/predict", row) for _ in range(8)]
        assert {(each.json, each.headers["model-version"]) for each in answers} == {
            ("yes", "churn/de@v1"),
            ("no", "churn/de@v2"),
        }
        runtime.unregister("churn/live")
        assert client.post("/models/churn/live/predict", row).status == 404
        kept = runtime["churn/de"]  # so that the handle lives on
        runtime.unregister("churn/de")
        assert client.post("/models/churn/de/predict", row).status == 404
        runtime.register("churn/de", churn(("yes", "no")))
        assert client.post("/models/churn/de/predict", row).json == "no"
        assert kept is not runtime["churn/de"]


def test_a_model_of_a_store_is_loaded_when_it_is_asked(tmp_path: Any) -> None:
    pretzel.PlanStore(tmp_path).publish("churn/de", churn())
    with pretzel.Runtime(store=tmp_path) as runtime:
        client = Client(pretzel.serving.app(runtime))
        assert client.get("/models").json["models"] == [
            {"name": "churn/de", "version": None, "versions": ["v1"], "loaded": False}
        ]
        assert client.post("/models/churn/de/predict", {"age": 17, "city": "Köln"}).json == "yes"
        assert client.get("/models").json["models"][0]["loaded"]
        pretzel.PlanStore(tmp_path).remove("churn/de")
        assert client.post("/models/other/predict", {"age": 17, "city": "Köln"}).status == 404


def test_a_long_request_goes_to_the_workers(client: Client, runtime: pretzel.Runtime) -> None:
    rows = FRAME.to_dict("records") * 250
    expected = runtime["churn/de"].plan.predict(FRAME).tolist() * 250
    assert client.post("/models/churn/de/predict", rows).json == expected


def test_bodies_in_parts_and_packed(client: Client) -> None:
    body = json.dumps({"age": 42, "city": "Köln"}).encode()
    assert client.post("/models/churn/de/predict", body, chunk=7).status == 200
    for name, pack in {"gzip": gzip.compress, "deflate": zlib.compress}.items():
        assert client.post("/models/churn/de/predict", pack(body), headers={"Content-Encoding": name}).status == 200
        cut = client.post("/models/churn/de/predict", pack(body)[:-5], headers={"Content-Encoding": name})
        assert cut.status == 400
    assert client.post("/models/churn/de/predict", body, headers={"Content-Encoding": "br"}).status == 415


def test_long_bodies_are_refused(runtime: pretzel.Runtime) -> None:
    client = Client(pretzel.serving.app(runtime, max_bytes=100))
    path = "/models/spam/predict"
    assert client.post(path, "x" * 98).status == 200
    assert client.post(path, "x" * 99).status == 413
    assert client.post(path, "x" * 500, chunk=50).status == 413
    assert client.post(path, "x" * 50, headers={"Content-Length": "101"}, chunk=10).status == 413
    bomb = gzip.compress(b'"' + b"x" * 10_000_000 + b'"')
    assert Client(pretzel.serving.app(runtime, max_bytes=20_000)).post(
        path, bomb, headers={"Content-Encoding": "gzip"}
    ).status == (413)


def test_request_ids(client: Client) -> None:
    body = {"age": 42, "city": "Bonn"}
    assert (
        client.post("/models/churn/de/predict", body, headers={"X-Request-Id": "a-7"}).headers["x-request-id"] == "a-7"
    )
    assert "x-request-id" not in client.post("/models/churn/de/predict", body).headers
    assert client.post("/models/nobody/predict", body, headers={"X-Request-Id": "a-7"}).headers["x-request-id"] == "a-7"
    made = {client.post("/models/nobody/predict", body).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for odd in ("a b", "", "a" * 300, "é"):
        for path in ("/models/churn/de/predict", "/models/nobody/predict"):
            found = client.post(path, body, headers={"X-Request-Id": odd}).headers
            assert found.get("x-request-id") != odd


@pytest.mark.parametrize(
    ("timeout", "status"), [("5", 200), ("0", 504), ("1e-9", 504), ("x", 400), ("-1", 400), ("nan", 400)]
)
def test_deadlines(client: Client, timeout: str, status: int) -> None:
    for body in ({"age": 42, "city": "Bonn"}, [{"age": 42, "city": "Bonn"}] * 2):
        answer = client.post("/models/churn/de/predict", body, headers={"Request-Timeout": timeout})
        assert answer.status == status, answer.body


def test_the_path_begins_where_the_application_is_mounted(client: Client) -> None:
    body = {"age": 42, "city": "Bonn"}
    assert client.post("/models/churn/de/predict", body, root="/ml").json == "no"
    assert client.get("/openapi.json", root="/ml").json["servers"] == [{"url": "/ml"}]
    assert client.get("", root="/ml").headers["content-type"].startswith("text/html")


def test_texts_that_are_passed_on_are_answered_in_every_form(tmp_path: Any) -> None:
    source = ColumnTransformer([("n", StandardScaler(), ["age"])], remainder="passthrough").fit(FRAME)
    pretzel.compile(source).save(tmp_path / "plan")
    expected = source.transform(FRAME).tolist()
    rows = FRAME.to_dict("records")
    for plan in (source, pretzel.load(tmp_path / "plan")):
        with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
            runtime.register("m", plan)
            client = Client(pretzel.serving.app(runtime))
            assert client.post("/models/m/transform", rows[0]).json == expected[0]
            assert client.post("/models/m/transform", rows).json == expected
            assert client.post("/models/m/transform", [list(row.values()) for row in rows]).json == expected
            wrong = client.post("/models/m/transform", [rows[0], {**rows[1], "age": "old"}])
            assert wrong.status == 400
            assert "row 1, column 'age'" in wrong.error


@pytest.mark.parametrize("named", [True, False])
def test_no_rows_are_answered_where_the_source_answers_them(named: bool) -> None:
    table = FRAME[["age"]] if named else FRAME[["age"]].to_numpy()
    source = FunctionTransformer(np.log1p).fit(table)
    assert source.transform(table[:0]).shape == (0, 1)
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, pa.schema({"age": "float64"})) as writer:
        writer.write_table(pa.table({"age": pa.array([], "float64")}))
    arrow = {"Content-Type": "application/vnd.apache.arrow.stream", "Accept": "application/json"}
    tensor = {"name": "age" if named else "X", "shape": [0] if named else [0, 1], "datatype": "FP64", "data": []}
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", source)
        client = Client(pretzel.serving.app(runtime))
        assert client.post("/models/m/transform", []).json == []
        assert client.post("/models/m/transform", stream.getvalue().to_pybytes(), headers=arrow).json == []
        answer = client.post("/v2/models/m/infer", {"inputs": [tensor]}).json
        assert answer["outputs"][0]["shape"] == [0, 1]


def test_items() -> None:
    """A dict of features is a row, and so is a list of tokens or pairs."""
    records = [{"city": "Bonn", "age": 3.5, "tags": ["new", "big"]}, {"city": "Ulm", "is": True}, {}, {"age": 2}]
    tokens = [["a", "b"], ["b"], ["c", "a"], []]
    pairs = [[["a", 1.0], ["b", "x"]], [["a", 2]], [], [["c", True]]]
    hashed = {form: FeatureHasher(8, input_type=form) for form in ("string", "pair")}
    models = {
        "records": (make_pipeline(DictVectorizer(), LogisticRegression()), records),
        "sparse": (DictVectorizer(), records),
        "tokens": (make_pipeline(hashed["string"], LogisticRegression()), tokens),
        "pairs": (make_pipeline(hashed["pair"], LogisticRegression()), pairs),
    }
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        for name, (model, rows) in models.items():
            runtime.register(name, model.fit(rows, [0, 1, 0, 1]), strict=True)
        client = Client(pretzel.serving.app(runtime))
        for name, (_, rows) in models.items():
            plan = runtime[name].plan
            for method in plan.methods:
                expected = plain(getattr(plan, method)(rows))
                many = client.post(f"/models/{name}/{method}", rows)
                assert (many.status, many.json) == (200, expected), (name, method)
                one = [(row, want) for row, want in zip(rows, expected, strict=True) if row or type(row) is dict]
                for row, want in one if name != "pairs" else []:  # a list of lists is several rows
                    assert client.post(f"/models/{name}/{method}", row).json == want, (name, method, row)
                    assert client.post(f"/models/{name}/{method}", row).json == want  # by the shorter way
        for wrong in ({"age": {"years": 3}}, [{"age": 3}, {"age": [1]}], "text"):
            answer = client.post("/models/records/predict", wrong)
            assert answer.status in (400, 422), wrong
            assert "item" in answer.error
        schemas = client.get("/openapi.json").json
        assert "additionalProperties" in json.dumps(schemas)
        tensor = {"name": "X", "datatype": "BYTES", "shape": [1], "data": ["a"]}
        answer = client.post("/v2/models/records/infer", {"inputs": [tensor]})
        assert answer.status == 400
        assert "send them as JSON" in answer.error


def test_the_inverse_takes_what_transform_returns() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 5))
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(rows)
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        plan = runtime.register("near", pipeline).plan
        client = Client(pretzel.serving.app(runtime))
        made = pipeline.transform(rows[:3])
        expected = plan.inverse_transform(made)
        assert client.post("/models/near/inverse_transform", made[0].tolist()).json == expected[0].tolist()
        assert client.post("/models/near/inverse_transform", made.tolist()).json == expected.tolist()
        assert client.post("/models/near/inverse_transform", rows[0].tolist()).status == 400
        assert client.post("/models/near/transform", rows[0].tolist()).status == 200
        described = client.get("/openapi.json").json["paths"]["/models/near/inverse_transform"]
        row = described["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0]
        assert (row["minItems"], row["maxItems"]) == (2, 2)
        assert "inverse_transform" in client.get("/models/near").json["methods"]
