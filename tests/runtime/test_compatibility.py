"""A version that callers would notice does not replace another by accident; rollback; which version answered."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import pretzel
from pretzel.errors import OptionError, RegistrationError

from .models import ROWS, WIDTH, constant

ROW = [0.0] * WIDTH
X = ROWS[:40, :3]
Y = X[:, 0]
LABELS = Y > 0
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


@pytest.fixture
def runtime() -> pretzel.Runtime:
    """A runtime over a store of its own."""
    return pretzel.Runtime(store=pretzel.ObjectStore())


def selecting(frame: pd.DataFrame, columns: list[str]) -> Any:
    chosen = ColumnTransformer([("scale", StandardScaler(), columns)])
    return make_pipeline(chosen, LinearRegression()).fit(frame, Y)


REFUSED = {
    "width": (Ridge().fit(X, Y), Ridge().fit(X[:, :2], Y), "it has 2 columns and not 3"),
    "names": (Ridge().fit(FRAME, Y), Ridge().fit(X, Y), "its columns have no names"),
    "no names": (Ridge().fit(X, Y), Ridge().fit(FRAME, Y), "its columns have names"),
    "order": (Ridge().fit(FRAME, Y), Ridge().fit(FRAME[["b", "a", "c"]], Y), "its columns have another order"),
    "renamed": (
        Ridge().fit(FRAME, Y),
        Ridge().fit(FRAME.rename(columns={"a": "d"}), Y),
        "it needs other columns: 'd'; it lacks columns: 'a'",
    ),
    "more": (
        selecting(FRAME, ["a"]),
        selecting(FRAME.assign(d=1.0), ["a", "d"]),
        "it needs other columns: 'd'",
    ),
    "fixed": (selecting(FRAME, ["a"]), Ridge().fit(FRAME, Y), "its columns have a fixed order"),
    "method": (
        LogisticRegression().fit(X, LABELS),
        LinearSVC().fit(X, LABELS),
        "it has no predict_proba, predict_log_proba",
    ),
    "kind": (Ridge().fit(X, Y), RandomForestClassifier(2).fit(X, LABELS), "it is a classifier and not a regressor"),
    "outputs": (Ridge().fit(X, Y), Ridge().fit(X, X), "its predict returns 2 dimensions and not 1"),
    "text": (TfidfVectorizer().fit(["a text"] * 3), StandardScaler().fit(X), "it takes table and not text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_unless_asked_for(runtime: pretzel.Runtime, name: str) -> None:
    old, new, reason = REFUSED[name]
    model = runtime.register("m", old)
    for change in (runtime.register, runtime.replace):
        with pytest.raises(RegistrationError, match=f"m: the new version differs .*{reason}.*allow_changes=True"):
            change("m", new)
    assert (model.version, list(runtime.stats()["models"]["m"]["versions"])) == ("v1", ["v1"])
    second = runtime.register("m", new, default=False)
    with pytest.raises(RegistrationError, match=reason):
        runtime.promote(second.name)
    runtime.promote(second.name, allow_changes=True)
    assert model.version == "v2"
    runtime.promote("m@v1", allow_changes=True)
    assert runtime.register("m", new, allow_changes=True).version == "v3"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LinearSVC().fit(X, LABELS), LogisticRegression().fit(X, LABELS)),
        (Ridge().fit(FRAME, Y), selecting(FRAME, ["b"])),
        (selecting(FRAME, ["a"]), selecting(FRAME.drop(columns="c"), ["b"])),
        (Ridge().fit(X, Y), make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)),
    ],
)
def test_accepted(runtime: pretzel.Runtime, old: Any, new: Any) -> None:
    runtime.register("m", old)
    assert runtime.register("m", new).version == "v2"


def test_rollback(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    runtime.register("m", constant(2), keep=True)
    assert model.predict_one(ROW) == 2
    runtime.promote("m@v1")
    assert model.predict_one(ROW) == 1
    runtime.replace("m", constant(3), keep=True)
    assert list(runtime.stats()["models"]["m"]["versions"]) == ["v1", "v2", "v3"]
    runtime.unregister("m@v1")
    runtime.register("m", constant(4))
    assert list(runtime.stats()["models"]["m"]["versions"]) == ["v2", "v4"]


def test_which_version_answered(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    live = runtime.alias("live", {"m@v1": 0.5, "m@v2": 0.5})
    names = {1.0: "m@v1", 2.0: "m@v2"}
    for _ in range(6):
        value, version = live.call_with_version(ROW, method="predict_one")
        assert names[value] == version
        values, version = live.call_with_version(ROWS[:3])
        assert [names[value] for value in values] == [version] * 3
        answer = live.submit(ROWS[:3])
        assert names[answer.result()[0]] == answer.version
    assert live.calls == 18
    stats = runtime.stats()["models"]["m"]["versions"]
    assert (stats["v1"]["calls"], stats["v2"]["calls"]) == (9, 9)
    assert runtime["m"].call_with_version(ROW, method="predict_one") == (1.0, "m@v1")
    with pytest.raises(AttributeError, match="live has no method 'transform'"):
        live.call_with_version(ROW, method="transform")
    with pytest.raises(pretzel.errors.InputError):
        live.call_with_version(ROW[:2], method="predict_one")
    asyncio.run(_awaited(live, names))


async def _awaited(live: Any, names: dict[float, str]) -> None:
    answer = live.submit(ROWS[:3])
    assert names[(await answer)[0]] == answer.version


def test_unknown_options(runtime: pretzel.Runtime) -> None:
    estimator = Ridge().fit(X, Y)
    for call in (runtime.register, runtime.replace):
        runtime.register("m", estimator)
        with pytest.raises(OptionError, match="unknown options: exectors, store; those of compile are: strict"):
            call("m", estimator, exectors=2, store=None)
        with pytest.raises(OptionError, match=r"others are: version, default, .*did you mean 'default' for 'defualt'"):
            call("m", estimator, defualt=False)
    with pytest.raises(TypeError, match="nthreads"):
        pretzel.compile(estimator, nthreads=2)
    with pytest.raises(TypeError, match="threads"):
        pretzel.Runtime(threads=2)
    for wrong in ({"strict": "yes"}, {"keep_source": 1}, {"name": 3}, {"store": {}}, {"numerics": "exact"}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            pretzel.compile(estimator, **wrong)
    for wrong in ({"store": {}}, {"tracing": "on"}, {"executors": 0}, {"queue": "long"}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            pretzel.Runtime(**wrong)
    for wrong in ({"keep": "v1"}, {"default": 1}, {"allow_changes": None}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            runtime.register("m", estimator, **wrong)
    assert np.isfinite(runtime["m"].predict_one([0.0] * 3))
