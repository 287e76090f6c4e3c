"""Cases of scikit-learn: estimators of estimators."""

from __future__ import annotations

from pretzel.oven.frontends.sklearn.compat import since
from tests import releases
from tests.cases.base import Case, build
from tests.cases.members import (
    _board,
    _committee,
    _exp,
    _frozen,
    _grove,
    _log,
    _logistic,
    _margins,
    _ridge,
    _shallow,
    _tree,
)


def searches() -> list[Case]:
    options = {"estimator": _logistic, "cv": 2}
    grid, distributions = {"param_grid": {"C": [0.1, 1.0]}}, {"param_distributions": {"C": [0.1, 1.0, 3.0]}}
    module = "sklearn.model_selection."
    found = [Case(module + "GridSearchCV", target="labels", options={**options, **grid})]
    random = {**options, **distributions, "random_state": 0}
    found += [Case(module + "RandomizedSearchCV", target="binary", options={**random, "n_iter": 2})]
    found += [Case(module + "HalvingGridSearchCV", target="labels", options={**options, **grid, "random_state": 0})]
    found += [Case(module + "HalvingRandomSearchCV", target="binary", options=random)]
    for threshold, more in (("FixedThreshold", {"threshold": 0.4}), ("TunedThreshold", {"cv": 2})):
        name = module + threshold + ("Classifier" if "threshold" in more else "ClassifierCV")
        found += [Case(name, target="binary", options={"estimator": _logistic, **more})]
    logarithm = {"regressor": lambda: build("sklearn.linear_model.Ridge"), "func": _log, "inverse_func": _exp}
    found += [Case("sklearn.compose.TransformedTargetRegressor", target="real")]
    found += [Case("sklearn.compose.TransformedTargetRegressor", target="count", options=logarithm)]
    return [*found, Case("sklearn.frozen.FrozenEstimator", target="labels", options={"estimator": _frozen})]


def stacks() -> list[Case]:
    stacking = "sklearn.ensemble.Stacking"
    classifier, regressor = {"estimators": _committee, "cv": 2}, {"estimators": _board, "cv": 2}
    found = [Case(f"{stacking}Classifier", target=y, options=classifier) for y in ("binary", "labels")]
    found += [
        Case(f"{stacking}Classifier", target="labels", options={**classifier, "stack_method": "predict"}),
        Case(f"{stacking}Classifier", target="binary", options={**classifier, "passthrough": True}),
        Case(f"{stacking}Classifier", target="indicators", options={"estimators": _grove, "final_estimator": _tree}),
        Case(f"{stacking}Regressor", target="real", options=regressor),
        Case(f"{stacking}Regressor", target="real", options={**regressor, "passthrough": True}),
    ]
    return found


def ensembles() -> list[Case]:
    ensemble, few = "sklearn.ensemble.", {"n_estimators": 5, "random_state": 0}
    counted = ("binary", "labels")
    found = [Case(f"{ensemble}BaggingClassifier", target=y, options=few) for y in counted]
    for options in ({"estimator": _logistic}, {"estimator": _margins}, {"max_features": 3}):
        found += [Case(f"{ensemble}BaggingClassifier", target=y, options={**few, **options}) for y in counted]
    subset = {"estimator": _logistic, "max_features": 0.5, "bootstrap_features": True}
    found += [
        Case(f"{ensemble}BaggingClassifier", target="labels", options={**few, **subset}),
        Case(f"{ensemble}BaggingClassifier", "missing", "labels", few),
        *(Case(f"{ensemble}BaggingRegressor", target=y, options=few) for y in ("real", "two")),
        Case(f"{ensemble}BaggingRegressor", target="real", options={**few, "estimator": _ridge, "max_features": 3}),
        *(Case(f"{ensemble}AdaBoostClassifier", target=y, options=few) for y in counted),
        *(Case(f"{ensemble}AdaBoostClassifier", target=y, options={**few, "estimator": _logistic}) for y in counted),
        Case(f"{ensemble}AdaBoostRegressor", target="real", options=few),
        Case(f"{ensemble}AdaBoostRegressor", target="real", options={**few, "loss": "square", "estimator": _ridge}),
        Case(f"{ensemble}IsolationForest", options=few),
        Case(f"{ensemble}IsolationForest", options={**few, "contamination": 0.1, "max_features": 3}),
        *([Case(f"{ensemble}IsolationForest", "missing", options=few)] if releases.ISOLATES_MISSING else []),
    ]
    return found


def calibrated() -> list[Case]:
    name = "sklearn.calibration.CalibratedClassifierCV"
    found = []
    for method in ("sigmoid", "isotonic", *(["temperature"] if since("1.8") else [])):
        for estimator in (_logistic, _tree):
            options = {"estimator": estimator, "method": method, "cv": 2}
            found += [Case(name, target=y, options=options) for y in ("binary", "labels")]
        found.append(Case(name, target="labels", options={**options, "ensemble": False}))
    isotonic = "sklearn.isotonic.IsotonicRegression"
    found += [Case(isotonic, "column", "real", {"out_of_bounds": each}) for each in ("clip", "nan")]
    return [*found, Case(isotonic, "column", "real", {"out_of_bounds": "clip", "increasing": False})]


def holders() -> list[Case]:
    selection = "sklearn.feature_selection."
    quantiles = {"transformer": lambda: build("sklearn.preprocessing.QuantileTransformer", n_quantiles=40)}
    powers = {"transformer": lambda: build("sklearn.preprocessing.PowerTransformer")}
    return [
        Case("sklearn.compose.TransformedTargetRegressor", target="two", options=quantiles),
        Case("sklearn.compose.TransformedTargetRegressor", target="count", options=powers),
        Case(selection + "RFE", target="labels", options={"estimator": _logistic, "n_features_to_select": 2}),
        Case(selection + "RFECV", target="binary", options={"estimator": _tree, "cv": 2}),
        Case("sklearn.linear_model.RANSACRegressor", target="real", options={"random_state": 0}),
        Case("sklearn.semi_supervised.SelfTrainingClassifier", target="partly", options=releases.inside(_logistic)),
    ]


def outputs() -> list[Case]:
    module = "sklearn.multiclass."
    kinds = ("binary", "labels", "flags")
    found = [Case(f"{module}OneVsRestClassifier", target=y, options={"estimator": _logistic}) for y in kinds]
    found += [Case(f"{module}OneVsRestClassifier", target=y, options={"estimator": _shallow}) for y in kinds]
    found += [Case(f"{module}OneVsRestClassifier", target=y, options={"estimator": _ridge}) for y in kinds]
    for estimator in (_logistic, _shallow, _ridge):
        given = {"estimator": estimator}
        found += [Case(f"{module}OneVsOneClassifier", target=y, options=given) for y in ("binary", "labels")]
    given = {"code_size": 2.5, "random_state": 0}
    found += [
        Case(f"{module}OutputCodeClassifier", target="labels", options={"estimator": each, **given})
        for each in (_logistic, _shallow)
    ]
    module = "sklearn.multioutput."
    for name in ("MultiOutput", "Chain"):
        classifier, regressor = (f"{name}{kind}" if name != "Chain" else f"{kind}Chain" for kind in KINDS)
        for estimator in (_logistic, _shallow):
            given = releases.linked(estimator) if name == "Chain" else {"estimator": estimator}
            found += [Case(f"{module}{classifier}", target="flags", options=given)]
        given = releases.linked(_ridge) if name == "Chain" else {"estimator": _ridge}
        found += [Case(f"{module}{regressor}", target="two", options=given)]
    found += [Case(f"{module}MultiOutputClassifier", target="two labels", options={"estimator": _logistic})]
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        options = {**releases.linked(_logistic), "chain_method": method, "order": [2, 0, 1]}
        found += [Case(f"{module}ClassifierChain", target="flags", options=options)]
    return found


KINDS = ("Classifier", "Regressor")
