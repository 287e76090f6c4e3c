"""Rows of labels some of which are no classes: they are ignored, as scikit-learn ignores them, with its warning."""

from __future__ import annotations

import warnings
from itertools import chain
from typing import Any


def answer_without_unknown(method: Any, X: Any) -> Any:
    """Answer for rows of labels as if they did not hold those that the program stops at.

    Every label of the request is asked about as a row of its own, so that the classes need not be known here.
    """
    rows = [list(row) for row in X]
    labels = list(dict.fromkeys(chain.from_iterable(rows)))
    unknown = {labels[row] for row in method.rows_left([[label] for label in labels])}
    said = f"unknown class(es) {sorted(unknown, key=str)} will be ignored"
    warnings.warn(said, UserWarning, stacklevel=2)
    return method.plain_answer([[label for label in row if label not in unknown] for row in rows])
