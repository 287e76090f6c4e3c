"""Metrics whose distances of sparse rows are the source's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import RadiusNeighborsClassifier

import pretzel

ROWS = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])


@pytest.mark.parametrize("metric", ["braycurtis", "canberra"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.filterwarnings("ignore")
def test_sparse_rows_are_as_far_as_in_the_source(metric: str, weights: str) -> None:
    """Some releases find other distances in sparse rows than in dense ones, or none."""
    model = RadiusNeighborsClassifier(0.5, algorithm="brute", metric=metric, weights=weights, outlier_label=0)
    model.fit(ROWS, [2, 2, 2, 1])
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(ROWS), model.predict(ROWS))
    for X in (sparse.csr_matrix([[0.0, 1.0]]), sparse.csr_matrix([[0.0, 0.0], [1.0, 1.0]])):
        try:
            expected = model.predict(X)
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                plan.predict(X)
        else:
            np.testing.assert_array_equal(plan.predict(X), expected)
