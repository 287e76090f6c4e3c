"""Programs whose slots, buffers and steps contradict each other are not loaded."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel._native import NativeProgram, _core
from pretzel.buffers import BufferPlan, plan_buffers
from pretzel.errors import KernelError
from pretzel.store.object_store import ObjectStore
from tests.native import mutated_states
from tests.native.mutated_states import with_leaves_of_its_own

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.program import Program


def program_of(estimator: Any) -> NativeProgram:
    program: NativeProgram = pretzel.compile(estimator, store=ObjectStore(), strict=True).predict_proba.program
    return program


ROWS = np.random.default_rng(0).normal(size=(40, 3))
NUMBERS = program_of(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, np.arange(40) % 3))
TEXTS = program_of(
    make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["red tea", "sun"] * 20, np.arange(40) % 2)
)


def changed_slot(at: int, **fields: Any) -> Callable[[BufferPlan], None]:
    def change(plan: BufferPlan) -> None:
        plan.slots[at] = replace(plan.slots[at], **fields)

    return change


def changed_step(at: int, **fields: Any) -> Callable[[BufferPlan], None]:
    def change(plan: BufferPlan) -> None:
        plan.steps[at] = replace(plan.steps[at], **fields)

    return change


def changed_buffer(width: int) -> Callable[[BufferPlan], None]:
    def change(plan: BufferPlan) -> None:
        plan.buffers[0] = width

    return change


def changed_stages(*ends: int) -> Callable[[BufferPlan], None]:
    def change(plan: BufferPlan) -> None:
        plan.stage_ends[:] = ends

    return change


def dense_slot(program: NativeProgram) -> int:
    """One that lies in a buffer."""
    return next(i for i, slot in enumerate(program.buffers.slots) if slot.buffer >= 0)


BROKEN = [
    (NUMBERS, changed_slot(dense_slot(NUMBERS), offset=-1), "outside its buffer"),
    (NUMBERS, changed_slot(dense_slot(NUMBERS), offset=99), "outside its buffer"),
    (NUMBERS, changed_slot(dense_slot(NUMBERS), offset=2**31 - 1), "outside its buffer"),
    (NUMBERS, changed_slot(dense_slot(NUMBERS), buffer=9), "outside its buffer"),
    (NUMBERS, changed_slot(dense_slot(NUMBERS), buffer=-1), "outside its buffer"),
    (NUMBERS, changed_slot(dense_slot(NUMBERS), width=-1), "outside its buffer"),
    (NUMBERS, changed_buffer(0), "outside its buffer"),
    (NUMBERS, changed_buffer(-1), "negative width"),
    (NUMBERS, changed_buffer(2**31 - 1), "too much memory"),
    (NUMBERS, changed_step(0, inputs=(99,)), "no step before"),
    (NUMBERS, changed_step(0, inputs=(-1,)), "no step before"),
    (NUMBERS, changed_step(-1, output=0), "no slot of its own"),
    (NUMBERS, changed_step(-1, output=99), "no slot of its own"),
    (NUMBERS, changed_step(-1, output=-2), "no slot of its own"),
    (TEXTS, changed_step(0, inputs=(1,)), "no step before"),
    (NUMBERS, changed_stages(), "stages"),
    (NUMBERS, changed_stages(99), "stages"),
]


def load(program: Program, buffers: BufferPlan, arrays: Any, monkeypatch: pytest.MonkeyPatch) -> NativeProgram:
    monkeypatch.setattr(_core, "plan_buffers", lambda _: buffers)
    return NativeProgram(with_leaves_of_its_own(program), arrays)


@pytest.mark.parametrize(("program", "change", "message"), BROKEN)
def test_contradictions_are_not_loaded(
    program: NativeProgram, change: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffers = copy.deepcopy(plan_buffers(program.plan))
    load(program.plan, buffers, program.arrays, monkeypatch)
    change(buffers)
    with pytest.raises(KernelError, match=f"the program .*{message}"):
        load(program.plan, buffers, program.arrays, monkeypatch)


def test_a_leaf_is_as_wide_as_its_value() -> None:
    shape = NUMBERS.plan.shape
    leaf = replace(shape.leaves[0], columns=(0, 1))
    plan = replace(NUMBERS.plan, shape=replace(shape, leaves=(leaf,)))
    with pytest.raises(KernelError, match="a leaf of 2 columns"):
        NativeProgram(plan, NUMBERS.arrays)


def test_changed_programs_do_no_harm() -> None:
    """A sample of what ``python -m tests.native.mutated_states --programs`` runs."""
    found = {mutated_states.run_program(number)[1] for number in range(1500)}
    assert found >= {"rejected", "answers"}
