"""Versions change while they are called: no error, no answer of two versions, nothing left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel._native import live
from pretzel.errors import ModelInUseError

from .models import ROWS, WIDTH, callers, constant, in_threads, plan

ROW = [0.0] * WIDTH
EMPTY = {"objects": 0, "stages": 0, "unique_bytes": 0, "logical_bytes": 0}


@pytest.fixture
def runtime() -> pretzel.Runtime:
    """A runtime over a store of its own."""
    return pretzel.Runtime(store=pretzel.ObjectStore())


def test_replacement_under_load(runtime: pretzel.Runtime) -> None:
    """One thread takes single rows through an old handle, one tables by name, one through an alias, one submits."""
    versions = [plan(value) for value in range(5)]
    model = runtime.register("m", versions[0])
    alias = runtime.alias("live", "m")
    with callers(
        lambda: model.predict_one(ROW),
        lambda: runtime.predict("m", ROWS),
        lambda: alias.predict(ROWS[:7]),
        lambda: model.submit(ROWS).result(),
    ) as watch:
        turn = 0
        while turn < 400 or watch.wants(0, 1, 2, 3, 4):
            turn += 1
            runtime.replace("m", versions[turn % 5])
    assert watch.seen == {0.0, 1.0, 2.0, 3.0, 4.0}
    stats = runtime.stats()
    assert list(stats["models"]["m"]["versions"]) == [f"v{turn + 1}"]
    runtime.unregister("live")
    runtime.unregister("m")
    assert runtime.store.stats() == EMPTY


def test_aliases_move_under_load(runtime: pretzel.Runtime) -> None:
    """Among versions, between models, with and without weights; never an answer of what is not pointed at."""
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    runtime.register("n", constant(3))
    runtime.register("m", constant(-1), default=False)
    alias = runtime.alias("live", "m@v1")
    one = alias.predict_one
    places = ("m@v2", {"m@v1": 1, "n": 1}, "n", {"m@v1": 3, "m@v2": 2, "n": 1, "m@v3": 0}, "m")
    with callers(
        lambda: one(ROW),
        lambda: alias.predict(ROWS),
        lambda: runtime.predict("live", ROWS[:3]),
        lambda: runtime.submit("live", ROWS).result(),
    ) as watch:
        turn = 0
        while turn < 400 or watch.wants(1, 2, 3):
            runtime.alias("live", places[turn % 5], seed=turn)
            turn += 1
    assert watch.seen == {1.0, 2.0, 3.0}


def test_canaries_under_load(runtime: pretzel.Runtime) -> None:
    """Both versions are replaced and promoted meanwhile; the shares hold over all calls."""
    runtime.register("new", constant(0))
    runtime.register("old", constant(10))
    alias = runtime.alias("live", {"old": 0.9, "new": 0.1})
    counts = {True: 0, False: 0}
    lock = threading.Lock()

    def call() -> float:
        answer = float(alias.predict_one(ROW))
        with lock:
            counts[answer >= 10] += 1
        return answer

    plans = [plan(value) for value in (0, 1, 2, 10, 11, 12)]
    with callers(call, call, call) as watch:
        turn = 0
        while turn < 200 or watch.wants(0, 1, 2, 10, 11, 12):
            runtime.replace("new", plans[turn % 3])
            runtime.register("old", plans[3 + turn % 3], default=False)
            runtime.promote(f"old@v{turn + 2}")
            runtime.unregister(f"old@v{turn + 1}")
            turn += 1
    assert watch.seen == {0.0, 1.0, 2.0, 10.0, 11.0, 12.0}
    total = counts[True] + counts[False]
    assert abs(counts[False] - total / 10) <= 12
    assert runtime.stats()["aliases"]["live"]["calls"] == total


def test_the_old_version_is_freed_after_its_last_call(runtime: pretzel.Runtime) -> None:
    """A call is held inside the old version while that is replaced."""
    inside, go = threading.Event(), threading.Event()

    class Slow(StandardScaler):
        """Waits in the middle of a call."""

        def transform(self, X: object) -> object:
            inside.set()
            assert go.wait(60)
            return super().transform(X)

    gc.collect()
    gc.disable()
    try:
        source = Slow().fit(ROWS)
        model = runtime.register("m", source)
        old = weakref.ref(model.plan)
        kept = weakref.ref(source)
        del source
        caller = threading.Thread(target=lambda: model.transform(ROWS[:3]))
        caller.start()
        assert inside.wait(60)
        runtime.replace("m", StandardScaler().fit(ROWS))
        assert old() is None  # the plan goes at once,
        assert kept() is not None  # what the call needs stays
        assert np.allclose(model.transform(ROWS[:3]), StandardScaler().fit(ROWS).transform(ROWS[:3]))
        go.set()
        caller.join()
        assert kept() is None
    finally:
        gc.enable()


def test_replaced_and_dropped_versions_give_their_bytes_back(runtime: pretzel.Runtime) -> None:
    gc.collect()
    gc.disable()
    try:
        before = live()
        model = runtime.register("m", constant(1))
        held = runtime.store.stats()
        alive = live()
        for value in (2, 3, 4):
            runtime.register("m", constant(value))
            assert runtime.store.stats() == held
            assert live() == alive
        runtime.register("m", constant(5), default=False)
        runtime.promote("m@v5")
        runtime.unregister("m@v4")
        assert model.predict_one(ROW) == 5
        assert runtime.store.stats() == held
        runtime.unregister("m")
        assert runtime.store.stats() == EMPTY
        del model
        assert live() == before
    finally:
        gc.enable()


def test_threads_register_different_models(runtime: pretzel.Runtime) -> None:
    """Equal and different parts at once: what is shared is held once, and every model answers like its source."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import PolynomialFeatures

    target = ROWS[:300] @ np.arange(WIDTH)
    features = make_union(StandardScaler(), PolynomialFeatures(2)).fit(ROWS[:300])
    forest = RandomForestRegressor(30, random_state=0).fit(ROWS[:300], target)
    sources = {f"ridge {n}": make_pipeline(features, Ridge(alpha=n + 1)).fit(ROWS[:300], target) for n in range(12)}
    sources.update({f"forest {n}": forest for n in range(4)})
    expected = {name: source.predict(ROWS[:50]) for name, source in sources.items()}

    def work(number: int) -> None:
        for name in list(sources)[number::4]:
            model = runtime.register(name, sources[name], strict=True)
            assert model.predict_one(ROWS[5]) == pytest.approx(expected[name][5])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        in_threads(*[lambda number=number: work(number) for number in range(4)])
    finally:
        sys.setswitchinterval(interval)
    for name, answers in expected.items():
        assert np.allclose(runtime[name].predict(ROWS[:50]), answers, rtol=1e-9, atol=1e-12)
    alone = pretzel.Runtime(store=pretzel.ObjectStore())
    for name, source in sources.items():
        alone.register(name, source)
    assert runtime.store.stats() == alone.store.stats()
    for name in sources:
        runtime.unregister(name)
    assert runtime.store.stats() == EMPTY


def test_a_load_does_not_wait_for_another(runtime: pretzel.Runtime) -> None:
    """While one model is being compiled, others are registered, replaced, aliased and called."""
    compiling, go = threading.Event(), threading.Event()

    class Slow(BaseEstimator):
        """An estimator that takes long to look at."""

        n_features_in_ = WIDTH

        def __sklearn_is_fitted__(self) -> bool:
            compiling.set()
            return go.wait(60)

        def fit(self, X: object) -> Slow:
            return self

        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.full(len(X), 9.0)

    runtime.register("m", constant(1))
    slow = threading.Thread(target=lambda: runtime.register("m", Slow()))
    slow.start()
    try:
        assert compiling.wait(60)
        runtime.register("m", constant(2))
        runtime.register("n", constant(3))
        runtime.alias("live", {"m": 1, "n": 1})
        assert runtime.predict_one("m", ROW) == 2
        runtime.unregister("live")
    finally:
        go.set()
        slow.join()
    assert runtime.predict_one("m", ROW) == 9  # the one that is ready last
    assert list(runtime.stats()["models"]["m"]["versions"]) == ["v3"]


def test_large_parameters_are_bound_without_the_gil(runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else hands the GIL over here, so another thread runs only where `bind` lets it."""
    from sklearn.ensemble import RandomForestRegressor

    real = pretzel._native.bind
    seen: list[bool] = []

    def bind(kernel: str, params: dict[str, np.ndarray]) -> object:
        go, ran = threading.Event(), threading.Event()
        other = threading.Thread(target=lambda: go.wait(60) and ran.set())
        other.start()
        go.set()
        state = real(kernel, params)
        seen.append(ran.is_set())
        other.join()
        return state

    monkeypatch.setattr(pretzel._native, "bind", bind)
    interval = sys.getswitchinterval()
    forest = RandomForestRegressor(60, random_state=0).fit(ROWS[:1000], ROWS[:1000, 0])
    for _ in range(20):  # the other thread may wake up too late
        sys.setswitchinterval(1000)
        try:
            runtime.register("m", forest, strict=True)
            runtime.unregister("m")
        finally:
            sys.setswitchinterval(interval)
        if any(seen):
            return
    pytest.fail(f"the GIL was held all the time while {len(seen)} kernels were bound")


def test_threads_register_one_name(runtime: pretzel.Runtime) -> None:
    """The last is the only one left; of equal version names one wins and the others are told."""
    sources = [constant(value) for value in range(4)]
    in_threads(*[lambda source=source: [runtime.register("m", source) for _ in range(20)] for source in sources])
    stats = runtime.stats()
    assert list(stats["models"]["m"]["versions"]) == ["v80"]
    assert stats["unique_bytes"] == runtime.store.stats()["unique_bytes"] == runtime["m"].plan.nbytes

    def claim(value: int) -> int | None:
        try:
            runtime.register("m", sources[value], version="mine")
        except ModelInUseError:
            return None
        return value

    winners = [value for value in in_threads(*[lambda v=v: claim(v) for v in range(4)]) if value is not None]
    assert len(winners) == 1
    assert runtime["m@mine"].predict_one(ROW) == winners[0]


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="memory is counted with the system's allocator")
def test_memory_after_many_cycles() -> None:
    """Register, serve, replace, unregister, over and over, in a process of its own; see `cycles.py`."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("resident memory is read from /proc")
    where = str(Path(pretzel.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": where}
    command = [sys.executable, str(Path(__file__).with_name("cycles.py")), "400"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
