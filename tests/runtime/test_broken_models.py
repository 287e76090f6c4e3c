"""Numbers that a model computes or brings along are checked before they index anything: KernelError, never a crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import pretzel
from pretzel.errors import CompileError, KernelError
from pretzel.runtime.model import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = np.array(["a", "b", "c"])
BROKEN = (-1.0, -0.5, 3.0, 1e300, -1e300, np.nan)


X = np.array([[0.0], [1.0], [2.0]])


def labelled(outputs: int = 1) -> Plan:
    """A plan that takes ``x`` as the number of a label, for each output."""
    source = LinearRegression().fit(X, X[:, 0] if outputs == 1 else np.repeat(X, outputs, axis=1))
    source.coef_ = np.ones_like(source.coef_)
    source.intercept_ = source.intercept_ * 0.0
    return with_labels(pretzel.compile(source), outputs)


def not_a_number() -> Plan:
    """A plan that takes NaN as the number of a label, as the sum of two infinities, where ``x`` is large."""
    source = make_pipeline(PolynomialFeatures(2, include_bias=False), LinearRegression()).fit(X, X[:, 0])
    source[-1].coef_ = np.array([-1e308, 1e308])
    source[-1].intercept_ = 0.0
    return with_labels(pretzel.compile(source, strict=True))


def with_labels(plan: Plan, outputs: int = 1) -> Plan:
    """The plan of a regressor, with labels."""
    method = replace(plan.physical.methods["predict"], labels=(LABELS,) * outputs, ndim=1 if outputs == 1 else 2)
    return Plan(replace(plan.physical, methods={"predict": method}), plan.store, plan.lease)


def of(number: float) -> tuple[Plan, float]:
    """A plan, and the value for which it computes ``number``."""
    return (not_a_number(), 1e10) if np.isnan(number) else (labelled(), number)


PATHS: dict[str, Callable[[Any, Any, float], Any]] = {
    "predict": lambda runtime, model, x: model.predict(np.array([[0.0], [x]])),
    "predict, list": lambda runtime, model, x: model.predict([(0.0,), (x,)]),
    "predict_one, tuple": lambda runtime, model, x: model.predict_one((x,)),
    "predict_one, array": lambda runtime, model, x: model.predict_one(np.array([x])),
    "plan": lambda runtime, model, x: model.plan.predict_one([x]),
    "predict_many": lambda runtime, model, x: runtime.predict_many([(model, (0.0,)), (model, (x,))]),
    "predict_all": lambda runtime, model, x: runtime.predict_all((x,), [model, model]),
    "submit": lambda runtime, model, x: model.submit(np.array([[0.0], [x]])).result(10),
    "apredict": lambda runtime, model, x: asyncio.run(model.apredict(np.array([[0.0], [x]]))),
    "apredict_one": lambda runtime, model, x: asyncio.run(model.apredict_one((x,))),
}


@pytest.mark.parametrize("engine", ["request", "batch"])
@pytest.mark.parametrize("path", PATHS)
def test_every_path_raises(path: str, engine: Any) -> None:
    with pretzel.Runtime(executors=1) as runtime:
        for number in BROKEN:
            plan, x = of(number)
            model = runtime.register(
                "m", plan, engine=engine, batching=pretzel.Batching() if engine == "batch" else None
            )
            with pytest.raises(KernelError, match="label number"):
                PATHS[path](runtime, model, x)
        assert runtime.register("m", labelled()).predict_one((1.0,)) == "b"


def test_numbers_in_range_are_labels() -> None:
    plan = labelled()
    assert plan.predict(np.array([[0.0], [1.0], [2.9]])).tolist() == ["a", "b", "c"]
    assert [plan.predict_one((x,)) for x in (0.0, -0.0, 1.5, 2.0)] == ["a", "a", "b", "c"]


def test_several_outputs() -> None:
    plan = labelled(outputs=2)
    assert plan.predict(np.array([[2.0]])).tolist() == [["c", "c"]]
    assert plan.predict_one((1.0,)).tolist() == ["b", "b"]
    for call in (lambda: plan.predict(np.array([[7.0]])), lambda: plan.predict_one((7.0,))):
        with pytest.raises(KernelError, match="label number 7"):
            call()


def test_failures_take_the_place_of_answers() -> None:
    with pretzel.Runtime() as runtime:
        model = runtime.register("m", labelled())
        first, second = runtime.predict_many([(model, (1.0,)), (model, (9.0,))], on_error="return")
        assert first == "b"
        assert isinstance(second, KernelError)
        assert all(
            isinstance(each, KernelError) for each in runtime.predict_all((9.0,), [model] * 2, on_error="return")
        )


def test_fewer_outputs_than_labels_are_rejected() -> None:
    plan = pretzel.compile(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    method = replace(plan.physical.methods["predict"], labels=(LABELS,) * 2, ndim=2)
    with pytest.raises(KernelError, match="1 output"):
        Plan(replace(plan.physical, methods={"predict": method}), plan.store, plan.lease)


def test_leaves_read_columns_of_the_request() -> None:
    plan = pretzel.compile(LinearRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]))
    method = plan.physical.methods["predict"]
    assert method.program is not None
    for columns in ((0, 2), (-1, 0), (0, 2**40)):
        leaves = tuple(replace(leaf, columns=columns) for leaf in method.program.leaves)
        shape = replace(method.program.shape, leaves=leaves)
        broken = replace(method, program=replace(method.program, shape=shape))
        with pytest.raises(KernelError):
            Plan(replace(plan.physical, methods={"predict": broken}), plan.store, plan.lease)


def test_names_fit_the_columns() -> None:
    plan = pretzel.compile(LinearRegression().fit(pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]}), [0.0, 1.0]))
    for change in ({"names": ("a",)}, {"required": (0,)}, {"required": (0, 5)}):
        spec = replace(plan.physical.input, **change)
        with pytest.raises(KernelError):
            Plan(replace(plan.physical, input=spec), plan.store, plan.lease)


def test_labels_that_are_no_vector_are_rejected() -> None:
    source = LogisticRegression().fit(np.arange(9.0)[:, None], np.arange(9) % 3)
    source.classes_ = "junk"
    with pytest.raises(CompileError, match="attribute classes_ cannot be read"):
        pretzel.compile(source)
    plan = labelled()
    method = replace(plan.physical.methods["predict"], labels=(np.array("junk"),))
    with pytest.raises(KernelError, match="labels are one-dimensional"):
        Plan(replace(plan.physical, methods={"predict": method}), plan.store, plan.lease)
