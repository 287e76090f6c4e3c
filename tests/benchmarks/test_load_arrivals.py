"""Schedules are what they say: Poisson, Zipf, and the same for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load.arrivals import draw, popularity

KINDS = ["text"] * 50 + ["numbers"] * 50 + ["table"] * 10


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(0, 1000))
def test_each_kind_gets_requests_in_proportion_to_its_models(kinds: list[str], seed: int) -> None:
    shares = popularity(kinds, seed)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares > 0).all()
    for kind in set(kinds):
        of_kind = np.array(kinds) == kind
        assert shares[of_kind].sum() == pytest.approx(of_kind.mean())


def test_popularity_within_a_kind_is_zipf_in_random_order() -> None:
    shares = popularity(KINDS, 0)
    for kind in ("text", "numbers"):
        some = shares[np.array(KINDS) == kind]
        ranked = np.sort(some)[::-1]
        np.testing.assert_allclose(ranked[0] / ranked, np.arange(1, 51) ** 2.0)
        assert not np.array_equal(some, ranked)
    assert not np.array_equal(shares, popularity(KINDS, 1))


@given(st.integers(1, 500), st.floats(0.1, 1e5), st.integers(0, 100))
def test_the_same_requests_come_at_every_rate(count: int, rate: float, seed: int) -> None:
    shares = popularity(KINDS, 0)
    slow, fast = draw(shares, 1.0, count, seed), draw(shares, rate, count, seed)
    np.testing.assert_allclose(slow.seconds, fast.seconds * rate)
    np.testing.assert_array_equal(slow.model, fast.model)
    np.testing.assert_array_equal(slow.batch, fast.batch)
    np.testing.assert_array_equal(slow.row, fast.row)
    assert len(fast) == count
    assert (np.diff(fast.seconds) >= 0).all()
    assert fast.model.max() < len(KINDS)


def test_fewer_requests_are_the_first_of_many() -> None:
    shares = popularity(KINDS, 0)
    few, many = draw(shares, 10.0, 20, 5), draw(shares, 10.0, 3000, 5)
    for name in ("seconds", "model", "batch", "row"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:20])


def test_gaps_are_exponential_and_shares_are_kept() -> None:
    shares = popularity(KINDS, 0)
    requests = draw(shares, 200.0, 100_000, 0, batch_share=0.3)
    gaps = np.diff(requests.seconds)
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.02)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.02)
    assert requests.batch.mean() == pytest.approx(0.3, abs=0.01)
    seen = np.bincount(requests.model, minlength=len(KINDS)) / len(requests)
    np.testing.assert_allclose(seen, shares, atol=0.005)
