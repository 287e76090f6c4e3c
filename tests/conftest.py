"""Fixtures shared by all tests: the real data sets, and proof of which Pretzel is being tested."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when NumPy and scikit-learn are imported

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

ROOT = Path(__file__).resolve().parent.parent


def _import_benchmarks() -> None:
    """Make ``benchmarks`` importable without putting the checkout, and so its ``pretzel``, on the path."""
    folder = ROOT / "benchmarks"
    spec = importlib.util.spec_from_file_location("benchmarks", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks"] = package
    spec.loader.exec_module(package)


_import_benchmarks()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden`` rewrites what `tests/test_golden.py` compares with."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_configure() -> None:
    """Reject to test the tree when the installed wheel was asked for (``make test`` does); use the shipped weights."""
    os.environ["PRETZEL_CALIBRATION"] = str(ROOT / "tests" / "no calibration")
    if os.environ.get("PRETZEL_TEST_INSTALLED"):
        import pretzel

        where = Path(pretzel.__file__).resolve()
        if "site-packages" not in where.parts or ROOT / "pretzel" in where.parents:
            raise pytest.UsageError(f"pretzel comes from {where}, not from the installed wheel")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports run without the garbage collector, and what they made is left out of its later rounds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def _load(loader: Callable[[], Any]) -> Any:
    """Data set, or a skip with the reason; where data is required (CI), a failure."""
    from benchmarks.data import DataMissing

    try:
        return loader()
    except DataMissing as error:
        if os.environ.get("PRETZEL_REQUIRE_DATA"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def load_real() -> Callable[[Callable[[], Any]], Any]:
    """Calls a loader of real data and skips the test when the data is absent."""
    return _load


@pytest.fixture(scope="session")
def reviews() -> pd.DataFrame:
    """23,703 short texts with graded sentiment."""
    from benchmarks import data

    return _load(data.reviews)


@pytest.fixture(scope="session")
def adult() -> pd.DataFrame:
    """48,842 people: numeric and text columns."""
    from benchmarks import data

    return _load(data.adult)


@pytest.fixture(scope="session")
def womens_clothing() -> pd.DataFrame:
    """22,641 reviews with non-ASCII texts."""
    from benchmarks import data

    return _load(data.womens_clothing)


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    """336,776 flights with missing values."""
    from benchmarks import data

    return _load(data.flights)


@pytest.fixture(scope="session")
def flight_numbers() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """327,346 flights as 40 numbers, and the delay."""
    from benchmarks import data

    return _load(data.flight_numbers)


@pytest.fixture(scope="session")
def doctor_visits() -> pd.DataFrame:
    """20,190 person-years with a count to predict."""
    from benchmarks import data

    return _load(data.doctor_visits)
