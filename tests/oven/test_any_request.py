"""Requests go to steps without a native form as they came; names, frames and text cross such steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    MinMaxScaler,
    MultiLabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC

import pretzel
from pretzel.errors import InputError, InputKeyError, InputShapeError, UnfittedError
from pretzel.input_spec import InputKind
from tests import releases
from tests.ids import stable_id

RNG = np.random.default_rng(5)
N = 60
FRAME = pd.DataFrame(
    {"a": RNG.normal(size=N), "b": RNG.normal(9, 3, size=N), "c": RNG.choice(["x", "y"], N), "d": RNG.integers(0, 5, N)}
)
NUMBERS = FRAME[["a", "b", "d"]]
SPLINES = SplineTransformer(degree=1, extrapolation="linear")  # has no native form
Y = (FRAME["a"] + FRAME["b"] / 5 > 1.7).astype(int).to_numpy()


class Ratio(TransformerMixin, BaseEstimator):
    """Learns nothing and records nothing of its input, from which it picks columns by name."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[["a"]].assign(ratio=X["b"] / (1 + X["d"]))


class RatioArray(Ratio):
    """The same as an array."""

    def transform(self, X):
        return super().transform(X).to_numpy()


class Sign(ClassifierMixin, BaseEstimator):
    """A classifier of one's own, without ``n_features_in_``."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


class Twice(TransformerMixin, BaseEstimator):
    """Nothing to learn, no tag that says so."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X * 2


def check(estimator, *requests, rows=()):
    """Answers are the source's, for tables and for pairs of a row and the table of one row that stands for it."""
    plan = pretzel.compile(estimator)
    for method in ("predict", "predict_proba", "transform"):
        if not hasattr(estimator, method):
            continue
        for X in requests:
            compare(getattr(plan, method)(X), getattr(estimator, method)(X))
        for row, table in rows:
            expected = getattr(estimator, method)(table)
            one = getattr(plan, f"{method}_one")(row)
            compare(np.asarray(one.toarray()[0] if sparse.issparse(one) else one), first(expected), types=False)
    return plan


def first(answer):
    if sparse.issparse(answer):
        return answer.toarray()[0]
    return np.asarray(answer.iloc[0] if hasattr(answer, "iloc") else answer[0])


def compare(got, expected, *, types=True):
    assert not types or type(got) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(got, expected, rtol=1e-9)
    elif sparse.issparse(expected):
        assert (got.format, got.dtype) == (expected.format, expected.dtype)
        np.testing.assert_allclose(got.toarray(), expected.toarray(), rtol=1e-9, atol=1e-12)
    elif expected.dtype.kind == "f":
        assert not types or got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_array_equal(got, expected)


def opaque(plan, method="predict"):
    return [step.name for step in plan.physical.methods[method].opaque]


ROWS = [(NUMBERS.iloc[0].to_dict(), NUMBERS[:1]), (NUMBERS.iloc[3], NUMBERS[3:4])]
MOVED = NUMBERS[["d", "b", "a"]]
MORE = NUMBERS.assign(more=1.0)


# -- the first step has no native form -------------------------------------------------------------------------------


@pytest.mark.parametrize("first_step", [Ratio(), RatioArray()])
@pytest.mark.parametrize("last", [LogisticRegression(), RandomForestClassifier(5, random_state=0), StandardScaler()])
def test_a_transformer_of_ones_own_comes_first(first_step, last):
    plan = check(make_pipeline(first_step, StandardScaler(), last).fit(NUMBERS, Y), NUMBERS, MOVED, MORE, rows=ROWS)
    method = "predict" if hasattr(last, "predict") else "transform"
    assert plan.physical.input.kind is InputKind.ANY
    assert opaque(plan, method) == [f"{type(first_step).__name__}.transform"]
    assert plan.physical.methods[method].program is not None


def test_a_classifier_of_ones_own():
    check(Sign().fit(NUMBERS, Y), NUMBERS, NUMBERS.to_numpy(), NUMBERS.to_numpy().tolist(), rows=ROWS)
    array = NUMBERS.to_numpy()
    rows = [(tuple(array[0]), array[:1]), (array[0].tolist(), array[:1]), (array[0], array[:1])]
    check(make_pipeline(Sign()).fit(array, Y), array, rows=rows)
    check(make_pipeline(StandardScaler(), Sign()).fit(array, Y), array, rows=rows)


def test_beside_a_native_step():
    union = make_union(RatioArray(), StandardScaler())
    check(make_pipeline(union, LogisticRegression()).fit(NUMBERS, Y), NUMBERS, rows=ROWS)
    check(make_union(StandardScaler(), RatioArray()).fit(NUMBERS), NUMBERS, rows=ROWS)


def test_lists_of_dicts_have_the_keys_of_the_first():
    model = make_pipeline(Ratio(), LogisticRegression()).fit(NUMBERS, Y)
    plan = pretzel.compile(model)
    rows = NUMBERS.to_dict("records")
    np.testing.assert_array_equal(plan.predict(rows), model.predict(NUMBERS))
    with pytest.raises(InputKeyError, match="row 1 has other keys than row 0"):
        plan.predict([rows[0], {"a": 1.0}])


RECORDS = [{"os": "linux", "ram": 4.0}, {"os": "mac", "ram": 8.0}, {"os": "linux", "ram": 2.0}, {"os": "mac"}] * 3
TEXTS = ["red sky", "blue sea", "red sea", "blue sky"] * 3
TOKENS = [text.split() for text in TEXTS]
LABELS = [0, 1, 0, 1] * 3


@pytest.mark.parametrize(
    ("steps", "items"),
    [
        ((DictVectorizer(),), RECORDS),
        ((DictVectorizer(sparse=False), StandardScaler()), RECORDS),
        ((FeatureHasher(32),), RECORDS),
        ((FeatureHasher(32, input_type="string"),), TOKENS),
        ((TfidfVectorizer(analyzer=lambda tokens: tokens),), TOKENS),
        ((CountVectorizer(token_pattern=r"(?=\w)[a-z]+|x"), TfidfTransformer()), TEXTS),
        ((FunctionTransformer(lambda texts: [text.upper() for text in texts]), TfidfVectorizer()), TEXTS),
        ((make_union(TfidfVectorizer(), FunctionTransformer(lambda texts: [[len(t)] for t in texts])),), TEXTS),
        ((make_union(DictVectorizer(), FunctionTransformer(lambda rows: [[len(r)] for r in rows])),), RECORDS),
    ],
    ids=stable_id,
)
def test_items_of_a_list(steps, items):
    model = make_pipeline(*steps, LogisticRegression()).fit(items, LABELS)
    plan = check(model, items, items[:1], rows=[(item, [item]) for item in items[:4]])
    assert plan.physical.methods["predict"].program is not None


def test_binarizers():
    check(MultiLabelBinarizer().fit(TOKENS), TOKENS, rows=[(TOKENS[0], TOKENS[:1])])
    check(LabelBinarizer().fit(["a", "b", "c"]), ["a", "c"], rows=[("b", ["b"])])


def test_nothing_to_learn_is_not_unfitted():
    array = NUMBERS.to_numpy()
    model = Twice().fit(array)
    check(model, array, rows=[(tuple(array[0]), array[:1])])
    for model in (StandardScaler(), make_pipeline(Twice(), StandardScaler()), make_union(StandardScaler(), Twice())):
        with pytest.raises(UnfittedError):
            pretzel.compile(model)


# -- single rows of opaque steps -------------------------------------------------------------------------------------


def test_a_row_of_numbers_and_texts_without_names():
    X = np.array([[1, "x"], [2, "y"], [1, "y"], [2, "x"], [3, "x"]] * 4, dtype=object)
    encoder = OneHotEncoder(categories=[[1, 2, 3], ["x", "y"]], handle_unknown="ignore", dtype=np.float32)
    model = make_pipeline(encoder, KNeighborsClassifier(3)).fit(X, [0, 1, 0, 1, 1] * 4)
    check(model, X, X.tolist(), rows=[(tuple(row), X[i : i + 1]) for i, row in enumerate(X[:5])])


def test_none_in_one_row_and_in_many():
    frame = pd.DataFrame({"age": np.arange(9.0), "city": pd.Series(["Bonn", "Ulm", None] * 3, dtype=object)})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-3)
    texts = make_pipeline(SimpleImputer(strategy="constant", fill_value="Ulm"), encoder)
    source = make_column_transformer((SPLINES, ["age"]), (texts, ["city"])).fit(frame)
    plan = pretzel.compile(source, none="exact")
    rows = frame.to_dict("records")
    alone = np.array([plan.transform_one(row) for row in rows])
    np.testing.assert_array_equal(alone, plan.transform(rows))
    np.testing.assert_allclose(alone, source.transform(frame))


def test_lone_surrogates():
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0], "city": pd.Series(["Bonn", "Ulm", "Ulm"], dtype=object)})
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    plan = pretzel.compile(make_column_transformer((SPLINES, ["age"]), (encoder, ["city"])).fit(frame))
    assert plan.transform_one({"age": 2.0, "city": "\ud800"})[-2:].tolist() == [0.0, 0.0]


# -- names -----------------------------------------------------------------------------------------------------------


def with_sum(frame):
    return frame.assign(sum=frame["a"] + frame["b"])


def test_columns_behind_an_opaque_step_are_found_by_name():
    columns = make_column_transformer((StandardScaler(), ["a", "b", "sum"]), (PolynomialFeatures(), ["d"]))
    model = make_pipeline(FunctionTransformer(with_sum), columns, LogisticRegression()).fit(NUMBERS, Y)
    check(model, NUMBERS, MOVED, MORE, rows=ROWS)


def test_names_behind_an_opaque_step_are_checked():
    model = make_pipeline(FunctionTransformer(with_sum), StandardScaler(), LogisticRegression()).fit(NUMBERS, Y)
    plan = check(model, NUMBERS, rows=ROWS)
    for request in (MOVED, MORE):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(request)
        with pytest.raises(InputError):
            plan.predict(request)


def nested():
    pipe = make_pipeline(make_column_transformer(("passthrough", ["a", "b"])), LogisticRegression())
    near = make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"])), KNeighborsClassifier(p=3))
    votes = VotingClassifier([("m", pipe), ("n", near)], voting="soft")
    return {
        "voting": votes,
        "calibrated": CalibratedClassifierCV(pipe, cv=2),
        "voting in calibration": CalibratedClassifierCV(votes, cv=2),
        "calibrated in a pipeline": make_pipeline(pipe[0], CalibratedClassifierCV(LogisticRegression(), cv=2)),
        "calibrated in voting": VotingClassifier([("c", CalibratedClassifierCV(pipe, cv=2)), ("m", pipe)]),
        "search": GridSearchCV(pipe, {"logisticregression__C": [1.0]}, cv=2),
        "threshold": TunedThresholdClassifierCV(pipe, cv=2),
        "stacking": StackingClassifier([("m", pipe)], cv=2),
        **dict(zip(("frozen",), releases.frozen(pipe.fit(NUMBERS, Y)), strict=False)),
    }


@pytest.mark.parametrize("name", nested())
def test_compositions_find_columns_by_name(name):
    model = nested()[name].fit(NUMBERS, Y)
    row = {"id": "k-17", "b": 2.0, "a": 1.0, "d": 3}
    check(model, NUMBERS, MOVED, MORE, NUMBERS.drop(columns="d"), rows=[*ROWS, (row, pd.DataFrame([row]))])


def test_categories_of_boosting_are_found_by_name():
    frame = FRAME.assign(c=FRAME["c"].astype("category"))
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(frame, Y)
    check(model, frame, frame[["d", "c", "b", "a"]], frame.assign(more=1), rows=[(FRAME.iloc[0].to_dict(), frame[:1])])


def test_strict_members_keep_the_check():
    members = [("m", make_pipeline(make_column_transformer((StandardScaler(), ["a"])), LogisticRegression()))]
    model = VotingClassifier([*members, ("l", LogisticRegression())], voting="soft").fit(NUMBERS, Y)
    plan = check(model, NUMBERS, rows=ROWS)
    for request in (MOVED, MORE):
        with pytest.raises(InputKeyError):
            plan.predict(request)


# -- frames ----------------------------------------------------------------------------------------------------------


def cross(X):
    if not hasattr(X, "columns"):
        return X
    return X.assign(cross=X["a"] * X["b"]) if hasattr(X, "assign") else X.with_columns(cross=X["a"] * X["b"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(
    "before", [SimpleImputer(), make_column_transformer((MinMaxScaler(), ["b", "a"]), verbose_feature_names_out=False)]
)
def test_set_output_before_a_step_that_uses_names(before, library):
    pytest.importorskip(library)
    if library == "polars" and not isinstance(before, SimpleImputer) and not releases.SELECTS_POLARS:
        pytest.skip("scikit-learn before 1.9 does not take the frames of this release of polars for tables")
    model = make_pipeline(before, FunctionTransformer(cross), LogisticRegression())
    check(model.set_output(transform=library).fit(NUMBERS, Y), NUMBERS, rows=ROWS)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_functions_return_what_they_are_given():
    labelled = NUMBERS.abs().set_index(np.arange(N) + 100)
    array = labelled.to_numpy()
    for model in (
        FunctionTransformer(np.log1p),
        make_pipeline(FunctionTransformer(np.log1p)),
        make_pipeline(FunctionTransformer(np.log1p), FunctionTransformer(np.sqrt)),
        make_pipeline(Ratio(), FunctionTransformer(np.exp)),
    ):
        requests = (labelled,) if "ratio" in str(model).lower() else (labelled, array, labelled[["d", "a"]])
        check(model.fit(labelled), *requests)
    check(make_pipeline(FunctionTransformer(np.abs), Ratio(), LogisticRegression()).fit(NUMBERS, Y), NUMBERS)
    check(make_pipeline(StandardScaler(), FunctionTransformer(np.exp)).fit(NUMBERS), NUMBERS)


# -- text ------------------------------------------------------------------------------------------------------------

HOLES = FRAME.assign(a=FRAME["a"].where(np.arange(N) % 7 > 0))
IMPUTED = make_column_transformer((SimpleImputer(), ["a"]), remainder="passthrough")
BOTH = make_column_transformer((SimpleImputer(), ["a"]), (SimpleImputer(strategy="most_frequent"), ["c"]))


@pytest.mark.parametrize("before", [IMPUTED, BOTH], ids=["passed on", "imputed"])
@pytest.mark.parametrize("last", [LogisticRegression(), KNeighborsClassifier(p=3)])
def test_text_goes_on_to_a_later_encoder(before, last):
    text = 2 if before is IMPUTED else 1
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [text]), remainder="passthrough")
    model = make_pipeline(before, encoder, last).fit(HOLES, Y)
    plan = check(model, HOLES, HOLES[["d", "c", "b", "a"]], rows=[(FRAME.iloc[0].to_dict(), FRAME[:1])])
    if isinstance(last, LogisticRegression):
        assert opaque(plan) == []


def test_an_encoder_of_numbers_and_text():
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(IMPUTED, make_column_transformer((encoder, [2, 3])), LogisticRegression()).fit(HOLES, Y)
    check(model, HOLES, rows=[(FRAME.iloc[0].to_dict(), FRAME[:1])])
    check(make_pipeline(make_column_transformer(("passthrough", ["c"])), OneHotEncoder()).fit(HOLES), HOLES)


def test_text_and_dates_in_the_output():
    frame = HOLES.assign(when=pd.date_range("2024-01-01", periods=N))
    check(IMPUTED.fit(HOLES), HOLES, HOLES.astype({"c": object}))
    check(BOTH.fit(HOLES), HOLES)
    check(make_column_transformer(("passthrough", ["when", "c"])).fit(frame), frame)
    numbers = make_column_transformer((StandardScaler(), ["b"]), ("passthrough", ["a"])).fit(HOLES)
    assert opaque(check(numbers, HOLES), "transform") == []


# -- what opaque steps return ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [2000, 1])
def test_other_rows_than_were_given(rows):
    count = [50]
    function = FunctionTransformer(lambda X: np.vstack([X] * 500)[: count[0]], feature_names_out="one-to-one")
    X = RNG.normal(size=(50, 3))
    plan = pretzel.compile(make_pipeline(make_union(StandardScaler(), function), Ridge()).fit(X, X[:, 0]))
    count[0] = rows
    with pytest.raises(InputShapeError, match=rf"FunctionTransformer.transform returned {rows} rows.* request of 4"):
        plan.predict(X[:4])


def test_a_step_that_drops_the_row():
    function = FunctionTransformer(lambda X: X[X[:, 0] > 0])
    X = np.abs(RNG.normal(size=(20, 2)))
    plan = pretzel.compile(make_pipeline(function, StandardScaler()).fit(X))
    assert plan.transform(np.vstack([X, -X])).shape == (20, 2)
    with pytest.raises(InputShapeError):
        plan.transform_one((-1.0, 2.0))


# -- compositions lose one step, not all -----------------------------------------------------------------------------


def test_weights_of_parts():
    union = FeatureUnion([("s", StandardScaler()), ("p", PolynomialFeatures())], transformer_weights={"s": 2, "p": 0.5})
    array = NUMBERS.to_numpy()
    assert opaque(check(union.fit(array), array), "transform") == []
    parts = [("s", StandardScaler(), ["a"]), ("o", OneHotEncoder(), ["d"]), ("p", "passthrough", ["b"])]
    columns = ColumnTransformer(parts, transformer_weights={"s": 3.0, "o": 0.5}, sparse_threshold=1.0)
    check(make_pipeline(columns, LogisticRegression()).fit(NUMBERS, Y), NUMBERS, rows=ROWS)


@pytest.mark.parametrize(
    "model",
    [
        TunedThresholdClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), cv=2),
        TunedThresholdClassifierCV(KNeighborsClassifier(p=3), cv=2),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label="no"),
        FixedThresholdClassifier(LinearSVC(), threshold=0.2, pos_label="no"),
        FixedThresholdClassifier(LinearSVC()),
    ],
)
def test_thresholds(model):
    plan = check(model.fit(NUMBERS, np.where(Y == 1, "yes", "no")), NUMBERS, rows=ROWS)
    assert opaque(plan) == (["KNeighborsClassifier.predict_proba"] if "Neighbors" in str(model) else [])


@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:X has feature names")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_configuration_when_called(library):
    pytest.importorskip(library)
    frame = NUMBERS.set_index(np.arange(N) + 100)
    models = (
        StandardScaler(),
        make_pipeline(SimpleImputer(), PCA(2)),
        *([make_union(StandardScaler(), MinMaxScaler())] if library == "pandas" or releases.since("1.9") else []),
        SelectKBest(k=2),
        PolynomialFeatures(2),
        make_pipeline(SPLINES, StandardScaler()),
        MinMaxScaler().set_output(transform="default"),
    )
    for model in models:
        plan = pretzel.compile(model.fit(frame, Y))
        for X in (frame, frame.to_numpy()):
            with config_context(transform_output=library):
                got, expected = plan.transform(X), model.transform(X)
            assert type(got) is type(expected)
            if library == "pandas" and hasattr(expected, "iloc"):
                pd.testing.assert_frame_equal(got, expected)
            assert type(plan.transform(X)) is np.ndarray
    plan = pretzel.compile(OneHotEncoder().fit(NUMBERS[["d"]]), strict=True)
    with config_context(transform_output=library), pytest.raises(InputError, match="sparse"):
        plan.transform(NUMBERS[["d"]])
