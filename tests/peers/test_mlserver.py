"""Pretzel's runtime in MLServer, which is asked over REST and gRPC.

MLServer's messages stand in its own process: those of KServe's clients, in the process of the tests, have their names.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pretzel
from tests.peers.conftest import FRAME, ask, free_ports, refused, running

if TYPE_CHECKING:
    from collections.abc import Iterator

if importlib.util.find_spec("mlserver") is None:
    pytest.skip("no MLServer here", allow_module_level=True)

RUNTIME = "pretzel.integrations.mlserver.PretzelRuntime"
AGE = {"name": "age", "shape": [4], "datatype": "FP64", "data": FRAME["age"].tolist()[:4]}
CITY = {"name": "city", "shape": [4, 1], "datatype": "BYTES", "data": FRAME["city"].tolist()[:4]}


@pytest.fixture(scope="module", params=[0, 1])
def ports(request: Any, estimator: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of an MLServer, with and without a worker process, for REST and gRPC."""
    folder = tmp_path_factory.mktemp("mlserver")
    pretzel.compile(estimator).save(folder / "model.pretzel")
    pretzel.PlanStore(folder / "store").publish("churn/de", estimator)
    settings: dict[str, dict[str, Any]] = {
        "file": {"uri": "../model.pretzel"},
        "stored": {"uri": "../store", "version": "v7", "extra": {"model": "churn/de@v1"}},
    }
    for name, parameters in settings.items():
        (folder / name).mkdir()
        described = {"name": name, "implementation": RUNTIME, "parameters": parameters}
        (folder / name / "model-settings.json").write_text(json.dumps(described))
    port, grpc_port, metrics_port = free_ports(3)
    server = {"host": "127.0.0.1", "http_port": port, "grpc_port": grpc_port, "metrics_port": metrics_port}
    (folder / "settings.json").write_text(json.dumps({**server, "parallel_workers": request.param, "debug": False}))
    with running([str(Path(sys.executable).parent / "mlserver"), "start", "."], port, folder):
        yield port, grpc_port


def test_rest(ports: tuple[int, int], estimator: Any) -> None:
    frame = FRAME.head(4)
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    for name, version in (("file", None), ("stored", "v7")):
        answer = ask(ports[0], f"/v2/models/{name}/infer", {"id": "s", "inputs": [AGE, CITY], "outputs": outputs})
        assert (answer["id"], answer["model_name"], answer.get("model_version")) == ("s", name, version)
        found = {each["name"]: each for each in answer["outputs"]}
        assert found["predict"]["data"] == estimator.predict(frame).tolist()
        assert found["predict_proba"]["shape"] == [4, 2]
        expected = estimator.predict_proba(frame).ravel().tolist()
        assert found["predict_proba"]["data"] == pytest.approx(expected, rel=1e-9)
    default = ask(ports[0], "/v2/models/file/infer", {"inputs": [AGE, CITY]})
    assert [each["name"] for each in default["outputs"]] == ["predict"]


def test_metadata(ports: tuple[int, int]) -> None:
    found = ask(ports[0], "/v2/models/file")
    assert found["platform"] == "pretzel"
    assert [(each["name"], each["datatype"], each["shape"]) for each in found["inputs"]] == [
        ("age", "FP64", [-1]),
        ("city", "BYTES", [-1]),
    ]
    assert found["outputs"][0]["name"] == "predict"


def test_errors(ports: tuple[int, int]) -> None:
    status, message = refused(ports[0], "/v2/models/file/infer", {"inputs": [AGE]})
    assert (status, "tensors missing 'city'" in message) == (400, True)
    odd = {"inputs": [AGE, CITY], "parameters": {"timeout": "x"}}
    assert refused(ports[0], "/v2/models/file/infer", odd)[0] == 400
    nothing = {"inputs": [AGE, CITY], "outputs": [{"name": "nothing"}]}
    assert "has no output 'nothing'" in refused(ports[0], "/v2/models/file/infer", nothing)[1]


@pytest.mark.parametrize("raw", [True, False])
def test_grpc(ports: tuple[int, int], estimator: Any, raw: bool) -> None:
    import grpc

    from pretzel.serving import tensors
    from pretzel.serving.grpc.messages import message

    inputs: list[dict[str, Any]] = []
    contents = []
    for each, field in ((AGE, "fp64_contents"), (CITY, "bytes_contents")):
        values: Any = [each["data"]] if field == "fp64_contents" else [tensors.encoded(each["data"])]
        inputs.append({**{key: each[key] for key in ("name", "shape", "datatype")}})
        if not raw:
            inputs[-1]["contents"] = {field: values[0]}
        is_text = field == "bytes_contents"
        contents.append(tensors.bytes_of(each["data"]) if is_text else FRAME["age"].to_numpy()[:4].tobytes())
    asked = message("inference.ModelInferRequest")(
        model_name="file", id="s", inputs=inputs, raw_input_contents=contents if raw else []
    )
    with grpc.insecure_channel(f"127.0.0.1:{ports[1]}") as channel:
        answered = message("inference.ModelInferResponse")
        method = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer", type(asked).SerializeToString, answered.FromString
        )
        answer = method(asked, timeout=30)
        (output,) = answer.outputs
        texts = (
            tensors.texts_of(memoryview(answer.raw_output_contents[0]), 4, "")
            if raw
            else tensors.decoded(output.contents.bytes_contents, "")
        )
        assert (answer.id, texts) == ("s", estimator.predict(FRAME.head(4)).tolist())
        with pytest.raises(grpc.RpcError, match="missing 'city'") as caught:
            method(type(asked)(model_name="file", inputs=inputs[:1], raw_input_contents=contents[:raw]), timeout=30)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_class_is_made_when_it_is_asked_for() -> None:
    import pretzel.integrations.mlserver as room

    with pytest.raises(AttributeError, match="Nothing"):
        room.Nothing  # noqa: B018
    assert Path(room.__file__).name == "mlserver.py"
