"""One or more fitted estimators for each that is registered, with rows to ask them about.

`tests.test_parity` runs all of them and fails when a registered estimator has no case.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pretzel import examples
from pretzel.oven.frontends.sklearn.compat import since
from tests import releases

ROWS = 1000


@dataclass(frozen=True)
class Case:
    """An estimator, how it is configured, what it is fitted on.

    Parameters
    ----------
    name : str
        Dotted name.
    data : str
        Name of one of the makers of rows.
    target : str or None
        Name of one of the targets.
    options : dict
        Arguments of the constructor.
    """

    name: str
    data: str = "numbers"
    target: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name of the case in test reports."""
        options = ",".join(f"{key}={_short(value)}" for key, value in self.options.items())
        suffix = "" if self.target is None else f"-{self.target}"
        return f"{self.name.rpartition('.')[2]}({options}){suffix}"


def _short(value: Any) -> str:
    named = type(value) if hasattr(value, "fit") else value
    return str(getattr(named, "__name__", named)).replace(" ", "")


def build(name: str, **options: Any) -> Any:
    """An unfitted estimator by its dotted name."""
    return class_of(name)(**options)


def class_of(name: str) -> Any:
    """The class of this dotted name."""
    module, _, attribute = name.rpartition(".")
    if attribute.startswith("Halving"):
        importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    if attribute == "IterativeImputer":
        importlib.import_module("sklearn.experimental.enable_iterative_imputer")
    return getattr(importlib.import_module(module), attribute)


def fitted(index: int, named: bool = False) -> Any:
    """The fitted estimator of ``CASES[index]``, always the same; on a DataFrame when ``named``."""
    return _fitted(index, named)


@functools.cache
def _fitted(index: int, named: bool) -> Any:
    case = CASES[index]
    X, y = rows(case.data)[0], target(case.target)
    if named:
        X = as_frame(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {key: value() if callable(value) else value for key, value in case.options.items()}
        groups = {
            "CatBoostRanker": {"group_id": np.arange(300) // 20},
            "LGBMRanker": {"group": [20] * 15},
            "XGBRanker": {"qid": np.arange(300) // 20},
        }
        more: dict[str, Any] = groups.get(case.name.rpartition(".")[2], {})
        return build(case.name, **options).fit(X, y, **more)


def as_frame(X: Any) -> Any:
    """A matrix with column names; frames as they are."""
    import pandas as pd

    return X if hasattr(X, "iloc") else pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])


@functools.cache
def rows(data: str) -> tuple[Any, Any]:
    """Rows to fit on and rows to ask about."""
    return _MAKERS[data](np.random.default_rng(1), 300), _MAKERS[data](np.random.default_rng(2), ROWS)


@functools.cache
def target(kind: str | None) -> Any:
    """Targets of the rows that are fitted."""
    if kind is None:
        return None
    X = numbers(np.random.default_rng(1), 300)
    score = X[:, 0] - 0.5 * X[:, 1] + 0.2 * X[:, 2] * X[:, 3]
    noise = np.random.default_rng(3).normal(size=300)
    grade = np.digitize(score + 0.3 * noise, [-0.6, 0.6])
    return {
        "binary": np.where(score + 0.3 * noise > 0, 7, -2),
        "labels": np.array(["low", "mid", "high"])[grade],
        "real": score + 0.1 * noise,
        "count": np.floor(np.exp(np.clip(score, -2, 2))) + 1,
        "two": np.stack([score, X[:, 2] + 0.1 * noise], axis=1),
        "flags": np.stack([grade == 2, X[:, 2] > 0, X[:, 0] < 0.5], axis=1).astype(int),
        "truth": score + 0.3 * noise > 0,
        "grades": grade,
        "two labels": np.stack([grade, (X[:, 2] > 0).astype(int)], axis=1),
        "indicators": np.stack([grade > 1, X[:, 2] > 0], axis=1).astype(int),
        "levels": np.array([["a", "b", "c"], ["x", "y", "z"]])[
            np.arange(2)[:, None], [grade, np.digitize(X[:, 2], [-1.2, -0.8])]
        ].T,
        "partly": np.where(np.arange(300) % 3, grade, -1),
    }[kind]


def numbers(rng: np.random.Generator, n: int) -> Any:
    """Five columns of different scales; one of them whole numbers with many ties."""
    X = rng.normal(size=(n, 5)) * [1, 2, 0.5, 1, 30] + [0, 1, -1, 0, 100]
    X[:, 3] = np.rint(X[:, 3] * 2)
    return X


def missing(rng: np.random.Generator, n: int) -> Any:
    """Numbers with holes."""
    X = numbers(rng, n)
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


def column(rng: np.random.Generator, n: int) -> Any:
    """One column."""
    return numbers(rng, n)[:, :1]


def counts(rng: np.random.Generator, n: int) -> Any:
    """Sparse counts, with empty rows among them."""
    from scipy import sparse

    return sparse.csr_matrix(rng.poisson(0.3, size=(n, 12)).astype(np.float64))


def codes(rng: np.random.Generator, n: int) -> Any:
    """Four columns of the numbers of categories."""
    return rng.integers(0, [2, 3, 5, 6], size=(n, 4)).astype(np.float64)


_WORDS = (*examples.WORDS, "the", "the", "on")


def text(rng: np.random.Generator, n: int) -> Any:
    """Short documents, some empty, some with words never seen in the other sample."""
    found = []
    for i in range(n):
        words = rng.choice(_WORDS, rng.integers(0, 9)).tolist()
        found.append(" ".join([*words, f"w{rng.integers(0, 40)}"] if i % 7 else words) + "!" * (i % 3))
    return found


def records(rng: np.random.Generator, n: int) -> Any:
    """Dicts of numbers and texts, some without features, some with features never seen in the other sample."""
    found: list[Any] = []
    for i in range(n):
        values = {"city": str(rng.choice(_WORDS)), "size": float(np.abs(rng.normal())), "n": int(rng.integers(0, 5))}
        values |= {"is": bool(i % 2), f"w{rng.integers(0, 40)}": 1.0, "": 0.25}
        found.append(dict(list(values.items())[: i % 7]))
    return found


def pairs(rng: np.random.Generator, n: int) -> Any:
    """Their features as pairs, some of them twice."""
    return [[*each.items(), *list(each.items())[:1]] for each in records(rng, n)]


def tokens(rng: np.random.Generator, n: int) -> Any:
    """Lists of words."""
    return [each.split() for each in text(rng, n)]


def cells(rng: np.random.Generator, n: int) -> Any:
    """Two columns of text and one of whole numbers; text has holes and, later, unseen values."""
    import pandas as pd

    city = rng.choice(["Bonn", "Köln", "Paris", "", "a b"] + (["unseen"] if n == ROWS else []), n)
    kind = rng.choice(["x", "y"], n).astype(object)
    return pd.DataFrame({"city": city.astype(object), "kind": kind, "size": rng.integers(0, 4, n)})


def holes(rng: np.random.Generator, n: int) -> Any:
    """Like `cells`, with missing values."""
    table = cells(rng, n)
    table["city"] = table["city"].where(rng.random(n) > 0.2, np.nan)
    return table[["city", "kind"]]


def positive(rng: np.random.Generator, n: int) -> Any:
    """Numbers that are not negative, some of them zero."""
    return np.abs(numbers(rng, n))


def kernels(rng: np.random.Generator, n: int) -> Any:
    """Kernels of rows and the 300 that were fitted."""
    return rng.normal(size=(n, 300))


_MAKERS = {
    "numbers": numbers,
    "kernels": kernels,
    "positive": positive,
    "missing": missing,
    "column": column,
    "counts": counts,
    "codes": codes,
    "text": text,
    "records": records,
    "pairs": pairs,
    "tokens": tokens,
    "cells": cells,
    "holes": holes,
}


def _regressors() -> list[Case]:
    linear = "sklearn.linear_model."
    names = """ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lars LarsCV Lasso LassoCV LassoLars
    LassoLarsCV LassoLarsIC LinearRegression OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV Ridge RidgeCV
    PassiveAggressiveRegressor QuantileRegressor SGDRegressor TheilSenRegressor"""
    found = [Case(linear + name, target="real") for name in names.split()]
    found += [Case(linear + name, target="count") for name in ("GammaRegressor", "PoissonRegressor")]
    found += [
        Case(linear + "TweedieRegressor", target="count", options={"power": 1.5}),
        Case(linear + "TweedieRegressor", target="real", options={"power": 0, "link": "identity"}),
        Case(linear + "LinearRegression", target="two"),
        Case(linear + "LinearRegression", target="real", options={"fit_intercept": False}),
        Case(linear + "Ridge", target="two"),
        Case("sklearn.svm.LinearSVR", target="real"),
        Case(linear + "SGDOneClassSVM", options={"nu": 0.2, "random_state": 0}),
        Case(linear + "SGDOneClassSVM", options={"nu": 0.2, "fit_intercept": False, "random_state": 0}),
    ]
    multi = ("MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV")
    return found + [Case(linear + name, target="two") for name in multi]


def _classifiers() -> list[Case]:
    linear = "sklearn.linear_model."
    names = ["LogisticRegression", "PassiveAggressiveClassifier", "Perceptron"]
    names += ["RidgeClassifier", "RidgeClassifierCV", "SGDClassifier"]
    found = [Case(linear + name, target=y) for name in names for y in ("binary", "labels")]
    found += [Case("sklearn.svm.LinearSVC", target=y) for y in ("binary", "labels")]
    found += [Case(linear + "LogisticRegressionCV", target="labels", options={"Cs": 2, "cv": 2})]
    for loss in ("log_loss", "modified_huber"):
        found += [Case(linear + "SGDClassifier", target=y, options={"loss": loss}) for y in ("binary", "labels")]
    return found


def _networks() -> list[Case]:
    mlp = "sklearn.neural_network.MLP"
    small = {"hidden_layer_sizes": (9, 5), "max_iter": 20, "random_state": 0}
    found = [Case(f"{mlp}Classifier", target=y, options=small) for y in ("binary", "labels")]
    found += [Case(f"{mlp}Regressor", target=y, options=small) for y in ("real", "two")]
    activations = ("identity", "logistic", "tanh")
    return found + [Case(f"{mlp}Regressor", target="real", options={**small, "activation": a}) for a in activations]


def _machines() -> list[Case]:
    module, counted = "sklearn.svm.", ("binary", "labels")
    found = [Case(f"{module}SVC", target=y, options=_SCALED) for y in counted]
    for kernel in (
        {"kernel": "linear", "C": 1e-5},
        {"kernel": "poly", "degree": 2, "gamma": 1e-4, "coef0": 1.0, "C": 0.1},
        {"kernel": "sigmoid", "gamma": 1e-3, "coef0": 0.5},
    ):
        found += [Case(f"{module}SVC", target=y, options=kernel) for y in counted]
        found += [Case(f"{module}SVR", target="real", options=kernel)]
        found += [Case(f"{module}OneClassSVM", options={key: value for key, value in kernel.items() if key != "C"})]
    probable = {**_SCALED, "probability": True, "random_state": 0}
    return [
        *found,
        Case(f"{module}SVC", target="labels", options={**_SCALED, "decision_function_shape": "ovo"}),
        Case(f"{module}SVC", target="labels", options={**_SCALED, "break_ties": True}),
        *(Case(f"{module}SVC", "counts", y) for y in counted),
        Case(f"{module}SVC", "counts", "labels", {"kernel": "linear", "probability": True, "random_state": 0}),
        *(Case(f"{module}SVC", target=y, options=probable) for y in counted),
        *(Case(f"{module}NuSVC", target=y, options={**_SCALED, "nu": 0.3}) for y in counted),
        Case(f"{module}NuSVR", target="real", options=_SCALED),
        Case(f"{module}SVR", target="real", options=_SCALED),
        Case(f"{module}SVR", "counts", "real"),
        Case(f"{module}OneClassSVM", options=_SCALED),
        Case(f"{module}OneClassSVM", "counts", options={"nu": 0.3}),
    ]


def _kernels() -> list[Case]:
    ridge, approximation = "sklearn.kernel_ridge.KernelRidge", "sklearn.kernel_approximation."
    process, few = "sklearn.gaussian_process.GaussianProcessRegressor", {"n_components": 9, "random_state": 0}
    kernels = (_smooth, _rough, _wavy, _product)
    return [
        *(Case(ridge, target=y, options={"kernel": "rbf", **_SCALED}) for y in ("real", "two")),
        Case(ridge, target="real", options={"kernel": "laplacian", **_SCALED}),
        Case(ridge, target="real", options={"kernel": "sigmoid", "gamma": 1e-4}),
        Case(ridge, "counts", "real", {"kernel": "rbf"}),
        Case(ridge, "counts", "real", {"kernel": "poly", "degree": 2}),
        Case(ridge, "counts", "two", {"alpha": 3.0}),
        Case(f"{approximation}Nystroem", options={**few, "gamma": 1e-3}),
        Case(f"{approximation}Nystroem", "counts", options=few),
        Case(f"{approximation}RBFSampler", options={**few, **_SCALED}),
        Case(f"{approximation}RBFSampler", "counts", options={**few, "n_components": 1}),
        *(Case(process, target="real", options={"kernel": each, "alpha": 0.1, "optimizer": None}) for each in kernels),
        *(
            Case(process.replace("Regressor", "Classifier"), target=y, options={"kernel": each, "optimizer": None})
            for y, each in (("binary", _smooth), ("labels", _smooth), ("binary", _rough))
        ),
        Case(process, target="two", options={"kernel": _smooth, "alpha": 0.1, "optimizer": None, "normalize_y": True}),
    ]


def _compared() -> list[Case]:
    """Estimators that compare rows with others."""
    approximation, few = "sklearn.kernel_approximation.", {"n_components": 9, "random_state": 0}
    analysis, density = "sklearn.decomposition.KernelPCA", "sklearn.neighbors.KernelDensity"
    centroid, spread = "sklearn.neighbors.NearestCentroid", "sklearn.semi_supervised.LabelSpreading"
    chi2 = f"{approximation}AdditiveChi2Sampler"
    settings = (
        {"kernel": "rbf", **_SCALED},
        {"kernel": "poly", "degree": 2, **_SCALED},
        {"kernel": "sigmoid", "gamma": 1e-4},
        {"kernel": "cosine"},
        {"kernel": "linear"},
    )
    return [
        *(Case(analysis, options={"n_components": 4, **each}) for each in settings),
        Case("sklearn.preprocessing.KernelCenterer", "kernels"),
        *(Case(chi2, "positive", options={"sample_steps": steps}) for steps in (1, 2, 3)),
        Case(chi2, "positive", options={"sample_steps": 2, "sample_interval": 0.3}),
        Case(f"{approximation}SkewedChi2Sampler", "positive", options={**few, "skewedness": 0.1}),
        *(
            Case(density, options={"bandwidth": 9.0, "kernel": kernel})
            for kernel in ("gaussian", "exponential", "epanechnikov", "linear", "tophat")
        ),
        *(Case(centroid, target=y) for y in ("binary", "labels")),
        Case(centroid, target="labels", options={"metric": "manhattan"}),
        *(Case(centroid, target=y, options={"priors": "empirical"}) for y in ("binary", "labels") if since("1.6")),
        Case("sklearn.semi_supervised.LabelPropagation", target="partly", options={"gamma": 0.01}),
        Case(spread, target="partly", options={"gamma": 0.01}),
        Case(spread, target="partly", options={"kernel": "knn", "n_neighbors": 3}),
        Case("sklearn.cluster.Birch", options={"threshold": 5.0, "n_clusters": 4}),
        Case("sklearn.cluster.Birch", options={"threshold": 9.0, "n_clusters": None}),
        Case("sklearn.cluster.BisectingKMeans", options={"n_clusters": 5, "random_state": 0}),
        Case("sklearn.cluster.BisectingKMeans", "counts", options={"n_clusters": 3, "random_state": 0}),
    ]


def _smooth() -> Any:
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    return ConstantKernel(2.0) * RBF([3.0, 2.0, 1.0, 5.0, 60.0]) + WhiteKernel(0.1) + ConstantKernel(0.3)


def _rough() -> Any:
    from sklearn.gaussian_process.kernels import Matern

    return Matern(30.0, nu=0.5) + 0.5 * Matern(20.0, nu=1.5) + Matern(30.0, nu=2.5) + Matern(30.0, nu=np.inf)


def _wavy() -> Any:
    from sklearn.gaussian_process.kernels import ExpSineSquared, RationalQuadratic

    return RationalQuadratic(30.0, 1.5) ** 2 + 0.001 * ExpSineSquared(2.0, 40.0)


def _product() -> Any:
    from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel

    return (RBF(20.0) + 0.5 * RBF(50.0)) * RBF(90.0) + 1e-4 * DotProduct(0.5) + WhiteKernel()


_SCALED = {"gamma": 0.01}
"""For rows of different scales."""


def _bayes() -> list[Case]:
    module, counted = "sklearn.naive_bayes.", ("binary", "labels")
    return [
        *(Case(module + "MultinomialNB", "counts", y) for y in counted),
        *(Case(module + "ComplementNB", "counts", y, {"norm": y == "labels"}) for y in counted),
        *(Case(module + "GaussianNB", target=y) for y in counted),
        *(Case(module + "BernoulliNB", target=y, options={"binarize": 0.5}) for y in counted),
        Case(module + "BernoulliNB", "counts", "labels", {"binarize": None}),
        *(Case(module + "CategoricalNB", "codes", y, {"min_categories": 6}) for y in counted),
    ]


def _discriminants() -> list[Case]:
    linear, counted = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis", ("binary", "labels")
    found = [Case(linear, target=y, options={"solver": solver}) for y in counted for solver in ("svd", "eigen")]
    quadratic = "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis"
    found += [Case(quadratic, target=y, options={"reg_param": 0.1 * (y == "labels")}) for y in counted]
    return [*found, Case(linear, target="labels", options={"n_components": 1})]


def _densities() -> list[Case]:
    few: dict[str, Any] = {"n_components": 3, "random_state": 0}
    found = [
        Case(f"sklearn.mixture.{name}", options={**few, "covariance_type": kind})
        for name in ("GaussianMixture", "BayesianGaussianMixture")
        for kind in ("full", "tied", "diag", "spherical")
    ]
    found += [
        Case("sklearn.mixture.BayesianGaussianMixture", options={**few, "weight_concentration_prior_type": prior})
        for prior in ("dirichlet_distribution",)
    ]
    names = ["EmpiricalCovariance", "GraphicalLasso", "GraphicalLassoCV", "LedoitWolf", "OAS", "ShrunkCovariance"]
    found += [Case(f"sklearn.covariance.{name}") for name in names]
    random = ("MinCovDet", "EllipticEnvelope")
    return found + [Case(f"sklearn.covariance.{name}", options={"random_state": 0}) for name in random]


def _neighbors() -> list[Case]:
    """Nearest neighbours without a tree and with either, for all metrics and weights."""
    module = "sklearn.neighbors."
    searches = [{"algorithm": name} for name in ("kd_tree", "ball_tree", "brute")]
    metrics = [{"metric": name} for name in ("manhattan", "chebyshev")]
    distance = {"weights": "distance"}
    return [
        *(Case(f"{module}KNeighborsClassifier", target="labels", options=each) for each in (*searches, *metrics)),
        *(Case(f"{module}KNeighborsClassifier", target="labels", options={**each, **distance}) for each in searches),
        Case(f"{module}KNeighborsClassifier", target="levels", options={"n_neighbors": 12, "leaf_size": 2}),
        Case(f"{module}KNeighborsClassifier", target="two labels", options={**searches[2], **distance}),
        Case(f"{module}KNeighborsClassifier", target="binary", options={"n_neighbors": 1, "p": 1}),
        *(Case(f"{module}KNeighborsRegressor", target="real", options=each) for each in (*searches, *metrics)),
        *(Case(f"{module}KNeighborsRegressor", target="two", options={**each, **distance}) for each in searches),
        *(Case(f"{module}NearestNeighbors", options=each) for each in (*searches[:2], *metrics)),
        *(Case(f"{module}KNeighborsTransformer", options=each) for each in (*searches[:2], *metrics)),
        *(Case(f"{module}KNeighborsTransformer", options={**each, "mode": "connectivity"}) for each in searches),
        *(Case(f"{module}LocalOutlierFactor", options={"novelty": True, **each}) for each in searches),
    ]


def _radius() -> list[Case]:
    """Neighbours within a radius, in which some rows have none."""
    classifier, regressor = "sklearn.neighbors.RadiusNeighborsClassifier", "sklearn.neighbors.RadiusNeighborsRegressor"
    transformer = "sklearn.neighbors.RadiusNeighborsTransformer"
    searches = [{"radius": 12.0, "algorithm": name} for name in ("kd_tree", "ball_tree", "brute")]
    metrics = [{"radius": 14.0, "metric": name} for name in ("manhattan", "chebyshev")]
    distance, few, all_of_them = {"weights": "distance"}, {"radius": 2.0}, {"radius": 500.0}
    return [
        *(Case(transformer, options=each) for each in (*searches[:2], *metrics)),
        *(Case(transformer, options={**each, "mode": "connectivity"}) for each in searches),
        *(Case(classifier, target="labels", options={**each, "outlier_label": "most_frequent"}) for each in searches),
        *(Case(classifier, target="labels", options={**each, **distance, "outlier_label": "mid"}) for each in searches),
        *(Case(classifier, target="grades", options={**each, "outlier_label": 9}) for each in (few, *metrics)),
        Case(classifier, target="two labels", options={**few, "outlier_label": [1, 7], "leaf_size": 3}),
        Case(classifier, target="levels", options={**few, **distance, "outlier_label": "c"}),
        Case(classifier, target="binary", options=all_of_them),
        *(Case(regressor, target="real", options=each) for each in (*searches, *metrics, few)),
        *(Case(regressor, target="two", options={**each, **distance}) for each in (*searches, few)),
        Case(regressor, target="grades", options=few),
    ]


def _embeddings() -> list[Case]:
    module, several = "sklearn.manifold.", {"n_neighbors": 9, "n_components": 3}
    brute, random = {"neighbors_algorithm": "brute"}, {"random_state": 0}
    tangents = {"n_neighbors": 6, "eigen_solver": "dense", "method": "ltsa"}
    return [
        *(Case(f"{module}Isomap", options=each) for each in ({}, several, brute)),
        Case(f"{module}Isomap", options={"metric": "manhattan", "neighbors_algorithm": "ball_tree"}),
        *(Case(f"{module}LocallyLinearEmbedding", options={**each, **random}) for each in ({}, several, brute)),
        Case(f"{module}LocallyLinearEmbedding", options={**tangents, "reg": 0.1, **random}),
    ]


def _trees() -> list[Case]:
    tree, ensemble, small = "sklearn.tree.", "sklearn.ensemble.", {"random_state": 0}
    few = {"n_estimators": 7, "random_state": 0}
    found = []
    for name in ("DecisionTree", "ExtraTree"):
        found += [Case(f"{tree}{name}Classifier", target=y, options=small) for y in ("binary", "labels", "two labels")]
        found += [Case(f"{tree}{name}Regressor", target=y, options=small) for y in ("real", "two")]
    for name in ("RandomForest", "ExtraTrees"):
        kinds = ("binary", "labels", "two labels")
        found += [Case(f"{ensemble}{name}Classifier", target=y, options=few) for y in kinds]
        found += [Case(f"{ensemble}{name}Regressor", target=y, options=few) for y in ("real", "two")]
    found += [Case(f"{ensemble}GradientBoostingClassifier", target=y, options=few) for y in ("binary", "labels")]
    found += [
        Case(f"{ensemble}GradientBoostingClassifier", target="binary", options={**few, "loss": "exponential"}),
        Case(f"{ensemble}GradientBoostingClassifier", target="labels", options={**few, "init": "zero"}),
        Case(f"{ensemble}GradientBoostingRegressor", target="real", options=few),
        Case(f"{ensemble}VotingClassifier", target="labels", options={"estimators": _committee}),
        Case(f"{ensemble}VotingClassifier", target="binary", options={"estimators": _committee, "voting": "soft"}),
        Case(f"{ensemble}VotingRegressor", target="real", options={"estimators": _board}),
        Case(f"{tree}DecisionTreeClassifier", "missing", "labels", small),
        Case(f"{ensemble}RandomForestRegressor", "missing", "real", few),
        Case(f"{ensemble}RandomTreesEmbedding", options=few),
        Case(f"{ensemble}RandomTreesEmbedding", options={**few, "sparse_output": False}),
    ]
    hist = {"max_iter": 9, "random_state": 0, "early_stopping": False}
    for data in ("numbers", "missing"):
        found += [Case(f"{ensemble}HistGradientBoostingClassifier", data, y, hist) for y in ("binary", "labels")]
        found += [Case(f"{ensemble}HistGradientBoostingRegressor", data, "real", hist)]
    found += [
        Case(f"{ensemble}HistGradientBoostingRegressor", "numbers", "count", {**hist, "loss": "poisson"}),
        Case(f"{ensemble}HistGradientBoostingRegressor", "missing", "real", {**hist, "categorical_features": [3]}),
    ]
    return found


def _boosters() -> list[Case]:
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


def _lightgbm() -> list[Case]:
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


def _catboost() -> list[Case]:
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


def _ridge() -> Any:
    return build("sklearn.linear_model.Ridge")


def _dictionary() -> Any:
    return np.random.default_rng(4).normal(size=(8, 5))


def _dictionaries() -> list[Case]:
    module, threshold = "sklearn.decomposition.", {"transform_algorithm": "threshold"}
    given = {"dictionary": _dictionary}
    learnt = {"n_components": 6, "max_iter": 20, "random_state": 0}
    found = [
        Case(module + "SparseCoder", options={**given, **options})
        for options in (
            {},
            {"transform_n_nonzero_coefs": 3},
            {"transform_n_nonzero_coefs": 5, "split_sign": True},
            threshold,
            {**threshold, "transform_alpha": 0.5, "split_sign": True},
            {**threshold, "positive_code": True, "split_sign": True},
            {**threshold, "positive_code": True},
        )
    ]
    for name in ("DictionaryLearning", "MiniBatchDictionaryLearning"):
        found += [Case(module + name, options={**learnt, "transform_n_nonzero_coefs": each}) for each in (None, 3)]
        found += [Case(module + name, options={**learnt, **threshold, "alpha": 2.0})]
    return found


def _factorizations() -> list[Case]:
    module, learnt = "sklearn.decomposition.", {"n_components": 3, "random_state": 0}
    penalties = {"alpha_W": 0.01, "l1_ratio": 0.5}
    by_divergence = {"beta_loss": "kullback-leibler"}
    return [
        Case(module + "NMF", "positive", options=learnt),
        Case(module + "NMF", "counts", options={**learnt, **penalties}),
        *(Case(module + "NMF", "positive", options={**learnt, "solver": "mu", **more}) for more in ({}, penalties)),
        Case(module + "NMF", "counts", options={**learnt, "solver": "mu", **penalties, **by_divergence}),
        Case(module + "MiniBatchNMF", "positive", options=learnt),
        Case(module + "MiniBatchNMF", "counts", options={**learnt, **by_divergence}),
        Case(module + "MiniBatchNMF", "counts", options={**learnt, **penalties, "transform_max_iter": 30}),
    ]


def _transformers() -> list[Case]:
    pre = "sklearn.preprocessing."
    found = [Case(pre + name) for name in ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")]
    found += [Case(pre + name, "missing") for name in ("StandardScaler", "MinMaxScaler", "MaxAbsScaler")]
    found += [
        Case(pre + "StandardScaler", options={"with_mean": False}),
        Case(pre + "StandardScaler", options={"with_std": False}),
        Case(pre + "MinMaxScaler", options={"feature_range": (-1, 2), "clip": True}),
        Case(pre + "RobustScaler", options={"with_centering": False}),
        Case(pre + "FunctionTransformer"),
        Case(pre + "PolynomialFeatures"),
        Case(pre + "PolynomialFeatures", options={"degree": 3, "interaction_only": True, "include_bias": False}),
        Case(pre + "OneHotEncoder", "cells", options={"handle_unknown": "ignore"}),
        Case(pre + "OneHotEncoder", "cells", options={"handle_unknown": "ignore", "sparse_output": False}),
        Case(pre + "OneHotEncoder", "holes", options={"handle_unknown": "infrequent_if_exist", "min_frequency": 40}),
        Case(pre + "OneHotEncoder", "cells", options={"drop": "first", "handle_unknown": "ignore"}),
        Case(pre + "OrdinalEncoder", "cells", options={"handle_unknown": "use_encoded_value", "unknown_value": -1}),
        Case(pre + "OrdinalEncoder", "holes", options={"handle_unknown": "use_encoded_value", "unknown_value": -1}),
        Case(pre + "TargetEncoder", "cells", "real", {"random_state": 0}),
        Case(pre + "TargetEncoder", "cells", "binary", {"random_state": 0}),
        Case(pre + "Normalizer"),
        Case(pre + "Normalizer", options={"norm": "l1"}),
        Case(pre + "Binarizer", options={"threshold": 0.3}),
        Case(pre + "KBinsDiscretizer", options={"encode": "ordinal", **releases.QUANTILE_METHOD}),
        Case(pre + "PowerTransformer"),
        Case(pre + "QuantileTransformer", options={"n_quantiles": 50}),
        *(
            Case(
                "sklearn.preprocessing.SplineTransformer",
                options={"extrapolation": beyond, "include_bias": beyond != "linear"},
            )
            for beyond in ("constant", "linear", "continue", "periodic")
        ),
        Case("sklearn.preprocessing.SplineTransformer", options={"degree": 1, "knots": "quantile", "n_knots": 7}),
        Case("sklearn.impute.SimpleImputer", "missing"),
        Case("sklearn.impute.SimpleImputer", "missing", options={"strategy": "median", "add_indicator": True}),
        Case("sklearn.impute.SimpleImputer", "missing", options={"strategy": "constant", "fill_value": -1.0}),
        Case("sklearn.impute.SimpleImputer", "holes", options={"strategy": "most_frequent"}),
        Case("sklearn.impute.IterativeImputer", "missing"),
        Case("sklearn.impute.IterativeImputer", "missing", options={"add_indicator": True, "estimator": _ridge}),
        Case(
            "sklearn.impute.IterativeImputer",
            "missing",
            options={"n_nearest_features": 3, "min_value": 0.0, "random_state": 0},
        ),
        Case("sklearn.impute.MissingIndicator", "missing", options={"features": "all"}),
        Case("sklearn.decomposition.PCA", options={"n_components": 3}),
        Case("sklearn.decomposition.PCA", options={"n_components": 3, "whiten": True}),
        Case("sklearn.decomposition.TruncatedSVD", options={"n_components": 3, "random_state": 0}),
        Case("sklearn.decomposition.TruncatedSVD", "counts", options={"n_components": 3, "random_state": 0}),
        *(Case(f"sklearn.decomposition.{name}", options={"n_components": 3}) for name in ("IncrementalPCA", "FastICA")),
        Case("sklearn.decomposition.IncrementalPCA", options={"n_components": 3, "whiten": True}),
        Case("sklearn.decomposition.FastICA", options={"whiten": False, "random_state": 0}),
        Case("sklearn.decomposition.FactorAnalysis", options={"n_components": 3}),
        *(
            Case(f"sklearn.decomposition.{name}", options={"n_components": 3, "random_state": 0, "ridge_alpha": 0.1})
            for name in ("SparsePCA", "MiniBatchSparsePCA")
        ),
        *(
            Case(
                "sklearn.decomposition.LatentDirichletAllocation", data, options={"n_components": 4, "random_state": 0}
            )
            for data in ("counts", "codes")
        ),
        *_dictionaries(),
        *_factorizations(),
        Case("sklearn.neural_network.BernoulliRBM", options={"n_components": 4, "n_iter": 2, "random_state": 0}),
        Case("sklearn.cluster.FeatureAgglomeration", options={"n_clusters": 3}),
        *(
            Case(f"sklearn.random_projection.{name}Projection", options={"n_components": 3, "random_state": 0})
            for name in ("GaussianRandom", "SparseRandom")
        ),
        *(
            Case(f"sklearn.random_projection.{name}Projection", "counts", options={"n_components": 3, **more})
            for name, more in (("GaussianRandom", {"random_state": 0}), ("SparseRandom", {"dense_output": True}))
        ),
        *(Case(f"sklearn.cross_decomposition.{name}", target="two") for name in ("CCA", "PLSCanonical", "PLSSVD")),
        *(Case("sklearn.cross_decomposition.PLSRegression", target=target) for target in ("real", "two")),
        Case("sklearn.neighbors.NeighborhoodComponentsAnalysis", target="labels", options={"random_state": 0}),
        Case("sklearn.cluster.KMeans", options={"n_clusters": 4, "n_init": 1, "random_state": 0}),
        Case("sklearn.cluster.AffinityPropagation", options={"random_state": 0}),
        Case("sklearn.cluster.MeanShift", options={"bandwidth": 8.0}),
        Case("sklearn.cluster.MiniBatchKMeans", options={"n_clusters": 4, "n_init": 1, "random_state": 0}),
        Case("sklearn.feature_selection.VarianceThreshold", options={"threshold": 0.5}),
        Case("sklearn.feature_selection.SelectKBest", target="binary", options={"k": 2}),
        Case("sklearn.feature_selection.SelectPercentile", target="binary", options={"percentile": 40}),
        Case("sklearn.feature_selection.GenericUnivariateSelect", target="binary", options={"param": 60}),
        *(Case(f"sklearn.feature_selection.Select{name}", target="binary") for name in ("Fdr", "Fpr", "Fwe")),
        Case("sklearn.feature_selection.SelectFromModel", target="binary", options={"estimator": _logistic}),
        Case("sklearn.feature_selection.SequentialFeatureSelector", target="binary", options={"estimator": _logistic}),
    ]
    return found


def _searches() -> list[Case]:
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


def _stacks() -> list[Case]:
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


def _ensembles() -> list[Case]:
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


def _calibrated() -> list[Case]:
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


def _holders() -> list[Case]:
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


def _resampled() -> list[Case]:
    few = {"n_estimators": 7, "random_state": 0}
    return [
        Case("imblearn.pipeline.Pipeline", target="labels", options={"steps": _sampled}),
        Case("imblearn.ensemble.BalancedRandomForestClassifier", target="labels", options=few),
        Case("imblearn.ensemble.BalancedBaggingClassifier", target="labels", options=few),
        Case("imblearn.ensemble.EasyEnsembleClassifier", target="binary", options={**few, "n_estimators": 3}),
        Case("imblearn.ensemble.RUSBoostClassifier", target="labels", options=few),
    ]


def _hierarchies() -> list[Case]:
    names = [f"hiclass.{name}.{name}" for name in map("LocalClassifierPer{}".format, ("Level", "Node", "ParentNode"))]
    members = (_logistic, _shallow)
    return [Case(name, target="levels", options={"local_classifier": each}) for name in names for each in members]


def _category_encoders() -> list[Case]:
    modules = ("backward_difference", "basen", "binary", "cat_boost", "gray", "helmert", "james_stein",
               "leave_one_out", "m_estimate", "one_hot", "polynomial", "quantile_encoder", "rankhot",
               "sum_coding", "target_encoder", "woe")  # fmt: skip
    names = ("BackwardDifferenceEncoder", "BaseNEncoder", "BinaryEncoder", "CatBoostEncoder",
             "GrayEncoder", "HelmertEncoder", "JamesSteinEncoder", "LeaveOneOutEncoder", "MEstimateEncoder",
             "OneHotEncoder", "PolynomialEncoder", "QuantileEncoder", "RankHotEncoder", "SumEncoder",
             "TargetEncoder", "WOEEncoder")  # fmt: skip
    found = [
        Case(f"category_encoders.{module}.{name}", data, "truth", {"return_df": False})
        for module, name in zip(modules, names, strict=True)
        for data in (("cells", "holes") if name == "TargetEncoder" else ("cells",))
    ]
    known = {"return_df": False, "cols": "all", "handle_unknown": "error"}
    whole = ("count.CountEncoder", "ordinal.OrdinalEncoder")  # floats where a category is unknown
    return [*found, *(Case(f"category_encoders.{name}", "codes", options=known) for name in whole)]


def _vectorized() -> list[Case]:
    def steps() -> Any:
        trees = build("sklearn.ensemble.HistGradientBoostingRegressor", max_iter=3)
        return [("vectorizer", build("skrub.TableVectorizer")), ("model", trees)]

    return [Case("sklearn.pipeline.Pipeline", data, "real", {"steps": steps}) for data in ("cells", "holes")]


def _sampled() -> Any:
    return [*_scalers(), ("sampler", build("imblearn.under_sampling.RandomUnderSampler")), ("model", _logistic())]


def _outputs() -> list[Case]:
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


def _compositions() -> list[Case]:
    return [
        Case("sklearn.pipeline.Pipeline", target="labels", options={"steps": _steps}),
        Case("sklearn.pipeline.FeatureUnion", options={"transformer_list": _scalers}),
        Case("sklearn.compose.ColumnTransformer", options={"transformers": _columns, "remainder": "passthrough"}),
    ]


def _scalers() -> Any:
    return [(name, build(f"sklearn.preprocessing.{name}")) for name in ("StandardScaler", "MinMaxScaler")]


def _steps() -> Any:
    return [*_scalers(), ("model", _logistic())]


def _columns() -> Any:
    encoder = build("sklearn.preprocessing.OneHotEncoder", handle_unknown="ignore")
    return [("scaled", build("sklearn.preprocessing.StandardScaler"), [0, 2]), ("encoded", encoder, [3])]


def _log() -> Any:
    return np.log


def _exp() -> Any:
    return np.exp


def _frozen() -> Any:
    return _logistic().fit(rows("numbers")[0], target("labels"))


def _tree() -> Any:
    return build("sklearn.tree.DecisionTreeClassifier", max_depth=3, random_state=0)


def _committee() -> Any:
    return [("linear", _logistic()), ("tree", _tree())]


def _grove() -> Any:
    return [("tree", _tree()), ("forest", build("sklearn.ensemble.RandomForestClassifier", n_estimators=3))]


def _board() -> Any:
    tree = build("sklearn.tree.DecisionTreeRegressor", max_depth=3, random_state=0)
    return [("linear", build("sklearn.linear_model.Ridge")), ("tree", tree)]


def _ridge() -> Any:
    return build("sklearn.linear_model.Ridge")


def _shallow() -> Any:
    return build("sklearn.tree.DecisionTreeClassifier", max_depth=3, random_state=0)


def _margins() -> Any:
    return build("sklearn.svm.LinearSVC", dual=False)


def _logistic() -> Any:
    return build("sklearn.linear_model.LogisticRegression")


def _texts() -> list[Case]:
    module = "sklearn.feature_extraction.text."
    found = []
    for name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        small = {"n_features": 64} if name == "HashingVectorizer" else {}
        for options in (
            {},
            {"analyzer": "char", "ngram_range": (1, 3)},
            {"analyzer": "char_wb", "ngram_range": (2, 4)},
            {"ngram_range": (1, 2), "lowercase": False, "binary": True},
            {"strip_accents": "unicode", "stop_words": ["the", "on"]},
            {"strip_accents": "ascii", "ngram_range": (2, 2)},
        ):
            found.append(Case(module + name, "text", options={**small, **options}))
    found += [
        Case(module + "TfidfVectorizer", "text", options={"norm": "l1", "sublinear_tf": True}),
        Case(module + "TfidfVectorizer", "text", options={"token_pattern": r"\b[a-z']{2,}\b"}),
        Case(module + "HashingVectorizer", "text", options={"n_features": 50, "token_pattern": r"[^\W\d]+"}),
        Case(module + "TfidfVectorizer", "text", options={"norm": None, "use_idf": False}),
        Case(module + "HashingVectorizer", "text", options={"n_features": 50, "alternate_sign": False, "norm": None}),
        Case("sklearn.feature_extraction.DictVectorizer", "records"),
        Case("sklearn.feature_extraction.DictVectorizer", "records", options={"sparse": False, "separator": " "}),
        Case("sklearn.feature_extraction.FeatureHasher", "records", options={"n_features": 64}),
        *(
            Case("sklearn.feature_extraction.FeatureHasher", data, options={"input_type": form, **options})
            for data, form in (("pairs", "pair"), ("tokens", "string"))
            for options in ({}, {"n_features": 50, "alternate_sign": False})
        ),
        Case(module + "TfidfTransformer", "counts"),
        Case(module + "TfidfTransformer", "counts", options={"norm": "l1", "smooth_idf": False}),
    ]
    return found


CASES: tuple[Case, ...] = tuple(
    case
    for case in (
        *_regressors(),
        *_classifiers(),
        *_networks(),
        *_machines(),
        *_kernels(),
        *_compared(),
        *_bayes(),
        *_discriminants(),
        *_densities(),
        *_neighbors(),
        *_radius(),
        *_embeddings(),
        *_trees(),
        *_ensembles(),
        *_outputs(),
        *_boosters(),
        *_lightgbm(),
        *_catboost(),
        *_searches(),
        *_compositions(),
        *_transformers(),
        *_texts(),
        *_stacks(),
        *_calibrated(),
        *_holders(),
        *_resampled(),
        *_hierarchies(),
        *_category_encoders(),
        *_vectorized(),
    )
    if not releases.lacks(case.name)
)
