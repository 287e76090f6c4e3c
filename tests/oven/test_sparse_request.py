"""Sparse requests: answered and rejected as by the source, with work that goes with their entries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputTypeError
from pretzel.program import LeafKind
from tests import releases

ROWS = sparse.random_array((40, 8), density=0.4, format="csr", rng=0)
LABELS = np.arange(40) % 2
CONTAINERS = [sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix, sparse.coo_array, np.asarray]
BRANCHES = make_column_transformer((MaxAbsScaler(), [0, 3]), ("passthrough", [1]), sparse_threshold=1.0)

MODELS = [
    MaxAbsScaler(),
    Normalizer(),
    Normalizer("max"),
    StandardScaler(with_mean=False),
    RobustScaler(with_centering=False),
    PolynomialFeatures(2),
    Binarizer(),
    QuantileTransformer(n_quantiles=5),
    SimpleImputer(),
    SelectKBest(k=3),
    VarianceThreshold(),
    TruncatedSVD(2),
    PCA(2),
    FunctionTransformer(np.log1p),
    FunctionTransformer(),
    make_pipeline(MaxAbsScaler(), SelectKBest(k=3)),
    make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
    make_pipeline(MaxAbsScaler(), DecisionTreeClassifier(random_state=0)),
    make_pipeline(MaxAbsScaler(), KNeighborsClassifier()),
    make_pipeline(SimpleImputer(), StandardScaler(with_mean=False), RandomForestClassifier(3, random_state=0)),
    make_union(MaxAbsScaler(), Normalizer()),
    make_union(MaxAbsScaler(), TruncatedSVD(2)),
    BRANCHES,
    make_pipeline(BRANCHES, LogisticRegression()),
    LogisticRegression(),
    Ridge(),
    RandomForestClassifier(3, random_state=0),
    VotingClassifier([("a", LogisticRegression()), ("b", BernoulliNB())]),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_same_rows_in_the_same_container(model):
    model.fit(ROWS, LABELS)
    plan = pretzel.compile(model)
    for method in ("transform", "predict", "predict_proba"):
        if not hasattr(model, method):
            continue
        sparse_only = "ColumnTransformer" in str(model)  # fitted on sparse rows, it makes no dense ones
        for container in CONTAINERS[:-1] if sparse_only else CONTAINERS:
            X = container(ROWS.toarray() if container is np.asarray else ROWS)
            try:
                expected = getattr(model, method)(X)
            except TypeError:  # SciPy before 1.17 cannot take columns of coo_array
                continue
            got = getattr(plan, method)(X)
            assert type(got) is type(expected)
            assert got.dtype == expected.dtype
            values = [each.toarray() if sparse.issparse(each) else each for each in (got, expected)]
            np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize(
    "model",
    [
        StandardScaler(),
        MinMaxScaler(),
        KBinsDiscretizer(3, **releases.QUANTILE_METHOD),
        PowerTransformer(),
        OneHotEncoder(),
        OrdinalEncoder(),
        HistGradientBoostingClassifier(max_iter=2),
        LabelSpreading(kernel="knn"),
        make_pipeline(MaxAbsScaler(), StandardScaler()),
        make_union(MaxAbsScaler(), MinMaxScaler()),
        make_column_transformer((StandardScaler(), [0, 3]), ("passthrough", [1])),
    ],
    ids=str,
)
def test_rejected_where_the_source_rejects(model):
    model.fit(ROWS.toarray(), LABELS)
    plan = pretzel.compile(model, strict=True)
    method = "predict" if hasattr(model, "predict") else "transform"
    with pytest.raises((TypeError, ValueError)):
        getattr(model, method)(ROWS)
    with pytest.raises(InputTypeError, match="takes no sparse rows"):
        getattr(plan, method)(ROWS)
    getattr(plan, method)(ROWS.toarray())


@pytest.mark.parametrize(
    "first",
    [
        MaxAbsScaler(),
        Normalizer(),
        SelectKBest(k=3),
        VarianceThreshold(),
        StandardScaler(with_mean=False),
        make_union(MaxAbsScaler(), "passthrough"),
    ],
    ids=str,
)
@pytest.mark.parametrize("categories", [None, [0]])
def test_boosting_rejects_what_a_step_keeps_sparse(first, categories):
    X = np.round(ROWS.toarray())
    scaled = first.fit(X, LABELS).transform(X)
    scaled = scaled.toarray() if sparse.issparse(scaled) else scaled
    last = HistGradientBoostingClassifier(max_iter=2, categorical_features=categories).fit(scaled, LABELS)
    model = make_pipeline(first, last)
    is_called = categories is not None and isinstance(first, Normalizer)  # the last bits of norms decide on categories
    plan = pretzel.compile(model, strict=not is_called)
    with pytest.raises(TypeError):
        model.predict(ROWS)
    with pytest.raises(InputTypeError, match="rejected by the source" if is_called else "takes no sparse rows"):
        plan.predict(ROWS)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))


STEPS_BEHIND = [
    [Binarizer()],
    [PolynomialFeatures(2)],
    [MaxAbsScaler(), SelectKBest(k=1)],
    [SimpleImputer()],
    [StandardScaler()],
    [StandardScaler(with_mean=False)],
    [MinMaxScaler()],
    [KBinsDiscretizer(3, **releases.QUANTILE_METHOD)],
    [RobustScaler(), LogisticRegression()],
    [HistGradientBoostingClassifier(max_iter=2)],
]


class OwnSelection(SelectKBest):
    """A subclass, which may override anything."""


@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("behind", STEPS_BEHIND, ids=str)
@pytest.mark.parametrize(
    ("first", "X"),
    [
        (OwnSelection(k=2), ROWS),
        (FunctionTransformer(lambda rows: rows, accept_sparse=True), ROWS),
        (FunctionTransformer(sparse.csr_matrix), ROWS.toarray()),
        (make_pipeline(OneHotEncoder(handle_unknown="ignore"), SimpleImputer()), ROWS.toarray()),
    ],
    ids=["a selector of one's own", "a function", "a function that makes sparse rows", "an imputer of sparse rows"],
)
def test_steps_behind_a_step_without_native_form(first, X, behind):
    dense = first.fit(ROWS.toarray(), LABELS).transform(ROWS.toarray())
    dense = dense.toarray() if sparse.issparse(dense) else dense
    model = make_pipeline(first, make_pipeline(*behind).fit(dense, LABELS))
    method = "predict" if hasattr(model, "predict") else "transform"
    plan = pretzel.compile(model)
    try:
        expected = getattr(model, method)(X)
    except (TypeError, ValueError) as error:
        with pytest.raises(InputTypeError if isinstance(error, TypeError) else ValueError):
            getattr(plan, method)(X)
        return
    got = getattr(plan, method)(X)
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    values = [each.toarray() if sparse.issparse(each) else each for each in (got, expected)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", [np.ma.masked_array, lambda X: X.astype(np.longdouble)], ids=["masked", "longdouble"])
def test_values_of_a_step_that_no_program_reads(form):
    X = np.eye(3)
    model = make_pipeline(FunctionTransformer(form), StandardScaler()).fit(X)
    got, expected = pretzel.compile(model).transform(X), model.transform(X)
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-9)


class OwnBayes(GaussianNB):
    """Opaque, because a subclass may override anything."""


class OwnMachine(SVC):
    """Opaque, too."""


class OwnImputer(SimpleImputer):
    """Opaque, too."""


def test_opaque_steps_accept_or_reject():
    native = (RobustScaler(), make_pipeline(SelectKBest(k=3), GaussianNB()), make_pipeline(SVC()), SVC())
    opaque = (make_pipeline(SelectKBest(k=3), OwnBayes()), make_pipeline(OwnMachine()), OwnMachine())
    for model in (*native, *opaque):
        model.fit(ROWS.toarray(), LABELS)
        method = "predict" if hasattr(model, "predict") else "transform"
        compiled = pretzel.compile(model)
        assert bool(compiled.opaque_steps) == (model in opaque)
        plan = getattr(compiled, method)
        try:
            expected = getattr(model, method)(ROWS)
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                plan(ROWS)
        else:
            assert type(plan(ROWS)) is type(expected)


@pytest.mark.parametrize(
    "last",
    [
        [SelectKBest(k=3)],
        [MaxAbsScaler()],
        [StandardScaler(with_mean=False), Normalizer()],
        [make_union(MaxAbsScaler(), "passthrough")],
        [OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), Ridge()],
        [make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [0]), ("passthrough", [1])), Ridge()],
        [HistGradientBoostingClassifier(max_iter=2)],
        [RandomForestClassifier(3, random_state=0)],
    ],
    ids=str,
)
@pytest.mark.parametrize("first", [SimpleImputer(), OwnImputer()], ids=["native", "opaque"])
def test_steps_behind_a_step_that_keeps_rows_sparse(first, last):
    model = make_pipeline(first, *last).fit(ROWS.toarray(), LABELS)
    plan = pretzel.compile(model)
    assert bool(plan.opaque_steps) == isinstance(first, OwnImputer)
    method = "predict" if hasattr(model, "predict") else "transform"
    for container in CONTAINERS[:-1]:
        X = container(ROWS)
        try:
            expected = getattr(model, method)(X)
        except TypeError:
            with pytest.raises(TypeError):
                getattr(plan, method)(X)
            continue
        got = getattr(plan, method)(X)
        assert type(got) is type(expected)
        values = [each.toarray() if sparse.issparse(each) else each for each in (got, expected)]
        np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("behind", [[], [MaxAbsScaler()], [LogisticRegression()]], ids=str)
def test_sparse_rows_are_not_centred_as_in_the_source(behind):
    model = make_pipeline(RobustScaler(), *behind).fit(ROWS.toarray() + 1.0, LABELS)
    method = "predict_proba" if hasattr(model, "predict") else "transform"
    got, expected = getattr(pretzel.compile(model, strict=True), method)(ROWS), getattr(model, method)(ROWS)
    assert type(got) is type(expected)
    values = [each.toarray() if sparse.issparse(each) else each for each in (got, expected)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)


def test_columns_by_name_need_names():
    import pandas as pd

    frame = pd.DataFrame(ROWS.toarray(), columns=list("abcdefgh"))
    plan = pretzel.compile(make_column_transformer((MaxAbsScaler(), ["a", "d"])).fit(frame))
    with pytest.raises(InputTypeError, match="ColumnTransformer takes no sparse rows"):
        plan.transform(ROWS)


def test_wide_rows_are_read_by_their_entries():
    X = sparse.random_array((64, 100_000), density=1e-4, format="csr", rng=0)
    model = SGDClassifier(random_state=0).fit(X, np.arange(64) % 2)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    np.testing.assert_array_equal(plan.predict(X[[3]]), model.predict(X[[3]]))
    program = plan.physical.methods["predict"].sparse.program
    assert [leaf.kind for leaf in program.leaves] == [LeafKind.SPARSE]
    assert [value.width for value in program.values[1:]] == [1, 1]  # no value is as wide as the rows


def test_submitted_requests():
    with pretzel.Runtime(executors=1) as runtime:
        runtime.register("scaled", MaxAbsScaler().fit(ROWS))
        runtime.register("centred", StandardScaler().fit(ROWS.toarray()))
        got = runtime["scaled"].submit(ROWS, method="transform").result()
        assert sparse.issparse(got)
        with pytest.raises(InputTypeError, match="takes no sparse rows"):
            runtime["centred"].submit(ROWS, method="transform").result()


def test_opaque_steps_that_make_sparse_rows():
    colours = np.array([["red"], ["blue"], ["red"], ["green"]] * 3, dtype=object)
    encoder = OneHotEncoder(dtype=np.float32, handle_unknown="ignore")
    for model in (make_pipeline(DictVectorizer(dtype=float), MaxAbsScaler()), make_pipeline(encoder, MaxAbsScaler())):
        X = [{"colour": row[0]} for row in colours] if "dictvectorizer" in model.named_steps else colours
        got, expected = pretzel.compile(model.fit(X)).transform(X), model.transform(X)
        assert type(got) is type(expected)
        np.testing.assert_array_equal(got.toarray(), expected.toarray())


@pytest.mark.parametrize("model", [MaxAbsScaler(), make_pipeline(MaxAbsScaler(), LogisticRegression())], ids=str)
def test_verify_compares_the_sparse_graph(model):
    report = pretzel.verify(pretzel.compile(model.fit(ROWS, LABELS)), model, ROWS)
    assert report.ok, str(report)


def test_verify_takes_rows_that_a_step_makes_sparse():
    model = make_pipeline(FunctionTransformer(sparse.csr_matrix), MaxAbsScaler(), Ridge()).fit(ROWS.toarray(), LABELS)
    report = pretzel.verify(pretzel.compile(model), model, ROWS.toarray())
    assert report.ok, str(report)
