"""Merging programs: everything equal once, nothing else shared, values where their readers look for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

import pretzel
from pretzel._native import Method, NativeProgram
from pretzel.plan import MethodPlan
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.merge import Merged, can_merge, merge

if TYPE_CHECKING:
    from pretzel.program import Program

X = np.random.default_rng(0).normal(size=(100, 6))
TEXTS = ["a cat sat", "a dog sat on a mat", "", "dog dog dog", "über cats"] * 8


def program(plan: pretzel.Plan, method: str = "predict") -> Program:
    found = plan.physical.methods[method].program
    assert found is not None
    return found


def run(merged: Merged, plans: list[pretzel.Plan], row: Any) -> list[Any]:
    """Result of each plan, cut out of the merged row."""
    arrays = {d: a for plan in plans for method in plan.methods.values() for d, a in method.arrays.items()}
    native = NativeProgram(merged.program, arrays)
    whole = Method(native, MethodPlan(merged.program), plans[0].physical.input, "all", read)
    return [whole.call_row(row)[first:] for first in merged.firsts]


def heads(features: Any, data: Any, n: int) -> list[pretzel.Plan]:
    """Models with other weights over one fitted transformer."""
    found = []
    fitted = features.fit(data)
    for seed in range(n):
        y = np.random.default_rng(seed).normal(size=len(data))
        head = Ridge().fit(fitted.transform(data), y)
        found.append(pretzel.compile(make_pipeline(fitted, head)))
    return found


def test_a_shared_prefix_is_computed_once() -> None:
    plans = heads(TfidfVectorizer(), TEXTS, 5)
    merged = merge([program(plan) for plan in plans])
    kernels = [call.kernel for call in merged.program.calls]
    assert kernels.count("ngrams") == 1
    assert merged.calls == sum(len(program(plan).calls) for plan in plans)
    assert merged.distinct == len(kernels) == merged.calls - 4
    for text in TEXTS[:5]:
        assert [v[0] for v in run(merged, plans, text)] == [plan.predict_one(text) for plan in plans]


def test_equal_models_are_one() -> None:
    plans = heads(TfidfVectorizer(), TEXTS, 1) * 3
    merged = merge([program(plan) for plan in plans])
    assert merged.distinct == merged.calls // 3
    assert len(set(merged.firsts)) == 1


def test_methods_of_one_model_share() -> None:
    plan = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    names = ("decision_function", "predict_proba", "predict_log_proba")
    merged = merge([program(plan, name) for name in names])
    kernels = [call.kernel for call in merged.program.calls]
    assert sorted(kernels) == sorted(["checked_linear", "sigmoid", "log"])
    score, proba, log_proba = run(merged, [plan] * 3, X[0])
    assert score[0] == plan.decision_function_one(X[0])
    assert proba[:2].tolist() == plan.predict_proba_one(X[0]).tolist()
    assert log_proba[:2].tolist() == plan.predict_log_proba_one(X[0]).tolist()


def test_leaves_are_told_apart() -> None:
    """The same vocabulary, but texts read in another way: nothing is shared."""
    lower = CountVectorizer(vocabulary=["a", "cat"])
    exact = CountVectorizer(vocabulary=["a", "cat"], lowercase=False)
    plans = [heads(features, TEXTS, 1)[0] for features in (lower, exact)]
    merged = merge([program(plan) for plan in plans])
    assert len(merged.program.leaves) == 2
    assert [call.kernel for call in merged.program.calls].count("ngrams") == 2
    for text in ("A cat", "a CAT"):
        assert [v[0] for v in run(merged, plans, text)] == [plan.predict_one(text) for plan in plans]


def concatenations() -> list[Any]:
    """Transformers whose results lie side by side, with parts in common."""
    scaler, ranges = StandardScaler(), MinMaxScaler()
    return [
        make_union(scaler, ranges),
        make_union(ranges, scaler),
        make_union(scaler, ranges, PolynomialFeatures(2)),
        make_union(make_pipeline(scaler, make_union(ranges, PolynomialFeatures(2))), scaler),
        make_column_transformer((scaler, [0, 1]), (ranges, [2, 3, 4])),
        make_column_transformer((scaler, [0, 1]), ("passthrough", [1, 5])),
    ]


@pytest.mark.parametrize("disable", [(), ("push_linear_through_concat", "fold_affine", "merge_linear")])
def test_parts_of_concatenations_lie_side_by_side(disable: tuple[str, ...]) -> None:
    plans = [pretzel.compile(each.fit(X), disable_rules=disable) for each in concatenations()]
    programs = [program(plan, "transform") for plan in plans]
    merged = merge(programs)
    for row in X[:5]:
        for plan, got in zip(plans, run(merged, plans, row), strict=True):
            expected = plan.transform_one(row)
            assert got[: len(expected)].tolist() == expected.tolist()


@pytest.mark.parametrize("disable", [(), ("push_linear_through_concat", "fold_affine", "merge_linear")])
def test_heads_over_concatenations(disable: tuple[str, ...]) -> None:
    plans = []
    for each in concatenations():
        fitted = each.fit(X)
        for seed in range(2):
            head = Ridge().fit(fitted.transform(X), X[:, seed])
            plans.append(pretzel.compile(make_pipeline(fitted, head), disable_rules=disable))
    merged = merge([program(plan) for plan in plans])
    assert merged.distinct < merged.calls
    for row in X[:5]:
        assert [v[0] for v in run(merged, plans, row)] == [plan.predict_one(row) for plan in plans]


def test_values_are_numbered_as_they_are_made() -> None:
    merged = merge([program(plan) for plan in heads(concatenations()[3], X, 4)]).program
    made = [step.output for step in merged.steps if step.output >= 0]
    assert made == sorted(set(made))
    assert all(max(step.inputs) < step.output for step in merged.steps if step.output >= 0)
    assert all(max(value.parts, default=-1) < number for number, value in enumerate(merged.values))


def test_a_value_is_shared_wherever_it_is_a_part() -> None:
    """The same scaler in concatenations that differ runs once."""
    disabled = ("push_linear_through_concat", "fold_affine", "merge_linear")
    plans = [pretzel.compile(each.fit(X), disable_rules=disabled) for each in concatenations()[:3]]
    merged = merge([program(plan, "transform") for plan in plans])
    kernels = [call.kernel for call in merged.program.calls]
    assert kernels.count("sub_div") == 1
    assert merged.distinct == len(kernels) < merged.calls


def test_what_cannot_be_merged() -> None:
    sparse = pretzel.compile(TfidfVectorizer().fit(TEXTS))
    assert not can_merge(program(sparse, "transform"))
    assert not can_merge(None)
    ridge = program(pretzel.compile(Ridge().fit(X, X[:, 0])))
    assert can_merge(ridge)
    assert not can_merge(replace(ridge, shape=replace(ridge.shape, output=0)))  # what was read
    assert not can_merge(replace(ridge, shape=replace(ridge.shape, leaves=(replace(ridge.leaves[0], source=1),))))
