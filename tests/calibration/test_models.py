"""The models of a calibration run every kernel but those that run sub-plans, whose time is that of the sub-plans."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier

import pretzel
from pretzel._native import kernels
from pretzel.calibration.measure import samples
from pretzel.calibration.models import models

OF_LIBRARY = {
    "lightgbm": {"linear_leaves", "signed_square", "zero_to_nan"},
    "xgboost": {
        *("densify_missing", "exp_float32", "expit_float32", "linear_float32", "softmax_float32"),
        *("mean_float32", "normalize_sum_float32", "tree_ensemble_float32"),
    },
    "skrub": {"calendar", "date_texts", "soft_clip"},
    "catboost": {"category_statistics", "city_hash", "oblivious_trees"},
}
"""Kernels that only the models of a library need, which may not be installed."""


def test_every_kernel_is_measured():
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, X in models(quick=True):
            plan = pretzel.compile(estimator, store=pretzel.ObjectStore())
            found.update(sample.kernel for sample in samples(plan, X, 512, 1))
    absent = [only for library, only in OF_LIBRARY.items() if find_spec(library) is None]
    assert found - {"overhead"} == set(kernels()).difference({"branch", "loop"}, *absent)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_rows_that_are_left_to_the_estimator_are_not_timed(form):
    stored = np.random.default_rng(0).normal(size=(40, 3))
    model = KNeighborsClassifier(2, algorithm="brute", weights="distance").fit(form(stored), [0, 1] * 20)
    plan = pretzel.compile(model)
    asked = np.vstack([stored[:5], stored[5:10] + 1.0])
    assert {each.kernel for each in samples(plan, form(asked), 4, 1)} & {"decided_neighbors", "product_neighbors"}
