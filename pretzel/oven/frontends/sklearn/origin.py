"""Fitted estimators that another release of scikit-learn wrote: noticed by their attributes.

A pickle names its release, but scikit-learn drops the name when it loads the pickle. What is left are attributes that
the installed release expects and does not find, and attributes of earlier releases that changed the answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.frontends.sklearn.compat.linear_models import logistic_kind
from pretzel.oven.frontends.sklearn.compat.preprocessing import keeps_empty_columns
from pretzel.oven.ir._cells import is_nan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RELEASES = ("1.5", "1.6", "1.7", "1.8", "1.9")


class Attribute(NamedTuple):
    """An attribute that some releases give to an estimator, and others do not read.

    Parameters
    ----------
    name : str
    first, last : str
        Releases whose estimators have it.
    changes : callable
        Whether its value means another answer than the installed release gives.
    """

    name: str
    first: str
    last: str = RELEASES[-1]
    changes: Callable[[Any], bool] = lambda estimator: False


def _has_other_probabilities(model: Any) -> bool:
    """Whether a `LogisticRegression` of 1.5 to 1.7 made its probabilities otherwise than the installed release."""
    if not hasattr(model, "classes_"):
        return False
    if len(model.classes_) == 2:
        kind = "doubled" if model.multi_class == "multinomial" else "sigmoid"
    else:  # classes that were fitted one by one took a number of iterations each
        kind = "one-versus-rest" if np.shape(model.n_iter_)[:1] > (1,) else "softmax"
    return kind != logistic_kind(model)


def _lacks_constants(imputer: Any) -> bool:
    """Whether a `SimpleImputer` drops empty columns, though a constant is there to fill in."""
    statistics = getattr(imputer, "statistics_", ())
    return imputer.strategy == "constant" and keeps_empty_columns(imputer) and any(map(is_nan, statistics))


_LOGISTIC = (Attribute("multi_class", "1.5", "1.7", _has_other_probabilities),)
_BOOSTING = (Attribute("algorithm", "1.5", "1.5", lambda model: since("1.6") and model.algorithm == "SAMME.R"),)
_CHAIN = (Attribute("estimator", "1.7"), Attribute("base_estimator", "1.5", "1.8"))
_RIDGE = (Attribute("classes_", "1.8"),)

ATTRIBUTES: dict[str, tuple[Attribute, ...]] = {
    "AdaBoostClassifier": _BOOSTING,
    "ClassifierChain": _CHAIN,
    "IterativeImputer": (Attribute("_is_empty_feature", "1.6"),),
    "LogisticRegression": _LOGISTIC,
    "LogisticRegressionCV": _LOGISTIC,
    "MaxAbsScaler": (Attribute("clip", "1.8", changes=lambda scaler: scaler.clip and not since("1.8")),),
    "NearestCentroid": (Attribute("class_prior_", "1.6"),),
    "RegressorChain": _CHAIN,
    "RidgeClassifier": _RIDGE,
    "RidgeClassifierCV": _RIDGE,
    "SelfTrainingClassifier": (Attribute("estimator", "1.6"),),
    "SimpleImputer": (Attribute("_fill_dtype", "1.8", changes=_lacks_constants),),
    "SplineTransformer": (Attribute("handle_missing", "1.8", changes=lambda spline: not since("1.8")),),
}
"""Attributes that tell releases apart, by class."""


def check_origin(estimator: Any) -> None:
    """Raise `CompileError` where a part of ``estimator`` has the attributes of another release, and they matter."""
    for part in _parts(estimator):
        name = type(part).__name__
        if name == "SelectFromModel" and part.threshold is None and _has_no_ratio(getattr(part, "estimator_", None)):
            _reject(part.estimator_, "1.5", "1.7", "its 'l1_ratio' is None")
        for each in ATTRIBUTES.get(name, ()):
            there, read = each.name in vars(part), since(each.first) and not _after(each.last)
            if there and each.changes(part):
                _reject(part, each.first, each.last, f"it has {each.name}={vars(part)[each.name]!r}")
            if read and not there and _is_fitted(part):
                others = [release for release in RELEASES if not each.first <= release <= each.last]
                _reject(part, others[0], others[-1], f"it has no {each.name!r}")


def _reject(estimator: Any, first: str, last: str, why: str) -> None:
    import sklearn

    name = type(estimator).__name__
    origin = _release_in_warnings(name) or (first if first == last else f"{first} to {last}")
    raise CompileError(
        f"{name} was fitted and pickled by scikit-learn {origin}, and {sklearn.__version__} is installed, which would "
        f"fail or answer otherwise: {why}. Fit it anew, or install its release"
    )


def _release_in_warnings(name: str) -> str:
    """The release that scikit-learn's own warning named when it loaded such an estimator; empty if not exactly one."""
    import sklearn.base

    pattern = re.compile(rf"Trying to unpickle estimator {name} from version (\S+) when")
    texts = (key[0] for key in getattr(sklearn.base, "__warningregistry__", {}) if isinstance(key, tuple))
    found = {match[1] for text in texts if (match := pattern.match(str(text)))}
    return found.pop() if len(found) == 1 else ""


def _after(release: str) -> bool:
    """Whether a release after this one is installed."""
    later = [each for each in RELEASES if each > release]
    return bool(later) and since(later[0])


def _has_no_ratio(model: Any) -> bool:
    return since("1.8") and "multi_class" in getattr(model, "__dict__", {}) and model.l1_ratio is None


def _is_fitted(estimator: Any) -> bool:
    return any(name.endswith("_") and not name.startswith("_") for name in vars(estimator))


def _parts(estimator: Any) -> Iterator[Any]:
    """``estimator`` and all estimators of scikit-learn inside it, except trees. Dicts hold none, or the same again."""
    agenda, seen = [estimator], set()
    while agenda:
        each = agenda.pop()
        if isinstance(each, list | tuple):
            agenda += each
        elif hasattr(each, "__dict__") and not isinstance(each, type) and id(each) not in seen:
            seen.add(id(each))
            module = type(each).__module__
            if module.startswith("sklearn.") and not module.startswith("sklearn.tree."):
                yield each
                agenda += vars(each).values()
