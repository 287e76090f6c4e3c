"""Graphs, rules, the printer and the verifier are tested without the compiled extension.

Tests that compile a model down to kernels are skipped where the extension was not built; wherever it was, all run.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

EXTENSION = "pretzel._native._core"


def is_built() -> bool:
    """Whether the extension can be found, without importing it or anything of Pretzel."""
    package = importlib.util.find_spec("pretzel")
    assert package is not None
    finder = importlib.machinery.PathFinder
    return any(
        finder.find_spec(EXTENSION, [f"{folder}/_native"]) for folder in package.submodule_search_locations or ()
    )


if not is_built():

    def skipping(item: pytest.Item) -> Generator[None]:
        """Skip what turns out to need the extension."""
        try:
            return (yield)
        except ImportError as error:
            if error.name != EXTENSION:
                raise
            pytest.skip("needs the compiled extension")

    pytest_runtest_setup = pytest.hookimpl(wrapper=True)(skipping)
    pytest_runtest_call = pytest.hookimpl(wrapper=True)(skipping)
