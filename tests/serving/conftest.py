"""A runtime with models of every kind, and clients of its application in this process."""

from __future__ import annotations

import asyncio
import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import pretzel
import pretzel.serving

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME = pd.DataFrame({"age": [42.0, 17.0, 66.0, 30.0] * 10, "city": ["Bonn", "Köln", "Paris", "Bonn"] * 10})
TEXTS = ["good film", "bad film", "good plot", "bad plot and bad film"] * 5
X = np.random.default_rng(0).normal(size=(60, 3))


def doubled(X: Any) -> Any:
    """What an opaque step does."""
    return X * 2


@functools.cache
def churn(labels: Any = ("no", "yes")) -> Any:
    """A pipeline over a table with names."""
    features = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
            ("c", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ]
    )
    return make_pipeline(features, LogisticRegression()).fit(FRAME, [*labels] * 20)


@pytest.fixture(scope="session")
def estimators() -> dict[str, Any]:
    """Fitted estimators by name."""
    three = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    return {
        "churn/de": churn(),
        "numbers": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, three),
        "rent": LinearRegression().fit(X, X[:, 0]),
        "two": RandomForestClassifier(3, random_state=0).fit(X, np.c_[three, three > 0]),
        "spam": make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, [0, 1] * 10),
        "words": TfidfVectorizer().fit(TEXTS),
        "opaque": make_pipeline(FunctionTransformer(doubled), LinearRegression()).fit(X, X[:, 0]),
        "scaled": StandardScaler().fit(X),
    }


@pytest.fixture(scope="session")
def runtime(estimators: dict[str, Any]) -> Iterator[pretzel.Runtime]:
    """All of them, under their names."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=2) as runtime:
        for name, estimator in estimators.items():
            runtime.register(name, estimator)
        yield runtime


@dataclass
class Answer:
    """What an application has sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error."""
        return self.json["error"]


async def call(
    app: Any,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    root: str = "",
    query: str = "",
    chunk: int = 1 << 30,
) -> Answer:
    """One request to an ASGI application, in this event loop."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    parts = [data[i : i + chunk] for i in range(0, len(data), chunk)] or [b""]
    events = iter(
        {"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": root + path,
        "root_path": root,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return next(events, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    assert start["type"] == "http.response.start"
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    body = b"".join(each["body"] for each in rest)
    assert method == "HEAD" or len(body) == int(found["content-length"])
    return Answer(start["status"], found, body)


class Client:
    """Calls an application, each request in an event loop of its own."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        return asyncio.run(call(self.app, method, path, body, **options))

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """A POST request."""
        return self("POST", path, body, **options)

    def get(self, path: str, **options: Any) -> Answer:
        """A GET request."""
        return self("GET", path, **options)


@pytest.fixture
def client(runtime: pretzel.Runtime) -> Client:
    """A client of an application over all models."""
    return Client(pretzel.serving.app(runtime))
