"""What a plan takes from its source: other methods, attributes, further arguments; scikit-learn's tools over plans."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor, StackingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

import pretzel
from pretzel.runtime.source import Source
from tests import releases

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(80, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + RANDOM.normal(size=80) * 0.1
LABELS = np.array(["no", "yes"])[(Y > 0).astype(int)]


def same(ours: Any, theirs: Any) -> None:
    """Assert that two answers are equal, whatever they are made of."""
    if hasattr(theirs, "tocsr"):
        ours, theirs = ours.toarray(), theirs.toarray()
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    else:
        np.testing.assert_array_equal(ours, theirs)


def pipeline() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)


def both(estimator: Any, **options: Any) -> list[Any]:
    """A plan, and the handle of a registered model."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    return [pretzel.compile(estimator, **options), runtime.register("m", estimator, **options)]


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (LogisticRegression().fit(X, LABELS), ["coef_", "intercept_", "n_iter_", "C"]),
        (RandomForestRegressor(3).fit(X, Y), ["estimators_", "criterion"]),
        (PCA(2).fit(X), ["components_", "explained_variance_ratio_", "n_components"]),
        (DecisionTreeClassifier().fit(X, LABELS), ["max_features_", "tree_"]),
    ],
)
def test_fitted_attributes(estimator: Any, names: list[str]) -> None:
    for model in both(estimator):
        for name in names:
            assert getattr(model, name) is getattr(estimator, name)
            assert name in dir(model)


@pytest.mark.parametrize(
    ("estimator", "method", "more"),
    [
        (StandardScaler().fit(X), "inverse_transform", {}),
        (StandardScaler().fit(X), "get_feature_names_out", {"input_features": list("abcd")}),
        (StandardScaler().fit(X), "transform", {"copy": True}),
        (DecisionTreeClassifier().fit(X, LABELS), "decision_path", {}),
        (DecisionTreeClassifier().fit(X, LABELS), "predict", {"check_input": True}),
        (KNeighborsClassifier().fit(X, LABELS), "kneighbors", {"n_neighbors": 2}),
        (KNeighborsClassifier(p=3).fit(X, LABELS), "kneighbors_graph", {}),
        (EllipticEnvelope(random_state=0).fit(X), "mahalanobis", {}),
        (GaussianMixture(2, random_state=0).fit(X), "bic", {}),
        (PCA(2).fit(X), "score_samples", {}),
        (BayesianRidge().fit(X, Y), "predict", {"return_std": True}),
        (GaussianProcessRegressor().fit(X, Y), "predict", {"return_cov": True}),
        (make_pipeline(StandardScaler(), BayesianRidge()).fit(X, Y), "predict", {"return_std": True}),
    ],
)
def test_methods_and_arguments(estimator: Any, method: str, more: dict[str, Any]) -> None:
    request = () if method == "get_feature_names_out" else (X[:9],)
    want = getattr(estimator, method)(*request, **more)
    for model in both(estimator):
        same(getattr(model, method)(*request, **more), want)


def test_subscripts_and_lengths() -> None:
    """Steps of a pipeline and members of an ensemble, as long as the estimator exists."""
    steps, forest = pipeline(), RandomForestRegressor(3).fit(X, Y)
    for model in both(steps):
        assert len(model) == 2
        assert model["standardscaler"] is model[0] is steps[0]
        assert list(model) == list(steps)
        same(model[:-1].transform(X), steps[:-1].transform(X))
        with pytest.raises(KeyError, match="none"):
            model["none"]
    for model in both(forest):
        assert len(model) == 3
        assert list(model) == forest.estimators_
    for model in both(LinearRegression().fit(X, Y)):
        assert model  # the source is gone
        for ask in (len, list):
            with pytest.raises(TypeError, match="that of the LinearRegression itself: it no longer exists"):
                ask(model)
    alone = LinearRegression().fit(X, Y)
    for model in both(alone):
        assert model
        with pytest.raises(TypeError, match="has no len"):
            len(model)
        with pytest.raises(TypeError, match="not subscriptable"):
            model[0]


def test_staged_methods() -> None:
    boosting = GradientBoostingClassifier(n_estimators=3).fit(X, LABELS)
    for model in both(boosting):
        for ours, theirs in zip(model.staged_predict_proba(X), boosting.staged_predict_proba(X), strict=True):
            same(ours, theirs)


def test_arguments_by_position_and_by_other_names() -> None:
    ridge = BayesianRidge().fit(X, Y)
    for model in both(ridge):
        same(model.predict(X, True), ridge.predict(X, True))
        same(model.predict(X=X), ridge.predict(X=X))
        with pytest.raises(TypeError, match="unexpected keyword argument 'return_str'"):
            model.predict(X, return_str=True)
        with pytest.raises(TypeError, match="the table, which is missing"):
            model.predict()


def test_calls_with_further_arguments_are_counted() -> None:
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    model = runtime.register("m", BayesianRidge().fit(X, Y), keep_source=True)
    model.predict(X, return_std=True)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :2], return_std=True)
    assert model.calls == 2
    assert runtime.stats()["models"]["m"]["versions"]["v1"]["calls"] == 2


def test_the_source_is_not_kept_unless_asked_for() -> None:
    source = pipeline()
    plain, kept = pretzel.compile(source), pretzel.compile(source, keep_source=True)
    alive = weakref.ref(source)
    assert plain.steps is source.steps
    del source
    gc.collect()
    assert kept.steps is alive().steps
    del kept
    gc.collect()
    assert alive() is None
    with pytest.raises(AttributeError, match=r"no attribute 'named_steps'.* no longer exists.*keep_source=True"):
        plain.named_steps  # noqa: B018
    with pytest.raises(TypeError, match=r"predict with check is answered by the Pipeline itself.*keep_source=True"):
        plain.predict(X, check=1)
    for name in ("transform", "transform_one"):  # the source had none, so that keeping it is no remedy
        with pytest.raises(AttributeError, match=rf"has no attribute '{name}'; its methods are: "):
            getattr(plain, name)
    assert not hasattr(plain, "_final_estimator")
    assert "named_steps" not in dir(plain)


def test_what_remains_without_the_source() -> None:
    for model in both(pipeline()):
        gc.collect()
        assert is_classifier(model)
        check_is_fitted(model)
        assert model.score(X, LABELS) == pipeline().score(X, LABELS)
        assert model.classes_.tolist() == ["no", "yes"]
        assert model.n_features_in_ == 4
        found = permutation_importance(model, X, LABELS, n_repeats=2, random_state=0)
        want = permutation_importance(pipeline(), X, LABELS, n_repeats=2, random_state=0)
        same(found.importances, want.importances)


def test_score_predicts_with_the_plan() -> None:
    search = GridSearchCV(LinearRegression(), {"fit_intercept": [True]}, scoring="neg_mean_squared_error").fit(X, Y)
    weight = RANDOM.random(len(X))
    for estimator in (LinearRegression().fit(X, Y), search, PCA(2).fit(X)):
        for model in both(estimator):
            assert model.score(X, Y) == pytest.approx(estimator.score(X, Y), rel=1e-12)
    model = pretzel.compile(pipeline())
    assert model.score(X, LABELS, sample_weight=weight) == pipeline().score(X, LABELS, sample_weight=weight)


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "neg_log_loss", "f1_macro"])
def test_scorers(scoring: str) -> None:
    estimator = pipeline()
    for model in both(estimator):
        assert get_scorer(scoring)(model, X, LABELS) == pytest.approx(get_scorer(scoring)(estimator, X, LABELS))


def test_tools_that_take_estimators() -> None:
    estimator = pipeline()
    for model in both(estimator):
        assert clone(model) is model
        assert is_classifier(model)
        assert not is_regressor(model)
        for frozen, theirs in zip(releases.frozen(model), releases.frozen(estimator), strict=True):
            same(cross_val_predict(frozen, X, LABELS), cross_val_predict(theirs, X, LABELS))
            ours = CalibratedClassifierCV(frozen).fit(X, LABELS)
            same(ours.predict(X), CalibratedClassifierCV(theirs).fit(X, LABELS).predict(X))
            threshold = FixedThresholdClassifier(frozen, threshold=0.3, pos_label="yes").fit(X, LABELS)
            want = FixedThresholdClassifier(theirs, threshold=0.3, pos_label="yes").fit(X, LABELS)
            same(threshold.predict(X), want.predict(X))
        stack = StackingClassifier([("a", model)], cv="prefit").fit(X, LABELS)
        same(stack.predict(X), StackingClassifier([("a", estimator)], cv="prefit").fit(X, LABELS).predict(X))
        assert partial_dependence(model, X, [0])["average"].shape == (1, 80)
    forest = RandomForestRegressor(5, random_state=0).fit(X, Y)
    for model in both(forest):
        assert is_regressor(model)
        selector = SelectFromModel(model, prefit=True)
        same(selector.transform(X), SelectFromModel(forest, prefit=True).transform(X))


def test_nothing_changes_the_source() -> None:
    estimator = make_pipeline(StandardScaler()).fit(X)
    for model in both(estimator):
        for name in ("fit", "fit_transform", "set_params", "set_output"):
            assert hasattr(model, name)
            with pytest.raises(TypeError, match=f"a plan cannot be changed, so it has no {name}:.*FrozenEstimator"):
                getattr(model, name)(X)
        assert not hasattr(model, "partial_fit")
    assert pretzel.compile(LinearRegression().fit(X, Y), keep_source=True).fit_intercept is True


def test_names_of_methods() -> None:
    for model in both(pipeline()):
        assert (model.predict.__name__, model.predict_proba.__name__) == ("predict", "predict_proba")
    for model in both(KNeighborsClassifier(p=3).fit(X, LABELS)):
        assert model.predict_proba.__name__ == "predict_proba"


class Bare:
    """An estimator that knows nothing of scikit-learn."""

    def fit(self, _: Any) -> Bare:
        self.offset_ = 2.0
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) + self.offset_


def test_estimators_of_ones_own() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = pretzel.compile(Bare().fit(X))
    assert plan.offset_ == 2.0
    with pytest.raises(AttributeError, match="__sklearn_tags__"):
        plan.__sklearn_tags__()


def test_estimators_without_weak_references() -> None:
    class Slotted:
        __slots__ = ("coef_",)

    estimator = Slotted()
    estimator.coef_ = 1.0
    source = Source(estimator, keep=False)
    del estimator
    assert source.get(pretzel.compile(LinearRegression().fit(X, Y)), "coef_") == 1.0


@pytest.mark.parametrize(
    "estimator",
    [
        pipeline(),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}).fit(X, LABELS),
        *releases.frozen(LinearRegression().fit(X, Y)),
        GaussianMixture(2).fit(X),
        KMeans(2).fit(X),
        EllipticEnvelope().fit(X),
        StandardScaler().fit(X),
    ],
)
def test_kinds_without_the_source(estimator: Any) -> None:
    want = releases.estimator_type(estimator)
    for model in both(estimator):
        assert releases.estimator_type(model) == want
        model.source._find = lambda: None
        assert releases.estimator_type(model) == want
