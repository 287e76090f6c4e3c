"""What dummies keep of their fit."""

from __future__ import annotations

from typing import Any


def strategy_of(classifier: Any) -> Any:
    """The strategy that a `DummyClassifier` was fitted with."""
    return classifier._strategy
