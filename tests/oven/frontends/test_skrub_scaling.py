"""SquashingScaler of skrub against the library, to the bit: infinite numbers, columns that hardly vary, float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import pretzel

skrub = pytest.importorskip("skrub")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 100
X = np.c_[1e3 * RNG.normal(size=N), np.where(RNG.random(N) < 0.7, 1.0, RNG.normal(size=N)), np.full(N, 4.0)]
X[RNG.random(X.shape) < 0.05] = np.nan
ODD = np.vstack([X, np.full((1, 3), np.inf), np.full((1, 3), -np.inf), np.full((1, 3), np.nan), np.zeros((1, 3))])


@pytest.mark.parametrize("columns", [[0, 1, 2], [0], [1], [2]], ids=str)
@pytest.mark.parametrize("limit", [3.0, 0.1, 7])
def test_numbers(limit: float, columns: list[int]) -> None:
    for fitted in (np.float64, np.float32):
        model = skrub.SquashingScaler(max_absolute_value=limit).fit(X[:, columns].astype(fitted))
        plan = pretzel.compile(model, strict=True)
        for dtype in (np.float64, np.float32, np.float16, np.int64):
            asked = (np.nan_to_num(ODD, posinf=9, neginf=3) if dtype is np.int64 else ODD)[:, columns].astype(dtype)
            found, want = plan.transform(asked), model.transform(asked)
            assert found.dtype == want.dtype
            np.testing.assert_array_equal(found, want)


def test_other_forms() -> None:
    model = skrub.SquashingScaler(quantile_range=(10, 60)).fit(X)
    plan = pretzel.compile(model, strict=True)
    for asked in (X.tolist(), pd.DataFrame(X), np.asfortranarray(X), X[:0]):
        try:
            want: Any = model.transform(asked)
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                plan.transform(asked)
            continue
        np.testing.assert_array_equal(plan.transform(asked), want)
    np.testing.assert_array_equal(plan.transform_one(tuple(ODD[-4])), model.transform(ODD[-4:-3])[0])


def test_a_limit_of_another_precision_is_opaque() -> None:
    model = skrub.SquashingScaler(max_absolute_value=np.float64(3.0)).fit(X)
    plan = pretzel.compile(model)
    assert plan.opaque_steps
    np.testing.assert_array_equal(plan.transform(X.astype(np.float32)), model.transform(X.astype(np.float32)))


def test_whole_pipelines_of_linear_models() -> None:
    table = pd.DataFrame({"when": pd.date_range("1999-12-31", periods=N, freq="2777h"), "size": X[:, 0]})
    model = skrub.tabular_pipeline(Ridge()).fit(table, np.arange(N))
    plan = pretzel.compile(model, strict=True)
    found, want = plan.predict(table), model.predict(table)
    assert found.dtype == want.dtype
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-4)
