"""The private attributes of scikit-learn that Pretzel reads, and the releases that this was tested with.

Adapters read public attributes and call the functions below, so a new release of scikit-learn changes this file only.
A missing private attribute raises `AttributeError`, and the step becomes opaque.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.registry import children

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array

TESTED = ">=1.5,<1.10"
"""Releases whose fitted attributes are known; the same range as in ``pyproject.toml``."""

DENSE_ONLY = frozenset(
    {
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        "KBinsDiscretizer",
        "MinMaxScaler",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PowerTransformer",
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
    if not module.startswith("sklearn.") or module.startswith("sklearn.linear_model."):
        return True
    if name == "ColumnTransformer":
        return not any(isinstance(given, str) or _holds_names(given) for _, _, given in estimator.transformers_)
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


def link_name(estimator: Any) -> str:
    """Class of the link function of a generalized linear model or of gradient boosting."""
    loss = estimator._base_loss if hasattr(estimator, "_base_loss") else estimator._loss
    return type(loss.link).__name__


def label_binarizer(estimator: Any) -> Any:
    """The `LabelBinarizer` of the target of a classifier, None where there is none."""
    return getattr(estimator, "_label_binarizer", None)


def logistic_kind(estimator: Any) -> Literal["sigmoid", "softmax", "doubled", "one-versus-rest"]:
    """How a `LogisticRegression` makes probabilities of its scores.

    Before 1.8 its parameter ``multi_class`` decides: two classes may be fitted as multinomial, where the softmax of a
    score and its negative is the sigmoid of twice the score, and more than two may be fitted one by one.
    """
    many = len(estimator.classes_) > 2
    if since("1.8"):
        return "softmax" if many else "sigmoid"
    one_by_one = ("liblinear",) if since("1.6") else ("liblinear", "newton-cholesky")
    if estimator.multi_class in ("auto", "deprecated"):
        return ("one-versus-rest" if estimator.solver in one_by_one else "softmax") if many else "sigmoid"
    if estimator.multi_class == "multinomial":
        return "softmax" if many else "doubled"
    return "one-versus-rest" if many else "sigmoid"


def zero_sum_is_uniform() -> bool:
    """Whether an `SGDClassifier` gives all classes the same probability where each has 0; before 1.9 it gives NaN."""
    return since("1.9")


# -- compositions ----------------------------------------------------------------------------------------------------


def columns_of_parts(transformer: Any) -> Mapping[str, tuple[int, ...]]:
    """Positions of the columns that each part of a `ColumnTransformer` is given, by its name.

    Raises
    ------
    ValueError
        ``transformers_`` names others.
    """
    found = {name: tuple(map(int, each)) for name, each in transformer._transformer_to_input_indices.items()}
    for name, _, given in transformer.transformers_:
        numbers = np.atleast_1d(given) if isinstance(given, int | list | np.ndarray) else np.array("")
        if numbers.dtype.kind in "ib":
            at = np.flatnonzero(numbers) if numbers.dtype == bool else numbers % transformer.n_features_in_
            if found[name] != tuple(at.tolist()):
                raise ValueError(f"transformers_ gives {name!r} the columns {at.tolist()}, and not {found[name]}")
    return found


def voting_weights(ensemble: Any) -> Array | None:
    """Weights of the members of a voting ensemble that were not dropped."""
    weights = ensemble._weights_not_none
    return None if weights is None else np.asarray(weights)


def stacked_widths(ensemble: Any) -> list[int]:
    """Columns that a stacking ensemble takes from the answer of each member that was not dropped.

    It counts the probabilities of each label for themselves.
    """
    counted, found = [int(width) for width in ensemble._n_feature_outs], []
    for member, method in zip(ensemble.estimators_, ensemble.stack_method_, strict=True):
        classes = getattr(member, "classes_", None)
        blocks = len(classes) if method == "predict_proba" and isinstance(classes, list) else 1
        found.append(sum(counted[:blocks]))
        counted = counted[blocks:]
    return found


def positive_class(classifier: Any) -> int:
    """Position among the two classes of the one that a `TunedThresholdClassifierCV`, or a fixed threshold, is about."""
    scorer = getattr(classifier, "_curve_scorer", None)
    label = classifier.pos_label if scorer is None else scorer._get_pos_label()
    return 1 if label is None else int(np.flatnonzero(np.asarray(classifier.classes_) == label)[0])


def target_ndim(regressor: Any) -> int:
    """Dimensions of the target that a `TransformedTargetRegressor` was fitted on."""
    return int(regressor._training_dim)


# -- preprocessing, impute -------------------------------------------------------------------------------------------


def infrequent_codes(encoder: Any, column: int) -> list[int] | None:
    """Codes of the categories of a column where infrequent ones are coded as one, else None."""
    mapping = encoder._default_to_infrequent_mappings[column] if encoder._infrequent_enabled else None
    return None if mapping is None else [int(code) for code in mapping]


def infrequent_code(encoder: Any, column: int) -> int | None:
    """Code of the infrequent categories of a column, None where it has none."""
    if not encoder._infrequent_enabled or encoder._infrequent_indices[column] is None:
        return None
    return int(encoder._default_to_infrequent_mappings[column][encoder._infrequent_indices[column][0]])


def unknown_is_infrequent(encoder: Any) -> bool:
    """Whether an `OneHotEncoder` codes unknown categories as infrequent ones; with "warn" it does since 1.8."""
    asked = encoder.handle_unknown
    return bool(asked == "infrequent_if_exist" or (asked == "warn" and since("1.8")))


def dropped_codes(encoder: Any) -> list[int | None]:
    """Code that a `OneHotEncoder` drops in each column, None where it drops nothing."""
    dropped = encoder._drop_idx_after_grouping
    if dropped is None:
        return [None] * len(encoder.categories_)
    return [None if code is None else int(code) for code in dropped]


def one_hot_widths(encoder: Any) -> list[int]:
    """Columns that a `OneHotEncoder` makes of each column."""
    return [int(n) for n in encoder._n_features_outs]


def missing_category(encoder: Any, column: int) -> int | None:
    """Position of the missing value among the categories of a column of an `OrdinalEncoder`.

    Raises
    ------
    ValueError
        Another category stands there.
    """
    found = encoder._missing_indices.get(column)
    if found is None:
        return None
    missing = [i for i, value in enumerate(encoder.categories_[column]) if value is None or value != value]
    if found not in missing:
        raise ValueError(f"_missing_indices names category {found!r:.40} of column {column}, expected one of {missing}")
    return int(found)


def fitted_dtype(imputer: Any) -> np.dtype[Any]:
    """dtype of the table that a `SimpleImputer` was fitted on."""
    found: np.dtype[Any] = imputer._fit_dtype
    return found


def fill_dtype(imputer: Any) -> np.dtype[Any]:
    """dtype of the values that a `SimpleImputer` fills in; before 1.8 it assigns them to the table."""
    found: np.dtype[Any] = np.dtype(imputer._fill_dtype if since("1.8") else imputer._fit_dtype)
    return found


def keeps_empty_columns(imputer: Any) -> bool:
    """Whether a `SimpleImputer` keeps columns without a value to fill in; before 1.8 one with a constant does."""
    return bool(imputer.keep_empty_features) or (imputer.strategy == "constant" and not since("1.8"))


def clips(scaler: Any) -> bool:
    """Whether a `MaxAbsScaler` clips its result, which it can since 1.8."""
    return since("1.8") and bool(scaler.clip)


def raises_to_powers() -> bool:
    """Whether Yeo-Johnson is computed with powers; since 1.9 it is SciPy's function, whose small values are exact."""
    return not since("1.9")


def undoes_box_cox_by_powers() -> bool:
    """Whether the inverse of Box-Cox is computed with powers, as it is written, and not by SciPy's function."""
    from sklearn.preprocessing import PowerTransformer

    return hasattr(PowerTransformer, "_box_cox_inverse_tranform")


def casts_scaler_parameters() -> bool:
    """Whether a `StandardScaler` rounds its parameters to the dtype of narrower rows before it computes."""
    return since("1.8")


def scaler_behind_powers(transformer: Any) -> Any:
    """The fitted `StandardScaler` of a `PowerTransformer` that standardizes."""
    return transformer._scaler


def degrees(features: Any) -> tuple[int, int]:
    """Lowest and highest degree of a `PolynomialFeatures`."""
    return int(features._min_degree), int(features._max_degree)


def full_width(features: Any) -> int:
    """Columns that a `PolynomialFeatures` computes before it drops low degrees."""
    return int(features._n_out_full)


# -- text ------------------------------------------------------------------------------------------------------------


def vocabulary(vectorizer: Any) -> Mapping[Any, int]:
    """Terms of a vectorizer and their columns, whether fitted or given."""
    vectorizer = copy.copy(vectorizer)  # the check stores a given vocabulary on the estimator
    vectorizer._check_vocabulary()
    found: Mapping[Any, int] = vectorizer.vocabulary_
    return found


def tfidf_of(vectorizer: Any) -> Any:
    """The `TfidfTransformer` inside a `TfidfVectorizer`."""
    return vectorizer._tfidf


# -- trees -----------------------------------------------------------------------------------------------------------


def allows_nan(tree: Any) -> bool:
    """Whether a tree takes dense rows with NaN."""
    return bool(tree._support_missing_values(np.empty((0, 0))))


def initial_scores(boosting: Any) -> Array:
    """Raw scores that gradient boosting starts from, for a row of zeros."""
    return np.asarray(boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_), dtype=np.float32))[0])


def histogram_trees(boosting: Any) -> list[list[Any]]:
    """``TreePredictor`` objects of histogram-based gradient boosting: one list for each iteration."""
    found: list[list[Any]] = boosting._predictors
    return found


def histogram_baseline(boosting: Any) -> Array:
    """Raw scores that histogram-based gradient boosting starts from."""
    return np.asarray(boosting._baseline_prediction, dtype=np.float64).ravel()


def category_encoder(boosting: Any) -> Any:
    """The `ColumnTransformer` in front of histogram-based gradient boosting with categories, else None."""
    return boosting._preprocessor


# -- ensembles -------------------------------------------------------------------------------------------------------


def boosts_probabilities(boosting: Any) -> bool:
    """Whether an `AdaBoostClassifier` adds up logarithms of probabilities, which it can before 1.6."""
    return not since("1.6") and getattr(boosting, "algorithm", "") == "SAMME.R"


def isolation_depths(forest: Any) -> tuple[list[Array], float]:
    """Depth that each node of each tree of an `IsolationForest` counts, and what the sum over all is divided by."""
    from sklearn.ensemble._iforest import _average_path_length

    lengths = zip(forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True)
    (normal,) = len(forest.estimators_) * _average_path_length([forest._max_samples])
    return [depths + extra - 1.0 for depths, extra in lengths], float(normal)


def first_of_equals_wins() -> bool:
    """Whether `OneVsRestClassifier` chooses the first of classes with equal scores; before 1.8 the last."""
    return since("1.8")


def zero_probabilities_stay() -> bool:
    """Whether `OneVsRestClassifier` leaves probabilities that are all 0 as they are; before 1.7 they become NaN."""
    return since("1.7")
