"""Cases of libraries that extend scikit-learn."""

from __future__ import annotations

from typing import Any

from tests import releases
from tests.cases.base import Case, build
from tests.cases.members import _logistic, _scalers, _shallow


def resampled() -> list[Case]:
    few = {"n_estimators": 7, "random_state": 0}
    return [
        Case("imblearn.pipeline.Pipeline", target="labels", options={"steps": _sampled}),
        Case("imblearn.ensemble.BalancedRandomForestClassifier", target="labels", options=few),
        Case("imblearn.ensemble.BalancedBaggingClassifier", target="labels", options=few),
        Case("imblearn.ensemble.EasyEnsembleClassifier", target="binary", options={**few, "n_estimators": 3}),
        Case("imblearn.ensemble.RUSBoostClassifier", target="labels", options=few),
    ]


def hierarchies() -> list[Case]:
    names = [f"hiclass.{name}.{name}" for name in map("LocalClassifierPer{}".format, ("Level", "Node", "ParentNode"))]
    members = (_logistic, _shallow)
    return [Case(name, target="levels", options={"local_classifier": each}) for name in names for each in members]


def category_encoders() -> list[Case]:
    modules = ("backward_difference", "basen", "binary", "cat_boost", "glmm", "gray", "helmert", "james_stein",
               "leave_one_out", "m_estimate", "one_hot", "polynomial", "quantile_encoder", "rankhot",
               "sum_coding", "target_encoder", "woe")  # fmt: skip
    names = ("BackwardDifferenceEncoder", "BaseNEncoder", "BinaryEncoder", "CatBoostEncoder",
             "GLMMEncoder", "GrayEncoder", "HelmertEncoder", "JamesSteinEncoder", "LeaveOneOutEncoder",
             "MEstimateEncoder", "OneHotEncoder", "PolynomialEncoder", "QuantileEncoder", "RankHotEncoder",
             "SumEncoder", "TargetEncoder", "WOEEncoder")  # fmt: skip
    found = [
        Case(f"category_encoders.{module}.{name}", data, "truth", {"return_df": False})
        for module, name in zip(modules, names, strict=True)
        for data in (("cells", "holes") if name == "TargetEncoder" else ("cells",))
    ]
    counts = "category_encoders.count_target.CountTargetEncoder"
    found += [Case(counts, "cells", target, {"return_df": False}) for target in ("truth", "labels")]
    known = {"return_df": False, "cols": "all", "handle_unknown": "error"}
    whole = ("count.CountEncoder", "ordinal.OrdinalEncoder")  # floats where a category is unknown
    return [*found, *(Case(f"category_encoders.{name}", "codes", options=known) for name in whole)]


def vectorized() -> list[Case]:
    def steps() -> Any:
        trees = build("sklearn.ensemble.HistGradientBoostingRegressor", max_iter=3)
        return [("vectorizer", build("skrub.TableVectorizer")), ("model", trees)]

    there = () if releases.lacks("skrub.TableVectorizer") else ("cells", "holes")
    found = [Case("sklearn.pipeline.Pipeline", data, "real", {"steps": steps}) for data in there]
    return [*found, Case("skrub.SquashingScaler", "missing")] if there else []


def _sampled() -> Any:
    return [*_scalers(), ("sampler", build("imblearn.under_sampling.RandomUnderSampler")), ("model", _logistic())]
