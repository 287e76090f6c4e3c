"""Declared dtypes are those of scikit-learn, for requests of each type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Binarizer, FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, StandardScaler

from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque
from tests import releases
from tests.cases import CASES, Case, class_of, fitted, rows

BINS = releases.QUANTILE_METHOD
REQUESTS = ("float64", "float32", "float16", "int64", "int32", "int16", "uint8", "bool")
DATA = ("numbers", "missing", "counts")
NUMBERS = rows("numbers")[0]
SMALL = NUMBERS.astype(np.float32)
WHOLE = NUMBERS.astype(np.int64)
MORE = {
    "PCA, fitted on float32": (PCA(2), SMALL),
    "KMeans, fitted on float32": (KMeans(2, n_init=1, random_state=0), SMALL),
    "scaled PCA, fitted on float32": (make_pipeline(StandardScaler(), PCA(2)), SMALL),
    "constants for integers": (SimpleImputer(strategy="constant", fill_value=1, missing_values=-1), WHOLE),
    "means for integers": (SimpleImputer(missing_values=-1), WHOLE),
    "one-hot bins": (KBinsDiscretizer(3, encode="onehot-dense", **BINS), NUMBERS),
    "absolute": (FunctionTransformer(np.absolute), NUMBERS),
    "square": (FunctionTransformer(np.square), NUMBERS),
    "square root": (FunctionTransformer(np.sqrt), np.abs(NUMBERS)),
    "scaled, then binary": (make_pipeline(MaxAbsScaler(), Binarizer()), NUMBERS),
    "selected, then scaled": (make_pipeline(VarianceThreshold(), MaxAbsScaler()), NUMBERS),
    "integers beside floats": (make_union(VarianceThreshold(), MaxAbsScaler()), NUMBERS),
    "mask beside numbers": (make_union(VarianceThreshold(), MissingIndicator(features="all")), NUMBERS),
    "mask, then scaled": (make_pipeline(MissingIndicator(features="all"), StandardScaler()), NUMBERS),
}


def transformers() -> list[int]:
    return [i for i, case in enumerate(CASES) if case.data in DATA and _transforms(case)]


def _transforms(case: Case) -> bool:
    return issubclass(class_of(case.name), TransformerMixin)


def requests(X: Any) -> dict[str, Any]:
    """The rows of a case as arrays of each type, where they can be."""
    found = {}
    for name in REQUESTS:
        if sparse.issparse(X) and name == "float16":
            continue
        values = X.data if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
        if np.dtype(name).kind != "f" and not np.isfinite(values).all():
            continue
        found[name] = X.astype(name)
    return found


@pytest.mark.parametrize("index", transformers(), ids=lambda index: CASES[index].id)
def test_registered_transformers(index: int) -> None:
    check(fitted(index), rows(CASES[index].data)[0])


@pytest.mark.parametrize("name", MORE)
def test_other_types_and_combinations(name: str) -> None:
    estimator, X = MORE[name]
    check(clone(estimator).fit(X), X)


def check(estimator: Any, X: Any) -> None:
    """The declared dtype is that of scikit-learn for each type of request."""
    imported = Importer(estimator).run()
    node = imported.methods["transform"].node
    if isinstance(node, Opaque | Raw):
        pytest.skip("opaque")
    expected = {}
    for name, request in requests(X).items():
        if name in imported.excluded:
            continue  # the estimator itself answers
        try:
            expected[name] = np.dtype(estimator.transform(request).dtype).name
        except ValueError:  # scikit-learn takes no such request
            continue
    assert expected
    dtype = node.schema().dtype
    found = {name: dtype.dtype_for(name).name for name in expected}
    assert found == expected
