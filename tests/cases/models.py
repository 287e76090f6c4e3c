"""Cases of scikit-learn: estimators that predict, and neighbours and embeddings."""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.sklearn.compat import since
from tests.cases.base import Case
from tests.cases.members import _SCALED, _board, _committee, _product, _rough, _smooth, _wavy


def regressors() -> list[Case]:
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


def classifiers() -> list[Case]:
    linear = "sklearn.linear_model."
    names = ["LogisticRegression", "PassiveAggressiveClassifier", "Perceptron"]
    names += ["RidgeClassifier", "RidgeClassifierCV", "SGDClassifier"]
    found = [Case(linear + name, target=y) for name in names for y in ("binary", "labels")]
    found += [Case("sklearn.svm.LinearSVC", target=y) for y in ("binary", "labels")]
    found += [Case(linear + "LogisticRegressionCV", target="labels", options={"Cs": 2, "cv": 2})]
    for loss in ("log_loss", "modified_huber"):
        found += [Case(linear + "SGDClassifier", target=y, options={"loss": loss}) for y in ("binary", "labels")]
    return found


def dummies() -> list[Case]:
    dummy = "sklearn.dummy.Dummy"
    found = [Case(f"{dummy}Classifier", target=y) for y in ("binary", "labels", "truth", "levels", "two labels")]
    found += [
        Case(f"{dummy}Classifier", target="labels", options={"strategy": "most_frequent"}),
        Case(f"{dummy}Classifier", target="labels", options={"strategy": "constant", "constant": "mid"}),
        Case(f"{dummy}Classifier", target="two labels", options={"strategy": "constant", "constant": [2, 0]}),
        Case(f"{dummy}Regressor", target="real", options={"strategy": "median"}),
        Case(f"{dummy}Regressor", target="real", options={"strategy": "constant", "constant": 3}),
        Case(f"{dummy}Regressor", target="two", options={"strategy": "quantile", "quantile": 0.3}),
    ]
    return [*found, *(Case(f"{dummy}Regressor", target=y) for y in ("real", "two"))]


def networks() -> list[Case]:
    mlp = "sklearn.neural_network.MLP"
    small = {"hidden_layer_sizes": (9, 5), "max_iter": 20, "random_state": 0}
    found = [Case(f"{mlp}Classifier", target=y, options=small) for y in ("binary", "labels")]
    found += [Case(f"{mlp}Regressor", target=y, options=small) for y in ("real", "two")]
    activations = ("identity", "logistic", "tanh")
    return found + [Case(f"{mlp}Regressor", target="real", options={**small, "activation": a}) for a in activations]


def machines() -> list[Case]:
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


def kernels() -> list[Case]:
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


def compared() -> list[Case]:
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


def bayes() -> list[Case]:
    module, counted = "sklearn.naive_bayes.", ("binary", "labels")
    return [
        *(Case(module + "MultinomialNB", "counts", y) for y in counted),
        *(Case(module + "ComplementNB", "counts", y, {"norm": y == "labels"}) for y in counted),
        *(Case(module + "GaussianNB", target=y) for y in counted),
        *(Case(module + "BernoulliNB", target=y, options={"binarize": 0.5}) for y in counted),
        Case(module + "BernoulliNB", "counts", "labels", {"binarize": None}),
        *(Case(module + "CategoricalNB", "codes", y, {"min_categories": 6}) for y in counted),
    ]


def discriminants() -> list[Case]:
    linear, counted = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis", ("binary", "labels")
    found = [Case(linear, target=y, options={"solver": solver}) for y in counted for solver in ("svd", "eigen")]
    quadratic = "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis"
    found += [Case(quadratic, target=y, options={"reg_param": 0.1 * (y == "labels")}) for y in counted]
    return [*found, Case(linear, target="labels", options={"n_components": 1})]


def densities() -> list[Case]:
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


def neighbors() -> list[Case]:
    """Nearest neighbours without a tree and with either, for all metrics and weights."""
    module = "sklearn.neighbors."
    searches = [{"algorithm": name} for name in ("kd_tree", "ball_tree", "brute")]
    metrics = [{"metric": name} for name in ("manhattan", "chebyshev")]
    distance = {"weights": "distance"}
    scaled = {"metric": "seuclidean", "metric_params": {"V": [4.0, 9.0, 0.5, 1.0, 2.0]}}
    return [
        *(Case(f"{module}KNeighborsClassifier", target="labels", options=each) for each in (*searches, *metrics)),
        *(
            Case(f"{module}KNeighborsRegressor", target="real", options=each)
            for each in (scaled, {"metric": "canberra"})
        ),
        Case(f"{module}KNeighborsClassifier", target="labels", options={"metric": "braycurtis"}),
        Case(f"{module}LocalOutlierFactor", options={"novelty": True, "metric": "rogerstanimoto"}),
        *(Case(f"{module}KNeighborsClassifier", target="labels", options={**each, **distance}) for each in searches),
        Case(f"{module}KNeighborsClassifier", target="labels", options={"n_neighbors": 45, **distance}),
        Case(f"{module}KNeighborsClassifier", target="levels", options={"n_neighbors": 12, "leaf_size": 2}),
        Case(f"{module}KNeighborsClassifier", target="two labels", options={**searches[2], **distance}),
        Case(f"{module}KNeighborsClassifier", target="binary", options={"n_neighbors": 1, "p": 1}),
        *(Case(f"{module}KNeighborsRegressor", target="real", options=each) for each in (*searches, *metrics)),
        *(Case(f"{module}KNeighborsRegressor", target="two", options={**each, **distance}) for each in searches),
        *(Case(f"{module}NearestNeighbors", options=each) for each in (*searches[:2], *metrics)),
        *(Case(f"{module}KNeighborsTransformer", options=each) for each in (*searches[:2], *metrics)),
        *(Case(f"{module}KNeighborsTransformer", options={**each, "mode": "connectivity"}) for each in searches[:2]),
        *(Case(f"{module}LocalOutlierFactor", options={"novelty": True, **each}) for each in searches),
        *(
            Case(f"{module}KNeighborsClassifier", target="labels", options={"metric": metric, **weights})
            for metric in ("cosine", "correlation")
            for weights in ({}, distance)
        ),
        Case(f"{module}KNeighborsRegressor", target="two", options={"metric": "cosine"}),
        *(Case(f"{module}NearestNeighbors", options=each) for each in ({"metric": "cosine"}, searches[2])),
    ]


def radius() -> list[Case]:
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


def embeddings() -> list[Case]:
    module, several = "sklearn.manifold.", {"n_neighbors": 9, "n_components": 3}
    brute, random = {"neighbors_algorithm": "brute"}, {"random_state": 0}
    tangents = {"n_neighbors": 6, "eigen_solver": "dense", "method": "ltsa"}
    return [
        *(Case(f"{module}Isomap", options=each) for each in ({}, several, brute)),
        Case(f"{module}Isomap", options={"metric": "manhattan", "neighbors_algorithm": "ball_tree"}),
        *(Case(f"{module}LocallyLinearEmbedding", options={**each, **random}) for each in ({}, several, brute)),
        Case(f"{module}LocallyLinearEmbedding", options={**tangents, "reg": 0.1, **random}),
    ]


def trees() -> list[Case]:
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
