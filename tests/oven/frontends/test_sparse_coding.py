"""Sparse coding: which of several equal atoms is chosen, when the search ends, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import SparseCoder

import pretzel
from pretzel.errors import CompileError

RNG = np.random.default_rng(0)
ATOMS = RNG.normal(size=(6, 4))

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def coder(atoms, **options):
    return SparseCoder(atoms, **options).fit(np.zeros((2, atoms.shape[1])))


def opaque(estimator):
    return [step.reason for step in pretzel.compile(estimator).physical.methods["transform"].opaque]


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_equal_products(most):
    """The first of equal products counts, in the order that exchanges of atoms leave."""
    X = np.array([[a, b, c, d] for a in (-2, 0, 2) for b in (-2, 1, 2) for c in (0, 1, 2) for d in (-1, 0, 2)], float)
    estimator = coder(np.eye(4), transform_n_nonzero_coefs=most)
    plan = pretzel.compile(estimator, strict=True)
    np.testing.assert_array_equal(plan.transform(X), estimator.transform(X))


def test_search_ends_early():
    X = np.vstack([np.zeros(4), 3.0 * ATOMS[2], ATOMS[1] - 2.0 * ATOMS[4], np.full(4, 1e-9)])
    estimator = coder(ATOMS, transform_n_nonzero_coefs=4)
    got = pretzel.compile(estimator, strict=True).transform(X)
    np.testing.assert_allclose(got, estimator.transform(X), rtol=1e-9, atol=1e-12)
    assert not got[[0, 3]].any()


@pytest.mark.parametrize(
    ("atoms", "options"),
    [
        (np.vstack([ATOMS, 2.0 * ATOMS[:1]]), {}),
        (np.vstack([np.eye(4), [[1.0, 1.0, 0.0, 0.0]]]), {"transform_n_nonzero_coefs": 2}),
        (ATOMS, {"transform_n_nonzero_coefs": 5}),
        (ATOMS, {"transform_algorithm": "lasso_lars"}),
        (ATOMS, {"transform_algorithm": "lars"}),
        (ATOMS, {"transform_algorithm": "lasso_cd"}),
        (ATOMS.astype(np.float32), {}),
    ],
    ids=["multiples", "equal numbers", "dependent", "lasso_lars", "lars", "lasso_cd", "float32"],
)
def test_opaque(atoms, options):
    estimator = coder(atoms, **options)
    assert opaque(estimator)
    with pytest.raises(CompileError):
        pretzel.compile(estimator, strict=True)
    X = RNG.normal(size=(3, 4))
    np.testing.assert_array_equal(pretzel.compile(estimator).transform(X), estimator.transform(X))


@pytest.mark.parametrize("algorithm", ["omp", "threshold"])
def test_float32(algorithm):
    X = RNG.normal(size=(5, 4)).astype(np.float32)
    estimator = coder(ATOMS, transform_algorithm=algorithm)
    want, got = estimator.transform(X), pretzel.compile(estimator).transform(X)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
