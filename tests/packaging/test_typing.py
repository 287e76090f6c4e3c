"""A type checker finds what is misspelt in an application."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pretzel

pytest.importorskip("mypy")

APPLICATION = """
from __future__ import annotations

import pretzel
from pretzel.errors import InputError


def price(model: object, row: dict[str, float]) -> float:
    plan = pretzel.compile(model, name="price", strict=True)
    try:
        return float(plan.predict_one(row))
    except (InputError, pretzel.errors.Overloaded):
        return 0.0


with pretzel.Runtime(store="models", memory_limit="2GB") as runtime:
    print(runtime.stats(), pretzel.__version__, pretzel.load("price.pretzel").explain())
"""


def checked(folder: Path, text: str) -> str:
    """What mypy says of an application."""
    (folder / "application.py").write_text(text)
    found = f"mypy_path = {Path(pretzel.__file__).parents[1]}\n" if "site-packages" not in pretzel.__file__ else ""
    (folder / "mypy.ini").write_text(f"[mypy]\nstrict = True\n{found}[mypy-pretzel.*]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "application.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280).stdout


def test_an_application_is_typed(tmp_path: Path) -> None:
    assert "Success" in checked(tmp_path, APPLICATION)
    text = APPLICATION.replace("pretzel.compile", "pretzel.complie").replace("memory_limit", "memory_limits")
    found = checked(tmp_path, text)
    assert '"complie"; maybe "compile"?' in found
    assert 'Unexpected keyword argument "memory_limits"' in found
    assert "Found 2 errors" in found
