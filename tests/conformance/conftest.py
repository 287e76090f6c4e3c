"""The conformance run needs the common tests of scikit-learn (1.6 or newer) and every library of tables."""

from __future__ import annotations

import importlib.util

NEEDED = ("hypothesis", "pandas", "polars", "pyarrow", "sklearn.utils._test_common")


def _missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True


collect_ignore_glob = ["test_*.py"] if any(map(_missing, NEEDED)) else []
