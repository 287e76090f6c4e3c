"""The answers of a method as a table: its columns and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDEST = 10_000
"""Columns of an answer that are written to a table."""


def default_method(methods: Iterable[str]) -> str:
    """What a model is asked unless the caller says otherwise."""
    known = [*methods]
    return next((name for name in ("predict", "transform") if name in known), known[0])


def is_by_target(answer: Any) -> bool:
    """Whether an answer is an array for each of several targets, or a pair of arrays; other lists are of rows."""
    return isinstance(answer, list | tuple) and len(answer) > 0 and all(getattr(part, "ndim", 0) for part in answer)


def as_array(answer: Any) -> Any:
    """An answer as an array; rows of lists, which may differ in length, stay lists."""
    if isinstance(answer, list) and any(isinstance(row, list | tuple | dict) for row in answer):
        rows = np.empty(len(answer), dtype=object)
        rows[:] = answer
        return rows
    return np.asarray(answer)


def answer_columns(method: str, answer: Any, classes: Any, names_out: Sequence[str] | None = None) -> dict[str, Any]:
    """An answer as columns of a table: ``predict``, ``predict_proba_yes``, ``transform_0``, ...

    Those of ``transform`` have ``names_out``, if there is one for each.
    """
    if is_by_target(answer):
        is_each = isinstance(classes, list) and len(classes) == len(answer)
        parts = classes if is_each else [None] * len(answer)
        each = [answer_columns(f"{method}_{i}", part, parts[i]) for i, part in enumerate(answer)]
        return {name: column for columns in each for name, column in columns.items()}
    width = answer.shape[1] if getattr(answer, "ndim", 1) == 2 else 1
    if width > WIDEST:
        raise InputError(f"{method} answers with {width:,} columns, more than the {WIDEST:,} that a table may have")
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    if hasattr(answer, "columns"):
        return {str(name): answer[name] for name in answer.columns}
    values = as_array(answer)
    if values.ndim == 1:
        return {method: values}
    per_class = method.startswith(("predict_proba", "predict_log_proba", "decision_function"))
    if method == "transform" and names_out is not None and len({*names_out}) == len(names_out) == width:
        return {name: values[:, i] for i, name in enumerate(names_out)}
    has_names = per_class and classes is not None and not isinstance(classes, list) and len(classes) == width
    names = classes if has_names else range(width)
    return {f"{method}_{name}": values[:, i] for i, name in enumerate(names)}
