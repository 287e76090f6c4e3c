"""Cases of XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

from tests.cases.base import Case


def boosters() -> list[Case]:
    module, few = "xgboost.sklearn.XGB", {"n_estimators": 9, "n_jobs": 1}
    random = {**few, "random_state": 0}
    return [
        *(Case(f"{module}{name}Classifier", "missing", y, random) for name in ("", "RF") for y in ("truth", "grades")),
        *(Case(f"{module}{name}Regressor", "missing", "real", random) for name in ("", "RF")),
        Case(f"{module}Model", "numbers", "two", {**few, "multi_strategy": "multi_output_tree"}),
        Case(f"{module}Ranker", "numbers", "grades", few),
        Case(f"{module}Regressor", "missing", "count", {**few, "objective": "count:poisson", "max_depth": 2}),
        Case(f"{module}Classifier", "missing", "grades", {**few, "booster": "dart", "rate_drop": 0.5}),
    ]


def lightgbm() -> list[Case]:
    module, few = "lightgbm.sklearn.LGBM", {"n_estimators": 9, "n_jobs": 1, "verbosity": -1}
    return [
        *(Case(f"{module}Classifier", "missing", y, few) for y in ("binary", "labels")),
        Case(f"{module}Classifier", "missing", "labels", {**few, "objective": "multiclassova", "boosting": "dart"}),
        *(Case(f"{module}Regressor", data, "real", few) for data in ("numbers", "missing")),
        Case(f"{module}Regressor", "missing", "count", {**few, "objective": "poisson", "zero_as_missing": True}),
        Case(f"{module}Regressor", "missing", "real", {**few, "linear_tree": True}),
        Case(f"{module}Regressor", "numbers", "real", {**few, "reg_sqrt": True}),
        Case(f"{module}Model", "numbers", "real", {**few, "objective": "regression_l1"}),
        Case(f"{module}Ranker", "numbers", "grades", few),
    ]


def catboost() -> list[Case]:
    module = "catboost.core.CatBoost"
    few = {"iterations": 9, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    return [
        *(Case(f"{module}Classifier", "missing", y, few) for y in ("binary", "labels")),
        Case(f"{module}Classifier", "numbers", "labels", {**few, "grow_policy": "Depthwise"}),
        *(Case(f"{module}Regressor", data, "real", few) for data in ("numbers", "missing")),
        Case(f"{module}Regressor", "numbers", "count", {**few, "loss_function": "Poisson", "depth": 10}),
        Case(f"{module}Regressor", "numbers", "two", {**few, "loss_function": "MultiRMSE"}),
        Case(module, "numbers", "real", {"params": {**few, "loss_function": "MAE"}}),
        Case(f"{module}Ranker", "numbers", "grades", few),
    ]
