"""The dtype of a value as a function of the dtype of the request."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pretzel.schema import (
    FLOAT,
    FLOAT32,
    FLOAT64,
    OBJECT,
    SAME,
    DTypeRule,
    Follows,
    Kind,
    Schema,
    as_positions,
    dense,
    fixed,
    rule_of,
)

RULES = [
    SAME,
    FLOAT,
    FLOAT32,
    SAME.promote(fixed("float32")),
    *map(fixed, ("float64", "float32", "int64", "int32", "bool")),
]
REQUESTS = [np.dtype(name) for name in ("float64", "float32", "float16", "int64", "int32", "int8", "bool")]


def test_what_rules_give() -> None:
    found = {
        str(rule): [rule.dtype_for(request).name for request in REQUESTS]
        for rule in (SAME, FLOAT, FLOAT32, SAME.promote(fixed("float32")), fixed("int64"))
    }
    assert found == {
        "same": ["float64", "float32", "float16", "int64", "int32", "int8", "bool"],
        "float": ["float64", "float32", "float16", *["float64"] * 4],
        "single": ["float64", "float32", *["float64"] * 5],
        "same+float32": ["float64", "float32", "float32", "float64", "float64", "float32", "float32"],
        "int64": ["int64"] * 7,
    }
    assert SAME.dtype_for(object) == OBJECT.dtype_for(np.float64) == np.dtype(object)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(RULES, RULES)), ids=str)
def test_side_by_side_promotes_as_numpy_does(a: DTypeRule, b: DTypeRule) -> None:
    for request in REQUESTS:
        both = np.hstack([np.zeros((1, 1), a.dtype_for(request)), np.zeros((1, 1), b.dtype_for(request))])
        assert a.promote(b).dtype_for(request) == both.dtype
        for c in RULES:
            assert a.promote(b, c) == a.promote(b).promote(c)


@pytest.mark.parametrize("rule", [*RULES, SAME.promote(fixed("bool")), SAME.promote(fixed("int32"))], ids=str)
def test_floating_point_steps(rule: DTypeRule) -> None:
    for request in REQUESTS:
        x = rule.dtype_for(request)
        kept = x if x in (np.float16, np.float32) else np.float64
        assert rule.floating().dtype_for(request) == kept
        assert rule.floating(Follows.FLOAT32).dtype_for(request) == (x if x == np.float32 else np.float64)


def test_what_gives_float32_for_float32() -> None:
    assert [rule.is_float32 for rule in RULES] == [True, True, True, True, False, True, False, False, False]
    assert SAME.promote(fixed("bool")).is_float32
    assert not SAME.promote(fixed("int64")).is_float32


@pytest.mark.parametrize("rule", [*RULES, SAME.promote(fixed("bool"))], ids=str)
def test_a_rule_is_read_from_what_it_prints(rule: DTypeRule) -> None:
    assert rule_of(str(rule)) == rule


def test_schemas_print_it() -> None:
    assert str(dense(2)) == "dense[n, 2] float64"
    assert str(dense(2, SAME.promote(fixed("int64")))) == "dense[n, 2] same+int64"
    assert str(Schema(Kind.SPARSE, 5, 2, FLOAT)) == "sparse[n, 5, nnz<=2] float"
    assert dense(2) == dense(2, FLOAT64)


def test_positions_have_one_form() -> None:
    for first in ((), (0,), (0, 1, 2), range(3), range(0)):
        assert as_positions(first) == range(len(first))
    for some in ((1,), (0, 2), (2, 1, 2), (1, 0, 2), range(1, 4)):
        assert as_positions(some) == tuple(some)
