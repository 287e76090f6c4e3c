"""Interning, references, exclusive bytes; threads, the garbage collector and forks in between."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OrdinalEncoder

import pretzel
from pretzel import _native
from pretzel.oven.ir._characters import character_classes
from pretzel.store import object_store
from pretzel.store.object_store import Lease, ObjectStore
from tests.interrupts import interrupted_at
from tests.store.hashes import count_hashed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMPTY = {"objects": 0, "stages": 0, "unique_bytes": 0, "logical_bytes": 0}


def array(number: int, size: int = 16) -> npt.NDArray[np.float64]:
    """A new array that equals those of the same number."""
    return np.full(size, float(number))


def run_threads(work: Callable[[int], None], count: int) -> None:
    """Run ``work(number)`` in threads that start together and switch all the time; raises what they raised."""
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if failures:
        raise failures[0]


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    """A store that must be empty in the end."""
    store = ObjectStore()
    yield store
    assert store.stats() == EMPTY
    assert not store._bound


def test_equal_arrays_are_one(store: ObjectStore) -> None:
    first, second = store.lease(), store.lease()
    assert store.intern(array(1), first) == store.intern(array(1), second)
    assert store.stats() == {"objects": 1, "stages": 0, "unique_bytes": 128, "logical_bytes": 256}


def test_what_is_interned_cannot_be_changed_from_outside(store: ObjectStore) -> None:
    mine = array(1)
    view = mine[:]
    view.flags.writeable = False
    lease = store.lease()
    digest = store.intern(view, lease)
    mine[:] = 7
    assert store.get(digest).tolist() == array(1).tolist()
    with pytest.raises(ValueError, match="read-only"):
        store.get(digest)[0] = 3


def test_exclusive_bytes_are_what_closing_frees(store: ObjectStore) -> None:
    leases = [store.lease() for _ in range(3)]
    for number, lease in enumerate(leases):
        store.intern(array(0, 1000), lease)  # everybody's
        store.intern(array(1 + number // 2, 100), lease)  # shared by the first two
        store.intern(array(10 + number, 10), lease)  # its own
        store.intern(array(10 + number, 10), lease)  # again: held once
    assert [store.exclusive_bytes(lease) for lease in leases] == [80, 80, 880]
    while leases:
        before = store.stats()["unique_bytes"]
        exclusive = store.exclusive_bytes(leases[-1])
        leases.pop().close()
        assert before - store.stats()["unique_bytes"] == exclusive


def test_closing_twice_is_closing_once(store: ObjectStore) -> None:
    first, second = store.lease(), store.lease()
    for lease in (first, second):
        store.intern(array(1), lease)
    first.close()
    first.close()
    del first
    assert store.stats()["objects"] == 1
    assert store.exclusive_bytes(second) == 128
    del second, lease


def test_arrays_live_as_long_as_they_are_held(store: ObjectStore) -> None:
    lease = store.lease()
    digest = store.intern(array(1), lease)
    lease.close()
    with pytest.raises(KeyError):
        store.get(digest)


def test_adoption_shares_the_arrays(store: ObjectStore) -> None:
    source = ObjectStore()
    theirs, ours = source.lease(), store.lease()
    digest = source.intern(array(1), theirs)
    store.adopt(source, [digest], ours)
    assert store.get(digest) is source.get(digest)
    theirs.close()
    assert store.get(digest).tolist() == array(1).tolist()
    with pytest.raises(KeyError):
        store.adopt(source, [digest], ours)


# A plan of this encoder has a kernel state and no arrays besides.
def encoder(letters: str) -> Any:
    """An encoder over some letters."""
    return OrdinalEncoder().fit([[letter] for letter in letters])


def test_bindings_are_found_again_and_forgotten(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[str] = []
    native = _native.bind

    def counting(kernel: str, params: dict[str, Any]) -> Any:
        bound.append(kernel)
        return native(kernel, params)

    monkeypatch.setattr(_native, "bind", counting)
    first = pretzel.compile(encoder("abc"), store=store)
    kernels = len(bound)
    assert kernels >= 1
    second = pretzel.compile(encoder("abc"), store=store)
    assert len(bound) == kernels
    assert first.exclusive_bytes == second.exclusive_bytes == 0
    del first, second
    assert not store._bound
    third = pretzel.compile(encoder("abc"), store=store)
    assert len(bound) == 2 * kernels
    assert third.transform_one(["b"]).tolist() == [1.0]
    del third


def test_compiling_hashes_hardly_more_than_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters once each, before and after they are encoded; states and what rules throw away not at all."""
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("etaoinshrdlu"), random.integers(2, 9))) for _ in range(2000)]
    texts = [" ".join(random.choice(words, 20)) for _ in range(400)]
    features = make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer(ngram_range=(1, 2)))
    sentiment = make_pipeline(features, SGDClassifier(loss="log_loss", max_iter=2, tol=None))
    sentiment.fit(texts, np.arange(400) % 2)
    character_classes.cache_clear()  # hashed by the first compilation of a process
    hashed = count_hashed_bytes(monkeypatch)
    plan = pretzel.compile(sentiment, store=ObjectStore())
    encoded = [sentiment[-1].coef_, *(vectorizer.idf_ for _, vectorizer in features.transformer_list)]
    assert sum(hashed) <= 1.1 * (plan.nbytes + sum(array.nbytes for array in encoded))


def test_large_states_are_named_by_what_they_are_made_of(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """So by the version and, where it matters, the instruction set of their kernel."""
    monkeypatch.setattr(object_store, "SMALL_STATE", 0)

    def names(letters: str) -> set[bytes]:
        return set(pretzel.compile(encoder(letters), store=store).physical.objects)

    plan = pretzel.compile(encoder("abc"), store=store)
    assert names("abc") == set(plan.physical.objects)
    assert names("abd") != names("abc")
    before = names("abc")
    monkeypatch.setattr(_native, "state_key", lambda kernel: f"{kernel}/2")
    assert names("abc") != before
    del plan


def test_small_states_are_named_by_their_contents(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The states of two kernels that do not depend on what their parameters differ in are one."""
    monkeypatch.setattr(_native, "state_key", lambda kernel: kernel)
    monkeypatch.setattr(_native, "bind", lambda kernel, params: (np.arange(100, dtype=np.uint8), 0))
    lease = store.lease()
    states = {store.bind("any", {"x": array(number)}, lease).state for number in range(3)}
    assert len(states) == 1
    assert store.stats()["objects"] == 1


def test_calls_keep_arrays_that_the_plan_let_go(store: ObjectStore) -> None:
    plan = pretzel.compile(encoder("abc"), store=store)
    one = plan.transform_one
    size = plan.nbytes
    del plan
    assert store.stats()["unique_bytes"] == size
    assert one(["c"]).tolist() == [2.0]
    del one


def test_stages_are_one_object(store: ObjectStore) -> None:
    plans = [pretzel.compile(encoder("abc"), store=store) for _ in range(2)]
    methods = [plan.physical.methods for plan in plans]
    for name in ("transform", "inverse_transform"):
        first, second = (each[name].program.stages for each in methods)
        assert all(a is b for a, b in zip(first, second, strict=True))
    once = pretzel.compile(encoder("abc"), store=ObjectStore())
    assert store.stats()["stages"] == once.store.stats()["stages"]
    del plans, methods, first, second


def test_binding_one_thing_in_many_threads(store: ObjectStore) -> None:
    plans: list[pretzel.Plan] = []
    sources = [encoder("abc"), encoder("abd")]

    def work(number: int) -> None:
        for _ in range(5):
            plans.append(pretzel.compile(sources[number % 2], store=store))

    run_threads(work, 8)
    once = ObjectStore()
    reference = [pretzel.compile(source, store=once) for source in sources]
    assert store.stats()["unique_bytes"] == once.stats()["unique_bytes"]
    assert store.stats()["logical_bytes"] == 20 * sum(plan.nbytes for plan in reference)
    plans.clear()


def test_leases_come_and_go_in_many_threads(store: ObjectStore) -> None:
    """Interning what another thread is freeing at that moment."""

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        for turn in range(300):
            lease = store.lease()
            digests = [store.intern(array(int(i)), lease) for i in rng.integers(0, 5, 4)]
            assert all(store.get(digest) is not None for digest in digests)
            if turn % 2:
                lease.close()
            store.stats()

    run_threads(work, 8)


def test_one_lease_closed_by_many_threads(store: ObjectStore) -> None:
    for _ in range(50):
        lease, witness = store.lease(), store.lease()
        for number in range(20):
            store.intern(array(number), lease)
            store.intern(array(number), witness)
        run_threads(lambda _, lease=lease: lease.close(), 4)
        assert store.stats()["logical_bytes"] == 20 * 128
        witness.close()


def test_leases_collected_in_the_middle_of_everything(store: ObjectStore) -> None:
    """Leases in cycles die whenever the collector runs, which is made to be all the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for number in range(200):
            lease = store.lease()
            for i in range(3):
                store.intern(array(number + i), lease)
            cycle: list[Any] = [lease]
            cycle.append(cycle)
            del lease, cycle
            store.stats()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()


def test_lease_collected_under_the_lock_is_released_with_it(store: ObjectStore) -> None:
    lease = store.lease()
    store.intern(array(1), lease)
    with object_store._locked:
        del lease
        assert len(store._entries) == 1
    assert len(store._entries) == 0


@pytest.mark.parametrize("event", ["call", "return"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from `Lease.__del__`
def test_interrupt_at_any_python_instruction_leaves_the_lock_free(store: ObjectStore, event: str) -> None:
    """Interrupts every operation at each call or return of a Python function in turn, as Ctrl-C may."""

    def use() -> None:
        lease = store.lease()
        store.intern(array(1), lease)
        store.bind("sub_div", {"mean": np.zeros(3), "scale": np.ones(3)}, lease)
        store.stats()
        lease.close()

    number = 1
    while interrupted_at(number, use, event, object_store.__file__):
        assert not object_store._locked.is_taken
        number += 1
    assert number > 5


def test_releasing_never_waits_for_another_thread(store: ObjectStore) -> None:
    lease = store.lease()
    store.intern(array(1), lease)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with object_store._locked:
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    del lease
    assert len(store._entries) == 1
    leave.set()
    thread.join()
    assert len(store._entries) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_child_of_a_busy_process_can_use_the_store(store: ObjectStore) -> None:
    """Forks while another thread is in the store nearly always; each child frees and interns."""
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            with object_store._locked:
                time.sleep(1e-4)

    lease = store.lease()
    digest = store.intern(array(1), lease)
    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(20):
            child = multiprocessing.get_context("fork").Process(target=_use, args=(store, lease, digest))
            child.start()
            child.join(30)
            assert child.exitcode == 0
    finally:
        stop.set()
        thread.join()
    lease.close()


def _use(store: ObjectStore, lease: Lease, digest: bytes) -> None:
    assert store.get(digest)[0] == 1.0
    other = store.lease()
    store.intern(array(2), other)
    other.close()
    lease.close()
    assert store.stats() == EMPTY


def test_default_store_is_one() -> None:
    assert object_store.default_store() is object_store.default_store()
