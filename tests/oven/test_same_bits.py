"""Kernels are compared with NumPy on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pretzel.oven import same_bits
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.link import Softmax
from pretzel.oven.ir.power import YeoJohnson
from pretzel.oven.ir.quantile import Quantiles
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.oven.same_bits import has_same_bits

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

X = NumericLeaf((), (0, 1))


@pytest.mark.parametrize("function", ["sqrt", "square", "absolute", "negative"])
def test_functions_that_are_rounded_correctly_have_the_same_bits(function: str) -> None:
    assert has_same_bits(UnaryFunction((X,), function))


def test_one_ulp_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def bent(x: Array) -> Array:
        return np.nextafter(np.cbrt(x), np.inf)

    node = YeoJohnson((X,), np.array([0.5, 0.7]), np.array([1.5, 1.3]))
    monkeypatch.setattr(np, "expm1", lambda x: np.nextafter(np.exp(x) - 1.0, np.inf))
    assert not has_same_bits(node)
    monkeypatch.setattr(UnaryFunction, "reference", lambda self, x: bent(x))
    same_bits._is_same_function.cache_clear()
    assert not has_same_bits(UnaryFunction((X,), "cbrt"))
    monkeypatch.undo()
    same_bits._is_same_function.cache_clear()


def test_steps_with_many_columns_are_asked_too() -> None:
    quantiles = np.sort(np.random.default_rng(0).normal(size=(300, 50)), axis=1)
    x = NumericLeaf((), tuple(range(300)))
    assert has_same_bits(Quantiles((x,), quantiles, np.linspace(0, 1, 50), False))


def test_steps_that_read_whole_rows_are_not_asked() -> None:
    assert not has_same_bits(Softmax((X,)))
