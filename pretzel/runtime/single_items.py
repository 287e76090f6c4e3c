"""Single items and rows that no program answers as the source does: the estimator itself answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.runtime.input.messages import UnknownLabel, UnreadForm
from pretzel.runtime.input.row_reader import one_row_table
from pretzel.runtime.source import answer_instead

if TYPE_CHECKING:
    from pretzel.errors import InputTypeError, InputValueError


def answer_item_instead(method: Any, name: str, item: Any, error: InputTypeError | InputValueError) -> Any:
    """Answer for an item that a method rejects: the only row of what `answer_instead` returns."""
    if isinstance(error, UnknownLabel):
        return _first(method.plain_answer([item]))
    return _first(answer_instead(method, name, [item], error))


def answer_row_instead(method: Any, name: str, row: Any, error: InputTypeError | InputValueError) -> Any:
    """Answer for a row of a table that a method leaves to the estimator."""
    if method.source is None or not isinstance(error, UnreadForm):
        raise error
    return _first(answer_instead(method, name, one_row_table(method.spec, method.name, row), error))


def _first(answer: Any) -> Any:
    """The only row of an answer."""
    if isinstance(answer, list):
        return [_first(part) for part in answer]
    if hasattr(answer, "tocsr"):
        return answer.tocsr()[[0]]
    if hasattr(answer, "iloc"):
        return answer.iloc[0]
    return answer[0].item() if answer.ndim == 1 else answer[0]
