"""Single items that no program answers as the source does: the estimator itself answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.runtime.source import answer_instead

if TYPE_CHECKING:
    from pretzel.errors import InputTypeError, InputValueError


def answer_item_instead(method: Any, name: str, item: Any, error: InputTypeError | InputValueError) -> Any:
    """Answer for an item that a method rejects: the only row of what `answer_instead` returns."""
    answer = answer_instead(method, name, [item], error)
    if isinstance(answer, list):
        return [part[0] for part in answer]
    if hasattr(answer, "tocsr"):
        return answer.tocsr()[[0]]
    return answer[0].item() if answer.ndim == 1 else answer[0]
