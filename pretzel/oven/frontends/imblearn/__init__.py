"""imbalanced-learn: pipelines with samplers, which do nothing when an estimator answers, and ensembles of its own.

Its estimators are scikit-learn's in all else, so the frontend of scikit-learn says what is asked of most of them.
"""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends import sklearn

CHECKING = frozenset({"BalancedBaggingClassifier", "EasyEnsembleClassifier", "RUSBoostClassifier"})
"""Ensembles that check their input themselves."""


def __getattr__(name: str) -> Any:
    return getattr(sklearn, name)


def checks_table(estimator: Any) -> bool:
    """Whether a composition checks its input before its parts see it."""
    return type(estimator).__name__ in CHECKING


def takes_long_indices(estimator: Any) -> bool:
    """Whether sparse rows may have indices of 64 bits: not for the forest."""
    return type(estimator).__name__ != "BalancedRandomForestClassifier"


def takes_sparse_nan(estimator: Any) -> bool:
    """Whether NaN in sparse rows is treated as in dense ones: not by the forest."""
    return type(estimator).__name__ != "BalancedRandomForestClassifier"
