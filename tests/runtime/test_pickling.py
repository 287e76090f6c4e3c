"""Plans, models, runtimes and their methods say why they are neither pickled nor copied."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

import pretzel

X = np.eye(4)
COPIES = {"pickle": pickle.dumps, "copy": copy.copy, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("estimator", [Ridge(), KNeighborsRegressor(2)], ids=["native", "opaque"])
def test_copying_says_what_to_do_instead(estimator: Any, how: str) -> None:
    plan = pretzel.compile(estimator.fit(X, X[:, 0]))
    with pretzel.Runtime() as runtime:
        model = runtime.register("model", plan)
        for each in (plan, plan.predict, runtime, model, model.predict):
            with pytest.raises(TypeError, match=r"pickle the fitted estimator, and compile or register it"):
                COPIES[how](each)
        gc.collect()  # half-made copies would complain here
        assert plan.predict_one(X[0]) == model.predict_one(X[0])
