"""Open Inference Protocol V2 over gRPC: tensors, states, errors, deadlines, an orderly end; clients in this process."""

from __future__ import annotations

import asyncio
import contextlib
import re
import string
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import grpc
import numpy as np
import pandas as pd
import pytest

import pretzel
import pretzel.serving.grpc
from pretzel.errors import OptionError, Overloaded, PretzelError
from pretzel.serving import failures, tensors
from pretzel.serving.grpc import contents
from pretzel.serving.grpc.messages import message, services
from pretzel.serving.grpc.services import LONGEST, cut
from tests.serving.conftest import FRAME, TEXTS, X, call, churn
from tests.serving.test_application import Slow

if TYPE_CHECKING:
    from collections.abc import Iterator

INFERENCE = "inference.GRPCInferenceService"
LIMIT = 20.0
"""Seconds after which a call of a test has failed."""


class Served:
    """A server in an event loop of its own, and calls of its methods."""

    def __init__(self, served: Any, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self.server = pretzel.serving.grpc.server(served, "127.0.0.1:0", **settings)
            self.wait(self.server.start())
            self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.port}")
        except BaseException:
            self.close()
            raise

    def wait(self, work: Any) -> Any:
        """The result of a coroutine in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        """Stop everything."""
        if hasattr(self, "channel"):
            self.channel.close()
            self.wait(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def method(self, name: str, service: str = INFERENCE) -> Any:
        """A method of a service, and its messages."""
        (found,) = (each for each in services()[service] if each.name == name)
        asked, answered = message(found.input_type.full_name), message(found.output_type.full_name)
        make = self.channel.unary_stream if name == "Watch" else self.channel.unary_unary
        return make(f"/{service}/{name}", asked.SerializeToString, answered.FromString), asked

    def call(self, name: str, service: str = INFERENCE, /, *, timeout: float = LIMIT, **fields: Any) -> Any:
        """The answer of a method."""
        method, asked = self.method(name, service)
        return method(asked(**fields), timeout=timeout)

    def infer(self, name: str, *inputs: Any, raw: bool = True, timeout: float = LIMIT, **fields: Any) -> Any:
        """The answer of a model to arrays, or lists of texts, by name."""
        return self.call("ModelInfer", timeout=timeout, **request(name, *inputs, raw=raw), **fields)

    def health(self, service: str = "") -> int:
        """What Kubernetes asks."""
        status: int = self.call("Check", "grpc.health.v1.Health", service=service).status
        return status


def request(name: str, *inputs: tuple[str, Any], raw: bool) -> dict[str, Any]:
    """The fields of an inference request."""
    found: dict[str, Any] = {"model_name": name, "inputs": []}
    for each, values in inputs:
        (tensor,) = tensors.of_answer(each, np.asarray(values))
        described = {"name": each, "datatype": tensor.datatype, "shape": tensor.shape}
        if raw:
            found.setdefault("raw_input_contents", []).append(tensors.to_bytes(tensor))
        else:
            is_text = tensor.datatype == "BYTES"
            flat = [text.encode() for text in tensor.values] if is_text else tensor.values.tolist()
            described["contents"] = {contents.FIELDS[tensor.datatype]: flat}
        found["inputs"].append(described)
    return found


def outputs(answer: Any) -> dict[str, Any]:
    """The outputs of an answer as arrays by name."""
    found = {}
    for i, each in enumerate(answer.outputs):
        count = int(np.prod(each.shape))
        if answer.raw_output_contents:
            assert not each.HasField("contents")
            data = memoryview(answer.raw_output_contents[i])
            values = tensors.of_bytes(data, each.datatype, count, each.name)
        else:
            values = [*getattr(each.contents, contents.FIELDS[each.datatype])]
            values = [text.decode() for text in values] if each.datatype == "BYTES" else values
        dtype = object if each.datatype == "BYTES" else tensors.DTYPES[each.datatype]
        found[each.name] = np.array(values, dtype).reshape(each.shape)
    return found


def same(found: Any, expected: Any) -> None:
    """The values, shapes and dtypes of an answer, in which labels that are texts are objects."""
    expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected)
    assert found.dtype == (object if expected.dtype.kind in "UO" else expected.dtype)
    np.testing.assert_array_equal(found, expected)


@contextlib.contextmanager
def serving(served: Any, **settings: Any) -> Iterator[Served]:
    """Runs a server until the block ends."""
    found = Served(served, **settings)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def served(runtime: pretzel.Runtime) -> Iterator[Served]:
    """A server over all models."""
    with serving(runtime) as found:
        yield found


def failure(work: Any) -> Any:
    """The error that a call fails with."""
    with pytest.raises(grpc.RpcError) as caught:
        work()
    return caught.value


AGE, CITY = ("age", np.array([42.0, 17.0])), ("city", np.array([["Bonn"], ["Köln"]]))
INPUTS: dict[str, Any] = {"churn/de": (AGE, CITY)} | dict.fromkeys(["spam", "words"], (("text", TEXTS[:3]),))


def test_the_descriptors_are_those_of_the_protocols() -> None:
    import base64

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from pretzel.serving.grpc.descriptors import DESCRIPTORS
    from tests.serving.descriptors import FOLDER, PROTOCOLS, compiled

    folder = FOLDER if FOLDER.exists() else pretzel.serving.grpc.__path__[0]
    kept, made = (FileDescriptorSet.FromString(each) for each in (base64.b64decode(DESCRIPTORS), compiled(folder)))
    assert [file.name for file in kept.file] == [*PROTOCOLS]
    assert kept == made


@pytest.mark.parametrize("raw", [True, False])
def test_answers_are_those_of_the_models(served: Served, runtime: pretzel.Runtime, raw: bool) -> None:
    for name in runtime:
        plan = runtime[name].plan
        table = FRAME.head(2) if name == "churn/de" else TEXTS[:3] if name in INPUTS else X[:4]
        asked = [{"name": method} for method in plan.input_schema.outputs]
        answer = served.infer(name, *INPUTS.get(name, (("input", X[:4]),)), raw=raw, outputs=asked)
        assert bool(answer.raw_output_contents) is raw
        found = outputs(answer)
        for method in plan.input_schema.outputs:
            expected = getattr(plan, method)(table)
            parts = {f"{method}_{i}": part for i, part in enumerate(expected)} if isinstance(expected, list) else {}
            for each, part in (parts or {method: expected}).items():
                same(found[each], part)


@pytest.mark.parametrize("datatype", [*tensors.DTYPES])
def test_dtypes_of_tensors_are_those_of_a_frame(served: Served, runtime: pretzel.Runtime, datatype: str) -> None:
    values = np.array([[1, 0, 1], [0, 1, 1]]).astype(tensors.DTYPES[datatype])
    expected = runtime["scaled"].plan.transform(values)
    same(outputs(served.infer("scaled", ("x", values)))["transform"], expected)
    if datatype in contents.FIELDS:
        same(outputs(served.infer("scaled", ("x", values), raw=False))["transform"], expected)


def test_answers_in_float16_are_raw() -> None:
    """Typed contents have no field for them."""
    answer = message("inference.ModelInferResponse")()
    numbers = tensors.Tensor("a", "FP16", (2,), np.array([1.5, 2.0], np.float16))
    contents.write(answer, [numbers, tensors.Tensor("b", "BYTES", (1,), ["x"])], raw=False)
    found = outputs(answer)
    assert (found["a"].tolist(), found["b"].tolist()) == ([1.5, 2.0], ["x"])


def test_ids_versions_aliases_and_the_default_output() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("a", churn(), version="v1")
        runtime.register("a", churn(("yes", "no")), version="v2", keep=True)
        runtime.alias("live", "a@v1")
        with serving(runtime) as served:
            for name, version, told in (
                ("a", "", ("a", "v2")),
                ("a", "v1", ("a", "v1")),
                ("a@v1", "", ("a", "v1")),
                ("live", "", ("live", "v1")),
            ):
                answer = served.infer(name, AGE, CITY, model_version=version, id="seven")
                assert (answer.model_name, answer.model_version, answer.id) == (*told, "seven")
                expected = ["no", "yes"] if told[1] == "v1" else ["yes", "no"]
                assert {name: each.tolist() for name, each in outputs(answer).items()} == {"predict": expected}
                assert served.call("ModelReady", name=name, version=version).ready
            assert served.infer("a", AGE, CITY).id == ""
            found = served.call("ModelMetadata", name="a", version="v1")
            assert (found.name, [*found.versions], found.platform) == ("a", ["v1", "v2"], "pretzel")
            for method, field in (("ModelInfer", "model_name"), ("ModelReady", "name"), ("ModelMetadata", "name")):
                version = "model_version" if field == "model_name" else "version"
                error = failure(lambda m=method, f=field, v=version: served.call(m, **{f: "a", v: "v9"}))
                assert error.code() is grpc.StatusCode.NOT_FOUND


def test_metadata(served: Served) -> None:
    server = served.call("ServerMetadata")
    assert (server.name, server.version) == ("pretzel", pretzel.__version__)
    assert [*server.extensions] == ["binary_tensor_data", "model_repository"]
    assert served.call("ServerLive").live
    assert served.call("ServerReady").ready
    found = served.call("ModelMetadata", name="churn/de")
    assert [(each.name, each.datatype, [*each.shape]) for each in found.inputs] == [
        ("age", "FP64", [-1]),
        ("city", "BYTES", [-1]),
    ]
    assert {each.name: each.datatype for each in found.outputs}["predict"] == "BYTES"


def test_the_repository(tmp_path: Any) -> None:
    pretzel.PlanStore(tmp_path).publish("churn/de", churn())
    with pretzel.Runtime(store=tmp_path) as runtime:
        with serving(runtime) as closed:
            error = failure(lambda: closed.call("RepositoryModelUnload", model_name="churn/de"))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        with serving(runtime, manage=True) as served:
            (found,) = served.call("RepositoryIndex").models
            assert (found.name, found.version, found.state, found.reason) == ("churn/de", "v1", "READY", "")
            assert served.call("RepositoryModelUnload", model_name="churn/de").isUnloaded
            assert [each.state for each in served.call("RepositoryIndex").models] == ["UNAVAILABLE"]
            assert not served.call("RepositoryIndex", ready=True).models
            assert not served.call("ModelReady", name="churn/de").ready
            assert served.health("churn/de") == 2
            assert failure(lambda: served.infer("churn/de", AGE, CITY)).code() is grpc.StatusCode.UNAVAILABLE
            options = {"parameters": {"config": {"string_param": "{}"}}}
            error = failure(lambda: served.call("RepositoryModelLoad", model_name="churn/de", **options))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            loaded = served.call("RepositoryModelLoad", repository_name="churn/de")  # as KServe's clients send it
            assert (loaded.model_name, loaded.isLoaded) == ("churn/de", True)
            assert served.infer("churn/de", AGE, CITY).outputs
            error = failure(lambda: served.call("RepositoryModelLoad", model_name="nobody"))
            assert error.code() is grpc.StatusCode.NOT_FOUND


MATRIX = {"name": "x", "datatype": "FP64", "shape": [1, 3]}
THREE = np.ones(3).tobytes()
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no inputs": ("numbers", {}, "expected inputs"),
    "missing": ("churn/de", request("churn/de", AGE, raw=False), "churn/de: tensors missing 'city'"),
    "unknown": ("churn/de", request("churn/de", AGE, CITY, ("x", [1.0, 2.0]), raw=True), "unknown 'x'"),
    "twice": ("churn/de", request("churn/de", AGE, AGE, raw=True), "two tensors 'age'"),
    "datatype": ("numbers", {"inputs": [{**MATRIX, "datatype": "FP8"}], "raw_input_contents": [b""]}, "FP8"),
    "no datatype": ("numbers", {"inputs": [{"name": "x", "shape": [1, 3]}]}, "expected a datatype"),
    "negative": ("numbers", {"inputs": [{**MATRIX, "shape": [-1, 3]}]}, "shape of sizes"),
    "huge": ("numbers", {"inputs": [{**MATRIX, "shape": [10**18, 3]}]}, "and its contents 0"),
    "count": (
        "numbers",
        {"inputs": [{**MATRIX, "contents": {"fp64_contents": [1.0]}}]},
        "and its contents 1",
    ),
    "field": ("numbers", {"inputs": [{**MATRIX, "contents": {"fp32_contents": [1.0] * 3}}]}, "got fp32_contents"),
    "both": (
        "numbers",
        {"inputs": [{**MATRIX, "contents": {"fp64_contents": [1.0] * 3}}], "raw_input_contents": [THREE]},
        "beside raw_input_contents",
    ),
    "more raw": ("numbers", {"inputs": [MATRIX], "raw_input_contents": [THREE, b""]}, "1 inputs and 2"),
    "short raw": ("numbers", {"inputs": [MATRIX], "raw_input_contents": [THREE[:-1]]}, "23 bytes are there"),
    "float16 without raw": ("scaled", {"inputs": [{**MATRIX, "datatype": "FP16"}]}, "raw_input_contents only"),
    "out of range": (
        "scaled",
        {"inputs": [{**MATRIX, "datatype": "INT8", "contents": {"int_contents": [300, 1, 1]}}]},
        "out of the range of INT8",
    ),
    "no UTF-8": (
        "spam",
        {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"\xff"]}}]},
        "no UTF-8",
    ),
    "shared memory": (
        "numbers",
        {"inputs": [{**MATRIX, "parameters": {"shared_memory_region": {"string_param": "a"}}}]},
        "shared memory",
    ),
    "classification": (
        "numbers",
        {
            **request("numbers", ("x", X[:1]), raw=True),
            "outputs": [{"name": "predict", "parameters": {"classification": {"int64_param": 2}}}],
        },
        "classification",
    ),
    "timeout": ("numbers", {"parameters": {"timeout": {"string_param": "x"}}}, "timeout"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_told_what_is_wrong(served: Served, case: str) -> None:
    name, fields, text = BAD[case]
    error = failure(lambda: served.call("ModelInfer", **{**fields, "model_name": name}))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
    assert text in error.details()


@pytest.mark.parametrize("length", [1_000, 5_000, 20_000, 100_000])
def test_long_errors_keep_their_status(served: Served, length: int) -> None:
    tensor = {"name": "x", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"a"]}}
    for letter in ("x", "é", "%", "\n"):
        long = letter * length
        asked: list[tuple[str, dict[str, Any]]] = [
            ("churn/de", {"inputs": [{**tensor, "name": long}]}),
            ("numbers", {"inputs": [{**tensor, "datatype": long}]}),
            ("numbers", {"inputs": [{**tensor, "name": long}], "outputs": [{"name": long}]}),
            (long, {"inputs": [tensor]}),
        ]
        for name, fields in asked:
            error = failure(lambda name=name, fields=fields: served.call("ModelInfer", model_name=name, **fields))
            assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), error
            assert 0 < len(quote(error.details(), safe=string.printable[:95].replace("%", ""))) <= LONGEST


@pytest.mark.parametrize("letter", ["x", "é", "%", "\U0001f600", "\n"])
def test_what_is_told_is_cut_at_a_letter(letter: str) -> None:
    assert cut(letter * 100) == letter * 100
    told = cut(letter * 10_000)
    assert set(told) == {letter, "."}
    size = len(told.encode()) if letter == "x" else 3 * (len(told) - 3) * len(letter.encode()) + 3
    assert LONGEST - 12 < size <= LONGEST


def test_messages_that_cannot_be_read(served: Served) -> None:
    whole = message("inference.ModelInferRequest")(**request("numbers", ("x", X[:2]), raw=True)).SerializeToString()
    method = served.channel.unary_unary(f"/{INFERENCE}/ModelInfer")
    method(whole, timeout=LIMIT)
    for end in range(1, len(whole), 5):
        error = failure(lambda end=end: method(whole[:end], timeout=LIMIT))
        assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), end


def test_unknown_outputs_and_methods(served: Served) -> None:
    error = failure(lambda: served.infer("numbers", ("x", X[:1]), outputs=[{"name": "nothing"}]))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "it has predict" in error.details()
    error = failure(lambda: served.channel.unary_unary(f"/{INFERENCE}/ModelStreamInfer")(b"", timeout=LIMIT))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_ids_of_requests(served: Served) -> None:
    method, asked = served.method("ModelInfer")
    good = asked(**request("numbers", ("x", X[:1]), raw=True))
    _, told = method.with_call(good, metadata=[("x-request-id", "r7")], timeout=LIMIT)
    assert ("x-request-id", "r7") in told.trailing_metadata()
    assert "x-request-id" not in dict(method.with_call(good, timeout=LIMIT)[1].trailing_metadata())
    error = failure(lambda: method(asked(model_name="nobody", id="seven"), timeout=LIMIT))
    assert dict(error.trailing_metadata())["x-request-id"] == "seven"
    error = failure(lambda: method(asked(model_name="nobody"), timeout=LIMIT))
    assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", dict(error.trailing_metadata())["x-request-id"])


def test_every_error_has_a_status_in_one_table() -> None:
    table = {
        name: code
        for names, code in re.findall(r"^(`[^\n]*?`)\s+\d{3}\s+([A-Z_]+)\s", failures.__doc__ or "", re.M)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert table == {kind.__name__: code for kind, code in failures.CODES.items()}
    assert {grpc.StatusCode[code] for code in table.values()}
    assert failures.code_of(Overloaded("x")) == "RESOURCE_EXHAUSTED"
    assert failures.code_of(KeyError("x")) == "INTERNAL"


@pytest.fixture
def slow() -> Iterator[pretzel.Runtime]:
    """A runtime whose model "slow" waits; one request may wait for a worker."""
    Slow.gate.clear()
    Slow.begun.clear()
    Slow.error = None
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1, queue=1) as runtime:
        runtime.register("slow", Slow().fit([[0.0]]))
        runtime.register("numbers", churn())
        yield runtime
        Slow.gate.set()


ONE = ("x", np.ones((1, 1)))


def test_overload_is_told_with_a_time(slow: pretzel.Runtime) -> None:
    with serving(slow, max_requests=3, warm_up=False) as served, ThreadPoolExecutor(4) as threads:
        first = threads.submit(served.infer, "slow", ONE)
        assert Slow.begun.wait(LIMIT)
        second = threads.submit(served.infer, "slow", ONE)
        end = time.monotonic() + LIMIT
        while slow.engine.load()["in_python"] < 1:
            assert time.monotonic() < end
            time.sleep(0.005)
        full = failure(lambda: served.infer("slow", ONE))
        Slow.gate.set()
        assert first.result().outputs
        assert second.result().outputs
        assert full.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert int(dict(full.trailing_metadata())["retry-after"]) >= 1


def test_requests_beyond_the_limit(slow: pretzel.Runtime) -> None:
    with serving(slow, max_requests=1, warm_up=False) as served, ThreadPoolExecutor(4) as threads:
        first = threads.submit(served.infer, "slow", ONE)
        assert Slow.begun.wait(LIMIT)
        busy = failure(lambda: served.infer("numbers", AGE, CITY))
        assert (busy.code(), "1 requests" in busy.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        assert served.call("ServerReady").ready  # which is no prediction
        Slow.gate.set()
        assert first.result().outputs


def test_deadlines(slow: pretzel.Runtime) -> None:
    with serving(slow, warm_up=False) as served:
        error = failure(lambda: served.infer("slow", ONE, timeout=0.05))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        wanted = {"timeout": {"int64_param": 20_000}}
        threading.Timer(0.2, Slow.gate.set).start()  # until then the first one keeps the worker
        error = failure(lambda: served.infer("slow", ONE, parameters=wanted))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "x-request-id" in dict(error.trailing_metadata())  # the server itself has said so
        assert served.infer("numbers", AGE, CITY, parameters={"timeout": {"int64_param": 10_000_000}}).outputs
        error = failure(lambda: served.infer("numbers", AGE, CITY, parameters={"timeout": {"int64_param": 1}}))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # also where the answer would take no time


def test_the_deadline_of_a_call_is_that_of_its_request(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from pretzel.serving import inference

    seen: list[Any] = []

    async def infer(models: Any, name: str, inputs: Any, outputs: Any, deadline: float | None) -> Any:
        seen.append(deadline)
        return inference.Answer(name, "", {})

    monkeypatch.setattr(inference, "infer", infer)
    served.infer("numbers", ("x", X[:1]), timeout=7.0)
    served.infer("numbers", ("x", X[:1]), timeout=7.0, parameters={"timeout": {"int64_param": 1_000_000}})
    method, asked = served.method("ModelInfer")
    method(asked(**request("numbers", ("x", X[:1]), raw=True)))
    assert 5 < seen[0] < 7.1  # the wire has it rounded
    assert seen[1:] == [1.0, None]


def test_what_fails_inside_is_logged_and_not_told(slow: pretzel.Runtime, caplog: pytest.LogCaptureFixture) -> None:
    Slow.error = MemoryError("secret")
    Slow.gate.set()
    with serving(slow, warm_up=False) as served, caplog.at_level("ERROR", logger="pretzel"):
        error = failure(lambda: served.infer("slow", ONE, id="r7"))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert ("secret" in error.details(), "r7" in error.details(), "r7" in caplog.text) == (False, True, True)


def test_messages_beyond_the_limit(runtime: pretzel.Runtime) -> None:
    with serving(runtime, max_bytes=10_000) as served:
        assert served.infer("numbers", ("x", np.ones((300, 3)))).outputs
        error = failure(lambda: served.infer("numbers", ("x", np.ones((500, 3)))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_requests_under_way_are_answered_when_the_server_stops(slow: pretzel.Runtime) -> None:
    with serving(slow, warm_up=False) as served, ThreadPoolExecutor(2) as threads:
        watch, asked = served.method("Watch", "grpc.health.v1.Health")
        watched = watch(asked(), timeout=LIMIT)
        assert next(watched).status == 1
        first = threads.submit(served.infer, "slow", ONE)
        assert Slow.begun.wait(LIMIT)
        stopped = threads.submit(served.wait, served.server.stop())
        assert [each.status for each in watched] == [2]
        assert failure(lambda: served.infer("numbers", AGE, CITY)).code() is grpc.StatusCode.UNAVAILABLE
        assert not stopped.done()
        Slow.gate.set()
        assert first.result().outputs
        stopped.result()


def test_a_server_that_does_not_answer_yet_or_any_more(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow, warm_up=False)
    with serving(app) as served:
        assert [served.health(name) for name in ("", INFERENCE, "slow", "slow@v1")] == [1, 1, 1, 1]
        assert failure(lambda: served.health("nobody")).code() is grpc.StatusCode.NOT_FOUND
        app.draining = True
        assert served.health() == 2
        assert not served.call("ServerReady").ready
        assert served.call("ServerLive").live
        error = failure(lambda: served.infer("slow", ONE))
        assert (error.code(), "shutting down" in error.details()) == (grpc.StatusCode.UNAVAILABLE, True)


def test_beside_http_in_one_event_loop(runtime: pretzel.Runtime) -> None:
    """The server starts and ends with the application, and callers of both see what is unloaded."""

    async def main() -> None:
        app = pretzel.serving.app(runtime, manage=True)
        server = pretzel.serving.grpc.server(app, "127.0.0.1:0")
        events: asyncio.Queue[Any] = asyncio.Queue()
        sent: list[str] = []

        async def send(event: Any) -> None:
            sent.append(event["type"])

        life = asyncio.create_task(app({"type": "lifespan"}, events.get, send))
        await events.put({"type": "lifespan.startup"})
        while not sent:
            await asyncio.sleep(0.001)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            ready = channel.unary_unary(f"/{INFERENCE}/ModelReady")
            asked = message("inference.ModelReadyRequest")(name="rent").SerializeToString()
            assert await ready(asked, timeout=LIMIT) == b"\x08\x01"
            assert (await call(app, "POST", "/v2/repository/models/rent/unload")).status == 200
            assert await ready(asked, timeout=LIMIT) == b""
            assert (await call(app, "GET", "/metrics")).body.count(b'pretzel_grpc_responses_total{code="OK"} 2.0') == 1
        await events.put({"type": "lifespan.shutdown"})
        await asyncio.wait_for(life, LIMIT)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(main())


def test_an_address_that_is_taken(runtime: pretzel.Runtime, served: Served) -> None:
    taken = f"127.0.0.1:{served.server.port}"

    async def main() -> None:
        with pytest.raises(PretzelError, match="cannot listen at"):
            await pretzel.serving.grpc.server(runtime, taken).start()
        app = pretzel.serving.app(runtime)
        pretzel.serving.grpc.server(app, taken)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(event: Any) -> None:
            sent.append(event)

        await app({"type": "lifespan"}, receive, send)
        assert sent[0]["type"] == "lifespan.startup.failed"
        assert "cannot listen" in sent[0]["message"]

    asyncio.run(main())


def test_settings_are_those_of_the_application(runtime: pretzel.Runtime) -> None:
    with pytest.raises(OptionError, match="manage"):
        pretzel.serving.grpc.server(pretzel.serving.app(runtime), "127.0.0.1:0", manage=True)
    with pytest.raises(OptionError, match="max_requests"):
        pretzel.serving.grpc.server(runtime, "127.0.0.1:0", max_requests=0)


def test_tritonclient_in_the_process_of_the_server(served: Served, runtime: pretzel.Runtime) -> None:
    """Its messages have the names of Pretzel's, which stand in a pool of their own."""
    triton = pytest.importorskip("tritonclient.grpc")
    client = triton.InferenceServerClient(f"127.0.0.1:{served.server.port}")
    try:
        tensor = triton.InferInput("input", [4, 3], "FP64")
        tensor.set_data_from_numpy(X[:4])
        found = client.infer("numbers", [tensor], client_timeout=LIMIT).as_numpy("predict")
        np.testing.assert_array_equal(found, runtime["numbers"].predict(X[:4]))
    finally:
        client.close()


def test_missing_numbers_are_nan(served: Served, runtime: pretzel.Runtime) -> None:
    frame = pd.DataFrame({"age": [np.nan, 17], "city": ["Bonn", "Köln"]})
    found = served.infer("churn/de", ("age", frame["age"].to_numpy()), CITY, outputs=[{"name": "predict_proba"}])
    same(outputs(found)["predict_proba"], runtime["churn/de"].plan.predict_proba(frame))
