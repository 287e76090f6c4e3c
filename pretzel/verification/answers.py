"""Answers: how far those of a plan may be from those of its estimator, in float32 and where large terms cancel.

A graph is evaluated in float64, but where the estimator answers in float32, its last bits depend on the order of its
sums. Such a sum loses what is small beside its terms, whatever is left of them: the bound goes with the terms.
So it does, by the precision of float64, where large terms cancel, as in a Gaussian process without noise and in the
distance of a row to a centre beside it, and behind a step that the estimator computes by Fourier transforms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir.cluster import Distances
from pretzel.oven.ir.count_sketch import CountSketch
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.linear import CheckedLinear, Linear
from pretzel.verification.compare import LAST_BITS, RTOL, compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node
    from pretzel.verification.compare import Floats
    from pretzel.verification.report import Difference


def difference_of(
    method: str, want: Any, got: Any, node: Node | None = None, values: Mapping[Node, Any] | None = None
) -> Difference | None:
    """The difference between two answers to one request, by the precision of the estimator's.

    Parameters
    ----------
    method : str
    want, got : ndarray, SciPy sparse matrix, frame, or list of ndarray
    node : Node, optional
        What makes the answer.
    values : mapping of Node to value, optional
        Values of the graph for the request.
    """
    found = compare(want, got, exact=False)
    if found is None or found.row < 0:
        return found
    if not is_float32(want):
        if node is None or values is None:
            return found
        if isinstance(node, Distances) and node.inputs[0] in values:
            return found if _squares_differ(want, got, node, values[node.inputs[0]]) else None
        terms = terms_of(node, values, _rows(want))
        if not any(isinstance(each, CountSketch) for each in toposort([node])):
            return compare(want, got, exact=False, scale=terms, rtol=LAST_BITS)
        scale = np.maximum(terms, _largest(want))
        return compare(want, got, exact=False, scale=scale, rtol=RTOL)
    scale = np.zeros(_rows(want)) if node is None or values is None else terms_of(node, values, _rows(want))
    if method in ("predict_proba", "predict_log_proba"):  # those of all classes are 1
        scale = np.maximum(scale, 1.0)
    if method == "predict_log_proba":  # of probabilities that have their own last bits
        want, got = _exponentials(want), _exponentials(got)
    return None if compare(want, got, exact=False, scale=scale) is None else found


def is_float32(answer: Any) -> bool:
    """Whether an estimator has answered in float32."""
    if isinstance(answer, list | tuple):
        return bool(answer) and all(map(is_float32, answer))
    return getattr(answer, "dtype", None) == np.float32


def terms_of(node: Node, values: Mapping[Node, Any], rows: int) -> Floats:
    """For each row, the sum of the absolute terms of the last sums that an answer is made of."""
    scale = np.zeros(rows)
    agenda = [node]
    seen: set[Node] = set()
    while agenda:
        each = agenda.pop()
        if each in seen:
            continue
        seen.add(each)
        if not isinstance(each, Linear | CheckedLinear):
            agenda += each.inputs
        elif each.inputs[0] in values:
            with np.errstate(over="ignore", invalid="ignore"):
                sums = abs(values[each.inputs[0]]) @ abs(each.weights) + abs(each.bias)
            scale = np.maximum(scale, np.where(np.isfinite(sums), sums, 0.0).max(axis=1, initial=0.0))
    return scale


def _squares_differ(want: Any, got: Any, node: Distances, x: Floats) -> bool:
    """Whether distances differ by more than the terms lose from which scikit-learn sums up their squares."""
    terms = (x * x).sum(axis=1) + (node.centers * node.centers).sum(axis=1).max(initial=0.0)
    return compare(want * want, got * got, exact=False, scale=terms, rtol=LAST_BITS) is not None


def _largest(answer: Any) -> Floats:
    """For each row, its largest finite value; zeros for labels and other forms than arrays."""
    values = answer if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" else np.zeros((_rows(answer), 1))
    found: Floats = np.where(np.isfinite(values), abs(values), 0.0).reshape(len(values), -1).max(axis=1, initial=0.0)
    return found


def _exponentials(answer: Any) -> Any:
    if isinstance(answer, list | tuple):
        return [_exponentials(each) for each in answer]
    return np.exp(np.asarray(answer, dtype=np.float64))


def _rows(answer: Any) -> int:
    return _rows(answer[0]) if isinstance(answer, list | tuple) else int(answer.shape[0])
