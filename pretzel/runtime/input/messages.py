"""Parts of messages about requests: names of columns, lists of names, hints at misspelt ones."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pretzel.plan import InputSpec

_SHOWN = 20  # names in a message


def column_name(spec: InputSpec | None, position: int) -> str:
    """Name of a column of the request in messages."""
    if spec is not None and spec.names is not None and position < len(spec.names):  # opaque steps may make more
        return repr(spec.names[position])
    return str(position)


def listed(names: Iterable[Any]) -> str:
    """The names with commas between them; of many, the first."""
    names = list(names)
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def hints(given: Iterable[Any], known: Iterable[Any]) -> str:
    """For each given name that is close to a known one, a question; "" if there is none."""
    names = list(map(str, known))
    questions = [
        f"did you mean {guess[0]!r} for {name!r}?"
        for name in given
        if (guess := difflib.get_close_matches(str(name), names, n=1))
    ]
    return f" ({' '.join(questions)})" if questions else ""
