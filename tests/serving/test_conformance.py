"""The list of what the protocol asks for names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guides" / "open_inference.md"


def test_the_tests_of_the_conformance_list_exist() -> None:
    if not PAGE.exists():
        pytest.skip("the documents are not here")
    named = re.findall(r"`((?:tests/peers/)?test_\w+\.py)(?:::(test_\w+))?`", PAGE.read_text())
    assert len(named) > 40
    for file, test in named:
        path = ROOT / file if "/" in file else ROOT / "tests" / "serving" / file
        assert re.search(rf"^def {test}\b" if test else "^def test_", path.read_text(), re.M), (file, test)
