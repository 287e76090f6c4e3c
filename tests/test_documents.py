"""Every example in README, ARCHITECTURE and docstrings runs as it stands."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md")


def examples(name):
    """The Python blocks of a document."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S)


@pytest.fixture
def names():
    """What the examples take for granted: a fitted pipeline and a table."""
    frame = pd.DataFrame({"age": [42.0, 17.0, 66.0, 30.0] * 5, "city": ["Bonn", "Köln", "Paris", "Bonn"] * 5})
    features = ColumnTransformer(
        [("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    )
    pipeline = Pipeline([("features", features), ("model", LogisticRegression())]).fit(frame, [0, 1, 1, 0] * 5)
    return {"pipeline": pipeline, "frame": frame, "estimator": pipeline, "X": frame, "np": np}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents(document, names, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where examples write
    blocks = examples(document)
    assert blocks
    for block in blocks:
        exec(compile(block, document, "exec"), dict(names))
    assert "Error" not in capsys.readouterr().err


def test_docstrings():
    tried = 0
    for module in pkgutil.walk_packages(pretzel.__path__, "pretzel."):
        if module.name == "pretzel._native._core":
            continue
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        tried += result.attempted
    assert tried > 0


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document):
    """Paths in back-quotes, with or without the package in front."""
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(), flags=re.M | re.S)
    for path in re.findall(r"`([\w/]+(?:/|\.(?:py|pyx|pxi|h|cpp)))`", text):
        assert (ROOT / path).exists() or (ROOT / "pretzel" / path).exists(), path
