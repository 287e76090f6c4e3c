"""``inverse_transform`` of every estimator with a native inverse, and of pipelines, against scikit-learn."""

from __future__ import annotations

import functools
import gc
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FastICA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, PolynomialFeatures, StandardScaler

import pretzel
from pretzel.errors import InputShapeError, InputTypeError, InputValueError
from pretzel.oven.frontends.registry import invertible
from pretzel.schema import INVERSE
from pretzel.store.object_store import ObjectStore
from tests import cases, releases
from tests.answers import assert_close, assert_identical
from tests.ids import stable_id

PROJECTION = {"n_components": 3, "random_state": 0, "compute_inverse_components": True}
KERNELS = {"n_components": 4, "fit_inverse_transform": True, "alpha": 0.5}
MORE = [
    cases.Case("sklearn.preprocessing.FunctionTransformer", options={"func": np.cbrt, "inverse_func": np.square}),
    cases.Case("sklearn.random_projection.GaussianRandomProjection", options=PROJECTION),
    cases.Case("sklearn.random_projection.SparseRandomProjection", "counts", options=PROJECTION),
    cases.Case("sklearn.decomposition.KernelPCA", options={**KERNELS, "kernel": "rbf", "gamma": 0.01}),
    cases.Case("sklearn.decomposition.KernelPCA", options={**KERNELS, "kernel": "linear"}),
    cases.Case("sklearn.decomposition.KernelPCA", options={**KERNELS, "kernel": "cosine"}),
    cases.Case("sklearn.decomposition.DictionaryLearning", options={"n_components": 4, "max_iter": 3, "random_state": 0,
               "transform_algorithm": "threshold", "split_sign": True}),
]  # fmt: skip
"""Estimators with options that only their inverses depend on."""

HOLDERS = ("sklearn.model_selection.", "sklearn.frozen.", "sklearn.pipeline.")
"""How the names of estimators begin whose inverse is that of others inside."""

TAKES_OTHER_WIDTHS = ("sklearn.preprocessing.LabelBinarizer",)
"""Estimators whose inverse answers for a table with a column more."""

NAMES = [name for name in invertible() if not name.startswith(HOLDERS) and not releases.lacks(name)]
EVERY = [*(each for name in NAMES for each in [case for case in cases.CASES if case.name == name][:2]), *MORE]
EACH = pytest.mark.parametrize("number", range(len(EVERY)), ids=[case.id for case in EVERY])
BATCHES = (1, 2, 1000)

X = cases.rows("numbers")[0]

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@functools.cache
def compiled(number: int) -> tuple[Any, pretzel.Plan]:
    """The estimator of a case and its plan."""
    case = EVERY[number]
    if case in MORE:
        fitted = cases.build(case.name, **case.options).fit(cases.rows(case.data)[0])
    else:
        fitted = cases.fitted(cases.CASES.index(case))
    return fitted, pretzel.compile(fitted, store=ObjectStore())


def inverted(number: int) -> tuple[Any, pretzel.Plan, Any]:
    """An estimator, its plan, and what ``transform`` makes of the rows of its case."""
    estimator, plan = compiled(number)
    if INVERSE not in plan.methods:
        pytest.skip("the source alone has an inverse, or none")
    return estimator, plan, estimator.transform(cases.rows(EVERY[number].data)[1])


def same(got: Any, expected: Any) -> None:
    if getattr(expected, "dtype", None) == np.float32:
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6 * np.nanmax(np.abs(expected), initial=0.0))
    elif np.asarray(expected).dtype.kind == "O":
        assert_identical(got, expected)
    else:
        assert_close(got, expected)


def both(estimator: Any, plan: pretzel.Plan, rows: Any) -> None:
    """The plan answers as the source does, or rejects what that rejects."""
    try:
        expected = estimator.inverse_transform(rows)
    except (ValueError, IndexError, TypeError):
        with pytest.raises((InputValueError, InputTypeError, InputShapeError)):
            plan.inverse_transform(rows)
    else:
        same(plan.inverse_transform(rows), expected)


def test_every_inverse_is_native_in_some_case() -> None:
    native = {case.name for number, case in enumerate(EVERY) if INVERSE in compiled(number)[1].methods}
    assert native == {name for name in NAMES if hasattr(cases.class_of(name), INVERSE)}


@EACH
def test_batches(number: int) -> None:
    estimator, plan, made = inverted(number)
    for rows in BATCHES:
        same(plan.inverse_transform(made[:rows]), estimator.inverse_transform(made[:rows]))
    if not sparse.issparse(made):
        same(plan.inverse_transform_one(made[3]), estimator.inverse_transform(made[3:4])[0])


@EACH
def test_float32(number: int) -> None:
    estimator, plan, made = inverted(number)
    with np.errstate(over="ignore"):
        small = made.astype(np.float32)
    both(estimator, plan, small)


@EACH
def test_whole_numbers(number: int) -> None:
    estimator, plan, made = inverted(number)
    dense = made.toarray() if sparse.issparse(made) else made
    both(estimator, plan, np.nan_to_num(np.rint(np.clip(np.asarray(dense, dtype=float), -2, 2))).astype(np.int64))


@EACH
def test_rejected(number: int) -> None:
    """What the source rejects is rejected: too few columns, NaN, no rows."""
    estimator, plan, made = inverted(number)
    width = made.shape[1:]
    said = f"X has {width[0] + 1} features" if width else "got an array of shape"
    other = np.zeros((2, width[0] + 1 if width else 2))
    if EVERY[number].name in TAKES_OTHER_WIDTHS:
        same(plan.inverse_transform(other), estimator.inverse_transform(other))
    else:
        with pytest.raises(InputShapeError if width else InputValueError, match=said):
            plan.inverse_transform(other)
    both(estimator, plan, np.full((2, *width), np.nan))
    both(estimator, plan, made[:0])


@EACH
def test_saved_and_loaded(number: int, tmp_path: Any) -> None:
    _, plan, made = inverted(number)
    plan.save(tmp_path / "model.plan")
    loaded = pretzel.load(tmp_path / "model.plan", store=ObjectStore())
    assert_identical(loaded.inverse_transform(made[:50]), plan.inverse_transform(made[:50]))


@EACH
def test_other_forms(number: int) -> None:
    """Sparse rows, frames and lists have the answers of the source, as long as it exists, in its form."""
    estimator, plan, made = inverted(number)
    dense = made[:7].toarray() if sparse.issparse(made) else made[:7]
    for form in (sparse.csr_matrix, sparse.csc_matrix, pd.DataFrame, np.ndarray.tolist, np.asfortranarray):
        if form in (sparse.csr_matrix, sparse.csc_matrix) and dense.dtype == object:
            continue
        rows = form(dense)
        try:
            expected = estimator.inverse_transform(rows)
        except Exception:
            if not isinstance(rows, list | pd.DataFrame):  # of which Pretzel makes an array where the source fails
                with pytest.raises((InputTypeError, InputValueError)):
                    plan.inverse_transform(rows)
            continue
        got = plan.inverse_transform(rows)
        assert type(got) is type(expected)
        same(*(np.asarray(each) if hasattr(each, "iloc") else each for each in (got, expected)))


PIPELINES = [
    make_pipeline(StandardScaler(), PCA(3)),
    make_pipeline(StandardScaler(with_mean=False), "passthrough", PCA(3, whiten=True), MinMaxScaler()),
    make_pipeline(make_pipeline(StandardScaler(), PCA(3)), MinMaxScaler()),
    make_pipeline(FunctionTransformer(np.cbrt, np.square), StandardScaler()),
    make_pipeline(StandardScaler(), FunctionTransformer(np.cbrt, np.square)),
    make_pipeline(StandardScaler(), FunctionTransformer(), PCA(2)),
]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda each: ",".join(name for name, _ in each.steps))
def test_pipelines(pipeline: Any) -> None:
    plan = pretzel.compile(pipeline.fit(X))
    made = pipeline.transform(X)
    assert not plan.physical.methods[INVERSE].opaque
    for rows in (made, made[:1], made.astype(np.float32)):
        same(plan.inverse_transform(rows), pipeline.inverse_transform(rows))
    assert pretzel.verify(plan, pipeline, X).methods[INVERSE].rows == len(X)


class Broken(FunctionTransformer):  # type: ignore[misc]
    pass


def test_held_estimators() -> None:
    found = GridSearchCV(make_pipeline(StandardScaler(), PCA()), {"pca__n_components": [2]}, cv=2).fit(X)
    for model in (found, *releases.frozen(found.best_estimator_)):
        plan = pretzel.compile(model)
        made = model.transform(X)
        assert not plan.physical.methods[INVERSE].opaque
        same(plan.inverse_transform(made), model.inverse_transform(made))


class Half(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Has an inverse but no native form."""

    def fit(self, X: Any, y: Any = None) -> Half:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X / 2

    def inverse_transform(self, X: Any) -> Any:
        return X * 2

    def get_feature_names_out(self, names: Any = None) -> Any:
        return np.array([f"half{i}" for i in range(self.n_features_in_)], dtype=object)


@pytest.mark.parametrize(
    "steps",
    [
        (Half(),),
        (StandardScaler(), Half()),
        (Half(), StandardScaler()),
        (FunctionTransformer(np.square, np.sqrt, inv_kw_args={"dtype": np.float64}), MinMaxScaler()),
    ],
    ids=stable_id,
)
def test_an_inverse_that_is_not_native_as_a_whole_is_that_of_the_source(steps: Any, tmp_path: Any) -> None:
    pipeline = make_pipeline(*steps).fit(X)
    plan = pretzel.compile(pipeline)
    assert INVERSE not in plan.methods
    assert not any(each.method == INVERSE for each in plan.opaque_steps)
    made = pipeline.transform(X)
    for rows in (made, made[:1], made.astype(np.float32)):
        same(plan.inverse_transform(rows), pipeline.inverse_transform(rows))
    if not plan.opaque_steps:
        plan.save(tmp_path / "model.plan")
        assert [*pretzel.load(tmp_path / "model.plan").methods] == ["transform"]
        assert [*pretzel.compile(pipeline, strict=True).methods] == ["transform"]


def test_estimators_without_inverse() -> None:
    y = X[:, 0] > 0
    united = FeatureUnion([("a", StandardScaler()), ("b", PCA(2))])
    for estimator in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(PolynomialFeatures(2), StandardScaler()),
        make_pipeline(united, StandardScaler()),
        ColumnTransformer([("scaled", StandardScaler(), [0, 1])]),
    ):
        plan = pretzel.compile(estimator.fit(X, y))
        assert INVERSE not in plan.methods
        with pytest.raises(AttributeError, match="inverse_transform"):
            plan.inverse_transform(X)


def test_answers_without_the_source() -> None:
    plan = pretzel.compile(make_pipeline(PCA(3), StandardScaler()).fit(X))
    gc.collect()
    assert plan.inverse_transform(np.zeros((2, 3))).shape == (2, 5)
    with pytest.raises(InputTypeError, match="sparse"):
        plan.inverse_transform(sparse.csr_matrix((2, 3)))


def test_contradictions_in_the_inverse_are_left_to_the_source() -> None:
    for mixing in (np.ones((4, 3)), "none", None):
        analysis = FastICA(3, random_state=0, tol=0.1).fit(X)
        analysis.mixing_ = mixing
        assert [*pretzel.compile(analysis).methods] == ["transform"]


def test_named_columns_are_those_of_transform_in_their_order() -> None:
    frame = cases.as_frame(X)
    pipeline = make_pipeline(StandardScaler(), PCA(3)).set_output(transform="pandas").fit(frame)
    plan = pretzel.compile(pipeline)
    made = pipeline.transform(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(plan.inverse_transform(made), pipeline.inverse_transform(made))


def test_schema_and_explanation() -> None:
    pipeline = make_pipeline(StandardScaler(), PCA(3)).fit(X)
    plan = pretzel.compile(pipeline)
    schema = plan.input_schema
    assert [*schema.outputs] == ["transform", "score_samples"]
    assert schema.inverse is schema.of(INVERSE)
    assert len(schema.of(INVERSE).columns) == 3
    assert schema.of("transform") is schema
    assert "inverse_transform of a table of 3 columns -> float64[n, 5]" in str(schema)
    assert [each["name"] for each in schema.to_open_inference()["outputs"]] == ["transform", "score_samples"]
    assert "steps     standardscaler, pca" in plan.summary()
    assert "transform analyzed" in plan.explain(analyze=X)
    assert "inverse_transform" in plan.explain("mermaid")
    assert "What ``transform`` returns" in plan.inverse_transform.__doc__
