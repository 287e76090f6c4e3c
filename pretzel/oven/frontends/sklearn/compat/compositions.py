"""Private attributes of compositions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array


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


def positive_class(classifier: Any) -> int | None:
    """Position among the two classes of the one that a `TunedThresholdClassifierCV`, or a fixed threshold, is about.

    None if it is no class, so that ``predict`` fails.
    """
    scorer = getattr(classifier, "_curve_scorer", None)
    label = classifier.pos_label if scorer is None else scorer._get_pos_label()
    found = [1] if label is None else np.flatnonzero(np.asarray(classifier.classes_) == label)
    return int(found[0]) if len(found) else None


def target_ndim(regressor: Any) -> int:
    """Dimensions of the target that a `TransformedTargetRegressor` was fitted on."""
    return int(regressor._training_dim)
