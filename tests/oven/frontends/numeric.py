"""Checks of numeric operators: scikit-learn's answers, native and interpreted, with the same bits in any batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import pretzel
from pretzel import _native
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.interpret import interpret
from tests.answers import assert_close

SPECIAL = [0.0, -0.0, 5e-324, -5e-324, 1.0, -1.0, 1e10, -1e10, 1e-300]
BATCHES = (1, 2, 7, 1000)


def numbers(n: int, width: int, *, seed: int = 7, special: bool = True, nan: bool = False) -> np.ndarray:
    """Normal numbers whose first cells are the odd ones."""
    X = np.random.default_rng(seed).normal(size=(n, width))
    odd = [*SPECIAL, math.nan] if nan else SPECIAL
    if special:
        X.flat[: len(odd)] = odd[: X.size]
    return X


def check(estimator: Any, X: np.ndarray, methods: tuple[str, ...], *, exact: bool = False) -> Any:
    """Compare each method on prefixes of ``X`` and return the compiled plan."""
    plan = pretzel.compile(estimator, strict=True)
    imported = Importer(estimator).run()
    for method in methods:
        with np.errstate(all="ignore"):
            expected = np.asarray(getattr(estimator, method)(X))
        output = imported.methods[method]
        raw = interpret([output.node], X)[output.node]
        whole = np.asarray(getattr(plan, method)(X))
        assert_close(whole, expected, exact=exact)
        if output.labels is None:
            np.testing.assert_allclose(raw.reshape(expected.shape), expected, rtol=1e-9, atol=1e-12)
        for n in BATCHES:
            part = np.asarray(getattr(plan, method)(X[:n]))
            np.testing.assert_array_equal(part, whole[:n])
            assert part.dtype == whole.dtype
        for layout in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist()):
            np.testing.assert_array_equal(np.asarray(getattr(plan, method)(layout)), whole)
    return plan


def check_sparse(estimator: Any, rows: Any) -> None:
    """Hold ``transform`` of sparse rows to the bits of the source: alone, in any batch, with all instruction sets."""
    with np.errstate(all="ignore"):
        expected = estimator.transform(rows)
    before = _native.isa()
    for level in ("baseline", "x86-64-v3", "x86-64-v4"):  # or the best there is
        _native.set_isa(level)
        try:
            plan = pretzel.compile(estimator, strict=True)
        finally:
            _native.set_isa(before)
        for form in (rows, rows.tocsc(), rows.tocoo()):
            found = plan.transform(form)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
        for n in BATCHES:
            np.testing.assert_array_equal(plan.transform(rows[:n]), expected[:n])
