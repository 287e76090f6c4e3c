"""The nearest among stored rows, where rounding of the source may decide."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.neighbors import Neighbors

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


class DecidedNeighbors(Neighbors):
    """`Neighbors` where scikit-learn subtracts products of rows from their squares, whose rounding it does not show.

    A row is left to the estimator where that rounding may change an answer.

    Parameters
    ----------
    groups : int32 array of shape (n_points,)
        Stored rows that have the same answer are of one group.
    largest : float
        The largest square of a stored row.
    weighted : int
        Distances are weights, 1: of means, 2: of votes, whose sums are compared; 0: they are none.
    whole : bool
        The stored rows are whole numbers.
    """

    groups: Array = field(kw_only=True)
    largest: float = field(kw_only=True)
    weighted: int = field(kw_only=True)
    whole: bool = field(kw_only=True)

    op: ClassVar[str] = "decided_neighbors/1"
    kernel: ClassVar[str] = "decided_neighbors"

    def params(self) -> dict[str, Array]:
        return {
            **super().params(),
            "groups": self.groups,
            "largest": np.array(self.largest),
            "weighted": np.array(self.weighted, dtype=np.uint8),
            "whole": np.array(self.whole, dtype=np.uint8),
        }
