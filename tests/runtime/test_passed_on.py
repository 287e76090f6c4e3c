"""Plans from files answer values that a transformer passes on, whatever they are, as the plan in memory does."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import CorruptStoreError, InputError, InputTypeError
from pretzel.plan import PassedOn
from pretzel.store.plan_check import check_plan
from tests import releases

FRAME = pd.DataFrame(
    {
        "age": [20.5, 30.0, 45.0, 61.0],
        "rooms": [1, 2, 3, 4],
        "zip": ["01067", "53111", "80331", "01067"],
        "city": ["Bonn", "Paris", "Rome", "Oslo"],
    }
)
NUMBERS = FRAME.assign(zip=[1.0, 2.0, 3.0, 4.0], city=[1, 2, 3, 4])
SCALED = (StandardScaler(), ["age"])
ENCODED = (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["zip"])
TRANSFORMERS = {
    "remainder": make_column_transformer(SCALED, remainder="passthrough"),
    "first": make_column_transformer(("passthrough", ["city", "rooms"]), SCALED),
    "between": make_column_transformer(SCALED, ("passthrough", ["city"]), (StandardScaler(), ["rooms"])),
    "only": make_column_transformer(("passthrough", ["zip", "city"])),
    "twice": make_column_transformer(("passthrough", ["city"]), SCALED, ("passthrough", ["city", "zip"])),
    "function": ColumnTransformer([("city", FunctionTransformer(), ["city"]), ("scaled", *SCALED)]),
    "encoded": make_column_transformer(ENCODED, ("passthrough", ["city"]), SCALED),
    "imputed": make_column_transformer((SimpleImputer(), ["age", "rooms"]), remainder="passthrough"),
    "union": FeatureUnion([("all", "passthrough"), ("some", make_column_transformer(SCALED, remainder="passthrough"))]),
}


def plans(tmp_path: Any, source: Any) -> tuple[pretzel.Plan, pretzel.Plan]:
    """The plan in memory, and the same from a file."""
    plan = pretzel.compile(source)
    plan.save(tmp_path / "plan")
    return plan, pretzel.load(tmp_path / "plan")


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    for one, other in zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True):
        assert type(one) is type(other)
        assert one == other or (one != one and other != other) or one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("fitted", [FRAME, NUMBERS], ids=["texts", "numbers"])
def test_texts_are_passed_on_from_a_file(name: str, fitted: pd.DataFrame, tmp_path: Any) -> None:
    source = sklearn.clone(TRANSFORMERS[name]).fit(fitted)
    _, plan = plans(tmp_path, source)
    if name == "encoded":  # texts cannot be compared with categories that are numbers
        request = fitted.assign(city=FRAME["city"])
        assert_same(plan.transform(request), source.transform(request))
        return
    with_missing = FRAME.astype({"city": object}).assign(city=["Bonn", None, np.nan, "Oslo"])
    requests = [FRAME, with_missing, FRAME.astype({"city": "category"}), FRAME[:1], NUMBERS]
    if name != "union":  # which does not select by name, and computes with what it passes on
        requests += [FRAME.astype(object), FRAME[["city", "zip", "age", "rooms"]], FRAME.assign(more="x")]
    for request in requests:
        assert_same(plan.transform(request), source.transform(request))
    assert_same(plan.transform(pa.Table.from_pandas(FRAME)), source.transform(FRAME))


@pytest.mark.parametrize("form", [pa.Table, pa.RecordBatch])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_texts_of_arrow_are_passed_on(name: str, form: Any, tmp_path: Any) -> None:
    source = TRANSFORMERS[name].fit(FRAME)
    for plan in plans(tmp_path, source):
        assert_same(plan.transform(form.from_pandas(FRAME)), source.transform(FRAME))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_rows_with_texts_are_answered_from_a_file(name: str, tmp_path: Any) -> None:
    source = sklearn.clone(TRANSFORMERS[name]).fit(FRAME)
    plan, loaded = plans(tmp_path, source)
    rows = FRAME.to_dict("records")
    assert_same(loaded.transform_one(rows[0]), plan.transform_one(rows[0]))
    assert_same(loaded.transform_one(rows[0]), source.transform(FRAME[:1])[0])
    assert_same(loaded.transform_one(tuple(rows[1].values())), plan.transform_one(tuple(rows[1].values())))
    assert_same(loaded.transform_one({**rows[0], "city": None}), plan.transform_one({**rows[0], "city": None}))
    assert_same(loaded.transform(rows), plan.transform(rows))


def test_arrays_without_names(tmp_path: Any) -> None:
    objects = FRAME.to_numpy()
    source = ColumnTransformer([("scaled", StandardScaler(), [0, 1])], remainder="passthrough").fit(objects)
    plan, loaded = plans(tmp_path, source)
    for request in (objects, objects.astype(str), objects.tolist()):
        assert_same(loaded.transform(request), source.transform(request))
    assert_same(loaded.transform_one(objects[0]), plan.transform_one(objects[0]))


def test_float32_beside_texts(tmp_path: Any) -> None:
    parts = [("scaled", StandardScaler(), ["age", "rooms"])]
    narrow = FRAME.astype({"age": np.float32, "rooms": np.float32})
    source = ColumnTransformer(parts, remainder="passthrough").fit(FRAME)
    _, plan = plans(tmp_path, source)
    found, expected = plan.transform(narrow), source.transform(narrow)
    assert found.dtype == expected.dtype == object
    assert found[:, :2].astype(float) == pytest.approx(expected[:, :2].astype(float), rel=1e-5)
    assert found[:, 2:].tolist() == expected[:, 2:].tolist()


def test_dates_are_passed_on_beside_texts(tmp_path: Any) -> None:
    source = make_column_transformer(SCALED, remainder="passthrough").fit(FRAME)
    _, plan = plans(tmp_path, source)
    dated = FRAME.assign(zip=[datetime.date(2024, 1, day) for day in (1, 2, 3, 4)])
    assert_same(plan.transform(dated), source.transform(dated))


def test_texts_that_something_computes_with_are_rejected(tmp_path: Any) -> None:
    source = make_column_transformer(SCALED, remainder="passthrough").fit(FRAME)
    _, plan = plans(tmp_path, source)
    with pytest.raises(InputTypeError, match="'age'"):
        plan.transform(FRAME.assign(age=["old"] * 4))
    with pytest.raises(InputTypeError, match="'age'"):
        plan.transform_one({**FRAME.to_dict("records")[0], "age": "old"})
    selected = make_pipeline(make_column_transformer(SCALED, remainder="passthrough"), SelectKBest(k=2))
    _, plan = plans(tmp_path, selected.fit(NUMBERS, [0, 1, 0, 1]))
    with pytest.raises(InputTypeError):
        plan.transform(FRAME)


def test_strict_plans_pass_texts_on_without_the_source() -> None:
    source = make_column_transformer(SCALED, remainder="passthrough").fit(FRAME)
    assert_same(pretzel.compile(source, strict=True).transform(FRAME), source.transform(FRAME))


OTHER_TYPES = {
    "whole numbers": make_column_transformer((OrdinalEncoder(dtype=np.int64), ["rooms"]), ("passthrough", ["city"])),
    "behind each other": make_pipeline(
        make_column_transformer(SCALED, remainder="passthrough"),
        make_column_transformer((StandardScaler(), [1]), remainder="passthrough"),
    ),
    "read and passed on": make_column_transformer((OrdinalEncoder(), ["zip"]), ("passthrough", ["zip"])),
    "bins": make_column_transformer(
        (KBinsDiscretizer(2, encode="ordinal", dtype=np.float32), ["age"]), ("passthrough", ["city"])
    ),
}


@pytest.mark.parametrize("name", OTHER_TYPES)
@pytest.mark.filterwarnings("ignore")
def test_what_only_the_source_puts_together_says_what_to_do(name: str, tmp_path: Any) -> None:
    source = OTHER_TYPES[name].fit(FRAME)
    _, plan = plans(tmp_path, source)
    for ask, request in ((plan.transform, FRAME), (plan.transform_one, FRAME.to_dict("records")[0])):
        with pytest.raises(InputTypeError, match=r"keep_source=True, and save it with opaque='skops'"):
            ask(request)
    kept = pretzel.compile(source, keep_source=True)
    kept.save(tmp_path / "kept", opaque="skops")
    assert_same(pretzel.load(tmp_path / "kept").transform(FRAME), source.transform(FRAME))


def test_frames_are_not_made_of_texts(tmp_path: Any) -> None:
    source = make_column_transformer(SCALED, remainder="passthrough").fit(FRAME)
    _, plan = plans(tmp_path, source)
    with sklearn.config_context(transform_output="pandas"):
        with pytest.raises(InputError, match="transform_output='default'"):
            plan.transform(FRAME)
        assert list(plan.transform(NUMBERS).columns) == list(source.get_feature_names_out())


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_frames_of_polars(name: str, tmp_path: Any) -> None:
    pl = pytest.importorskip("polars")
    if not releases.SELECTS_POLARS:
        pytest.skip("this release of scikit-learn does not select columns of polars")
    source = sklearn.clone(TRANSFORMERS[name]).fit(FRAME)
    _, plan = plans(tmp_path, source)
    frame = pl.from_pandas(FRAME)
    holes = frame.with_columns(city=pl.Series(["Bonn", None, "Rome", None]))
    for request in (frame, holes, frame.with_columns(pl.col("city").cast(pl.Categorical))):
        assert_same(plan.transform(request), source.transform(request))
    with pytest.raises(InputTypeError, match="pandas, polars and Arrow"):
        plan.transform(frame.lazy().collect().to_struct("rows"))


@pytest.mark.parametrize(
    "wrong",
    [
        (PassedOn(1, (1, 2, 3, 0)),),
        (PassedOn(2, (2,)), PassedOn(1, (1,))),
        (PassedOn(1, (4,)),),
        (PassedOn(1, (1,), (-1,)),),
    ],
    ids=["wide", "order", "column", "number"],
)
def test_damaged_files_are_refused(wrong: Any) -> None:
    physical = pretzel.compile(
        make_column_transformer(SCALED, remainder="passthrough").fit(FRAME), strict=True
    ).physical
    check_plan(physical)
    damaged = replace(physical.methods["transform"], passed_on=wrong)
    with pytest.raises(CorruptStoreError, match="passed on"):
        check_plan(replace(physical, methods={"transform": damaged}))
