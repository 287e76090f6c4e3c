"""What every worker process needs: imported once, in the process that they are forked from."""

from __future__ import annotations

import importlib
import warnings

from tests.conformance.estimators import builders

for _name in ("numpy", "scipy.sparse", "pandas", "polars", "pyarrow", "pretzel.api", "pretzel.oven.compiler",
              "tests.conformance.compositions", "tests.conformance.forms", "tests.conformance.run"):  # fmt: skip
    importlib.import_module(_name)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    builders()
