"""Models in a store, for engines that run on this machine."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from json import dumps, loads
from pathlib import Path

import numpy as np
import pytest

import pretzel
from pretzel import examples

MODELS = 6
ROWS = 400


@pytest.fixture(scope="session")
def frame():
    """Rows with a number of their own."""
    X = examples.table(ROWS, missing=0.0)
    return X.assign(id=np.arange(ROWS))


@pytest.fixture(scope="session")
def estimators(frame):
    """Models of mixed tables, by name, over one transformer."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city", "kind"]))
    limits = range(4, 4 + MODELS)
    X = frame.drop(columns="id")
    return {f"pay/{at}": make_pipeline(columns, LogisticRegression()).fit(X, X["pay"] > at) for at in limits}


@pytest.fixture(scope="session")
def store(estimators, tmp_path_factory):
    """The directory of a store with these models."""
    found = tmp_path_factory.mktemp("engines") / "models"
    plans = pretzel.PlanStore(found)
    for name, estimator in estimators.items():
        plans.publish(name, estimator)
    return str(found)


@pytest.fixture(scope="session")
def rows(frame):
    """The first rows, as callers send them."""
    return frame.drop(columns="id")[:40].to_dict("records")


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def guide(heading: str, store: str, place: int = 0) -> str:
    """An example of the guide about engines, with the store of the tests."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "engines.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python3\n(.*?)^```", section, re.M | re.S)[place].replace("/mnt/models", store)


def ask(port: int, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, object]:
    """The status and the answer of a request over HTTP; without a body it is a GET."""
    url = f"http://127.0.0.1:{port}{path}"
    content = None if body is None else dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, loads(error.read())
