"""Every estimator of scikit-learn with the parameters of its own common tests, fitted on what its tags ask for.

Private parts of scikit-learn are read in this file only.
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import numpy as np

from tests.conformance.data import ASKED_ROWS, FITTED_ROWS, WIDTH, Rows, make, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAIRWISE_ROWS = 12  # a request about distances has a column for each fitted row
FITS = ("array", "frame", "float32", "sparse", "missing", "columns", "indicators")
NAMES = tuple(f"c{i}" for i in range(WIDTH))
NO_TAGS = {"LabelEncoder": "labels", "LabelBinarizer": "labels", "MultiLabelBinarizer": "label_sets"}


@dataclass(frozen=True)
class Subject:
    """An estimator and what it is fitted on.

    Parameters
    ----------
    name : str
        Class and, if a class has several parameter sets, their number.
    build : callable
        Makes the unfitted estimator; not called where ``fit`` says how the name is looked up.
    fit : str
        One of `FITS`: container and dtype of the fitted rows, or a kind of target; ``"mixed"`` of a pipeline over mixed
        columns, ``"dates"`` of one over dates; ``"case"`` or ``"named case"`` of a case of `tests.cases`.
    """

    name: str
    build: Callable[[], Any]
    fit: str

    @property
    def id(self) -> str:
        """Name of the subject in tables."""
        return f"{self.name} on {self.fit}"


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, rows to ask it about, and what scores compare with.

    Parameters
    ----------
    estimator : estimator
    kind : str
        Which forms of request there are: ``"matrix"``, ``"column"``, ``"documents"``, ``"records"``, ``"labels"``,
        ``"label_sets"``, ``"images"``, ``"cells"``, ``"mixed"`` or ``"dates"``.
    rows : Rows
    y : array or None
    """

    estimator: Any
    kind: str
    rows: Rows
    y: Any


def subjects() -> Iterator[Subject]:
    """Every estimator in every way it can be fitted."""
    for name, build in builders().items():
        for fit in FITS:
            if _applies(build(), fit):
                yield Subject(name, build, fit)


@functools.cache
def builders() -> dict[str, Callable[[], Any]]:
    """Makers of unfitted estimators by name."""
    from sklearn.utils._test_common.instance_generator import _construct_instances
    from sklearn.utils.discovery import all_estimators

    found: dict[str, Callable[[], Any]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, cls in all_estimators():
            try:
                instances = _own_instances(name, cls) or list(_construct_instances(cls))
            except SkipTest as reason:
                raise AssertionError(f"{name} needs an instance in `_own_instances`") from reason
            for i, instance in enumerate(instances):
                found[name if len(instances) == 1 else f"{name}-{i + 1}"] = functools.partial(_prepared, instance)
    return found


def _own_instances(name: str, cls: Any) -> list[Any]:
    """Estimators that the common tests leave out, or give data of their own."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if name == "FrozenEstimator":
        X = make("numbers", 3, FITTED_ROWS)
        y = target("labels", X, FITTED_ROWS)
        return [cls(LogisticRegression().fit(X, y)), cls(StandardScaler().fit(X))]
    if name == "SparseCoder":
        return [cls(np.random.default_rng(0).normal(size=(4, WIDTH)))]
    return []


def _prepared(instance: Any) -> Any:
    from sklearn.base import clone
    from sklearn.utils._testing import set_random_state

    if type(instance).__name__ == "FrozenEstimator":
        return instance
    estimator = clone(instance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        set_random_state(estimator, 0)
    return estimator


def tags(estimator: Any) -> Any:
    """Tags of an estimator."""
    from sklearn.utils import get_tags

    return get_tags(estimator)


def _applies(estimator: Any, fit: str) -> bool:
    found = tags(estimator)
    kind = _kind(estimator)
    if kind not in ("numbers", "positive", "categories"):
        return fit == "array"
    if fit == "sparse":
        return found.input_tags.sparse
    if fit == "missing":
        return found.input_tags.allow_nan
    if fit == "columns":
        return found.target_tags.multi_output and found.target_tags.single_output and found.target_tags.required
    if fit == "indicators":
        return found.classifier_tags is not None and found.classifier_tags.multi_label
    return True


def _kind(estimator: Any) -> str:
    """Kind of rows that an estimator takes."""
    found = tags(estimator).input_tags
    if type(estimator).__name__ in NO_TAGS:
        return NO_TAGS[type(estimator).__name__]
    if found.dict:
        return "records"
    if found.string and not found.two_d_array:
        return "documents"
    if found.three_d_array:
        return "images"
    if found.one_d_array:
        return "one_column"
    if found.categorical:
        return "categories"
    if found.positive_only or type(estimator).__name__ == "SkewedChi2Sampler":
        return "positive"
    return "numbers"


def fitted(subject: Subject) -> Fitted:
    """The fitted estimator of a subject."""
    if subject.fit == "mixed":
        from tests.conformance.compositions import fitted_composition

        return fitted_composition(subject.name)
    if subject.fit == "dates":
        from tests.conformance import dates

        return dates.fitted_composition(subject.name)
    if subject.fit.endswith("case"):
        from tests.conformance.registered import fitted_case

        return fitted_case(subject)
    estimator = subject.build()
    kind = _kind(estimator)
    X, asked = make(kind, 1, FITTED_ROWS), make(kind, 2, ASKED_ROWS)
    y, y_asked = _target(estimator, subject.fit, X, FITTED_ROWS), _target(estimator, subject.fit, asked, ASKED_ROWS)
    if tags(estimator).input_tags.pairwise:
        X, y = X[:PAIRWISE_ROWS], y[:PAIRWISE_ROWS]
        X, asked = _pairwise(estimator, X, X), _pairwise(estimator, asked, X)
    if subject.fit == "missing":
        X[np.random.default_rng(4).random(X.shape) < 0.1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(_container(X, subject.fit), *([] if kind in NO_TAGS.values() else [y]))
    forms = {"one_column": "column", "numbers": "matrix", "positive": "matrix", "categories": "matrix"}.get(kind, kind)
    names = tuple(f"c{i}" for i in range(asked.shape[1])) if forms == "matrix" else ()
    return Fitted(estimator, forms, Rows(asked, names), y_asked)


def _pairwise(estimator: Any, X: Any, fitted_on: Any) -> Any:
    """Distances to the fitted rows, or products with them."""
    if getattr(estimator, "metric", None) == "precomputed":
        return np.sqrt(((X[:, None] - fitted_on[None]) ** 2).sum(axis=2))
    return X @ fitted_on.T


def _target(estimator: Any, fit: str, X: Any, n: int) -> Any:
    found = tags(estimator)
    if found.target_tags.positive_only:
        return target("count", X, n)
    several = found.target_tags.multi_output and not found.target_tags.single_output
    if found.estimator_type == "classifier" or found.classifier_tags is not None:
        if fit == "indicators" or (several and re.search("Chain", type(estimator).__name__)):
            return target("indicators", X, n)
        if fit == "columns" or several:
            return target("class columns", X, n)
        name = type(estimator).__name__
        kind = {"array": "labels", "sparse": "two labels", "frame": "binary"}.get(fit, "classes")
        if not found.classifier_tags.multi_class:
            kind = {"labels": "two labels", "classes": "binary"}.get(kind, kind)
        return target("classes" if name == "SelfTrainingClassifier" else kind, X, n)
    if fit == "columns" or several:
        return target("columns", X, n)
    if found.estimator_type == "regressor":
        y = target("real", X, n)
        return y.astype(np.float32) if fit == "float32" else y
    return target("classes", X, n)


def _container(X: Any, fit: str) -> Any:
    if fit == "frame":
        import pandas as pd

        return pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    if fit == "float32":
        return X.astype(np.float32)
    if fit == "sparse":
        import scipy.sparse as sp

        return sp.csr_matrix(np.where(np.abs(X) < 1.0, 0.0, X))
    return X[:, 0] if getattr(X, "shape", (0, 0))[1:] == (1,) else X


def source_fails(estimator: Any) -> dict[str, str]:
    """Checks that scikit-learn expects its own estimator to fail."""
    from sklearn.utils._test_common.instance_generator import _get_expected_failed_checks

    found: dict[str, str] = _get_expected_failed_checks(estimator)
    return found


def valid_values(estimator: Any, parameter: str) -> list[Any]:
    """Values other than its own that scikit-learn's check of a parameter allows, a few of each kind."""
    own = estimator.get_params(deep=False)[parameter]
    constraints = getattr(type(estimator), "_parameter_constraints", {}).get(parameter, [])
    found: dict[str, Any] = {}
    for constraint in [] if isinstance(constraints, str) else constraints:  # the text "no_validation"
        for value in _allowed(constraint, own):
            found.setdefault(repr(value), value)
    return [value for text, value in found.items() if text != repr(own)]


def _allowed(constraint: Any, own: Any) -> list[Any]:
    from sklearn.utils._param_validation import Interval, Options, generate_valid_param, make_constraint

    made = make_constraint(constraint)
    if isinstance(made, Options):
        return sorted(made.options, key=str)
    if constraint in ("boolean", "verbose"):
        return [False, True]
    numbers = [0, 1, 2, 3, 0.1, 0.5, 2.0]
    if isinstance(own, float) and np.isfinite(own):
        numbers += [own * 2, own / 2]
    found = [each for each in numbers if isinstance(made, Interval) and made.is_satisfied_by(each)]
    try:
        one = generate_valid_param(made)
    except (NotImplementedError, TypeError):  # some callables and classes
        return found
    return [*found, one] if one is None or isinstance(one, bool | int | float | str) else found
