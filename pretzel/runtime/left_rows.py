"""Rows of a table that a kernel leaves to the estimator, which answers these, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.runtime.input.messages import LeftRow, UnknownLabel
from pretzel.runtime.input.source_form import is_sparse
from pretzel.runtime.programs import kernels_that_leave_rows
from pretzel.runtime.source import in_source_form
from pretzel.runtime.unknown_labels import answer_without_unknown

if TYPE_CHECKING:
    from pretzel.errors import InputTypeError
    from pretzel.program import Program


def answer_left_rows(method: Any, name: str, X: Any, error: InputTypeError) -> Any:
    """Answer for a table that a method rejects with ``error``.

    The estimator is asked for tied rows together, because their numbers are exact or products of sparse rows, and for
    each other row alone: there its rounding depends on the rows beside it, and a row has one answer.

    Raises
    ------
    InputTypeError
        No kernel has left a row, or the estimator is not asked for some rows of such a table.
    """
    if isinstance(error, UnknownLabel):
        return answer_without_unknown(method, X)
    source = method.source
    if not isinstance(error, LeftRow) or source is None or not source.exists or method.sparse_result:
        raise error
    answer, left = method.answer_apart(X)
    alike = is_sparse(X) and _compares_the_request(method.plan.program)
    tied = [row for row, is_tied in left if is_tied or alike]
    for rows in [*([tied] if tied else []), *([row] for row, is_tied in left if not (is_tied or alike))]:
        part = source.instead(method.name, name, in_source_form(method.spec, _rows(X, rows, error)), error)
        _put(answer, rows, part)
    return answer


def _compares_the_request(program: Program) -> bool:
    """Whether all that leaves rows compares stored rows with those of the request, which no step has changed."""
    leaving = kernels_that_leave_rows()
    calls = [
        (call.kernel, step.inputs[0] < len(program.leaves))
        for call, step in zip(program.calls, program.steps, strict=True)
        if call.kernel in leaving
    ]
    return not program.subplans and all(kernel == "product_neighbors" and direct for kernel, direct in calls)


def _rows(X: Any, rows: list[int], error: InputTypeError) -> Any:
    if isinstance(X, list):
        return [X[row] for row in rows]
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    if hasattr(X, "to_pandas") and hasattr(X, "schema") and hasattr(X, "take"):
        return X.take(rows)
    if isinstance(X, np.ndarray) or hasattr(X, "clone"):
        return X[rows]
    raise error


def _put(answer: Any, rows: list[int], part: Any) -> None:
    if isinstance(answer, list | tuple):
        for each, own in zip(answer, part, strict=True):
            _put(each, rows, own)
    else:
        answer[rows] = np.asarray(part)
