"""Estimators whose requests are no tables."""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.registry import public_name


def counts_rows(estimator: Any) -> bool:
    """Dummies answer whatever has a length."""
    return public_name(type(estimator)).startswith("sklearn.dummy.")


def needs_rows(estimator: Any) -> bool:
    """Whether a request without rows is rejected, as by all that check what they read."""
    return not counts_rows(estimator)


def passes_request_on(estimator: Any) -> bool:
    """Stacked models whose last one is given the request, too."""
    return type(estimator).__name__.startswith("Stacking") and bool(estimator.passthrough)
