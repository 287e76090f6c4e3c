"""An opaque method is a value like any other: what stands beside, before and behind it stays native."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputError, InputShapeError, InputValueError, OpaqueStepError
from pretzel.verification.compare import compare
from tests.answers import check_answers

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 4))
FRAME = pd.DataFrame(X, columns=list("abcd"))
SCORE = X[:, 0] + 0.5 * X[:, 1]
LABELS = {
    "text": np.array(["low", "mid", "über"])[np.digitize(SCORE, [-0.5, 0.5])],
    "objects": np.array(["low", "mid", "high"], dtype=object)[np.digitize(SCORE, [-0.5, 0.5])],
    "numbers": np.array([-7, 3])[(SCORE > 0).astype(int)],
    "booleans": SCORE > 0,
}
MEMBERS = [
    ("linear", make_pipeline(StandardScaler(), LogisticRegression())),
    ("near", KNeighborsClassifier(3, p=3)),
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
]


class OwnBayes(GaussianNB):
    """Opaque, because a subclass may override anything."""


class Counter:
    """Counts the calls of a method of a class."""

    def __init__(self, monkeypatch, cls, method):
        self.calls = 0
        real = getattr(cls, method)

        def counted(*args, **kwargs):
            self.calls += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(cls, method, counted)


def check(estimator, rows=X):
    """Answers for tables and single rows, and step by step; returns the plan."""
    plan = check_answers(estimator, rows)
    one = rows.iloc[0].to_dict() if hasattr(rows, "iloc") else rows[0]
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(estimator, method):
            want, alone = getattr(estimator, method)(rows)[:1], getattr(plan, f"{method}_one")(one)
            assert compare(want, np.asarray(alone)[None], exact=False) is None
    report = pretzel.verify(plan, estimator, rows, boundary=True)
    assert report.ok, str(report)
    return plan


def opaque(plan, method="predict"):
    return [f"{type(step.estimator).__name__}.{step.method}" for step in plan.physical.methods[method].opaque]


@pytest.mark.parametrize("weights", [None, [2, 1, 1.5]])
@pytest.mark.parametrize("labels", LABELS)
def test_one_opaque_vote(labels, weights):
    plan = check(VotingClassifier(MEMBERS, weights=weights).fit(X, LABELS[labels]))
    assert opaque(plan) == ["KNeighborsClassifier.predict"]
    kernels = [call.kernel for call in plan.physical.methods["predict"].program.calls]
    assert {"tree_ensemble", "argmax" if labels in ("text", "objects") else "threshold", "majority"} <= set(kernels)


@pytest.mark.parametrize("weights", [None, [2, 1, 1.5]])
@pytest.mark.parametrize("labels", LABELS)
def test_one_opaque_probability(labels, weights):
    plan = check(VotingClassifier(MEMBERS, voting="soft", weights=weights).fit(X, LABELS[labels]))
    assert opaque(plan) == ["KNeighborsClassifier.predict_proba"]
    assert opaque(plan, "predict_proba") == ["KNeighborsClassifier.predict_proba"]


def test_dropped_members():
    members = [*MEMBERS, ("gone", "drop")]
    model = VotingClassifier(members, voting="soft", weights=[1, 2, 3, 100]).fit(X, LABELS["text"])
    assert opaque(check(model)) == ["KNeighborsClassifier.predict_proba"]


def test_committees_of_committees():
    inner = VotingClassifier([("a", LogisticRegression()), ("b", KNeighborsClassifier(p=3))], voting="soft")
    outer = VotingClassifier([("inner", inner), ("c", OwnBayes()), ("d", LogisticRegression(C=0.1))])
    plan = check(make_pipeline(StandardScaler(), outer).fit(X, LABELS["text"]))
    assert opaque(plan) == ["KNeighborsClassifier.predict_proba", "OwnBayes.predict"]


def test_members_of_a_table():
    columns = ColumnTransformer([("s", StandardScaler(), ["c", "a"])], remainder="passthrough")
    members = [
        ("a", make_pipeline(columns, KNeighborsClassifier(p=3))),
        ("b", make_pipeline(columns, LogisticRegression())),
    ]
    plan = check(VotingClassifier(members, voting="soft").fit(FRAME, LABELS["text"]), FRAME)
    (step,) = plan.physical.methods["predict"].opaque
    assert step.program is not None  # what stands before the opaque member is native


def test_all_members_opaque_before_which_something_is_native():
    members = [(str(k), make_pipeline(StandardScaler(), KNeighborsClassifier(k, p=3))) for k in (3, 5)]
    check(VotingClassifier(members, voting="soft").fit(X, LABELS["text"]))


def test_an_ensemble_without_a_native_member_is_called_once():
    members = [(str(k), KNeighborsClassifier(k, p=3)) for k in (3, 5)]
    plan = check(VotingClassifier(members, voting="soft").fit(X, LABELS["text"]))
    assert opaque(plan) == ["VotingClassifier.predict"]


@pytest.mark.parametrize("weights", [None, [1, 2]])
def test_regressors(weights):
    members = [("a", Ridge()), ("b", KNeighborsRegressor(p=3))]
    plan = check(VotingRegressor(members, weights=weights).fit(X, SCORE))
    assert opaque(plan) == ["KNeighborsRegressor.predict"]


def test_a_search_inside():
    search = GridSearchCV(KNeighborsClassifier(p=3), {"n_neighbors": [3, 5]}, cv=2)
    members = [("a", search), ("b", LogisticRegression())]
    assert opaque(check(VotingClassifier(members).fit(X, LABELS["text"]))) == ["KNeighborsClassifier.predict"]


def test_documents():
    texts = ["good film", "bad film", "good", "bad", "a film", "so bad it is good"] * 5
    y = np.array(["+", "-"] * 15)
    members = [
        ("a", make_pipeline(TfidfVectorizer(), LogisticRegression())),
        ("b", make_pipeline(TfidfVectorizer(), KNeighborsClassifier(3, metric="manhattan"))),
    ]
    assert check(VotingClassifier(members, voting="soft").fit(texts, y), texts).opaque_steps


@pytest.mark.parametrize("width", [0, 1, 2])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_tables_that_a_step_makes_are_no_documents(width, form):
    made = form(np.empty((4, width)))
    estimator = make_pipeline(FunctionTransformer(lambda rows: made), HashingVectorizer())
    with pytest.raises(AttributeError, match="lower"):
        estimator.transform(X[:4])
    with pytest.raises(InputError, match=r"FunctionTransformer\.transform: expected documents"):
        pretzel.compile(estimator).transform(X[:4])


def test_documents_of_a_selection_of_no_columns():
    nothing = MissingIndicator().fit(X)  # no column had a missing value
    estimator = make_pipeline(nothing, HashingVectorizer())
    with pytest.raises(InputShapeError, match=r"MissingIndicator\.transform: expected documents .* shape \(4, 0\)"):
        pretzel.compile(estimator).transform(X[:4])


def test_a_column_of_texts_that_a_step_makes_is_selected():
    table = np.array([["a film", "x"], ["good film", "y"]], dtype=object)
    columns = ColumnTransformer([("texts", HashingVectorizer(n_features=4), 0)])
    estimator = make_pipeline(FunctionTransformer(lambda rows: rows[:, ::-1][:, ::-1]), columns).fit(table)
    expected = estimator.transform(table).toarray()
    np.testing.assert_array_equal(pretzel.compile(estimator).transform(table).toarray(), expected)


@pytest.mark.parametrize("inverse", [(np.log1p, np.expm1), (np.log, np.exp)])
@pytest.mark.parametrize(
    "model",
    [KNeighborsRegressor(p=3), make_pipeline(StandardScaler(), KNeighborsRegressor(p=3))],
)
def test_targets_behind_an_opaque_regressor(model, inverse):
    func, back = inverse
    estimator = TransformedTargetRegressor(model, func=func, inverse_func=back)
    y = np.exp(0.3 * SCORE)
    assert opaque(check(estimator.fit(X, y))) == ["KNeighborsRegressor.predict"]
    check(estimator.fit(X, np.stack([y, 2 * y], axis=1)))
    check(estimator.fit(X, y[:, None]))
    check(TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, y))


class Whole(RegressorMixin, BaseEstimator):
    """Predicts integers, whose dtype NumPy's functions may change."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.rint(np.asarray(X)[:, 0]).astype(np.int64)


@pytest.mark.parametrize("inverse", [None, np.negative, np.exp])
def test_targets_keep_the_dtype_of_whole_numbers(inverse):
    model = TransformedTargetRegressor(Whole(), func=None if inverse is None else np.abs, inverse_func=inverse)
    model.check_inverse = False
    check(model.fit(X, SCORE))


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_a_method_as_a_function(method, monkeypatch):
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.svm import SVC

    model = KNeighborsClassifier(p=3) if method == "predict_proba" else SVC(kernel=rbf_kernel)
    inner = make_pipeline(StandardScaler(), model).fit(X, LABELS["text"])
    union = FeatureUnion([("f", FunctionTransformer(getattr(inner, method))), ("s", StandardScaler())])
    estimator = make_pipeline(FunctionTransformer(getattr(inner, method)), LogisticRegression()).fit(X, LABELS["text"])
    plan = check(estimator)
    assert opaque(plan) == [f"{type(model).__name__}.{method}"]
    check(union.fit(X))
    check(FunctionTransformer(getattr(inner, method)).fit(X))


def test_an_opaque_member_is_called_once_for_a_request(monkeypatch):
    model = VotingClassifier(MEMBERS).fit(X, LABELS["text"])
    plan = pretzel.compile(model)
    counter = Counter(monkeypatch, KNeighborsClassifier, "predict")
    plan.predict(X)
    assert counter.calls == 1


def test_strict_names_the_member():
    model = VotingClassifier(MEMBERS).fit(X, LABELS["text"])
    with pytest.raises(OpaqueStepError, match=r"VotingClassifier\.near \(KNeighborsClassifier\.predict\)"):
        pretzel.compile(model, strict=True)


class Liar(ClassifierMixin, BaseEstimator):
    """Answers what it was never taught."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), 99)

    def predict_proba(self, X):
        return np.ones((len(X), 7)) / 7


def test_labels_and_widths_are_not_taken_on_trust():
    members = [("a", LogisticRegression()), ("b", Liar())]
    with pytest.raises(InputValueError, match="row 0, column 0"):
        pretzel.compile(VotingClassifier(members).fit(X, LABELS["text"])).predict(X)
    with pytest.raises(InputShapeError, match=r"Liar\.predict_proba returned 7 columns where 3 were expected"):
        pretzel.compile(VotingClassifier(members, voting="soft").fit(X, LABELS["text"])).predict(X)


def test_classes_that_no_cell_can_hold():
    y = np.where(SCORE > 0, 2**60 + 1, 2**60)
    estimator = make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)).fit(X, y)
    check(estimator)
    check(VotingClassifier(MEMBERS).fit(X, y))


def test_other_inverses_are_opaque():
    model = TransformedTargetRegressor(KNeighborsRegressor(p=3), transformer=QuantileTransformer(n_quantiles=50))
    assert check(model.fit(X, SCORE)).opaque_steps


@pytest.mark.parametrize("target", [SCORE, SCORE[:, None], np.stack([SCORE, 2 * SCORE], axis=1)], ids=["1", "n1", "n2"])
def test_a_native_regressor_before_an_inverse_in_python(target, tmp_path):
    """The regressor stays native if its inverse runs in Python."""
    model = make_pipeline(StandardScaler(), Ridge())
    plan = check(TransformedTargetRegressor(model, func=np.deg2rad, inverse_func=np.rad2deg).fit(X, target))
    assert opaque(plan) == ["Inverse.predict"]
    check(TransformedTargetRegressor(model, func=lambda y: y + 9, inverse_func=lambda y: y - 9).fit(X, target))
    check(TransformedTargetRegressor(model, func=np.deg2rad, inverse_func=np.rad2deg).fit(X.astype("f4"), target))
    plan.save(tmp_path / "model.pretzel", opaque="skops")
    loaded = pretzel.load(tmp_path / "model.pretzel")
    np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))
    with pytest.raises(InputValueError, match="NaN"):
        plan.predict(np.full((1, 4), np.nan))


class Misnamed(TransformerMixin, BaseEstimator):
    """Announces other features than it returns."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.hstack([X, X])

    def get_feature_names_out(self, input_features=None):
        return np.array(["one"], dtype=object)


class Listing(RegressorMixin, TransformerMixin, BaseEstimator):
    """Returns lists where scikit-learn's own estimators return arrays."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.asarray(X)[:, 0].tolist()

    def transform(self, X):
        return np.asarray(X).tolist()


class ListingLabels(ClassifierMixin, Listing):
    def fit(self, X, y=None):
        self.classes_ = np.unique(y)
        return super().fit(X)

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)].tolist()


def test_values_that_are_lists():
    check(VotingRegressor([("lists", Listing()), ("linear", Ridge())]).fit(X, SCORE))
    check(VotingClassifier([("lists", ListingLabels()), *MEMBERS]).fit(X, SCORE > 0))
    check(make_pipeline(StandardScaler(), Listing(), Ridge()).fit(X, SCORE))
    check(make_pipeline(Listing(), StandardScaler()).fit(X))


def test_the_reader_knows_the_width_better_than_the_names():
    check(Misnamed().fit(X))
    plan = check(make_pipeline(StandardScaler(), Misnamed(), Ridge()).fit(X, SCORE))
    assert plan.physical.methods["predict"].opaque[0].result.width == 8


def test_verify_stays_inside_the_program_behind_an_opaque_step():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=["a", "b", "c"])
    votes = VotingRegressor([("near", KNeighborsRegressor(p=3)), ("line", Ridge())])
    features = ColumnTransformer([("scale", StandardScaler(), ["c"]), ("votes", votes, ["a", "b"])])
    last = VotingClassifier([("near", KNeighborsClassifier(p=3)), ("line", LogisticRegression())])
    estimator = make_pipeline(features, last).fit(frame, frame["a"] > 0)
    assert pretzel.verify(pretzel.compile(estimator), estimator, frame[:20]).ok


def test_a_function_of_numpy_keeps_the_frame_that_a_function_makes():
    def framed(rows):
        return pd.DataFrame(rows, columns=list("abcd"))

    model = make_pipeline(FunctionTransformer(framed), FunctionTransformer(np.abs)).fit(X)
    pd.testing.assert_frame_equal(pretzel.compile(model).transform(X), model.transform(X))


@pytest.mark.parametrize("where", ["steps", "columns"])
def test_a_none_that_an_imputer_keeps_is_what_its_frame_makes_of_it(where):
    frame = pd.DataFrame({"s": pd.Series(["x", None, "y", "x", "y"], dtype=object)})
    steps = make_pipeline(SimpleImputer(strategy="constant", fill_value="zz"), OneHotEncoder(sparse_output=False))
    if where == "steps":
        steps.set_output(transform="pandas")
    source = ColumnTransformer([("s", steps, ["s"])])
    if where == "columns":
        source.set_output(transform="pandas")
    expected = np.asarray(source.fit(frame).transform(frame))
    np.testing.assert_array_equal(np.asarray(pretzel.compile(source).transform(frame)), expected)
