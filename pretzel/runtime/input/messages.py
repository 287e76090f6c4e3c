"""Parts of messages about requests: names of columns, lists of names, hints at misspelt ones."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pretzel.errors import InputTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pretzel.input_spec import InputSpec

_SHOWN = 20  # names in a message
_COMPARED = 100  # pairs of names, of which one may be the other misspelt
_LONGEST = 60  # characters of a value in a message


class UnreadForm(InputTypeError):
    """A request in a form that no program reads as scikit-learn does: the estimator itself has to answer it.

    Parameters
    ----------
    estimator : str
    form : str
        Requests of this kind, in the plural.
    """

    def __init__(self, estimator: str, form: str) -> None:
        super().__init__(estimator, form)
        self.form = form

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.form} are answered by the estimator itself, which this plan does not have"


class LeftRow(UnreadForm):
    """A row that a kernel leaves to the estimator itself."""


class UnknownLabel(InputTypeError):
    """A row with a label that is no class: the request is answered without such labels, and warned of."""


def shown(value: Any) -> str:
    """A value as Python writes it, but bounded in length, whatever its ``__repr__`` does."""
    try:
        text = repr(value[: _LONGEST + 1] if isinstance(value, str | bytes) else value)
    except Exception:  # an integer of 5000 digits raises a ValueError, a value of the caller's own class anything
        return "<unprintable>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def described(X: Any) -> str:
    """What an object is: its type, and its shape or, without one, its value."""
    shape = getattr(X, "shape", None)
    return f"{type(X).__name__} {shown(X) if shape is None else f'of shape {shape}'}"


def package_of(value: object) -> str:
    """Name of the package that defines the type of a value; the package is not imported."""
    return type(value).__module__.partition(".")[0]


def column_name(spec: InputSpec | None, position: int) -> str:
    """Name of a column of the request in messages."""
    if spec is not None and spec.names is not None and position < len(spec.names):  # opaque steps may make more
        return shown(spec.names[position])
    return str(position)


def listed(names: Iterable[Any]) -> str:
    """The names with commas between them; of many, the first."""
    names = list(names)
    text = ", ".join(map(shown, names[:_SHOWN]))
    return text if len(names) <= _SHOWN else f"{text} and {len(names) - _SHOWN} more"


def hints(given: Sequence[Any], known: Sequence[Any]) -> str:
    """For each given name that is close to a known one, a question; "" if there is none.

    Comparing is slow, and a table of a thousand other columns is no misspelling: many names get no questions.
    """
    if len(given) * len(known) > _COMPARED:
        return ""
    names = [name[:_LONGEST] for name in known if isinstance(name, str)]
    questions = [
        f"did you mean {guess[0]!r} for {shown(name)}?"
        for name in given
        if isinstance(name, str) and (guess := difflib.get_close_matches(name[:_LONGEST], names, n=1))
    ]
    return f" ({' '.join(questions)})" if questions else ""
