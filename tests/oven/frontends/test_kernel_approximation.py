"""Approximations of kernels, against scikit-learn."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from sklearn.kernel_approximation import Nystroem

from tests.answers import check_answers

X = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, -1.0]])


def test_references_of_zeros() -> None:
    """A single reference all of whose numbers are zero."""
    model = Nystroem(n_components=1, gamma=0.5).fit(np.zeros((3, 2)))
    check_answers(model, X)
    check_answers(model, csr_array(X))
