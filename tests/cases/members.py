"""Estimators and kernels that cases are made of. Test ids show the names of these functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.base import build
from tests.cases.data import rows, target


def _smooth() -> Any:
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    return ConstantKernel(2.0) * RBF([3.0, 2.0, 1.0, 5.0, 60.0]) + WhiteKernel(0.1) + ConstantKernel(0.3)


def _rough() -> Any:
    from sklearn.gaussian_process.kernels import Matern

    return Matern(30.0, nu=0.5) + 0.5 * Matern(20.0, nu=1.5) + Matern(30.0, nu=2.5) + Matern(30.0, nu=np.inf)


def _wavy() -> Any:
    from sklearn.gaussian_process.kernels import ExpSineSquared, RationalQuadratic

    return RationalQuadratic(30.0, 1.5) ** 2 + 0.001 * ExpSineSquared(2.0, 40.0)


def _product() -> Any:
    from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel

    return (RBF(20.0) + 0.5 * RBF(50.0)) * RBF(90.0) + 1e-4 * DotProduct(0.5) + WhiteKernel()


_SCALED = {"gamma": 0.01}
"""For rows of different scales."""


def _ridge() -> Any:
    return build("sklearn.linear_model.Ridge")


def _dictionary() -> Any:
    return np.random.default_rng(4).normal(size=(8, 5))


def _scalers() -> Any:
    return [(name, build(f"sklearn.preprocessing.{name}")) for name in ("StandardScaler", "MinMaxScaler")]


def _steps() -> Any:
    return [*_scalers(), ("model", _logistic())]


def _columns() -> Any:
    encoder = build("sklearn.preprocessing.OneHotEncoder", handle_unknown="ignore")
    return [("scaled", build("sklearn.preprocessing.StandardScaler"), [0, 2]), ("encoded", encoder, [3])]


def _log() -> Any:
    return np.log


def _exp() -> Any:
    return np.exp


def _frozen() -> Any:
    return _logistic().fit(rows("numbers")[0], target("labels"))


def _tree() -> Any:
    return build("sklearn.tree.DecisionTreeClassifier", max_depth=3, random_state=0)


def _branches() -> Any:
    return build("sklearn.tree.DecisionTreeRegressor", max_depth=3, random_state=0)


def _committee() -> Any:
    return [("linear", _logistic()), ("tree", _tree())]


def _grove() -> Any:
    return [("tree", _tree()), ("forest", build("sklearn.ensemble.RandomForestClassifier", n_estimators=3))]


def _board() -> Any:
    return [("linear", build("sklearn.linear_model.Ridge")), ("tree", _branches())]


def _shallow() -> Any:
    return build("sklearn.tree.DecisionTreeClassifier", max_depth=3, random_state=0)


def _margins() -> Any:
    return build("sklearn.svm.LinearSVC", dual=False)


def _logistic() -> Any:
    return build("sklearn.linear_model.LogisticRegression")
