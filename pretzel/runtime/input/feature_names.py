"""Column names of a request against those of the fit: scikit-learn's rules, errors and warnings."""

from __future__ import annotations

import difflib
import warnings
from typing import TYPE_CHECKING, Any

from pretzel.errors import InputKeyError, InputShapeError, InputTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pretzel.plan import InputSpec

_CALLER = 5  # frames between `warnings.warn` and the caller of a plan; native frames do not count


def match(spec: InputSpec, columns: Sequence[Any]) -> Sequence[int] | None:
    """Where each column of the fit stands among the named ``columns`` of a request; None: in the same places.

    A column that is not required and not there has position -1.

    Raises
    ------
    InputKeyError
        Columns are missing, unknown, misspelt or in another order.
    InputShapeError
        The width is wrong where names do not say so.
    InputTypeError
        Some names are strings and some are not.
    """
    names = spec.names
    if names is not None and len(names) == len(columns) and all(map(_same, names, columns)):
        return None
    texts = sum(isinstance(column, str) for column in columns)
    if 0 < texts < len(columns):
        raise InputTypeError(
            f"{spec.estimator}: some column names are strings and some are not; convert all of them to strings"
        )
    if names is None or not texts:
        warn_about_names(spec, named=bool(texts))
        check_width(spec, len(columns))
        return None
    if spec.any_order:
        return _by_name(spec, names, columns)
    raise InputKeyError(_difference(spec, names, columns))


def warn_about_names(spec: InputSpec, *, named: bool) -> None:
    """Warn as scikit-learn does when only one of fit and request has names."""
    if named and spec.names is None:
        warnings.warn(f"X has feature names, but {spec.estimator} was fitted without feature names", stacklevel=_CALLER)
    elif not named and spec.names is not None:
        warnings.warn(
            f"X does not have valid feature names, but {spec.estimator} was fitted with feature names",
            stacklevel=_CALLER,
        )


def check_width(spec: InputSpec, width: int) -> None:
    """Raise `InputShapeError` unless there are as many columns as in fit."""
    if width != spec.width:
        raise InputShapeError(
            f"X has {width} features, but {spec.estimator} is expecting {spec.width} features as input"
        )


def _same(a: Any, b: Any) -> bool:
    return a is b or bool(a == b)


def _by_name(spec: InputSpec, names: Sequence[str], columns: Sequence[Any]) -> list[int]:
    found = {column: i for i, column in enumerate(columns)}
    missing = [names[i] for i in spec.required if names[i] not in found]
    if missing:
        raise InputKeyError(f"{spec.estimator}: columns are missing: {_listed(missing)}{_hints(missing, columns)}")
    if len(found) < len(columns):
        twice = sorted({column for i, column in enumerate(columns) if found[column] != i} & set(names))
        if twice:
            raise InputKeyError(f"{spec.estimator}: columns are there more than once: {_listed(twice)}")
    return [found.get(name, -1) for name in names]


def _difference(spec: InputSpec, names: Sequence[str], columns: Sequence[Any]) -> str:
    unseen = sorted(set(columns) - set(names))
    missing = sorted(set(names) - set(columns))
    message = f"{spec.estimator}: The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + _bullets(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _bullets(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message + _hints(missing, unseen).strip()


def _bullets(names: Sequence[str]) -> str:
    return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(repr, names))


def _hints(missing: Sequence[str], given: Sequence[Any]) -> str:
    hints = [
        f"did you mean {name!r} by {guess[0]!r}?"
        for name in missing
        if (guess := difflib.get_close_matches(name, [str(column) for column in given], n=1))
    ]
    return f" ({' '.join(hints)})" if hints else ""
