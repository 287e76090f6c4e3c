"""How calls are dealt out by weight, and the counters of live objects."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pretzel
from pretzel._native import CallCounter, Endpoint, RoutedMethod, WeightedRoute, live, swap_targets
from pretzel.calibration.measure import native_methods

if TYPE_CHECKING:
    from collections.abc import Callable


class Target(CallCounter):
    """Answers with its number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, request: object) -> int:
        return self.number

    call_row = __call__


@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6),
    seed=st.integers(0, 2**64),
    count=st.integers(1, 3000),
    step=st.integers(1, 7),
)
def test_shares_are_exact_to_a_few_calls(weights: list[float], seed: int, count: int, step: int) -> None:
    """Also for a caller that only makes every ``step``-th call."""
    split = WeightedRoute(weights, seed)
    found = [split.next() for _ in range(count * step)][::step]
    for number, weight in enumerate(weights):
        assert abs(found.count(number) - count * weight / sum(weights)) <= 12


def in_threads(work: Callable[[], None], count: int = 8) -> None:
    """Run ``work`` in several threads at once."""
    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(work) for _ in range(count)]:
            future.result()


def test_shares_are_exact_over_all_threads() -> None:
    split, found = WeightedRoute([3.0, 2.0, 1.0]), []
    in_threads(lambda: found.extend([split.next() for _ in range(5000)]))
    for number, part in enumerate((1 / 2, 1 / 3, 1 / 6)):
        assert abs(found.count(number) - 40_000 * part) <= 12


def test_endpoints_are_switched_at_once_and_count_every_call() -> None:
    """Targets only get higher numbers, so nobody may see a lower one after a higher one, at whatever endpoint."""
    endpoints = [Endpoint(Target(0)) for _ in range(4)]
    done = threading.Event()

    def work() -> None:
        latest = 0
        for turn in range(5000):
            number = endpoints[turn % 4].call_row(None)
            assert number >= latest
            latest = number

    def change() -> None:
        number = 0
        while not done.is_set():
            number += 1
            swap_targets(endpoints, [Target(number) for _ in endpoints])

    changing = threading.Thread(target=change)
    changing.start()
    try:
        in_threads(work)
    finally:
        done.set()
        changing.join()
    assert [endpoint.calls for endpoint in endpoints] == [10_000] * 4
    assert [rows[0]["answered"] for rows, _ in map(Endpoint.statistics, endpoints)] == [10_000] * 4


def test_endpoints_take_what_counts_its_calls() -> None:
    with pytest.raises(TypeError, match="counts its calls, got function"):
        Endpoint(in_threads)
    with pytest.raises(TypeError, match="count their calls"):
        RoutedMethod(WeightedRoute([1.0]), (None,))
    endpoint = Endpoint(Target(0))
    for endpoints, targets in (([endpoint] * 2, [Target(1), Target(2)]), ([endpoint], []), ([endpoint], [None])):
        with pytest.raises(TypeError):
            swap_targets(endpoints, targets)
    assert endpoint.call_row(None) == 0


@pytest.mark.parametrize("weights", [[], [0.0, 1.0], [-1.0], [float("nan")], [float("inf"), 1.0]])
def test_weights_are_positive(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        WeightedRoute(weights)


def test_extreme_weights() -> None:
    tiny, huge = WeightedRoute([5e-324, 1.0]), WeightedRoute([1.7e308, 1.7e308])
    assert {tiny.next() for _ in range(1000)} == {1}
    assert {huge.next() for _ in range(10)} == {0, 1}


def test_choices_have_a_target_for_each_weight() -> None:
    with pytest.raises(ValueError, match="as many targets"):
        RoutedMethod(WeightedRoute([1.0, 1.0]), (Target(0),))


def test_endpoints_count_and_choose() -> None:
    targets = Target(0), Target(1)
    endpoint = Endpoint(RoutedMethod(WeightedRoute([3.0, 1.0]), targets))
    found = [endpoint(None) for _ in range(20)] + [endpoint.call_row(None) for _ in range(20)]
    assert found.count(1) == targets[1].calls
    assert abs(targets[1].calls - 10) <= 1
    assert endpoint.calls == targets[0].calls + targets[1].calls == 40
    old = [targets[1]]
    swap_targets([endpoint], old)
    assert type(old[0]) is RoutedMethod
    assert [endpoint.call_row(None) for _ in range(3)] == [1, 1, 1]


def test_objects_are_counted_while_they_live() -> None:
    from sklearn.preprocessing import StandardScaler

    gc.collect()
    before = live()
    endpoint = Endpoint(Target(0))
    plan = pretzel.compile(StandardScaler().fit([[0.0], [1.0]]))
    made = len([*native_methods(plan)])
    assert live() == {
        "programs": before["programs"] + made,
        "methods": before["methods"] + made,
        "endpoints": before["endpoints"] + 1,
    }
    del plan, endpoint
    assert live() == before
