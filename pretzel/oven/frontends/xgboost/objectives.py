"""The objectives of XGBoost: the base score as a margin, and margins as predictions, all in float32."""

from __future__ import annotations

import contextlib
import ctypes
import math
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.float32_link import ExpFloat32, ExpitFloat32, SoftmaxFloat32
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.link import ArgMax, Threshold

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.ir.graph import Array, Node

IDENTITY = frozenset(
    {
        "binary:logitraw",
        "rank:map",
        "rank:ndcg",
        "rank:pairwise",
        "reg:absoluteerror",
        "reg:linear",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "reg:squarederror",
        "reg:squaredlogerror",
    }
)
LOGISTIC = frozenset({"binary:logistic", "reg:logistic"})
EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:aft", "survival:cox"})
KNOWN = IDENTITY | LOGISTIC | EXPONENTIAL | {"binary:hinge", "multi:softmax", "multi:softprob"}


def base_margin(objective: str, scores: Array) -> Array:
    """What the sums start from."""
    if objective not in KNOWN:
        raise Unsupported(f"objective {objective!r:.60}")
    if objective in LOGISTIC:
        one, least = np.float32(1.0), np.float32(1e-6)
        return -_log(one / np.clip(scores, least, one - least) - one)
    return _log(scores) if objective in EXPONENTIAL else scores


def prediction(objective: str, margin: Node) -> Output:
    """What ``Booster.predict`` makes of margins."""
    width = margin.schema().width
    if objective == "multi:softmax":
        return Output(ArgMax((margin,)), ndim=1, labels=(np.arange(width, dtype=np.float32),))
    made = margin
    if objective in LOGISTIC:
        made = ExpitFloat32((margin,))
    elif objective in EXPONENTIAL:
        made = ExpFloat32((margin,))
    elif objective == "multi:softprob":
        made = SoftmaxFloat32((margin,))
    elif objective == "binary:hinge":
        made = Threshold((margin,))
    return Output(made, ndim=1 if width == 1 else 2)


def _log(x: Array) -> Array:
    """C's ``logf`` of float32, on this machine: where XGBoost is loaded on it, it calls the same."""
    log: Callable[[float], float] = math.log
    with contextlib.suppress(AttributeError, OSError, TypeError):  # no C library that is found so
        own = ctypes.CDLL(None).logf
        own.restype, own.argtypes = ctypes.c_float, [ctypes.c_float]
        log = own
    return np.array([log(float(each)) if each > 0.0 else -math.inf for each in x], dtype=np.float32)
