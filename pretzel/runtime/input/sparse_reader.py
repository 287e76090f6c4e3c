"""Reads sparse rows in any of SciPy's formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputValueError
from pretzel.runtime.input.messages import UnreadForm

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec

_WITH_DUPLICATES = ("csr", "csc", "coo", "bsr")  # SciPy's formats that may hold several entries at one place


def canonical_rows(spec: InputSpec, X: Any) -> Any:
    """Compressed rows, in each of which the columns are sorted and there once.

    Raises
    ------
    InputValueError
        They hold NaN, which the source rejects.
    UnreadForm
        The source itself answers such rows.
    """
    if spec.any_order and X.format in ("bsr", "coo", "dia"):
        raise UnreadForm(spec.estimator, f"rows in the format {X.format!r}, of which columns are selected,")
    if X.dtype.itemsize > 8 and spec.floats is not True:
        raise UnreadForm(spec.estimator, "sparse rows of long doubles")
    csr = X.tocsr()
    if not spec.long_indices and csr.indices.dtype.itemsize > 4:
        raise UnreadForm(spec.estimator, "sparse rows with indices of 64 bits")
    if not spec.sparse_nan:
        _look_for_nan(spec, csr)
    if not csr.has_canonical_format:
        csr = csr.copy() if csr is X else csr
        csr.sum_duplicates()
    # Each estimator adds duplicates up at another moment, if at all.
    if csr is not X and X.format in _WITH_DUPLICATES and csr.nnz < X.nnz:
        raise UnreadForm(spec.estimator, "sparse rows with duplicate entries")
    return csr


def _look_for_nan(spec: InputSpec, csr: Any) -> None:
    missing = np.flatnonzero(np.isnan(csr.data))
    if spec.nan_columns:
        missing = missing[np.isin(csr.indices[missing], spec.nan_columns)]
    if not len(missing):
        return
    if spec.sparse_nan is None:
        raise UnreadForm(spec.estimator, "sparse rows with NaN")
    row = int(np.searchsorted(csr.indptr, missing[0], side="right")) - 1
    raise InputValueError(f"{spec.estimator}: row {row} holds NaN, which the source estimator rejects in sparse rows")
