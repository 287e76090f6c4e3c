"""Servers and clients of the shell run as the documents write them, but for the port."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel import examples
from tests.serving.conftest import churn
from tests.serving.servers import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def customers() -> Any:
    """The pipeline of docs/guides/http.md."""
    frame = examples.table(500, missing=0.0)
    columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city", "kind"]))
    return make_pipeline(columns, LogisticRegression()).fit(frame, frame["pay"] > 12)


MODELS = {"README.md": ("churn/de", churn, b'"no"'), "docs/guides/http.md": ("customers", customers, b"true")}


def commands(document: str) -> Iterator[tuple[str, str]]:
    """Each command that starts a server, with that of a client in the line below."""
    text = (ROOT / document).read_text()
    for found in re.finditer(r"^(?:\$ )?(pretzel serve .*)\n(?:\$ )?(curl .*)$", text, re.MULTILINE):
        yield found[1], found[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("document", MODELS)
def test_a_server_and_its_client(document: str, tmp_path: Path) -> None:
    name, make, expected = MODELS[document]
    pretzel.PlanStore(tmp_path / "models").publish(name, make())
    ((serve, curl),) = commands(document)
    port = free_port()
    words = shlex.split(serve.replace("8000", str(port)), comments=True)
    with running([sys.executable, "-m", *words], port, tmp_path):
        asked = shlex.split(curl.replace("8000", str(port)), comments=True)
        answer = subprocess.run(
            [*asked, "--silent", "--fail", "--noproxy", "*"], capture_output=True, timeout=30, check=True, cwd=tmp_path
        )
    assert answer.stdout == expected
