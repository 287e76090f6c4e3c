"""Errors about requests: bounded in work and length, whatever the request holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import InputError
from pretzel.runtime.input import messages

WIDTH = 2000
LONGEST = 10_000  # characters


class Sour:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


VALUES = {
    "sour": Sour(),
    "digits": 10**5000,
    "text": "x" * 10**6,
    "bytes": b"x" * 10**6,
    "list": list(range(10**5)),
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("kind", VALUES)
def test_shown_values_are_short(kind: str) -> None:
    assert len(messages.shown(VALUES[kind])) <= 70


def test_hint_names_a_misspelt_column() -> None:
    assert messages.hints(["incme"], ["age", "income"]) == " (did you mean 'income' for 'incme'?)"
    assert messages.hints([10**5000, 1.5, None], ["age", "income"]) == ""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    names = [f"feature_{i:05d}" * 10 for i in range(WIDTH)]
    return pd.DataFrame(np.random.default_rng(0).normal(size=(5, WIDTH)), columns=names)


@pytest.fixture(scope="module", params=["in order", "any order"])
def plan(frame: pd.DataFrame, request: pytest.FixtureRequest) -> Any:
    scaler = StandardScaler()
    first = scaler if request.param == "in order" else make_column_transformer((scaler, list(frame.columns)))
    return pretzel.compile(make_pipeline(first, Ridge()).fit(frame, frame.iloc[:, 0]))


def test_wide_requests_with_other_names_compare_few(
    frame: pd.DataFrame, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing all pairs of names would take a minute."""
    compared = 0

    def count(word: str, names: list[str], n: int) -> list[str]:
        nonlocal compared
        compared += len(names)
        return []

    monkeypatch.setattr("difflib.get_close_matches", count)
    other = frame.rename(columns="x_{}".format)
    row = other.iloc[0].to_dict()
    more = {**frame.iloc[0].to_dict(), "y" * 10**6: 1.0, 10**5000: 2.0}
    requests = [(plan.predict, other), (plan.predict_one, row), (plan.predict, [row, row])]
    if not plan.physical.input.any_order:
        requests.append((plan.predict_one, more))
    for ask, what in requests:
        with pytest.raises(InputError) as caught:
            ask(what)
        assert len(str(caught.value)) < LONGEST
    assert compared <= 500
