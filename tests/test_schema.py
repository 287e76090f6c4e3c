"""The dtype of a value as a function of the dtype of the request."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pretzel.schema import FLOAT, FLOAT64, OBJECT, SAME, DTypeRule, Kind, Schema, dense, fixed

RULES = [SAME, FLOAT, *map(fixed, ("float64", "float32", "int64", "int32", "bool"))]
REQUESTS = [np.dtype(name) for name in ("float64", "float32", "int64", "int32", "bool")]


def test_what_rules_give() -> None:
    found = {
        str(rule): [rule.dtype_for(request).name for request in REQUESTS] for rule in (SAME, FLOAT, fixed("int64"))
    }
    assert found == {
        "same": ["float64", "float32", "int64", "int32", "bool"],
        "float": ["float64", "float32", "float64", "float64", "float64"],
        "int64": ["int64"] * 5,
    }
    assert SAME.dtype_for(object) == OBJECT.dtype_for(np.float64) == np.dtype(object)


@pytest.mark.parametrize(("a", "b"), itertools.product(RULES, RULES), ids=str)
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
        assert rule.floating().dtype_for(request) == (np.float32 if x == np.float32 else np.float64)


def test_only_rules_that_follow_the_request_keep_float32() -> None:
    assert [rule.keeps_float32 for rule in RULES] == [True, True, False, False, False, False, False]
    assert SAME.promote(fixed("bool")).keeps_float32
    assert not SAME.promote(fixed("int64")).keeps_float32


def test_schemas_print_it() -> None:
    assert str(dense(2)) == "dense[n, 2] float64"
    assert str(dense(2, SAME.promote(fixed("int64")))) == "dense[n, 2] same+int64"
    assert str(Schema(Kind.SPARSE, 5, 2, FLOAT)) == "sparse[n, 5, nnz<=2] float"
    assert dense(2) == dense(2, FLOAT64)
