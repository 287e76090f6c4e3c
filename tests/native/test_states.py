"""States of kernels: their bytes depend on the parameters only, and bytes from outside do no harm."""

from __future__ import annotations

import collections
import os
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

import pretzel
from pretzel import examples
from pretzel._native import NativeProgram, bind, check_state, isa, set_isa, signatures
from pretzel.errors import KernelError
from pretzel.store.digest import frozen
from pretzel.store.object_store import ObjectStore
from tests import cases
from tests.native import mutated_states
from tests.native.mutated_states import fault_of, fault_of_call, run, run_extremes, states_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pretzel.program import Program

WITH_STATE = {name for name, signature in signatures().items() if signature["has_state"]}


def all_bound() -> list[tuple[str, dict[str, np.ndarray]]]:
    """Every kernel with its parameters, as the models of `mutated_states` bind it."""
    store = mutated_states.Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = [mutated_states.fit(model, X, y) for _, model, X, y, _ in mutated_states.models()]
        plans = [pretzel.compile(model, store=store) for model in fitted]
    assert plans
    return [(kernel, params) for kernel, params in store.seen if kernel in WITH_STATE]


# ---- bytes -----------------------------------------------------------------------------------------------------------


BIND_ALL = """
import pickle, sys
from pretzel._native import bind

with open(sys.argv[1], "rb") as file:
    bound = pickle.load(file)
with open(sys.argv[2], "wb") as file:
    pickle.dump([bind(kernel, params)[0].tobytes() for kernel, params in bound], file)
"""


def test_equal_parameters_give_equal_bytes(tmp_path: Path) -> None:
    """Also where fresh memory holds something else: glibc fills it with the byte that MALLOC_PERTURB_ names."""
    bound = all_bound()
    assert {kernel for kernel, _ in bound} == WITH_STATE
    (tmp_path / "bound").write_bytes(pickle.dumps(bound))
    expected = []
    for kernel, params in bound:
        first, again = bind(kernel, params)[0], bind(kernel, params)[0]
        assert first is not None
        assert np.array_equal(first, again), kernel
        expected.append(first.tobytes())
    for poison in ("1", "254"):
        command = [sys.executable, "-c", BIND_ALL, str(tmp_path / "bound"), str(tmp_path / "states")]
        environment = {**os.environ, "MALLOC_PERTURB_": poison}
        subprocess.run(command, check=True, timeout=300, env=environment)
        assert pickle.loads((tmp_path / "states").read_bytes()) == expected


def test_only_states_that_say_so_depend_on_the_level() -> None:
    active = isa()
    bound = all_bound()
    try:
        for kernel, params in bound:
            states = set()
            for level in ("baseline", "x86-64-v3", "x86-64-v4"):
                set_isa(level)
                state = bind(kernel, params)[0]
                assert state is not None
                states.add(state.tobytes())
            assert len(states) == 1 or signatures()[kernel]["state_per_isa"], kernel
    finally:
        set_isa(active)


def test_a_vocabulary_takes_few_bytes_for_each_pair_of_words() -> None:
    """Edges that crowd in the dense table are spread in the one for what is left, which stays small."""
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.zipf(1.2, (60_000, 2)) % 5000, axis=0)
    texts = [f"a{first} b{second}" for first, second in pairs.tolist()]
    store = mutated_states.Recorder()
    pretzel.compile(CountVectorizer(ngram_range=(2, 2)).fit(texts), store=store)
    ((_, params),) = [each for each in store.seen if each[0] == "ngrams"]
    state = bind("ngrams", params)[0]
    assert state is not None
    words = len({word for text in texts for word in text.split()})
    assert state.nbytes < 9 * len(texts) + 24 * words


# ---- what is accepted ------------------------------------------------------------------------------------------------


def programs_of(plan: pretzel.Plan) -> Iterator[tuple[Program, dict[bytes, np.ndarray]]]:
    for method in plan.methods.values():
        native = getattr(method, "program", None)
        if isinstance(native, NativeProgram):
            yield native.plan, native.arrays


def test_states_that_were_built_here_are_accepted() -> None:
    """Those of every estimator, every example and every generated model, in all levels of instructions."""
    active = isa()
    seen: collections.Counter[str] = collections.Counter()
    try:
        for level in ("baseline", active):
            set_isa(level)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = [cases.fitted(i) for i in range(len(cases.CASES))]
                fitted += [example.fit() for example in examples.small_examples()]
                fitted += [mutated_states.fit(model, X, y) for _, model, X, y, _ in mutated_states.models()]
                plans = [pretzel.compile(estimator, store=ObjectStore()) for estimator in fitted]
            set_isa(active)
            for plan in plans:
                for program, arrays in programs_of(plan):
                    assert fault_of(program, arrays) == ""
                    seen.update(call.kernel for call in program.calls)
    finally:
        set_isa(active)
    assert set(seen) >= WITH_STATE


def test_every_level_runs_states_of_small_trees() -> None:
    """Those that only machines with the widest vectors build."""
    found = {case.name: case for case in mutated_states.cases()}
    vectors = [name for name in found if name.endswith(", vectors")]
    assert len(vectors) == 4
    for name in vectors:
        mine, other = found[name], found[name.removesuffix(", vectors")]
        assert fault_of(mine.program, mine.arrays) == ""
        for columns, rows in mine.requests:
            got, expected = (NativeProgram(c.program, c.arrays).trace(columns, rows)[-1] for c in (mine, other))
            np.testing.assert_array_equal(got, expected)


# ---- what is rejected ------------------------------------------------------------------------------------------------


def test_a_state_is_there_where_it_is_read_and_begins_a_cache_line() -> None:
    params = {"centers": None}
    state = frozen(np.zeros(2 * 8).view(np.uint8))
    arguments: tuple[Any, ...] = ([("dense", 3)], ("dense", 2))
    assert check_state("distances", params, state, *arguments) == ""
    assert "has no state" in check_state("distances", params, None, *arguments)
    assert "centres of other widths" in check_state("distances", params, state[:64], *arguments)
    moved = np.zeros(state.size + 128, dtype=np.uint8)
    moved = moved[-moved.ctypes.data % 64 + 8 :][: state.size]
    assert "cache line" in check_state("distances", params, moved, *arguments)
    assert "does not read" in check_state("relu", {}, state, [("dense", 3)], ("dense", 3))
    assert "negative width" in check_state("relu", {}, None, [("dense", -1)], ("dense", -1))
    for odd in (state.view(np.float64), state[::2], state.reshape(2, -1)):
        with pytest.raises(KernelError, match="a row of bytes"):
            check_state("distances", params, odd, *arguments)


def test_widths_that_multiply_to_nothing_are_rejected() -> None:
    """2**31 centres of 2**28 columns have 2**62 bytes, and four times as many have none."""
    widths = [2**31 - 1, 2**30, 2**29]
    for inside in widths:
        for outside in widths:
            wrong = check_state(
                "distances", {"centers": None}, frozen(np.zeros(0, np.uint8)), [("dense", inside)], ("dense", outside)
            )
            assert wrong


def scalar(number: Any, dtype: str) -> np.ndarray:
    return np.array(number, dtype=dtype)


UNBOUND = [
    ("majority", {"classes": scalar(0, "i4"), "weights": np.ones(1)}, ("dense", 1), ("dense", 1), "'classes'"),
    ("majority", {"classes": scalar(2**31 - 1, "i4"), "weights": np.ones(1)}, ("dense", 1), ("dense", 1), "'classes'"),
    ("majority", {"classes": None, "weights": np.ones(1)}, ("dense", 1), ("dense", 1), "'classes'"),
    ("sub_div", {"mean": None, "scale": None}, ("dense", 2), ("dense", 2), "neither"),
    ("threshold", {"cut": None, "inclusive": scalar(1, "u1")}, ("dense", 2), ("dense", 2), "'cut' is not there"),
    ("unary_function", {"function": scalar(25, "u1")}, ("dense", 2), ("dense", 2), "'function' holds 25"),
    ("unit_norm", {"norm": scalar(3, "u1"), "smallest": scalar(0, "f8")}, ("dense", 2), ("dense", 2), "'norm' holds 3"),
    ("select", {"columns": np.int32([0, 2])}, ("dense", 2), ("dense", 2), "'columns' holds 2"),
    ("select_sparse", {"position": np.int32([0, -2])}, ("sparse", 2), ("sparse", 2), "'position' holds -2"),
    ("one_hot", {"offsets": np.int32([0, 3])}, ("dense", 1), ("dense", 2), "'offsets'"),
]


@pytest.mark.parametrize(("kernel", "params", "given", "made", "message"), UNBOUND)
def test_what_only_bind_would_reject_is_rejected(kernel: str, params: Any, given: Any, made: Any, message: str) -> None:
    assert message in check_state(kernel, params, None, [given], made)


def packed(kind: int, offset: int, size: int, text: bytes) -> dict[str, np.ndarray]:
    """Parameters of `impute_cells` with one constant that replaces nothing."""
    both = {}
    for prefix in ("fill_", "missing_"):
        both |= {
            f"{prefix}kinds": np.uint8([kind]),
            f"{prefix}numbers": np.zeros(1),
            f"{prefix}offsets": np.int64([offset]),
            f"{prefix}sizes": np.int64([size]),
            f"{prefix}text": frozen(np.frombuffer(text, dtype=np.uint8)),
        }
    flags = {"reject_nan": scalar(0, "u1"), "na": scalar(0, "u1"), "blanks": np.int32([]), "texts": scalar(0, "u1")}
    return {"columns": np.int32([0]), **both, **flags, "spared": np.uint8([0])}


@pytest.mark.parametrize(
    ("constant", "message"),
    [
        ((3, 0, 3, b"abc"), ""),
        ((6, 4, 1, b"\0\0\0\0\xff\xff\x10\0"), ""),
        ((3, 1, 3, b"abc"), "outside"),
        ((3, -(2**63), 3, b"abc"), "outside"),
        ((5, 0, 2**62, b"abcd"), "outside"),
        ((3, 2**63 - 1, 0, b"abc"), "outside"),
        ((5, 1, 1, b"abcd"), "not aligned"),
        ((6, 0, 1, b"\0\0\x11\0"), "no character"),
        ((7, 0, 0, b""), "holds 7"),
    ],
)
def test_constants_are_texts(constant: Any, message: str) -> None:
    wrong = check_state("impute_cells", packed(*constant), None, [("cells", 1)], ("cells", 1))
    assert message in wrong
    assert bool(wrong) == bool(message)


def test_trees_add_to_columns_of_the_result() -> None:
    (case,) = [case for case in mutated_states.cases() if case.name == "trees of 8"]
    (number,) = [i for i, call in enumerate(case.program.calls) if call.kernel == "tree_ensemble"]
    position = [p["name"] for p in signatures()["tree_ensemble"]["params"]].index("columns")
    digest = case.program.calls[number].params[position]
    assert digest is not None
    for column in (-1, 1, 3, 2**31 - 1):
        columns = case.arrays[digest].copy()
        columns[-1] = column
        assert "'columns'" in fault_of_call(case.program, number, {**case.arrays, digest: columns})


def test_a_space_is_part_of_no_word() -> None:
    """Words are compared up to the space behind them."""
    (case,) = [case for case in mutated_states.cases() if case.name == "words"]
    position = [p["name"] for p in signatures()["ngrams"]["params"]].index("class_flags")
    digest = case.program.calls[0].params[position]
    assert digest is not None
    flags = case.arrays[digest].copy()
    flags[ord(" ")] |= 1
    assert "the space" in fault_of_call(case.program, 0, {**case.arrays, digest: flags})


# ---- changed bytes ---------------------------------------------------------------------------------------------------


def test_states_cut_short_are_rejected() -> None:
    """At each of their words near the begin, and in front of the last one."""
    for case in mutated_states.cases():
        for digest in states_of(case):
            state = case.arrays[digest]
            for end in {*range(0, min(state.size, 400), 4), state.size - 64, state.size - 4}:
                cut = mutated_states.exact(state[: max(end, 0)])
                if end < state.size - 64:
                    assert fault_of(case.program, {**case.arrays, digest: cut}), (case.name, end)
                else:
                    mutated_states.outcome(case, {**case.arrays, digest: cut})


def test_changed_states_and_parameters_do_no_harm() -> None:
    """A sample of what ``python -m tests.native.mutated_states`` runs."""
    found: collections.Counter[str] = collections.Counter()
    for number in range(3000):
        found[run(number)[1]] += 1
    assert min(found["rejected"], found["answers"]) > 500


def test_extreme_numbers_in_states_do_no_harm() -> None:
    for case in mutated_states.cases():
        if all(case.arrays[digest].nbytes < 1 << 20 for digest in states_of(case)):
            run_extremes(case, 8)
