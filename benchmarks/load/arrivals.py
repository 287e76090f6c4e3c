"""When which model is asked for what: the schedule of an open-loop load, made before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

ZIPF = 2.0


@dataclass(frozen=True)
class Arrivals:
    """Requests in the order in which they arrive.

    Parameters
    ----------
    seconds : ndarray of float64
        Time of each since the start.
    model : ndarray of int64
        Index of the model that is asked.
    batch : ndarray of bool
        Whether it is a batch or a single row.
    row : ndarray of int64
        A large random number; contenders take the row or batch of that number, modulo how many they have.
    """

    seconds: npt.NDArray[np.float64]
    model: npt.NDArray[np.int64]
    batch: npt.NDArray[np.bool_]
    row: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seconds)


def popularity(kinds: Sequence[str], seed: int, exponent: float = ZIPF) -> npt.NDArray[np.float64]:
    """Share of the requests that each model gets.

    Each kind of model gets requests in proportion to its models. Within a kind, models in random order have the
    popularity ``1 / rank ** exponent``. One order over all kinds would hand sixty percent of the requests to whatever
    kind happens to come first.

    Parameters
    ----------
    kinds : sequence of str
        Kind of each model.
    seed : int
        Of the order.
    exponent : float
        Of the Zipf law.
    """
    names, random = np.asarray(kinds), np.random.default_rng(seed)
    shares = np.empty(len(names))
    for kind in sorted(set(kinds)):
        (members,) = np.nonzero(names == kind)
        weights = 1.0 / np.arange(1, len(members) + 1) ** exponent
        shares[random.permutation(members)] = weights / weights.sum() * len(members) / len(names)
    return shares


def draw(shares: npt.NDArray[np.float64], rate: float, count: int, seed: int, batch_share: float = 0.5) -> Arrivals:
    """Poisson arrivals.

    The same seed gives the same requests in the same order at every rate, only closer together; fewer are the first
    of many.

    Parameters
    ----------
    shares : ndarray
        Popularity of the models.
    rate : float
        Requests per second.
    count : int
        How many requests.
    seed : int
        Of all random choices.
    batch_share : float
        Share of batches among the requests.
    """
    gaps, models, kinds, rows = (np.random.default_rng([seed, part]) for part in range(4))
    bounds = np.cumsum(shares)
    return Arrivals(
        seconds=np.cumsum(gaps.exponential(size=count)) / rate,
        model=np.searchsorted(bounds, models.random(count) * bounds[-1], side="right").astype(np.int64),
        batch=kinds.random(count) < batch_share,
        row=rows.integers(2**40, size=count),
    )
