"""Estimators beside their sources: measured at every batch size, and those that are behind are listed."""

from __future__ import annotations

import pytest
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import GaussianNB

from benchmarks import estimators
from benchmarks.estimators import BATCHES, Measured, measure, summary


@pytest.mark.parametrize("cls", [GaussianNB, CountVectorizer])
def test_every_batch_size(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "BATCHES", (1, 32))
    found = [*measure(cls, 0.0)]
    assert [each.rows for each in found] == [1, 32]
    assert all(each.pretzel > 0.0 and each.source > 0.0 for each in found)


def test_opaque_estimators_are_left_out() -> None:
    assert [*measure(PatchExtractor, 0.0)] == []


def test_what_is_behind_is_listed() -> None:
    found = [Measured("fast", "predict", rows, 1.0, 100.0, 2.0) for rows in BATCHES]
    behind = [Measured("slow", "predict", 1, 2.0, 1.0, None), Measured("peer", "predict", 1, 2.0, 3.0, 1.0)]
    head, _, tail = summary(found + behind).partition("Not ahead:")
    assert "fast" not in tail
    assert "slow.predict" in tail
    assert "peer.predict" in tail
    assert head.splitlines()[2].split("|")[2].strip() == "3"
