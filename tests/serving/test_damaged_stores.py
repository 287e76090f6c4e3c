"""Models whose files are damaged or away: the others are served, and callers are told which cannot be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import pretzel
import pretzel.serving
from tests.serving.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

X = np.arange(12.0).reshape(4, 3)
ROW = [1.0, 2.0, 3.0]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two models."""
    plans = pretzel.PlanStore(tmp_path / "models")
    for i, name in enumerate(("a", "b")):
        plans.publish(name, LinearRegression().fit(X, X[:, i]))
    return tmp_path / "models"


@pytest.fixture
def client(store: Path) -> Iterator[Client]:
    """A client of an application over the store, none of whose models has been loaded."""
    with pretzel.Runtime(store=store) as runtime:
        yield Client(pretzel.serving.app(runtime))


def states(client: Client) -> dict[str, tuple[str, str]]:
    """State and reason of each model in the index."""
    answer = client.post("/v2/repository/index", {})
    assert answer.status == 200, answer.body
    return {each["name"]: (each["state"], each["reason"]) for each in answer.json}


def test_a_damaged_name_is_listed_as_unavailable_beside_the_others(client: Client, store: Path) -> None:
    (store / "names" / "a.json").write_text("{trunc")
    damaged, other = client.get("/models").json["models"]
    assert (damaged["name"], damaged["versions"]) == ("a", [])
    assert "a.json is damaged" in damaged["reason"]
    assert other == {"name": "b", "version": None, "versions": ["v1"], "loaded": False}
    found = states(client)
    assert found["b"] == ("READY", "")
    assert found["a"][0] == "UNAVAILABLE"
    assert "a.json is damaged" in found["a"][1]
    assert client.post("/models/b/predict", ROW).status == 200
    assert client.post("/models/a/predict", ROW).status == 503


def test_a_store_that_is_away(client: Client, store: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/models/a/predict", ROW).status == 200
    store.rename(store.parent / "away")
    assert client.post("/models/a/predict", ROW).status == 200
    paths = (
        "/models",
        "/models/unknown",
        "/models/b",
        "/v2/models/b",
        "/v2/models/b/ready",
        "/v2/models/unknown/ready",
    )
    answers: list[Any] = [client.post("/models/b/predict", ROW), *map(client.get, paths)]
    for answer in answers:
        assert answer.status == 503, answer.body
        assert "cannot be loaded" in answer.error
        assert "retry-after" in answer.headers
    assert caplog.records
    assert not any(record.exc_info for record in caplog.records)
    (store.parent / "away").rename(store)
    assert client.get("/models").status == 200
    assert client.post("/models/b/predict", ROW).status == 200


def test_a_plan_that_is_away(client: Client, store: Path) -> None:
    (path,) = store.rglob(f"*{pretzel.PlanStore(store).versions('b').plans['v1']}*")
    content = path.read_bytes()
    path.unlink()
    answers = [client.post("/models/b/predict", ROW)]
    answers += [client.get(path) for path in ("/models/b", "/v2/models/b", "/v2/models/b/ready")]
    for answer in answers:
        assert answer.status == 503, answer.body
        assert "cannot be loaded" in answer.error
    assert states(client)["a"] == ("READY", "")
    assert states(client)["b"][0] == "UNAVAILABLE"
    path.write_bytes(content)
    assert client.post("/models/b/predict", ROW).status == 200
    assert states(client)["b"] == ("READY", "")
