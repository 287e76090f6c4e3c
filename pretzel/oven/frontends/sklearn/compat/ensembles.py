"""Private attributes of trees and ensembles, and what their answers depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.sklearn.compat import since

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


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


def decoded_classes(stacking: Any) -> list[Array]:
    """The labels that a `StackingClassifier` answers, of each target."""
    encoders = stacking._label_encoder
    return [np.asarray(each.classes_) for each in (encoders if isinstance(encoders, list) else [encoders])]


def first_of_equals_wins() -> bool:
    """Whether `OneVsRestClassifier` chooses the first of classes with equal scores; before 1.8 the last."""
    return since("1.8")


def zero_probabilities_stay() -> bool:
    """Whether `OneVsRestClassifier` leaves probabilities that are all 0 as they are; before 1.7 they become NaN."""
    return since("1.7")
