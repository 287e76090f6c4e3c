"""One pipeline of the zoo in the ring: pretzel, scikit-learn and onnxruntime on the same rows in the same process."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tasks, zoo
from benchmarks.measure import Batcher, Contender, Difference, compare, latencies, throughputs
from benchmarks.onnx_peer import NotConvertible, OnnxModel

if TYPE_CHECKING:
    from collections.abc import Callable

SINGLE = 1000  # different rows that single calls go through
DIFFERENT = 4096  # different rows that are asked for in turn, at least


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    rounds : int
        Turns of each contender.
    seconds : float
        Length of a turn with single rows.
    sizes : tuple of int
        Rows per batch.
    budget : float
        Longest batch call in seconds.
    parity_rows : int or None
        Rows that are compared; all of them by default.
    """

    rounds: int
    seconds: float
    sizes: tuple[int, ...]
    budget: float
    parity_rows: int | None


FULL = Effort(rounds=10, seconds=0.1, sizes=(32, 1024, 100_000), budget=5.0, parity_rows=None)
QUICK = Effort(rounds=4, seconds=0.03, sizes=(32, 1024, 10_000), budget=0.5, parity_rows=4000)


class Contest:
    """A fitted pipeline and everything that is measured on it.

    Parameters
    ----------
    case : zoo.Case
        Which pipeline.
    effort : Effort
        How long to measure.
    """

    def __init__(self, case: zoo.Case, effort: Effort) -> None:
        import threadpoolctl

        self.case, self.effort = case, effort
        self.X, _ = case.load()
        self.estimator = case.fit()
        self.methods = zoo.methods(self.estimator)
        self.method = self.methods[0]
        self.threads = threadpoolctl.ThreadpoolController()
        self.onnx: OnnxModel | None = None
        self.onnx_reason = ""
        try:
            self.onnx = OnnxModel(self.estimator, case.kind, self.X)
            self.onnx_method = self.method if self.method != "decision_function" else "predict"
            self.onnx_call = self.onnx.run(self.onnx_method)
        except NotConvertible as error:
            self.onnx, self.onnx_reason = None, str(error)
        self.plan, self.compile_ms = self._compile()

    def _compile(self) -> tuple[Any, float]:
        import pretzel

        taken = []
        plan = None
        for _ in range(3):
            plan = None  # so that nothing is left to share
            start = time.perf_counter()
            plan = pretzel.compile(self.estimator, strict=True)
            taken.append(time.perf_counter() - start)
        return plan, float(np.median(taken) * 1e3)

    def rows(self, count: int) -> Any:
        """Random rows, more than there are if need be: the same for everyone."""
        total = len(self.X)
        order = np.random.default_rng(1).permutation(total)
        return tasks.take(self.X, np.resize(order, count))

    def latency(self) -> dict[str, dict[str, float]]:
        """Microseconds of one call with one row."""
        with self.threads.limit(limits=1):
            timed = latencies(self._single(), self.effort.rounds, self.effort.seconds)
        return {name: dataclasses.asdict(one) for name, one in timed.items()}

    def _single(self) -> list[Contender]:
        rows = self.rows(SINGLE)
        ours, theirs = getattr(self.plan, f"{self.method}_one"), getattr(self.estimator, self.method)
        single = [tasks.take(rows, [i]) for i in range(SINGLE)]
        contenders = [Contender("scikit-learn", theirs, single)]
        if self.case.kind == zoo.TABLE:
            records = rows.to_dict("records")
            contenders += [
                Contender("pretzel", ours, records),
                Contender("pretzel frame", getattr(self.plan, self.method), single),
                Contender("scikit-learn dict", _from_dict(theirs), records),
            ]
            if self.onnx is not None:
                contenders.append(Contender("onnxruntime dict", _feed_first(self.onnx, self.onnx_call), records))
        else:
            contenders.append(Contender("pretzel", ours, rows))
        if self.onnx is not None:
            contenders.append(Contender("onnxruntime", self.onnx_call, [self.onnx.feed(row) for row in single]))
        return contenders

    def throughput(self) -> dict[str, dict[str, dict[str, float]]]:
        """Rows per second at each batch size."""
        result = {}
        for size in self.effort.sizes:
            rounds = 2 if size == self.effort.sizes[-1] else self.effort.rounds
            timed = throughputs(self._batchers(size), size, rounds, self.effort.budget)
            result[str(size)] = {name: dataclasses.asdict(one) for name, one in timed.items()}
        return result

    def _batchers(self, size: int) -> list[Batcher]:
        X = self.rows(max(size, DIFFERENT))

        def call(function: Callable[[Any], Any], prepare: Callable[[Any], Any]) -> Callable[[int], Callable[[], Any]]:
            def prepared(count: int) -> Callable[[], Any]:
                # Small batches differ from call to call: nobody is to learn one by heart.
                starts = range(0, max(1, DIFFERENT // count) * count, count)
                batches = itertools.cycle([prepare(X[start : start + count]) for start in starts])
                return lambda: function(next(batches))

            return prepared

        def one_thread() -> Any:
            return self.threads.limit(limits=1)

        threaded = getattr(_all_threads(self.estimator), self.method)
        batchers = [
            Batcher("pretzel", call(getattr(self.plan, self.method), _as_is)),
            Batcher("scikit-learn", call(getattr(self.estimator, self.method), _as_is), one_thread),
            Batcher("scikit-learn, all threads", call(threaded, _as_is)),
        ]
        if self.onnx is not None:
            batchers.append(Batcher("onnxruntime", call(self.onnx_call, self.onnx.feed)))
        return batchers

    def parity(self) -> dict[str, Any]:
        """Differences from scikit-learn for every method, and whether rows alone give the bits that batches give."""
        X = self.X if self.effort.parity_rows is None else self.rows(min(self.effort.parity_rows, len(self.X)))
        ours, theirs = Difference(), Difference()
        for method in self.methods:
            labels = method == "predict" and hasattr(self.estimator, "classes_")
            for start in range(0, len(X), 20_000):
                part = X[start : start + 20_000]
                expected = getattr(self.estimator, method)(part)
                ours += compare(getattr(self.plan, method)(part), expected, labels)
                if self.onnx is not None and start == 0 and method in {self.method, "predict"}:
                    theirs += self._onnx_difference(method, part[:2000], expected[:2000], labels)
        invariant = all(self._invariant(method) for method in self.methods)
        result = {"rows": len(X), "pretzel": dataclasses.asdict(ours), "batch_invariant": invariant}
        return {**result, "onnxruntime": dataclasses.asdict(theirs) if self.onnx is not None else None}

    def _onnx_difference(self, method: str, X: Any, expected: np.ndarray, labels: bool) -> Difference:
        assert self.onnx is not None
        try:
            return compare(self.onnx.run(method)(self.onnx.feed(X)), expected, labels)
        except NotConvertible:
            return Difference()

    def _invariant(self, method: str) -> bool:
        rows = self.rows(256)
        predict = getattr(self.plan, method)
        together = predict(rows)
        alone = np.concatenate([predict(rows[i : i + 1]) for i in range(256)])
        return bool(np.array_equal(together, alone))


def _as_is(X: Any) -> Any:
    return X


def _from_dict(predict: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    import pandas as pd

    return lambda row: predict(pd.DataFrame([row]))


def _feed_first(model: OnnxModel, run: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda row: run(model.feed_row(row))


def _all_threads(estimator: Any) -> Any:
    """Copy of an estimator whose forests use all cores; other steps thread through BLAS and OpenMP by themselves."""
    copied = copy.deepcopy(estimator)
    forests = [step for _, step in getattr(copied, "steps", [("", copied)]) if hasattr(step, "estimators_")]
    for forest in forests:
        if "n_jobs" in forest.get_params(deep=False):
            forest.set_params(n_jobs=-1)
    return copied
