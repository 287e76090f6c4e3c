"""Frames whose columns have several dtypes: each branch of a `ColumnTransformer` is answered for those of its own."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import pretzel
from pretzel.errors import InputTypeError, SaveError
from tests import releases

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

BINS = releases.QUANTILE_METHOD
DTYPES = ("float64", "float32", "int64", "int32", "int8", "uint8", "bool", "object", "float16", "Int64")
WEIGHTS = np.array([30, 10, 15, 8, 6, 6, 10, 4, 2, 2]) / 93
IMPUTERS = (
    SimpleImputer(),
    SimpleImputer(strategy="median"),
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant", fill_value=-1),
    SimpleImputer(strategy="constant", fill_value=1.5),
    SimpleImputer(strategy="constant", fill_value=-1, missing_values=2),
    SimpleImputer(strategy="most_frequent", missing_values=0),
    SimpleImputer(strategy="constant", fill_value=-1, add_indicator=True),
)
SCALERS = (StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler(), Normalizer())
ENCODER = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-2)
OTHERS = (
    "passthrough",
    ENCODER,
    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    KBinsDiscretizer(3, encode="ordinal", **BINS),
    KBinsDiscretizer(3, encode="ordinal", dtype=np.float32, **BINS),
    PowerTransformer(),
    QuantileTransformer(n_quantiles=5, output_distribution="normal"),
    MissingIndicator(features="all"),
    FunctionTransformer(np.sqrt),
    FunctionTransformer(np.abs),
)


def column(rng: Generator, dtype: str, rows: int) -> Any:
    whole = rng.integers(0, 6, rows)
    if dtype.startswith("float"):
        return (whole + rng.random(rows)).astype(dtype)
    return whole > 2 if dtype == "bool" else pd.array(whole, dtype="Int64") if dtype == "Int64" else whole.astype(dtype)


def frame(rng: Generator, dtypes: dict[str, str], rows: int) -> pd.DataFrame:
    return pd.DataFrame({name: column(rng, dtype, rows) for name, dtype in dtypes.items()})


def step(rng: Generator) -> Any:
    imputer = IMPUTERS[rng.integers(len(IMPUTERS))]
    scaler = SCALERS[rng.integers(len(SCALERS))]
    kind = rng.integers(8)
    if kind < 2:
        return imputer
    if kind < 5:
        return make_pipeline(imputer, (scaler, PowerTransformer(), ENCODER)[kind - 2])
    return scaler if kind == 5 else OTHERS[rng.integers(len(OTHERS))]


def random_model(rng: Generator) -> tuple[Any, dict[str, str]]:
    """Branches over random columns, and the dtypes of these."""
    dtypes = {name: str(rng.choice(DTYPES, p=WEIGHTS)) for name in "abcdefg"[: rng.integers(2, 8)]}
    names, branches = [str(name) for name in rng.permutation([*dtypes])], []
    while names and len(branches) < 3:
        size = rng.integers(1, 4)
        branches.append((f"{len(branches)}", step(rng), names[:size]))
        names = names[size:]
    columns = ColumnTransformer(branches, remainder=("passthrough", "drop")[rng.integers(2)])
    last = (None, None, Ridge(), RandomForestRegressor(3, random_state=0))[rng.integers(4)]
    return columns if last is None else make_pipeline(columns, last), dtypes


def assert_same(got: Any, expected: Any) -> None:
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    single = expected.dtype in (np.float16, np.float32)
    rtol, atol = (1e-5, 1e-6) if single else (1e-9, 1e-12)
    np.testing.assert_allclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.filterwarnings("ignore")
def test_random_branches(seed: int) -> None:
    """The estimator answers what no program does, so that every answer is the estimator's."""
    rng = np.random.default_rng(seed)
    model, dtypes = random_model(rng)
    table = frame(rng, dtypes, 40)
    try:
        model.fit(table, rng.random(40))
    except (TypeError, ValueError):
        pytest.skip("scikit-learn does not fit this")
    method = "predict" if hasattr(model, "predict") else "transform"
    plan = pretzel.compile(model)
    others = [{name: str(rng.choice([dtype, *DTYPES])) for name, dtype in dtypes.items()} for _ in range(4)]
    for request in (table, *(frame(rng, each, 9) for each in others)):
        try:
            expected = getattr(model, method)(request)
        except (TypeError, ValueError):
            continue
        assert_same(getattr(plan, method)(request), expected)


def loaded(model: Any, folder: Path) -> pretzel.Plan:
    """A plan without the estimator: it answers natively or not at all."""
    pretzel.compile(model).save(folder / "plan")
    return pretzel.load(folder / "plan")


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.filterwarnings("ignore")
def test_random_branches_without_the_estimator(seed: int, tmp_path: Path) -> None:
    """What only the estimator computes, a loaded plan refuses."""
    rng = np.random.default_rng(seed)
    model, dtypes = random_model(rng)
    request = frame(rng, dtypes, 40)
    try:
        plan = loaded(model.fit(request, rng.random(40)), tmp_path)
    except (TypeError, ValueError, SaveError):
        pytest.skip("scikit-learn does not fit this, or it is not saved")
    method = "predict" if hasattr(model, "predict") else "transform"
    others = [{name: str(rng.choice([dtype, *DTYPES])) for name, dtype in dtypes.items()} for _ in range(6)]
    for each in (request, *(frame(rng, other, 9) for other in others)):
        try:
            expected = getattr(model, method)(each)
        except (TypeError, ValueError):
            continue
        try:
            answer = getattr(plan, method)(each)
        except InputTypeError:
            continue
        assert_same(answer, expected)


def table(**dtypes: str) -> pd.DataFrame:
    return frame(np.random.default_rng(0), dtypes, 30)


CONSTANT = SimpleImputer(strategy="constant", fill_value=-1.0)
NATIVE: dict[str, tuple[Any, pd.DataFrame]] = {
    "integers and booleans beside a constant": (
        make_column_transformer((CONSTANT, ["a"]), ("passthrough", ["b"]), ("passthrough", ["c"])),
        table(a="float64", b="int64", c="bool"),
    ),
    "integers among floats of one branch": (
        make_column_transformer((make_pipeline(CONSTANT, RobustScaler()), ["a", "b"]), ("passthrough", ["c"])),
        table(a="float64", b="int64", c="bool"),
    ),
    "objects that become numbers beside a constant": (
        make_column_transformer((CONSTANT, ["a"]), (StandardScaler(), ["b"])),
        table(a="float64", b="object"),
    ),
    "small integers beside a function": (
        make_column_transformer((FunctionTransformer(np.sqrt), ["a"]), ("passthrough", ["b"])),
        table(a="float64", b="int8"),
    ),
    "booleans beside an indicator": (
        make_column_transformer((MissingIndicator(features="all"), ["a"]), ("passthrough", ["b"])),
        table(a="float64", b="bool"),
    ),
    "float32 that is passed on beside floats": (
        make_column_transformer((StandardScaler(), ["a"]), ("passthrough", ["b"])),
        table(a="float64", b="float32"),
    ),
    "float32 that is binned beside powers": (
        make_column_transformer((PowerTransformer(), ["a"]), ("passthrough", ["b"]), (ENCODER, ["c"])),
        table(a="float64", b="float32", c="float32"),
    ),
    "bins of float32 beside booleans": (
        make_column_transformer(
            (make_pipeline(MaxAbsScaler(), KBinsDiscretizer(3, encode="ordinal", dtype=np.float32, **BINS)), ["a"]),
            ("passthrough", ["b"]),
        ),
        table(a="float64", b="bool"),
    ),
}


@pytest.mark.parametrize("name", NATIVE)
def test_native_for_the_dtypes_of_each_branch(name: str, tmp_path: Path) -> None:
    model, request = NATIVE[name]
    model = model.fit(request)
    assert_same(loaded(model, tmp_path).transform(request), model.transform(request))


def test_forests_over_branches_are_loaded(tmp_path: Path) -> None:
    numbers, texts = table(a="float64", b="float64", c="int64", f="bool"), ["x", "y", None] * 10
    request = numbers.assign(s=pd.Series(texts, dtype=object))
    encoder = OrdinalEncoder(dtype=np.float32, encoded_missing_value=-3)
    for columns in (["a", "b"], ["a", "b", "c"]):
        branches = make_column_transformer((CONSTANT, columns), (encoder, ["s"]), remainder="passthrough")
        model = make_pipeline(branches, RandomForestRegressor(5, random_state=0)).fit(request, numbers["a"])
        np.testing.assert_array_equal(loaded(model, tmp_path).predict(request), model.predict(request))


@pytest.mark.parametrize("dtype", ["int64", "bool", "object"])
def test_the_branch_that_refuses_a_dtype(dtype: str, tmp_path: Path) -> None:
    """Another branch with this dtype changes nothing about it."""
    branches = make_column_transformer((CONSTANT, ["a"]), ("passthrough", ["b"]))
    model = branches.fit(table(a="float64", b="int64"))
    request = table(a=dtype, b="int64")
    with pytest.raises(InputTypeError, match="was not saved"):
        loaded(model, tmp_path).transform(request)
    if dtype != "object":
        with pytest.raises(ValueError, match=r"cast|bool"):  # as the estimator does
            pretzel.compile(model).transform(request)


def test_functions_compute_in_the_dtype_of_each_column() -> None:
    model = FunctionTransformer(np.exp).fit(table(a="float64", b="float64"))
    plan = pretzel.compile(model)
    for dtype in ("int8", "float32", "float16", "bool"):
        request = table(a="float64", b=dtype)
        np.testing.assert_array_equal(np.asarray(plan.transform(request)), np.asarray(model.transform(request)))


FLOAT32_ALONE = (
    (make_column_transformer((StandardScaler(), ["a"]), (StandardScaler(), ["b"])), ("float64", "int64", "int8")),
    (make_column_transformer((MinMaxScaler(), ["a"]), (Normalizer(), ["b"])), ("float64", "int64", "int8")),
    (make_pipeline(FunctionTransformer(np.log1p), Ridge()), ("float64", "bool", "int8")),
)


@pytest.mark.parametrize(("model", "others"), FLOAT32_ALONE)
def test_float32_beside_others_without_the_estimator(model: Any, others: tuple[str, ...], tmp_path: Path) -> None:
    """scikit-learn computes each branch, or column, in its own dtype; a plan without it says what to do."""
    wide = table(a="float64", b="float64")
    model = clone(model).fit(wide, wide["a"])
    method = "predict" if hasattr(model, "predict") else "transform"
    live = pretzel.compile(model)
    plans = [loaded(model, tmp_path)]
    if method == "transform":  # else a variant of the plan is the estimator's, and keeps it
        plans += [pickle.loads(pickle.dumps(live)), pretzel.compile(copy.deepcopy(model))]
    gc.collect()
    for dtype in others:
        request = table(a=dtype, b="float32")
        for plan in plans:
            with pytest.raises(InputTypeError, match=r"\('a'\) beside float32 \('b'\).* keep_source=True.* cast"):
                getattr(plan, method)(request)
        assert_same(getattr(live, method)(request), getattr(model, method)(request))
        wide = request.astype("float64")
        for plan in plans:
            assert_same(getattr(plan, method)(wide), getattr(model, method)(wide))


def test_objects_before_functions_without_the_estimator(tmp_path: Path) -> None:
    """NumPy has no such functions of objects."""
    model = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(np.eye(3), np.arange(3))
    plan = loaded(model, tmp_path)
    for request in (np.eye(3).astype(object), pd.DataFrame(np.eye(3)).astype(object)):
        with pytest.raises(InputTypeError, match="answered by the Pipeline itself"):
            plan.predict(request)


def test_predictions_for_float64_alone(tmp_path: Path) -> None:
    """Centres of float64 reject rows of float32, which are float64 where one branch is."""
    branches = make_column_transformer((MinMaxScaler(), ["a"]), ("passthrough", ["b"]))
    model = make_pipeline(branches, KMeans(2, n_init=1, random_state=0)).fit(table(a="float64", b="int64"))
    plan = loaded(model, tmp_path)
    for request in (table(a="float64", b="bool"), table(a="int64", b="int8")):
        np.testing.assert_array_equal(plan.predict(request), model.predict(request))
