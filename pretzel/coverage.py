"""Which methods of which estimators are native, tried on the installed releases: ``pretzel.coverage()``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from pretzel.api import compile as compile_estimator
from pretzel.errors import PretzelError
from pretzel.oven.frontends.demands import demands
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.registry import (
    DEFAULT,
    FRONTENDS,
    frontend_of,
    public_name,
    registered,
)
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque
from pretzel.runtime.summary import opaque_calls
from pretzel.store.object_store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

State = Literal["native", "opaque", "refused"]
ROWS, CLASSES = 60, 3
DISTRIBUTIONS = {"imblearn": "imbalanced-learn", "sklearn": "scikit-learn"}
"""Names of distributions that are not those of their packages."""

_QUIET: dict[str, Any] = {"allow_writing_files": False, "params": {"allow_writing_files": False}}
"""Arguments by which CatBoost writes no files into the working directory."""

_GROUPS: tuple[dict[str, Any], ...] = (
    {"group": [ROWS // 2, ROWS // 2]},
    {"qid": np.arange(ROWS) // 10},
    {"group_id": np.arange(ROWS) // 10},
)
"""How libraries take the groups of rows that a ranker compares."""


class MethodCoverage(NamedTuple):
    """How one method of an estimator runs.

    Parameters
    ----------
    estimator : str
        Dotted name of the class.
    method : str
        Empty where the estimator is refused as a whole.
    state : {"native", "opaque", "refused"}
        Opaque methods call the estimator, or a part of it, from Python.
    reason : str
        Why it is not native.
    """

    estimator: str
    method: str
    state: State
    reason: str


@dataclass(frozen=True)
class Coverage:
    """What is native of the installed libraries.

    Parameters
    ----------
    releases : dict of str to str
        Release of each library that was tried.
    methods : tuple of MethodCoverage
        By estimator.
    """

    releases: dict[str, str]
    methods: tuple[MethodCoverage, ...]

    def estimators(self) -> dict[str, str]:
        """State of each estimator: that of its methods, or ``"partly native"`` where they differ."""
        found: dict[str, str] = {}
        for each in self.methods:
            is_other = found.setdefault(each.estimator, each.state) != each.state
            found[each.estimator] = "partly native" if is_other else each.state
        return found


def coverage() -> Coverage:
    """Fit every estimator of the installed libraries that Pretzel reads, and see which of its methods are native.

    Each has its default parameters and small tables of numbers, texts or labels, whichever it takes. It takes half a
    minute; other parameters can make a method opaque, which `Plan.opaque_steps` says of a plan.

    Returns
    -------
    Coverage

    Examples
    --------
    >>> import pretzel
    >>> found = pretzel.coverage()  # doctest: +SKIP
    >>> found.estimators()["sklearn.linear_model.LogisticRegression"]  # doctest: +SKIP
    'native'
    """
    libraries = [library for library in FRONTENDS if importlib.util.find_spec(library) is not None]
    releases = {each: importlib.metadata.version(DISTRIBUTIONS.get(each, each)) for each in libraries}
    classes = dict(sorted((public_name(cls), cls) for cls in _classes(libraries)))
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        return Coverage(releases, tuple(each for cls in classes.values() for each in _covered(cls)))


def _classes(libraries: list[str]) -> Iterator[type]:
    """All estimators of scikit-learn, and those of other libraries that have an adapter."""
    from sklearn.utils import all_estimators

    if DEFAULT in libraries:
        yield from (cls for _, cls in all_estimators())
    for name in registered():
        module, _, attribute = name.rpartition(".")
        if module.partition(".")[0] in libraries:
            with contextlib.suppress(ImportError, AttributeError):  # of another release
                found = getattr(importlib.import_module(module), attribute)
                if callable(getattr(found, "fit", None)):
                    yield found


def _covered(cls: type) -> Iterator[MethodCoverage]:
    name = public_name(cls)
    found = fitted(cls, _given())
    if found is None:
        yield MethodCoverage(name, "", "refused", "it takes none of the tables that are tried")
        return
    estimator, _ = found
    try:
        plan = compile_estimator(estimator, store=ObjectStore())
    except PretzelError as error:
        yield MethodCoverage(name, "", "refused", str(error))
        return
    for method, made in plan.physical.methods.items():
        reasons = dict.fromkeys(call.reason for call in opaque_calls(made))
        if method == "transform" and frontend_of(estimator).output_container(estimator) != "default":
            reasons = _in_front_of_a_model(estimator)
        yield MethodCoverage(name, method, "opaque" if reasons else "native", "; ".join(reasons))


def _in_front_of_a_model(estimator: Any) -> dict[str, None]:
    """Why a transformer that returns frames has no native form for what reads them."""
    importer = Importer(estimator)
    importer.asked = demands(estimator)
    width = importer.asked.width or 1  # of what takes a column, and counts none
    node = importer.transform(estimator, Raw((), range(width))).node
    return {each.reason: None for each in node.inputs if isinstance(node, Raw) and isinstance(each, Opaque)}


def fitted(cls: type, tables: Iterable[tuple[Any, ...]]) -> tuple[Any, Any] | None:
    """An estimator with default parameters, fitted on the first tables that it takes, and their rows; None: on none."""
    for given in tables:
        for arguments in _arguments(cls):
            for groups in _GROUPS if cls.__name__.endswith("Ranker") else ({},):
                with contextlib.suppress(Exception):
                    return cls(**arguments).fit(*given, **groups), given[0]
    return None


def _given() -> Iterator[tuple[Any, ...]]:
    """What ``fit`` may take: numbers and targets of all kinds, texts, records, labels, similarities, images, dates."""
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(ROWS, 4))).round(3) + 0.1
    y = np.arange(ROWS) % CLASSES
    X[:, 0] += y
    yield X, y
    yield X, (X[:, :2] > 1.0).astype(int)
    yield X, np.stack([y, y[::-1]], axis=1)
    yield X, (y > 0).astype(int)
    yield X[:, :1], X[:, 1]
    texts = [("red green blue " * 3)[: 4 + int(n)] for n in y]
    yield texts, y
    yield [{"colour": text, "size": 1.0} for text in texts], y
    yield (y,)
    yield ([[int(n)] for n in y],)
    yield X[:12] @ X[:12].T, y[:12]
    yield rng.normal(size=(4, 6, 6)), y[:4]
    yield rng.normal(size=(10, 2000)), y[:10]
    cells = np.array([texts, texts[::-1]], dtype=object).T
    yield cells, np.arange(ROWS) % 2
    yield cells, rng.normal(size=ROWS)
    yield X / X.max(), y  # between 0 and 1
    with contextlib.suppress(ImportError):
        import pandas as pd

        when = pd.date_range("2024-01-01", periods=ROWS, freq="37h")
        yield (pd.Series(when, name="when"),)
        yield pd.DataFrame({"size": X[:, 0], "when": when, "then": when[::-1]}), y
        yield pd.DataFrame(X[:, :2], columns=["size", "count"]), y


def _arguments(cls: type) -> Iterator[dict[str, Any]]:
    """Arguments for parameters without default, then also for those that are None: members of its kind come first."""
    from sklearn.base import RegressorMixin
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    parameters = [each for each in inspect.signature(cls).parameters.values() if each.kind is not each.VAR_KEYWORD]
    asked = [each.name for each in parameters if each.default is each.empty]
    asked += [each.name for each in parameters if each.name in _QUIET]
    unset = [each.name for each in parameters if each.default is None]
    members = [LogisticRegression(), Ridge()]
    for member in members[::-1] if issubclass(cls, RegressorMixin) else members:
        member.fit(*next(_given()))  # which `FrozenEstimator` needs
        known: dict[str, Any] = {
            **_QUIET,
            "base_estimator": member,
            "binning_dict": {"x0": [0.0, 1.0, 9.0]},
            "cols": ["size"],
            "dictionary": np.eye(4),
            "estimator": member,
            "estimators": [("first", member), ("second", type(member)(fit_intercept=False))],
            "features_to_drop": ["x0"],
            "func": ["add"] if cls.__name__ == "RelativeFeatures" else ["sum"],
            **{name: f"x{i}" for i, name in enumerate(("lat1", "lon1", "lat2", "lon2"))},
            "max_capping_dict": {"x0": 1.0},
            "param_distributions": {"fit_intercept": [True, False]},
            "param_grid": {"fit_intercept": [True, False]},
            "reference": ["x1"],
            "steps": [("scale", StandardScaler()), ("predict", member)],
            "transformer": StandardScaler(),
            "transformer_list": [("scale", StandardScaler())],
            "transformers": [("scale", StandardScaler(), [0, 1])],
            "variables": ["x0", "x1"],
        }
        with contextlib.suppress(KeyError):
            yield {name: known[name] for name in asked}
            yield {name: known[name] for name in (*asked, *unset) if name in known}
