"""Declared dtypes are those of scikit-learn, for requests of each type; known differences are listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import Kind
from tests.cases import CASES, build, fitted, rows

REQUESTS = ("float64", "float32", "int64")
DATA = ("numbers", "missing", "counts")
EXPECTED_DIFFERENCES: dict[str, dict[str, str]] = {}
"""Per transformer, what scikit-learn returns where the schema says otherwise: computing with dtypes mends these."""


def transformers() -> list[int]:
    return [
        i
        for i, case in enumerate(CASES)
        if case.data in DATA and hasattr(build(case.name, **case.options), "transform")
    ]


def requests(X: Any) -> dict[str, Any]:
    """The rows of a case as arrays of each type, where they can be."""
    found = {}
    for name in REQUESTS:
        values = X.data if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
        if name == "int64" and not np.isfinite(values).all():
            continue
        found[name] = X.astype(name)
    return found


@pytest.mark.parametrize("index", transformers(), ids=lambda index: CASES[index].id)
def test_declared_dtypes(index: int) -> None:
    estimator, X = fitted(index), rows(CASES[index].data)[0]
    node = Importer(estimator).run().methods["transform"].node
    if isinstance(node, Opaque | Raw):
        pytest.skip("opaque")
    expected = {}
    for name, request in requests(X).items():
        try:
            expected[name] = np.dtype(estimator.transform(request).dtype).name
        except ValueError:  # scikit-learn takes no such request
            continue
    assert expected
    schema = node.schema()
    assert schema.kind in (Kind.DENSE, Kind.SPARSE)
    found = {name: schema.dtype.dtype_for(name).name for name in expected}
    differences = {name: expected[name] for name in expected if expected[name] != found[name]}
    assert differences == EXPECTED_DIFFERENCES.get(CASES[index].id, {})
