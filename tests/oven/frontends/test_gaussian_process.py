"""Standard deviations of Gaussian processes against scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, RationalQuadratic, WhiteKernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from tests.answers import assert_identical

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = X[:, 0] + np.sin(X[:, 1]) + 0.1 * RNG.normal(size=120)
ASKED = np.concatenate([X[:20], X[:20] + 0.1, RNG.normal(size=(20, 4)) * 3.0, np.full((1, 4), 50.0)])
KERNELS = [
    RBF(2.0) + WhiteKernel(0.1),
    ConstantKernel(2.0) * Matern(2.0, nu=1.5) + WhiteKernel(0.05),
    RationalQuadratic() * RBF([1.0, 2.0, 3.0, 4.0]) + ConstantKernel(0.5) + WhiteKernel(1.0),
]


def fitted(kernel: Any, *, normalize: bool = False) -> Any:
    """A pipeline that ends with a process."""
    process = GaussianProcessRegressor(kernel, normalize_y=normalize, optimizer=None)
    return make_pipeline(StandardScaler(), process).fit(X, 3.0 * Y + 7.0)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_standard_deviations(kernel: Any, normalize: bool) -> None:
    model = fitted(kernel, normalize=normalize)
    plan = pretzel.compile(model, strict=True)
    for rows in (ASKED, ASKED[:1], ASKED[20:22]):
        found, expected = plan.predict(rows, return_std=True), model.predict(rows, return_std=True)
        assert type(found) is tuple
        for a, b in zip(found, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-9)
    np.testing.assert_array_equal(plan.return_std(ASKED), np.stack(plan.predict(ASKED, return_std=True), axis=1))
    np.testing.assert_array_equal(plan.return_std_one(ASKED[0]), plan.return_std(ASKED[:1])[0])
    np.testing.assert_array_equal(plan.predict(ASKED, return_std=False), plan.predict(ASKED))


@pytest.mark.parametrize("kernel", [RBF(2.0), DotProduct() + WhiteKernel(0.1)], ids=str)
def test_the_source_answers_where_rounding_decides(kernel: Any) -> None:
    model = fitted(kernel)
    plan = pretzel.compile(model, keep_source=True)
    assert "return_std" not in plan.methods
    for a, b in zip(plan.predict(ASKED, return_std=True), model.predict(ASKED, return_std=True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_they_are_saved_and_verified(tmp_path: Path) -> None:
    model = fitted(KERNELS[0])
    plan = pretzel.compile(model)
    assert pretzel.verify(plan, model, X)
    plan.save(tmp_path / "process.pretzel")
    loaded = pretzel.load(tmp_path / "process.pretzel")
    np.testing.assert_array_equal(loaded.predict(ASKED, return_std=True), plan.predict(ASKED, return_std=True))


def test_float32_and_other_options() -> None:
    model = fitted(KERNELS[0])
    plan = pretzel.compile(model, keep_source=True)
    narrow = ASKED.astype(np.float32)
    for options in ({"return_std": True}, {"return_cov": True}):
        found, expected = plan.predict(narrow, **options), model.predict(narrow, **options)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("classes", [["b", "aaaa"], ["c", "aaaa", "bb"], [3, -1], [True, False]], ids=str)
def test_labels_of_objects_have_the_dtype_of_the_source(classes: list[Any]) -> None:
    y = np.array(classes, dtype=object)[np.arange(60) % len(classes)]
    process = GaussianProcessClassifier(optimizer=None).fit(X[:60], y)
    assert_identical(pretzel.compile(process, strict=True).predict(ASKED[:20]), process.predict(ASKED[:20]))
