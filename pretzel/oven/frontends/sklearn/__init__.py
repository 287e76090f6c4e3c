"""scikit-learn: one module of adapters for each of its modules.

Objects of libraries without a frontend of their own are read here, too. They have no adapters, so they run as they are.
"""

from __future__ import annotations

from typing import Any

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.sklearn.compat import output_container, why_untested

__all__ = ["check_readable", "output_container", "why_untested"]

ANSWERS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
"""An object with none of these methods is no estimator."""


def check_readable(estimator: Any) -> None:
    """Raise `CompileError` unless ``estimator`` answers requests, and `UnfittedError` where ``fit`` comes first."""
    if isinstance(estimator, type) or not any(callable(getattr(estimator, m, None)) for m in ("fit", *ANSWERS)):
        raise CompileError(f"expected a fitted scikit-learn estimator, got {estimator!r:.80}")
    if not hasattr(estimator, "fit"):
        return  # what cannot be fitted need not be
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it") from error
