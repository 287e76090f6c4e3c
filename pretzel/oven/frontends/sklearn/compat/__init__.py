"""The private attributes of scikit-learn that Pretzel reads, and the releases that this was tested with.

Adapters read public attributes and call the functions of this folder, so a new release of scikit-learn changes nothing
else.
A missing private attribute raises `AttributeError`, and the step becomes opaque.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.registry import children
from pretzel.oven.frontends.sklearn.compat.kernel_machines import LIBSVM, libsvm_is_sparse
from pretzel.oven.frontends.sklearn.compat.neighbors import searches_tree

TESTED = ">=1.5,<1.10"
"""Releases whose fitted attributes are known; the same range as in ``pyproject.toml``."""

DENSE_ONLY = frozenset(
    {
        "BayesianGaussianMixture",
        "CCA",
        "CategoricalNB",
        "DictionaryLearning",
        "EllipticEnvelope",
        "EmpiricalCovariance",
        "FactorAnalysis",
        "FastICA",
        "FeatureAgglomeration",
        "GaussianMixture",
        "GaussianNB",
        "GaussianProcessClassifier",
        "GaussianProcessRegressor",
        "GraphicalLasso",
        "GraphicalLassoCV",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        "KBinsDiscretizer",
        "KernelCenterer",
        "KernelDensity",
        "LedoitWolf",
        "LocallyLinearEmbedding",
        "MinCovDet",
        "MinMaxScaler",
        "MiniBatchDictionaryLearning",
        "MiniBatchSparsePCA",
        "NeighborhoodComponentsAnalysis",
        "OAS",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PLSCanonical",
        "PLSRegression",
        "PLSSVD",
        "PowerTransformer",
        "QuadraticDiscriminantAnalysis",
        "ShrunkCovariance",
        "SkewedChi2Sampler",
        "SparseCoder",
        "SparsePCA",
        "SplineTransformer",
        "TargetEncoder",
    }
)
"""Estimators with a native form that take no sparse rows, which the tags say since 1.6."""


# -- releases --------------------------------------------------------------------------------------------------------


def check_release() -> None:
    """Raise `CompileError` where the installed release is not in `TESTED`: attributes may have another meaning."""
    import sklearn

    first, after = TESTED.split(",")
    if not since(first) or since(after):
        raise CompileError(f"scikit-learn {sklearn.__version__} is installed; supported are {TESTED}")


def since(release: str) -> bool:
    """Whether this release of scikit-learn or a later one is installed: ``since("1.8")``."""
    import sklearn

    return _release(sklearn.__version__) >= _release(release)


def _release(version: str) -> tuple[int, ...]:
    """Major and minor number: ``(1, 9)`` of ``"1.9.0rc1"`` or ``">=1.9"``."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


# -- any estimator ---------------------------------------------------------------------------------------------------


def output_container(estimator: Any) -> str:
    """Type of the result of ``transform`` that ``set_output``, or scikit-learn's configuration, selects."""
    from sklearn import get_config

    return _own_container(estimator) or str(get_config()["transform_output"])


def follows_configuration(estimator: Any) -> bool:
    """Whether the configuration at the time of the call selects the type of the result of ``transform``."""
    return not _own_container(estimator) and hasattr(estimator, "set_output")


def _own_container(estimator: Any) -> str:
    """What ``set_output`` has selected."""
    while last := [child for child in children(estimator) if child.method is None]:
        estimator = last[-1].estimator  # its result is the result of the composition
    return str(getattr(estimator, "_sklearn_output_config", {}).get("transform") or "")


def takes_tables(estimator: Any) -> bool:
    """Whether the tags of an estimator say that its input has rows and columns. Most without tags take tables."""
    try:
        if not since("1.6"):
            return "2darray" in tags_of(estimator)["X_types"]
        return bool(tags_of(estimator).input_tags.two_d_array)
    except (AttributeError, TypeError):
        return True


def takes_sparse(estimator: Any) -> bool:
    """Whether an estimator of scikit-learn takes sparse rows. Some do though their tags say otherwise."""
    module, name = type(estimator).__module__, type(estimator).__name__
    if module.startswith(("sklearn.neighbors.", "sklearn.manifold.", "sklearn.semi_")) and searches_tree(estimator):
        return False
    if not module.startswith("sklearn.") or module.startswith("sklearn.linear_model."):
        return True
    if name == "ColumnTransformer":
        return not any(isinstance(given, str) or _holds_names(given) for _, _, given in estimator.transformers_)
    if name in LIBSVM and isinstance(estimator.kernel, str):
        return libsvm_is_sparse(estimator) and estimator.kernel != "precomputed"
    if not since("1.6"):
        return name not in DENSE_ONLY and not (name == "StandardScaler" and estimator.with_mean)
    return name in ("LinearDiscriminantAnalysis", "RobustScaler") or bool(tags_of(estimator).input_tags.sparse)


def tags_of(estimator: Any) -> Any:
    """The tags of an estimator: an object since 1.6, a dict before."""
    if not since("1.6"):
        return estimator._get_tags()
    from sklearn.utils import get_tags

    return get_tags(estimator)


def _holds_names(columns: Any) -> bool:
    return isinstance(columns, list | tuple | np.ndarray) and any(isinstance(each, str) for each in columns)


def allows_nan_tag(estimator: Any) -> bool:
    """Whether the tags of an estimator say that its rows may hold NaN."""
    if not since("1.6"):
        return bool(tags_of(estimator)["allow_nan"])
    return bool(tags_of(estimator).input_tags.allow_nan)


def requires_fit(estimator: Any) -> bool:
    """Whether an estimator is to be fitted first, as far as ``check_is_fitted`` does not tell it from its tags."""
    if type(estimator).__name__ in ("FeatureHasher", "HashingVectorizer"):
        return False  # whose tags say so since 1.7
    if since("1.6"):
        return True  # unless the tags say otherwise
    tags = tags_of(estimator)
    return bool(tags["requires_fit"] and not tags["stateless"])
