"""Steps without a native form: same answers wherever they stand, and rejected where ``strict=True``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectPercentile
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)

import pretzel
from pretzel.errors import CompileError, InputKeyError, InputShapeError, OpaqueStepError
from tests.answers import check_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
SPLINES = SplineTransformer(3, degree=1, extrapolation="linear")  # has no native form


class Cube(TransformerMixin, BaseEstimator):
    """A transformer nobody has heard of."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X) ** 3

    def get_feature_names_out(self, input_features=None):
        return np.array([f"cube{i}" for i in range(self.n_features_in_)], dtype=object)


class Nearest(ClassifierMixin, BaseEstimator):
    """A classifier nobody has heard of; its labels are text."""

    def fit(self, X, y):
        X = np.asarray(X)
        self.classes_ = np.array(["no", "yes"])
        self.centers_ = np.stack([X[y == c].mean(axis=0) for c in (0, 1)])
        self.n_features_in_ = X.shape[1]
        return self

    def decision_function(self, X):
        d = ((np.asarray(X)[:, None, :] - self.centers_) ** 2).sum(axis=2)
        return d[:, 0] - d[:, 1]

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


class OwnBayes(GaussianNB):
    """A subclass may override anything, so it is not what its base is."""


class Upper(TransformerMixin, BaseEstimator):
    """Two numbers of each document."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.array([[len(text), text.count("f")] for text in X], dtype=float)

    def get_feature_names_out(self, input_features=None):
        return np.array(["length", "f"], dtype=object)


class Identity(FunctionTransformer):
    """A subclass may override anything, so it is not what its base is."""

    def transform(self, X):
        return np.asarray(X) + 1.0


PASS = "passthrough"
PIPELINES = {
    "alone": Nearest(),
    "start": Pipeline([("a", Cube()), ("m", ColumnTransformer([("x", PASS, [2, 0])]))]),
    "middle": Pipeline([("s", ColumnTransformer([("x", PASS, [2, 0, 1])])), ("a", Cube()), ("m", Nearest())]),
    "end": Pipeline([("s", ColumnTransformer([("x", PASS, [2, 0])])), ("m", Nearest())]),
    "two in a row": Pipeline([("a", Cube()), ("b", Cube()), ("m", Nearest())]),
    "inside ColumnTransformer": ColumnTransformer([("x", Cube(), [3, 1]), ("y", PASS, [0])], remainder=Cube()),
    "inside FeatureUnion": FeatureUnion([("x", Cube()), ("y", PASS)]),
    "columns of an opaque value": Pipeline([("a", Cube()), ("m", ColumnTransformer([("x", Cube(), [2, 0])]))]),
    "some columns of an opaque value": Pipeline(
        [("a", Cube()), ("s", ColumnTransformer([("x", PASS, [1])])), ("m", Nearest())]
    ),
    "subclass of a registered class": Pipeline([("a", Identity()), ("m", Nearest())]),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_same_answers_wherever_it_stands(name):
    plan = check_answers(PIPELINES[name].fit(X, y), X, exact=True)
    assert "opaque" in plan.explain()


REWRITTEN = {
    "checks that are proven": (SimpleImputer(), StandardScaler()),
    "scalers": (StandardScaler(), MinMaxScaler(), MaxAbsScaler()),
    "an identity": (FunctionTransformer(), StandardScaler(with_mean=False)),
    "a projection": (StandardScaler(), PCA(2), SimpleImputer()),
    "powers": (SimpleImputer(), PolynomialFeatures(2)),
    "columns": (ColumnTransformer([("a", StandardScaler(), [0, 2]), ("b", PASS, [3])]),),
    "a union": (FeatureUnion([("a", StandardScaler()), ("b", PCA(2))]), TruncatedSVD(2)),
}


FINAL = [Nearest(), OwnBayes(), KNeighborsClassifier(3, p=3), Cube()]


@pytest.mark.parametrize("final", FINAL, ids=repr)
@pytest.mark.parametrize("name", REWRITTEN)
def test_what_stands_before_an_opaque_step_is_rewritten(name, final):
    estimator = make_pipeline(*REWRITTEN[name], final).fit(X, y)
    assert check_answers(estimator, X).opaque_steps


def test_numbers_that_an_opaque_step_makes_of_few_named_columns():
    """More names than the table has columns, and none of them is a column."""
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    wide = make_pipeline(SplineTransformer(degree=1, extrapolation="linear"), StandardScaler(), PCA(3))
    plan = check_answers(make_pipeline(wide, LogisticRegression()).fit(frame, y), frame)
    assert plan.predict_one({"a": X[0, 0], "b": X[0, 1]}) == plan.predict(frame)[0]
    parts = ColumnTransformer([("w", wide, ["b"]), ("s", StandardScaler(), ["a"])])
    check_answers(make_pipeline(parts, OwnBayes()).fit(frame, y), frame)
    check_answers(make_pipeline(parts, LogisticRegression()).fit(frame, y), frame)


def test_rows_in_lists():
    splines = ColumnTransformer([("a", SPLINES, [0, 1]), ("b", PASS, [2])])
    estimator = make_pipeline(splines, OwnBayes()).fit(X, y)
    plan = pretzel.compile(estimator)
    for rows in (X.tolist(), [tuple(row) for row in X.tolist()], list(X)):
        np.testing.assert_array_equal(plan.predict(rows), estimator.predict(X))
    with pytest.raises(InputShapeError, match="row 1 has 3 features"):
        plan.predict([[1.0] * 4, [1.0] * 3])
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = make_pipeline(ColumnTransformer([("a", SPLINES, ["a", "d"])]), OwnBayes()).fit(frame, y)
    for estimator in (named, OwnBayes().fit(frame, y)):
        got = pretzel.compile(estimator).predict(frame.to_dict("records"))
        np.testing.assert_array_equal(got, estimator.predict(frame))
    with pytest.raises(InputKeyError, match="'d'"):
        pretzel.compile(named).predict([{"a": 1.0, "b": 2.0, "c": 3.0}])


def test_named_columns_in_another_order_and_among_others():
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["text"] = ["good", "bad film", "film"] * 20
    parts = [("s", SPLINES, ["d", "a"]), ("p", PASS, ["b"]), ("t", Upper(), "text")]
    estimator = make_pipeline(ColumnTransformer(parts), OwnBayes()).fit(frame, y)
    plan = pretzel.compile(estimator)
    moved = frame[["text", "d", "c", "b", "a"]]
    wider = moved.assign(more=1.0)
    for table in (frame, moved, wider, frame.drop(columns="c")):
        np.testing.assert_array_equal(plan.predict(table), estimator.predict(table))
    arrow = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(plan.predict(arrow.Table.from_pandas(moved)), estimator.predict(frame))
    with pytest.raises(InputKeyError, match="'a'"):
        plan.predict(frame.drop(columns="a"))


@pytest.mark.filterwarnings("ignore:No features were selected")
def test_a_part_that_drops_every_column():
    parts = ColumnTransformer([("a", SelectPercentile(percentile=0), [0]), ("b", StandardScaler(), [1, 2])])
    check_answers(make_pipeline(parts, LogisticRegression()).fit(X, y), X)


@pytest.mark.parametrize("name", PIPELINES)
def test_strict_rejects_and_names_the_step(name):
    estimator = PIPELINES[name].fit(X, y)
    with pytest.raises(OpaqueStepError, match=r"Cube|Nearest|Identity"):
        pretzel.compile(estimator, strict=True)


def test_functions_on_columns_are_told_apart():
    """Each part of a ColumnTransformer has its own name, also where its width is not known from its names."""
    parts = [("half", FunctionTransformer(lambda X: X / 2), [0]), ("double", FunctionTransformer(lambda X: X * 2), [1])]
    plan = pretzel.compile(make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(X, y))
    assert [each.step for each in plan.opaque_steps] == [
        "Pipeline.columntransformer.half",
        "Pipeline.columntransformer.double",
    ]


def test_reasons_say_what_is_missing():
    """`set_output` is given as the reason only if a step in Python reads the frame."""
    scaler = StandardScaler().set_output(transform="pandas")
    steps = [("numpy", FunctionTransformer(np.deg2rad)), ("own", FunctionTransformer(lambda X: X * 2))]
    plan = pretzel.compile(Pipeline([("scale", scaler), *steps, ("last", LogisticRegression())]).fit(X, y))
    assert {each.step: each.reason for each in plan.opaque_steps} == {
        "Pipeline.scale": "its result is a frame of pandas, which no native step reads",
        "Pipeline.numpy": "function numpy.deg2rad has no native form",
        "Pipeline.own": "function '<lambda>' runs in Python",
    }


def test_single_named_column_arrives_as_a_series():
    class Length(Cube):
        def fit(self, X, y=None):
            assert X.ndim == 1
            self.n_features_in_ = 1
            return self

        def transform(self, X):
            return np.array([[float(len(v))] for v in X])

    frame = pd.DataFrame({"text": ["a", "bb", "ccc"]})
    check_answers(ColumnTransformer([("x", Length(), "text")]).fit(frame), frame, exact=True)


def test_identity_returns_the_callers_object():
    transformer = FunctionTransformer().fit(X)
    assert pretzel.compile(transformer).transform(X) is X


def test_set_output_is_honoured():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    transformer = ColumnTransformer([("x", PASS, ["b"])]).set_output(transform="pandas").fit(frame)
    pd.testing.assert_frame_equal(pretzel.compile(transformer).transform(frame), transformer.transform(frame))


@pytest.mark.parametrize("last", [StandardScaler(), "passthrough"])
def test_set_output_of_a_pipeline_is_kept_by_its_steps(last):
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 4.0, 9.0]})
    inner = make_pipeline(MinMaxScaler(), StandardScaler())
    for source in (
        make_pipeline(MinMaxScaler(), last).set_output(transform="pandas").fit(frame),
        make_pipeline(MinMaxScaler(), inner, last).set_output(transform="pandas").fit(frame),
        GridSearchCV(inner, {"minmaxscaler__clip": [True]}, cv=2, scoring=lambda *_: 0.0).fit(frame),
        GridSearchCV(inner.set_output(transform="pandas"), {}, cv=2, scoring=lambda *_: 0.0).fit(frame),
    ):
        found, expected = pretzel.compile(source).transform(frame), source.transform(frame)
        assert type(found) is type(expected)
        np.testing.assert_allclose(found, expected)
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found, expected)


def test_one_row_of_an_opaque_model():
    model = Nearest().fit(X, y)
    assert pretzel.compile(model).predict_one(X[0]) == model.predict(X[:1])[0]


def test_strict_leaves_out_rare_methods_rather_than_reject():
    from sklearn.decomposition import PCA
    from sklearn.ensemble import GradientBoostingClassifier

    plan = pretzel.compile(PCA(2).fit(X), strict=True)
    assert not hasattr(plan, "score_samples")
    assert hasattr(pretzel.compile(PCA(2).fit(X)), "score_samples")
    boosting = GradientBoostingClassifier(n_estimators=3).fit(X, y)
    assert (pretzel.compile(boosting, strict=True).predict(X) == boosting.predict(X)).all()


def test_estimators_with_rare_methods_only() -> None:
    """Covariances and neighbours answer neither predict nor transform; the rest of them is theirs as well."""
    covariance = EmpiricalCovariance().fit(X)
    plan = pretzel.compile(covariance)
    np.testing.assert_array_equal(plan.mahalanobis(X), covariance.mahalanobis(X))
    assert plan.mahalanobis_one(X[0]) == pytest.approx(covariance.mahalanobis(X[:1])[0])
    assert plan.score(X) == covariance.score(X)
    neighbours = NearestNeighbors(n_neighbors=2).fit(X)
    plan = pretzel.compile(neighbours)
    for found, expected in zip(plan.kneighbors(X[:3]), neighbours.kneighbors(X[:3]), strict=True):
        np.testing.assert_array_equal(found, expected)
    distances, places = plan.kneighbors_one(X[0])
    np.testing.assert_array_equal(places, neighbours.kneighbors(X[:1])[1][0])
    assert distances.shape == (2,)
    with pytest.raises(CompileError, match="no method"):
        pretzel.compile(DBSCAN().fit(X))
