"""The inverse of a target's transformation as a step of its own, where only Python can compute it.

Files of plans name its class.
"""

from __future__ import annotations

from typing import Any


class Inverse:
    """What a `TransformedTargetRegressor` makes of its regressor's predictions.

    Parameters
    ----------
    transformer : fitted transformer
        That of the target.
    vector : bool
        Whether a single column is returned as a vector.
    """

    def __init__(self, transformer: Any, vector: bool) -> None:
        self.transformer = transformer
        self.vector = vector

    def predict(self, X: Any) -> Any:
        """Undo the transformation of predictions, one column for each target."""
        found = self.transformer.inverse_transform(X)
        return found.squeeze(axis=1) if self.vector and found.ndim == 2 and found.shape[1] == 1 else found
