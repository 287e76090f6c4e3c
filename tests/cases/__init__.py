"""One or more fitted estimators for each that is registered, with rows to ask them about.

`tests.test_parity` runs all of them and fails when a registered estimator has no case.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from tests import releases
from tests.cases.base import Case, build, class_of
from tests.cases.boosters import boosters, catboost, lightgbm
from tests.cases.data import ROWS, as_frame, rows, target
from tests.cases.meta import calibrated, ensembles, holders, outputs, searches, stacks
from tests.cases.models import (
    bayes,
    classifiers,
    compared,
    densities,
    discriminants,
    dummies,
    embeddings,
    kernels,
    machines,
    neighbors,
    networks,
    radius,
    regressors,
    trees,
)
from tests.cases.others import category_encoders, hierarchies, resampled, vectorized
from tests.cases.transformers import compositions, label_encoders, texts, transformers

__all__ = ["CASES", "ROWS", "Case", "as_frame", "build", "class_of", "fitted", "rows", "target"]


def fitted(index: int, named: bool = False) -> Any:
    """The fitted estimator of ``CASES[index]``, always the same; on a DataFrame when ``named``."""
    return _fitted(index, named)


@functools.cache
def _fitted(index: int, named: bool) -> Any:
    case = CASES[index]
    X, y = rows(case.data)[0], target(case.target)
    if named:
        X = as_frame(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {key: value() if callable(value) else value for key, value in case.options.items()}
        groups = {
            "CatBoostRanker": {"group_id": np.arange(300) // 20},
            "LGBMRanker": {"group": [20] * 15},
            "XGBRanker": {"qid": np.arange(300) // 20},
        }
        more: dict[str, Any] = groups.get(case.name.rpartition(".")[2], {})
        arguments = (X,) if case.data.endswith(("labels", "label sets")) else (X, y)
        return build(case.name, **options).fit(*arguments, **more)


CASES: tuple[Case, ...] = tuple(
    case
    for case in (
        *regressors(),
        *classifiers(),
        *dummies(),
        *networks(),
        *machines(),
        *kernels(),
        *compared(),
        *bayes(),
        *discriminants(),
        *densities(),
        *neighbors(),
        *radius(),
        *embeddings(),
        *trees(),
        *ensembles(),
        *outputs(),
        *boosters(),
        *lightgbm(),
        *catboost(),
        *searches(),
        *compositions(),
        *transformers(),
        *texts(),
        *label_encoders(),
        *stacks(),
        *calibrated(),
        *holders(),
        *resampled(),
        *hierarchies(),
        *category_encoders(),
        *vectorized(),
    )
    if not releases.lacks(case.name)
)
