"""The comparison sees every kind of difference, and the requests' fingerprints every change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from pretzel.errors import InputTypeError, InputValueError
from tests.conformance.compare import Outcome, compare, compare_row, difference, fingerprint, narrowest

X = np.arange(6.0).reshape(3, 2)
FRAME = pd.DataFrame(X, columns=["a", "b"])
CSR = sp.csr_array(X)


@pytest.mark.parametrize(
    ("found", "expected", "kind"),
    [
        (X, X.copy(), ""),
        (X, X * (1 + 1e-11), ""),
        (X, X * (1 + 1e-7), "values"),
        (X, X.astype(np.float32), "dtype"),
        (X, X[:2], "shape"),
        (X, X.tolist(), "container"),
        (X, CSR, "container"),
        (CSR, sp.csr_matrix(X), "container"),
        (CSR, sp.csr_array(X + 1), "values"),
        (np.array(["a"]), np.array(["b"]), "values"),
        (np.array(["a"], object), np.array(["a"], object), ""),
        (np.array([None, 1], object), np.array([np.nan, 1], object), "values"),
        (np.array([np.nan], object), np.array([np.nan], object), ""),
        (np.array([1], object), np.array([True], object), "values"),
        (FRAME, FRAME.copy(), ""),
        (FRAME, FRAME.set_index("a", drop=False), "names"),
        (FRAME, FRAME.rename(columns={"a": "c"}), "names"),
        (FRAME, FRAME.astype({"a": np.int64}), "dtype"),
        (FRAME, FRAME + 1, "values"),
        (FRAME, pl.DataFrame(X, ["a", "b"]), "container"),
        (pl.DataFrame(X, ["a", "b"]), pl.DataFrame(X, ["a", "c"]), "names"),
        ([X, X], [X, X + 1], "values"),
        ([X], [X, X], "shape"),
    ],
)
def test_kinds(found: Any, expected: Any, kind: str) -> None:
    assert compare(found, expected)[0] == kind


@pytest.mark.parametrize(
    ("found", "expected", "kind"),
    [
        (InputValueError(), ValueError(), ""),
        (InputTypeError(), TypeError(), ""),
        (InputValueError(), TypeError(), ""),
        (TypeError(), ValueError(), "error"),
        (InputValueError(), AttributeError(), ""),
        (RuntimeError(), AttributeError(), "error"),
        (None, ValueError(), "answered"),
        (InputValueError(), None, "refused"),
    ],
)
def test_errors(found: Any, expected: Any, kind: str) -> None:
    outcomes = [Outcome(X) if error is None else Outcome(error=error) for error in (found, expected)]
    assert difference(*outcomes)[0] == kind


def test_a_row_is_compared_with_the_first_of_the_table() -> None:
    assert compare_row(Outcome(1.0), Outcome(np.array([1.0], np.float32)))[0] == ""
    assert compare_row(Outcome(2.0), Outcome(np.array([1.0])))[0] == "values"
    assert compare_row(Outcome(X[0]), Outcome(X[:1]))[0] == ""
    assert compare_row(Outcome("a"), Outcome(np.array(["a"])))[0] == ""
    assert compare_row(Outcome(X), Outcome(X[:1]))[0] == "shape"


@pytest.mark.parametrize("request_", [X, X.astype(object), FRAME, CSR, CSR.tocoo(), X.tolist(), pl.DataFrame(X)])
def test_fingerprints(request_: Any) -> None:
    before = fingerprint(request_)
    assert fingerprint(request_) == before
    if isinstance(request_, np.ndarray):
        changed = request_.copy()
        changed[0, 0] = 7
        assert fingerprint(changed) != before
        assert fingerprint(np.asfortranarray(request_)) != before


def test_precision_is_that_of_the_request() -> None:
    assert [narrowest(X.astype(t)) for t in (np.float64, np.float32, np.float16, np.int64)] == [8, 4, 2, 8]
    assert narrowest(FRAME.astype({"a": np.float32})) == 4
