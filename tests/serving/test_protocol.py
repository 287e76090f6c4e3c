"""Open Inference Protocol V2 over REST: tensors as JSON and as bytes, metadata, readiness, the repository."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import pretzel
import pretzel.serving
from pretzel.serving import jsons, protocol, tensors
from pretzel.serving.failures import NotFound
from tests.serving.conftest import FRAME, TEXTS, Answer, Client, X, churn

AGE = {"name": "age", "shape": [2], "datatype": "FP64", "data": [42, 17]}
CITY = {"name": "city", "shape": [2, 1], "datatype": "BYTES", "data": [["Bonn"], ["Köln"]]}
MATRIX = {"name": "input", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4, 5, 6]}


def infer(client: Client, name: str, *inputs: Any, **more: Any) -> Answer:
    """An inference request as JSON."""
    return client.post(f"/v2/models/{name}/infer", {"inputs": list(inputs), **more})


def outputs(answer: Answer) -> dict[str, Any]:
    """The outputs of an answer as arrays by name, from its JSON and the bytes behind it."""
    assert answer.status == 200, answer.body
    length = int(answer.headers.get("inference-header-content-length", len(answer.body)))
    tail, found = answer.body[length:], {}
    for each in json.loads(answer.body[:length])["outputs"]:
        if "data" in each:
            values: Any = each["data"]
        else:
            size = each["parameters"]["binary_data_size"]
            data, tail = tail[:size], tail[size:]
            values = (
                tensors.texts_of(memoryview(data), int(np.prod(each["shape"])), "")
                if each["datatype"] == "BYTES"
                else np.frombuffer(data, tensors.DTYPES[each["datatype"]])
            )
        dtype = object if each["datatype"] == "BYTES" else tensors.DTYPES[each["datatype"]]
        found[each["name"]] = np.array(values, dtype).reshape(each["shape"])
    assert not tail
    return found


def same(found: Any, expected: Any, *, finite: bool = True) -> None:
    """The values, shapes and dtypes of an answer, in which labels that are texts are objects."""
    expected = np.asarray(expected)
    if expected.dtype.kind == "f" and not finite:
        expected = np.where(np.isfinite(expected), expected, np.nan)  # null in JSON
    assert found.dtype == (object if expected.dtype.kind in "UO" else expected.dtype)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("binary", [False, True])
def test_answers_are_those_of_the_models(client: Client, runtime: pretzel.Runtime, binary: bool) -> None:
    parameters = {"binary_data_output": binary}
    documents = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS[:3]}
    matrix = {**MATRIX, "shape": [4, 3], "data": X[:4].tolist()}
    for name in runtime:
        plan = runtime[name].plan
        inputs = (AGE, CITY) if name == "churn/de" else (documents,) if name in ("spam", "words") else (matrix,)
        table = FRAME.head(2) if name == "churn/de" else TEXTS[:3] if name in ("spam", "words") else X[:4]
        asked = [{"name": method} for method in plan.input_schema.outputs]
        found = outputs(infer(client, name, *inputs, outputs=asked, parameters=parameters))
        for method in plan.input_schema.outputs:
            expected = getattr(plan, method)(table)
            if isinstance(expected, list):
                for i, part in enumerate(expected):
                    same(found[f"{method}_{i}"], part, finite=binary)
            else:
                dense = expected.toarray() if hasattr(expected, "toarray") else expected
                same(found[method], dense, finite=binary)


@pytest.mark.parametrize(
    "datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "BOOL"]
)
def test_dtypes_of_tensors_are_those_of_a_frame(client: Client, runtime: pretzel.Runtime, datatype: str) -> None:
    dtype = tensors.DTYPES[datatype]
    values = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    expected = runtime["scaled"].plan.transform(values)
    data = values.tolist()
    found = outputs(infer(client, "scaled", {**MATRIX, "datatype": datatype, "data": data}))["transform"]
    same(found, expected)
    described = {**MATRIX, "datatype": datatype, "parameters": {"binary_data_size": values.nbytes}}
    del described["data"]
    same(outputs(in_bytes(client, "scaled", [described], values.tobytes()))["transform"], expected)


def in_bytes(client: Client, name: str, inputs: list[Any], tail: bytes, **more: Any) -> Answer:
    """An inference request with tensors behind its JSON."""
    header = json.dumps({"inputs": inputs, **more}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}
    return client.post(f"/v2/models/{name}/infer", header + tail, headers=headers)


def test_columns_in_bytes_beside_columns_in_json(client: Client, runtime: pretzel.Runtime) -> None:
    cities = tensors.bytes_of(["Bonn", "Köln"])
    city = {"name": "city", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(cities)}}
    found = outputs(in_bytes(client, "churn/de", [city, AGE], cities))
    same(found["predict"], runtime["churn/de"].plan.predict(FRAME.head(2)))


def test_float32_columns_are_those_of_a_frame(client: Client, runtime: pretzel.Runtime) -> None:
    found = outputs(
        infer(
            client,
            "churn/de",
            {**AGE, "datatype": "FP32", "data": [42.1, 17.3]},
            CITY,
            outputs=[{"name": "predict_proba"}],
        )
    )
    frame = pd.DataFrame({"age": np.array([42.1, 17.3], np.float32), "city": ["Bonn", "Köln"]})
    same(found["predict_proba"], runtime["churn/de"].plan.predict_proba(frame))


def test_all_columns_may_be_one_tensor() -> None:
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("named", LinearRegression().fit(frame, X[:, 0]))
        found = outputs(infer(Client(pretzel.serving.app(runtime)), "named", MATRIX))
        same(
            found["predict"], runtime["named"].predict(pd.DataFrame([[1.0, 2, 3], [4, 5, 6]], columns=["a", "b", "c"]))
        )


def test_null_among_numbers_is_nan(client: Client, runtime: pretzel.Runtime) -> None:
    found = outputs(infer(client, "churn/de", {**AGE, "data": [None, 17]}, CITY, outputs=[{"name": "predict_proba"}]))
    frame = pd.DataFrame({"age": [np.nan, 17], "city": ["Bonn", "Köln"]})
    same(found["predict_proba"], runtime["churn/de"].plan.predict_proba(frame))
    assert infer(client, "numbers", {**MATRIX, "data": [None] * 6}).json["type"] == "InputValueError"


def test_ids_versions_and_the_default_output(client: Client) -> None:
    answer = infer(client, "churn/de/versions/v1", AGE, CITY, id="seven").json
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("seven", "churn/de", "v1")
    assert [each["name"] for each in answer["outputs"]] == ["predict"]
    assert "id" not in infer(client, "churn/de@v1", AGE, CITY).json
    parts = infer(client, "two", MATRIX, outputs=[{"name": "predict_proba_1"}]).json["outputs"]
    assert [each["name"] for each in parts] == ["predict_proba_1"]


def test_a_version_without_the_method_is_told() -> None:
    """Also where the model is replaced between the look at its methods and the call."""
    column = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}
    asked = {"inputs": [column], "outputs": [{"name": name} for name in ("predict", "predict_proba")]}
    frame = pd.DataFrame({"x": X[:, 0]})
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", LogisticRegression().fit(frame, X[:, 0] > 0))
        runtime.register("m", LinearRegression().fit(frame, X[:, 0]), keep=True, allow_changes=True)
        runtime.alias("m/live", {"m@v1": 0.5, "m@v2": 0.5})
        client = Client(pretzel.serving.app(runtime))
        answers = [client.post("/v2/models/m/live/infer", asked) for _ in range(8)]
        assert {each.status for each in answers} == {404}
        errors = {each.error for each in answers}
        assert "m@v2 has no method 'predict_proba'; it has predict" in errors
        with pytest.raises(NotFound, match="m@v2 has no method 'predict_proba'"):
            asyncio.run(client.app.models.several("m", ["predict", "predict_proba"], frame, None))


def test_names_that_look_like_paths() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    names = ("a/infer", "a/ready", "x/versions/v1", "b/ready", "a", "x/versions/v2/ready", "c/versions/v1/versions/v2")
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        for name in names:
            runtime.register(name, model)
        for warm_up in (True, False):
            client = Client(pretzel.serving.app(runtime, warm_up=warm_up))
            for name in names:
                assert client.get(f"/v2/models/{name}").json["name"] == name
                assert client.get(f"/v2/models/{name}/ready").json["name"] == name if name != "a" else True
                assert infer(client, name, MATRIX).json["model_name"] == name
                assert infer(client, f"{name}/versions/v1", MATRIX).json["model_name"] == name
                assert client.get(f"/v2/models/{name}/versions/v1/ready").json == {"name": f"{name}@v1", "ready": True}
            assert client("DELETE", "/v2/models/a/infer").status == 405
            assert client.get("/v2/models/b/infer").status == 405
            assert client.get("/v2/models/x/versions/v2").status == 404


def test_all_outputs_are_those_of_one_version() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("a", churn())
        runtime.register("b", churn(("yes", "no")))
        runtime.alias("live", {"a": 0.5, "b": 0.5})
        client = Client(pretzel.serving.app(runtime))
        asked = [{"name": "predict"}, {"name": "predict_proba"}]
        seen = set()
        for _ in range(8):
            found = outputs(infer(client, "live", AGE, CITY, outputs=asked))
            best = np.array(["no", "yes"])[found["predict_proba"].argmax(1)]
            np.testing.assert_array_equal(found["predict"], best)
            seen.add(tuple(best))
        assert len(seen) == 2


BAD: dict[str, tuple[str, Any, str, str]] = {
    "no inputs": ("churn/de", {}, "BadRequest", '"inputs"'),
    "inputs that are none": ("churn/de", {"inputs": 5}, "BadRequest", '"inputs"'),
    "a list": ("churn/de", [], "BadRequest", "no inference request"),
    "a tensor that is none": ("churn/de", {"inputs": [5]}, "BadRequest", "tensor"),
    "missing": ("churn/de", {"inputs": [AGE]}, "InputKeyError", "churn/de: tensors missing 'city'"),
    "unknown": ("churn/de", {"inputs": [AGE, CITY, MATRIX]}, "InputKeyError", "unknown 'input'"),
    "twice": ("churn/de", {"inputs": [AGE, AGE, CITY]}, "BadRequest", "two tensors 'age'"),
    "two matrices": ("numbers", {"inputs": [MATRIX, {**MATRIX, "name": "x"}]}, "InputKeyError", "expected one tensor"),
    "datatype": ("churn/de", {"inputs": [{**AGE, "datatype": "FP8"}, CITY]}, "InputTypeError", "'age'"),
    "datatype that is none": ("churn/de", {"inputs": [{**AGE, "datatype": []}, CITY]}, "InputTypeError", "'age'"),
    "texts for numbers": (
        "churn/de",
        {"inputs": [{**AGE, "datatype": "BYTES", "data": ["x", "y"]}, CITY]},
        "InputTypeError",
        "column 'age'",
    ),
    "numbers for documents": ("spam", {"inputs": [AGE]}, "InputTypeError", "expected documents"),
    "text in numbers": ("churn/de", {"inputs": [{**AGE, "data": ["42", 1]}, CITY]}, "InputTypeError", "got text"),
    "float in integers": (
        "churn/de",
        {"inputs": [{**AGE, "datatype": "INT8", "data": [1.5, 1]}, CITY]},
        "InputTypeError",
        "got float",
    ),
    "out of range": (
        "churn/de",
        {"inputs": [{**AGE, "datatype": "INT8", "data": [300, 1]}, CITY]},
        "InputTypeError",
        "out of the range of INT8",
    ),
    "number in booleans": ("scaled", {"inputs": [{**MATRIX, "datatype": "BOOL"}]}, "InputTypeError", "expected BOOL"),
    "null in integers": (
        "scaled",
        {"inputs": [{**MATRIX, "datatype": "INT8", "data": [None] * 6}]},
        "InputTypeError",
        "null",
    ),
    "an object": ("churn/de", {"inputs": [{**AGE, "data": [{}, 1]}, CITY]}, "InputTypeError", "object"),
    "count": ("churn/de", {"inputs": [{**AGE, "data": [1]}, CITY]}, "InputShapeError", "2 values, and its data 1"),
    "ragged": ("numbers", {"inputs": [{**MATRIX, "data": [[1, 2, 3], 4, 5, 6]}]}, "InputShapeError", "nested"),
    "rows of other sizes": (
        "numbers",
        {"inputs": [{**MATRIX, "data": [[1, 2, 3, 4], [5, 6]]}]},
        "InputShapeError",
        "nested as its shape [2, 3] says",
    ),
    "columns": (
        "numbers",
        {"inputs": [{**MATRIX, "data": [[1, 4], [2, 5], [3, 6]]}]},
        "InputShapeError",
        "[2, 3] says",
    ),
    "too shallow": (
        "numbers",
        {"inputs": [{**MATRIX, "shape": [1, 2, 3], "data": [[1, 2, 3, 4, 5, 6]]}]},
        "InputShapeError",
        "nested as",
    ),
    "more rows": ("numbers", {"inputs": [{**MATRIX, "data": [[1, 2, 3]] * 3}]}, "InputShapeError", "nested as"),
    "too deep": ("churn/de", {"inputs": [{**AGE, "data": [[42], [17]]}, CITY]}, "InputShapeError", "shape [2] says"),
    "deep": ("numbers", {"inputs": [{**MATRIX, "data": json.loads("[" * 200 + "]" * 200)}]}, "InputShapeError", ""),
    "rows": (
        "churn/de",
        {"inputs": [{**AGE, "shape": [1], "data": [1]}, CITY]},
        "InputShapeError",
        "'age' has 1 rows, and tensor 'city' has 2",
    ),
    "two columns in one": ("churn/de", {"inputs": [{**AGE, "shape": [1, 2]}, CITY]}, "InputShapeError", "[n, 1]"),
    "width": ("numbers", {"inputs": [{**MATRIX, "shape": [3, 2]}]}, "InputShapeError", "expected shape [n, 3]"),
    "dimensions": ("numbers", {"inputs": [{**MATRIX, "shape": [6]}]}, "InputShapeError", "expected shape [n, 3]"),
    "no rows": ("numbers", {"inputs": [{**MATRIX, "shape": [0, 3], "data": []}]}, "InputShapeError", ""),
    "negative": ("numbers", {"inputs": [{**MATRIX, "shape": [-2, -3]}]}, "InputShapeError", "shape of sizes"),
    "fraction": ("numbers", {"inputs": [{**MATRIX, "shape": [2.0, 3]}]}, "InputShapeError", "shape of sizes"),
    "huge": ("numbers", {"inputs": [{**MATRIX, "shape": [10**18, 3]}]}, "InputShapeError", "its data 6"),
    "huger": ("numbers", {"inputs": [{**MATRIX, "shape": [10**18] * 8}]}, "InputShapeError", ""),
    "no shape": ("numbers", {"inputs": [{**MATRIX, "shape": None}]}, "InputShapeError", "shape of sizes"),
    "no data": ("numbers", {"inputs": [{**MATRIX, "data": None}]}, "BadRequest", "expected"),
    "shared memory": (
        "numbers",
        {"inputs": [{**MATRIX, "parameters": {"shared_memory_region": "a"}}]},
        "BadRequest",
        "shared memory",
    ),
    "parameters": ("numbers", {"inputs": [MATRIX], "parameters": 5}, "BadRequest", "parameters"),
    "timeout": ("numbers", {"inputs": [MATRIX], "parameters": {"timeout": "x"}}, "BadRequest", "timeout"),
    "id": ("numbers", {"inputs": [MATRIX], "id": 5}, "BadRequest", '"id"'),
    "outputs": ("numbers", {"inputs": [MATRIX], "outputs": 5}, "BadRequest", '"outputs"'),
    "output": ("numbers", {"inputs": [MATRIX], "outputs": [5]}, "BadRequest", "an output"),
    "classification": (
        "numbers",
        {"inputs": [MATRIX], "outputs": [{"name": "predict", "parameters": {"classification": 2}}]},
        "BadRequest",
        "classification",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_told_what_is_wrong(client: Client, case: str) -> None:
    name, body, kind, text = BAD[case]
    answer = client.post(f"/v2/models/{name}/infer", body)
    assert answer.status == 400, answer.body
    assert answer.json["type"] == kind, answer.json
    assert text in answer.error


@pytest.mark.parametrize("codec", ["orjson", "json"])
def test_integers_that_no_array_has(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a model that takes tables of any width, and without orjson, which reads no such integers."""
    if codec == "json":
        monkeypatch.setattr(protocol, "loads", jsons._loads)
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("any", FunctionTransformer(np.cbrt))
        runtime.register("narrow", LinearRegression().fit(X, X[:, 0]))
        client = Client(pretzel.serving.app(runtime))
        for name in ("any", "narrow"):
            for shape in ([0, 2**62 + 1], [2**62, 0], [2**63, 0], [0, 10**400], [10**4000] * 3):
                for datatype in ("FP64", "BYTES", "BOOL"):
                    answer = infer(client, name, {"name": "x", "shape": shape, "datatype": datatype, "data": []})
                    assert answer.status == 400, (shape, answer.body)
            for timeout in (10**400, 2**64):
                assert infer(client, name, MATRIX, parameters={"timeout": timeout}).status == 400


TEXT_TAIL = tensors.bytes_of(["a", "b"])
BAD_BYTES: dict[str, tuple[Any, Any, bytes]] = {
    "too many": ([2, 3], 48, b"x" * 47),
    "too few": ([2, 3], 40, b"x" * 40),
    "left over": ([2, 3], 48, b"x" * 49),
    "negative": ([2, 3], -1, b"x" * 48),
    "fraction": ([2, 3], 48.0, b"x" * 48),
    "true": ([2, 3], True, b"x"),
    "text": ([2, 3], "48", b"x" * 48),
    "huge": ([10**18, 3], 48, b"x" * 48),
    "texts: cut": ([2], 9, TEXT_TAIL[:9]),
    "texts: too few": ([3], 10, TEXT_TAIL),
    "texts: left": ([1], 10, TEXT_TAIL),
    "texts: long": ([1], 8, struct.pack("<II", 2**32 - 1, 0)),
    "texts: no UTF-8": ([1], 5, struct.pack("<I", 1) + b"\xff"),
    "texts: many": ([10**12], 10, TEXT_TAIL),
    "texts: beyond 64 bits": ([2**62, 4], 0, b""),
}


@pytest.mark.parametrize("case", BAD_BYTES)
def test_bad_bytes(client: Client, case: str) -> None:
    shape, size, tail = BAD_BYTES[case]
    is_text = case.startswith("texts")
    tensor = {"name": "x", "shape": shape, "datatype": "BYTES" if is_text else "FP64"}
    tensor["parameters"] = {"binary_data_size": size}
    answer = in_bytes(client, "spam" if is_text else "numbers", [tensor], tail)
    assert answer.status == 400, answer.body


def test_odd_booleans_in_bytes(client: Client) -> None:
    tensor = {"name": "x", "shape": [1, 3], "datatype": "BOOL", "parameters": {"binary_data_size": 3}}
    assert in_bytes(client, "scaled", [tensor], b"\0\1\1").status == 200
    assert in_bytes(client, "scaled", [tensor], b"\0\1\2").json["type"] == "InputTypeError"


@pytest.mark.parametrize("length", ["-1", "x", "1000000", "1" * 30, ""])
def test_a_wrong_length_of_the_header(client: Client, length: str) -> None:
    body = json.dumps({"inputs": [MATRIX]}).encode()
    headers = {"Inference-Header-Content-Length": length}
    assert client.post("/v2/models/numbers/infer", body, headers=headers).status == 400


def test_binary_requests_cut_anywhere(client: Client) -> None:
    values = np.ones((2, 3))
    tensor = {"name": "x", "shape": [2, 3], "datatype": "FP64", "parameters": {"binary_data_size": values.nbytes}}
    header = json.dumps({"inputs": [tensor]}).encode()
    whole = header + values.tobytes()
    for end in range(0, len(whole), 7):
        headers = {"Inference-Header-Content-Length": str(len(header))}
        assert client.post("/v2/models/numbers/infer", whole[:end], headers=headers).status == 400


def test_deadlines_in_microseconds(client: Client) -> None:
    assert infer(client, "numbers", MATRIX, parameters={"timeout": 5_000_000}).status == 200
    assert infer(client, "numbers", MATRIX, parameters={"timeout": 0}).status == 200
    assert infer(client, "numbers", MATRIX, parameters={"timeout": 1}).status == 504


def test_without_pandas_columns_are_rows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    expected = outputs(infer(client, "churn/de", AGE, CITY, outputs=[{"name": "predict_proba"}]))
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = outputs(infer(client, "churn/de", AGE, CITY, outputs=[{"name": "predict_proba"}]))
    same(found["predict_proba"], expected["predict_proba"])


def test_metadata(client: Client) -> None:
    found = client.get("/v2/models/churn/de").json
    assert (found["name"], found["versions"], found["platform"]) == ("churn/de", ["v1"], "pretzel")
    assert found["inputs"] == [
        {"name": "age", "datatype": "FP64", "shape": [-1]},
        {"name": "city", "datatype": "BYTES", "shape": [-1]},
    ]
    assert {each["name"]: each["datatype"] for each in found["outputs"]}["predict"] == "BYTES"
    assert client.get("/v2/models/churn/de/versions/v1").json == found
    assert client.get("/v2/models/numbers").json["inputs"][0]["shape"] == [-1, 3]
    server = client.get("/v2").json
    assert server == {"name": "pretzel", "version": pretzel.__version__, "extensions": server["extensions"]}
    assert "binary_tensor_data" in server["extensions"]
    assert client.get("/v2/models/churn/de/ready").json["ready"]
    for path in ("nobody", "nobody/ready", "churn/de/versions/v9", "churn/de/versions/v9/ready"):
        assert client.get(f"/v2/models/{path}").status == 404
    assert client.get("/v2/models/churn/de/infer").status == 405
    assert client.get("/v2/nothing").status == 404


def test_metadata_agree_with_answers(client: Client, runtime: pretzel.Runtime) -> None:
    """Names, datatypes and, where they are known, shapes."""
    documents = {"name": "input", "shape": [2], "datatype": "BYTES", "data": TEXTS[:2]}
    for name in runtime:
        inputs = (AGE, CITY) if name == "churn/de" else (documents,) if name in ("spam", "words") else (MATRIX,)
        described = {each["name"]: each for each in client.get(f"/v2/models/{name}").json["outputs"]}
        asked = [{"name": each} for each in described]
        found = infer(client, name, *inputs, outputs=asked).json["outputs"]
        assert {each["name"] for each in found} == {*described}
        for each in found:
            told = described[each["name"]]
            assert each["datatype"] == told["datatype"], (name, each)
            assert len(each["shape"]) == len(told["shape"])
            assert all(size in (-1, own) for size, own in zip(told["shape"], each["shape"], strict=True))


def test_the_repository(tmp_path: Any) -> None:
    pretzel.PlanStore(tmp_path).publish("churn/de", churn())
    with pretzel.Runtime(store=tmp_path) as runtime:
        closed = Client(pretzel.serving.app(runtime))
        assert closed.post("/v2/repository/models/churn/de/unload").status == 403
        client = Client(pretzel.serving.app(runtime, manage=True))
        ready = [{"name": "churn/de", "version": "v1", "state": "READY", "reason": ""}]
        assert client.post("/v2/repository/index").json == ready
        assert client.post("/v2/repository/models/churn/de/unload", {}).status == 200
        assert client.post("/v2/repository/index", {}).json[0]["state"] == "UNAVAILABLE"
        assert client.post("/v2/repository/index", {"ready": True}).json == []
        answer = infer(client, "churn/de", AGE, CITY)
        assert (answer.status, answer.json["type"]) == (503, "Unavailable")
        assert client.get("/v2/models/churn/de/ready").status == 503
        assert client.post("/models/churn/de@v1/predict", {"age": 1, "city": "x"}).status == 503
        assert client.post("/v2/repository/models/churn/de/load", {}).status == 200
        assert infer(client, "churn/de", AGE, CITY).status == 200
        for path in ("nobody/load", "churn/de@v1/load", "churn/de/reload", "load"):
            assert client.post(f"/v2/repository/models/{path}", {}).status == 404
        assert client.post("/v2/repository/index", b"[").status == 400
        assert client.get("/v2/repository/index").status == 405
