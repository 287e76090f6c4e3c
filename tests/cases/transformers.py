"""Cases of scikit-learn: transformers, vectorizers, pipelines."""

from __future__ import annotations

from tests import releases
from tests.cases.base import Case
from tests.cases.members import _branches, _columns, _dictionary, _logistic, _ridge, _scalers, _steps


def dictionaries() -> list[Case]:
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


def factorizations() -> list[Case]:
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


def transformers() -> list[Case]:
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
        Case(pre + "PowerTransformer", "above zero", options={"method": "box-cox"}),
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
        Case("sklearn.impute.IterativeImputer", "missing", options={"estimator": _branches, "max_iter": 3}),
        Case("sklearn.impute.KNNImputer", "missing"),
        Case("sklearn.impute.KNNImputer", "missing", options={"n_neighbors": 3, "weights": "distance"}),
        Case(
            "sklearn.impute.KNNImputer",
            "missing",
            options={"n_neighbors": 200, "add_indicator": True, "keep_empty_features": True},
        ),
        Case(
            "sklearn.kernel_approximation.PolynomialCountSketch",  # of numbers up to 1e4, whose noise it keeps small
            options={"n_components": 20, "gamma": 1e-3, "random_state": 0},
        ),
        Case(
            "sklearn.kernel_approximation.PolynomialCountSketch",
            "counts",
            options={"n_components": 30, "degree": 3, "gamma": 0.1, "coef0": 0.5, "random_state": 0},
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
        *dictionaries(),
        *factorizations(),
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


def compositions() -> list[Case]:
    return [
        Case("sklearn.pipeline.Pipeline", target="labels", options={"steps": _steps}),
        Case("sklearn.pipeline.FeatureUnion", options={"transformer_list": _scalers}),
        Case("sklearn.compose.ColumnTransformer", options={"transformers": _columns, "remainder": "passthrough"}),
    ]


def texts() -> list[Case]:
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
        Case(module + "CountVectorizer", "text", options={"token_pattern": r"[a-z]+|[^\w\s]"}),
        Case(module + "TfidfVectorizer", "text", options={"norm": None, "use_idf": False}),
        Case(module + "TfidfVectorizer", "text", options={"dtype": "float32"}),
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


def label_encoders() -> list[Case]:
    pre = "sklearn.preprocessing."
    found = [
        Case(f"{pre}Label{name}", data) for name in ("Encoder", "Binarizer") for data in ("labels", "whole labels")
    ]
    options = ({"neg_label": -1, "pos_label": 2}, {"sparse_output": True})
    found += [Case(f"{pre}LabelBinarizer", "labels", options=each) for each in options]
    return [*found, *(Case(f"{pre}MultiLabelBinarizer", "label sets", options=each) for each in ({}, options[1]))]
