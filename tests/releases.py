"""What the installed release of scikit-learn lacks: the tests that need it are skipped, with the reason given here."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pandas as pd
import pytest

from pretzel.oven.frontends.sklearn.compat import since

FIRST = {
    "sklearn.frozen.FrozenEstimator": "1.6",
    **dict.fromkeys((f"hiclass.LocalClassifierPer{each}.LocalClassifierPer{each}" for each in
                     ("Level", "Node", "ParentNode")), "1.6"),  # which it imports a function of
}  # fmt: skip
"""First release of each registered estimator that not all supported releases have."""

QUANTILE_METHOD: dict[str, Any] = {"quantile_method": "averaged_inverted_cdf"} if since("1.7") else {}
"""Parameter of `KBinsDiscretizer` whose default is deprecated where the parameter exists."""

LINEAR_QUANTILES: dict[str, Any] = {"quantile_method": "linear"} if since("1.7") else {}
"""How `KBinsDiscretizer` is asked for edges that are interpolated."""

CLIP: dict[str, Any] = {"clip": True} if since("1.8") else {}
"""Parameter of `MaxAbsScaler`."""

LASSO: dict[str, Any] = {"l1_ratio": 1.0} if since("1.8") else {"penalty": "l1"}
"""How `LogisticRegression` is asked for an L1 penalty."""

WARNS = since("1.6")
"""Whether a `OneHotEncoder` takes ``handle_unknown="warn"``."""

ISOLATES_MISSING = since("1.6")
"""Whether `IsolationForest` takes NaN."""

SELECTS_POLARS = since("1.9")
"""Whether a `ColumnTransformer` selects columns of the frames of the tested release of polars."""

TEXTS_ARE_NA = int(pd.__version__.partition(".")[0]) >= 3
"""Whether missing values stay missing in a column that pandas makes ``str``."""


def needs(release: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test on releases of scikit-learn before this one."""
    return pytest.mark.skipif(not since(release), reason=f"scikit-learn before {release}: {reason}")


def frozen(estimator: Any) -> list[Any]:
    """``estimator`` in a `FrozenEstimator`, or nothing where the release has none."""
    if lacks("sklearn.frozen.FrozenEstimator"):
        return []
    from sklearn.frozen import FrozenEstimator

    return [FrozenEstimator(estimator)]


def estimator_type(estimator: Any) -> str | None:
    """What scikit-learn takes an estimator for."""
    if not since("1.6"):
        return getattr(estimator, "_estimator_type", None)
    from sklearn.utils import get_tags

    found: str | None = get_tags(estimator).estimator_type
    return found


def inside(estimator: Any) -> dict[str, Any]:
    """How a `SelfTrainingClassifier` is given its estimator."""
    return {"estimator" if since("1.6") else "base_estimator": estimator}


def linked(estimator: Any) -> dict[str, Any]:
    """How a chain is given its estimator."""
    return {"estimator" if since("1.7") else "base_estimator": estimator}


def lacks(name: str) -> bool:
    """Whether the installed release has no estimator of this dotted name, or its library is not installed."""
    return find_spec(name.partition(".")[0]) is None or not since(FIRST.get(name, "0"))
