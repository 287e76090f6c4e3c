"""A path that has answered a row answers the next one by a shorter way, with the same answers and errors."""

from __future__ import annotations

import itertools
import sys
import threading
import time

import pytest

import pretzel
import pretzel.serving
from tests.serving.conftest import FRAME, Client, churn

ROW = {"age": 17, "city": "Köln"}
PATH = "/models/churn/de/predict"


@pytest.fixture
def own() -> pretzel.Runtime:
    """A runtime with one model."""
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("churn/de", churn())
        yield runtime


def test_answers_and_errors_are_the_same_the_second_time(client: Client) -> None:
    bodies = [ROW, {}, {"age": "x", "city": "y"}, b"{", b"", b"5", [17, "Köln"], [ROW, ROW], {"age": None, "city": "y"}]
    for method in ("predict", "predict_proba"):
        path = f"/models/churn/de/{method}"
        fresh = [Client(pretzel.serving.app(client.app.runtime)).post(path, body) for body in bodies]
        assert client.post(path, ROW).status == 200
        again = [client.post(path, body) for body in bodies]
        for one, other in zip(fresh, again, strict=True):
            assert (one.status, one.body, one.headers.keys()) == (other.status, other.body, other.headers.keys())


def test_headers_that_ask_for_more(client: Client) -> None:
    client.post(PATH, ROW)
    assert client.post(PATH, ROW, headers={"X-Request-Id": "a"}).headers["x-request-id"] == "a"
    assert client.post(PATH, ROW, headers={"Request-Timeout": "0"}).status == 504
    arrow = "application/vnd.apache.arrow.stream"
    assert client.post(PATH, ROW, headers={"Accept": arrow}).headers["content-type"] == arrow
    assert client.post(PATH, ROW, chunk=5).json == "yes"
    assert client.get(PATH).status == 405


def test_the_model_changes(own: pretzel.Runtime) -> None:
    client = Client(pretzel.serving.app(own, manage=True))
    assert [client.post(PATH, ROW).json for _ in range(2)] == ["yes", "yes"]
    own.register("churn/de", churn(("yes", "no")), keep=True)
    answer = client.post(PATH, ROW)
    assert (answer.json, answer.headers["model-version"]) == ("no", "churn/de@v2")
    own.promote("churn/de@v1")
    assert client.post(PATH, ROW).json == "yes"
    client.post("/v2/repository/models/churn/de/unload")
    assert client.post(PATH, ROW).status == 503
    client.post("/v2/repository/models/churn/de/load")
    assert client.post(PATH, ROW).json == "yes"
    own.unregister("churn/de")
    assert client.post(PATH, ROW).status == 404
    own.register("churn/de", churn(("yes", "no")))
    assert [client.post(PATH, ROW).json for _ in range(2)] == ["no", "no"]


def test_an_alias_deals_calls_out(own: pretzel.Runtime) -> None:
    own.register("other", churn(("yes", "no")))
    own.alias("live", "churn/de")
    client = Client(pretzel.serving.app(own))
    assert [client.post("/models/live/predict", ROW).json for _ in range(3)] == ["yes"] * 3
    own.alias("live", {"churn/de": 0.5, "other": 0.5})
    assert sorted(client.post("/models/live/predict", ROW).json for _ in range(6)) == ["no"] * 3 + ["yes"] * 3


@pytest.mark.parametrize("body", [ROW, [ROW]], ids=["row", "rows"])
def test_the_version_named_is_the_one_that_answered(own: pretzel.Runtime, body: object) -> None:
    own.register("churn/de", churn(("yes", "no")), keep=True)
    meanings = {"churn/de@v1": "yes", "churn/de@v2": "no"}
    client = Client(pretzel.serving.app(own))
    over = threading.Event()

    def swap() -> None:
        for version in itertools.cycle(meanings):
            own.promote(version)
            if over.is_set():
                return

    thread, interval = threading.Thread(target=swap), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        end, seen = time.monotonic() + 0.5, set()
        while time.monotonic() < end:
            answer = client.post(PATH, body)
            version = answer.headers["model-version"]
            assert answer.json == (meanings[version] if body is ROW else [meanings[version]])
            seen.add(version)
    finally:
        over.set()
        sys.setswitchinterval(interval)
        thread.join()
    assert seen == meanings.keys()


def test_one_application_at_two_places(client: Client) -> None:
    for root in ("", "/ml", "/models"):
        assert [client.post(PATH, ROW, root=root).json for _ in range(2)] == ["yes", "yes"]
    assert client.post("/ml" + PATH, ROW).status == 404


def test_limits_and_counts(own: pretzel.Runtime) -> None:
    app = pretzel.serving.app(own, max_bytes=60)
    client = Client(app)
    rows = FRAME.head(4).to_dict("records")
    assert [client.post(PATH, row).status for row in rows] == [200] * 4
    assert client.post(PATH, {**ROW, "city": "x" * 60}).status == 413
    assert client.post(PATH, {}).status == 400
    assert dict(app.statuses) == {200: 4, 413: 1, 400: 1}
    assert own["churn/de"].calls == 5
    app.draining = True
    assert client.post(PATH, ROW).status == 503
    assert app.active == 0


def test_names_are_forgotten_before_there_are_too_many(own: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that names versions may ask for one after the other."""
    monkeypatch.setattr("pretzel.serving.models.MOST", 5)
    monkeypatch.setattr("pretzel.serving.short.MOST", 5)
    client = Client(pretzel.serving.app(own))
    first = client.post(PATH, ROW).json
    for _ in range(12):
        own.register("churn/de", churn())
        label = own.versions("churn/de")[-1]
        assert client.post(f"/models/churn/de@{label}/predict", ROW).json == first
        assert client.post(PATH, ROW).json == first
    assert len(client.app.models._known) <= 5
    assert len(client.app.short_rows._known) <= 5
