"""Column names of a request against those of the fit: scikit-learn's rules, errors and warnings."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from pretzel.errors import InputKeyError, InputShapeError, InputTypeError
from pretzel.runtime.input.messages import hints, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.input_spec import InputSpec

_PACKAGE = __file__.rpartition("runtime")[0]  # the folder of this package


def match(spec: InputSpec, columns: Sequence[Any]) -> Sequence[int] | None:
    """Position of each column of the fit among the named ``columns`` of a request; None: the positions are the same.

    An absent column that is not required has position -1.

    Raises
    ------
    InputKeyError
        Columns are missing, unknown, misspelt, duplicate, in another order, or without the names that are needed.
    InputShapeError
        The number of columns is wrong, and there are no names.
    InputTypeError
        Some names are strings and some are not.
    """
    names = spec.names
    if spec.by_position:
        check_width(spec, len(columns))
        return None
    if names is not None and len(names) == len(columns) and all(map(_same, names, columns)):
        return None
    texts = sum(isinstance(column, str) for column in columns)
    if 0 < texts < len(columns):
        raise InputTypeError(
            f"{spec.estimator}: some column names are strings and some are not; convert all of them to strings"
        )
    if texts and names is None and len(set(columns)) < len(columns):
        twice = sorted({column for column in columns if columns.count(column) > 1})
        raise InputKeyError(f"{spec.estimator}: duplicate columns: {listed(twice)}")
    if names is None or not texts:
        if names is not None and spec.any_order:
            raise InputKeyError(_lack(spec, names))
        if not spec.by_name:
            warn_about_names(spec, named=bool(texts))
        check_unnamed(spec, len(columns))
        return None
    if spec.any_order:
        return _by_name(spec, names, columns)
    raise InputKeyError(_difference(spec, names, columns))


def warn_about_names(spec: InputSpec, *, named: bool) -> None:
    """Warn as scikit-learn does when only one of fit and request has names."""
    if named == (spec.names is not None) or spec.as_booster:
        return
    level, frame = 1, sys._getframe()
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:  # up to the line of the caller
        level, frame = level + 1, frame.f_back
    has, fitted = ("has", "without") if named else ("does not have valid", "with")
    warnings.warn(f"X {has} feature names, but {spec.estimator} was fitted {fitted} feature names", stacklevel=level)


def check_unnamed(spec: InputSpec, width: int) -> None:
    """Check a table whose columns have no names.

    Raises
    ------
    InputKeyError
        The source selects columns by name.
    InputShapeError
    """
    if spec.by_name and spec.names is not None:
        raise InputKeyError(_lack(spec, spec.names))
    check_width(spec, width)


def check_width(spec: InputSpec, width: int) -> None:
    """Raise `InputShapeError` unless there are as many columns as in fit."""
    if width != spec.width:
        raise InputShapeError(
            f"X has {width} features, but {spec.estimator} is expecting {spec.width} features as input"
        )


def _lack(spec: InputSpec, names: Sequence[str]) -> str:
    expected = listed(names[i] for i in spec.required)
    return (
        f"{spec.estimator}: columns are selected by name, and those of the request have no names: send a DataFrame or "
        f"dicts with {expected}"
    )


def _same(a: Any, b: Any) -> bool:
    return a is b or bool(a == b)


def _by_name(spec: InputSpec, names: Sequence[str], columns: Sequence[Any]) -> list[int]:
    found = {column: i for i, column in enumerate(columns)}
    missing = [names[i] for i in spec.required if names[i] not in found]
    if spec.no_others and (missing or len(columns) != len(names)):
        raise InputKeyError(_difference(spec, names, columns))
    if missing:
        unknown = sorted(set(columns) - set(names))
        raise InputKeyError(f"{spec.estimator}: missing columns: {listed(missing)}{hints(unknown, missing)}")
    if len(found) < len(columns):
        twice = sorted({column for i, column in enumerate(columns) if found[column] != i} & set(names))
        if twice:
            raise InputKeyError(f"{spec.estimator}: duplicate columns: {listed(twice)}")
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
    return message + hints(unseen, missing).strip()


def _bullets(names: Sequence[str]) -> str:
    return "".join(f"- {name:.60}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")
