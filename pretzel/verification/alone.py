"""Answers to rows that are asked alone, where those of the source depend on the other rows of a request."""

from __future__ import annotations

from typing import Any

import numpy as np

from pretzel.schema import method_of
from pretzel.verification.boundary import rows_of


def answer(model: Any, name: str, X: Any, *, alone: bool) -> Any:
    """The answer of a method to rows.

    Parameters
    ----------
    model : estimator or Plan
    name : str
    X : table or documents
    alone : bool
        Each row is asked alone, and the answers are joined. So are those of estimators of which
        `pretzel.oven.frontends.registry.depends_on_batch` is true.
    """
    call = method_of(model, name)
    if not alone:
        return call(X)
    rows = X.tocsr() if hasattr(X, "tocsr") else X
    count = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if count < 2:
        return call(X)
    return _joined([call(rows_of(rows, [i])) for i in range(count)])


def _joined(answers: list[Any]) -> Any:
    first = answers[0]
    if isinstance(first, list | tuple):
        return [_joined(list(parts)) for parts in zip(*answers, strict=True)]
    if hasattr(first, "tocsr"):
        from scipy import sparse

        return sparse.vstack(answers, format=first.format)
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(answers)
    return np.concatenate(answers)
