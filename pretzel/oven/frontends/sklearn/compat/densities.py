"""Private functions of estimators of densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array


def log_weights(mixture: Any) -> Array:
    """Logarithms of the weights of the components of a mixture, or what is expected of them."""
    return np.asarray(mixture._estimate_log_weights())


def log_determinants(mixture: Any) -> Array:
    """Logarithms of the determinants of the factors of the precisions of a mixture, or one for all."""
    from sklearn.mixture._gaussian_mixture import _compute_log_det_cholesky

    n_columns = mixture.means_.shape[1]
    found = _compute_log_det_cholesky(mixture.precisions_cholesky_, mixture.covariance_type, n_columns)
    return np.asarray(found)


def exp_of_equal_shares(n_topics: int) -> Array:
    """``exp`` of the expected logarithms of the shares of a document of which no word is known, by scikit-learn."""
    from sklearn.decomposition._online_lda_fast import _dirichlet_expectation_2d

    expected: Array = np.asarray(_dirichlet_expectation_2d(np.ones((1, n_topics))))[0]
    return np.exp(expected)
