"""Contenders: every one takes the same requests through the same two calls."""

from __future__ import annotations

import contextlib
import functools
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.families import Member
    from benchmarks.load.rows import Rows

    Call = Callable[[Any], Any]


class Contender(Protocol):
    """A front end over a list of models.

    Calls return a `concurrent.futures.Future`, or the answer where the work was done in the calling thread.
    """

    rejections: tuple[type[Exception], ...]

    def single(self, model: int) -> Call:
        """Call for one row."""

    def batch(self, model: int) -> Call:
        """Call for a hundred rows."""

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """Single rows and batches in the form that the calls want."""

    def close(self) -> None:
        """Give threads and processes back."""


class Pretzel:
    """A runtime with all models: single rows are answered inline, batches go to the batch engine.

    Parameters
    ----------
    names : sequence of str
        Of the models.
    plans : sequence of Plan
        The models, compiled.
    executors : int
        Native workers of the batch engine.
    deadline : float, optional
        Seconds that a batch may take.
    """

    def __init__(
        self, names: Sequence[str], plans: Sequence[Any], executors: int, deadline: float | None = None
    ) -> None:
        import pretzel
        from pretzel import errors

        self.rejections: tuple[type[Exception], ...] = (errors.DeadlineExceeded, errors.Overloaded)
        self.runtime = pretzel.Runtime(executors=executors)
        self.models = [self.runtime.register(name, plan) for name, plan in zip(names, plans, strict=True)]
        self._deadline = deadline

    def single(self, model: int) -> Call:
        """The request engine."""
        return self.models[model].predict_one

    def batch(self, model: int) -> Call:
        """The batch engine."""
        submit = self.models[model].submit
        return submit if self._deadline is None else functools.partial(submit, deadline=self._deadline)

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """Rows as a request handler has them, and tables."""
        return rows.records, rows.batches

    def close(self) -> None:
        """Join the workers."""
        self.runtime.close()


def one_thread() -> None:
    """Limit BLAS and OpenMP to the calling thread, because the pool uses all cores already."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


class Threads:
    """scikit-learn in a thread pool; one-row tables are made in advance and not timed.

    Parameters
    ----------
    members : sequence of Member
        The models.
    workers : int
        Threads.
    """

    rejections: tuple[type[Exception], ...] = ()

    def __init__(self, members: Sequence[Member], workers: int) -> None:
        self._estimators = [member.estimator for member in members]
        self._pool = ThreadPoolExecutor(workers, initializer=one_thread)

    def single(self, model: int) -> Call:
        """The pool."""
        return functools.partial(self._pool.submit, self._estimators[model].predict)

    batch = single

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """Tables of one and of a hundred rows."""
        return rows.singles, rows.batches

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


_served: list[
    Any
] = []  # estimators of a worker process; set before the fork, because sending them through a pool is slow


def _predict(model: int, X: Any) -> Any:
    return _served[model].predict(X)


class Processes:
    """scikit-learn in forked processes, each with all models; rows and answers go through pipes.

    Parameters
    ----------
    members : sequence of Member
        The models.
    workers : int
        Processes.
    """

    rejections: tuple[type[Exception], ...] = ()

    def __init__(self, members: Sequence[Member], workers: int) -> None:
        _served[:] = [member.estimator for member in members]
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("fork"), initializer=one_thread)
        self._pool.submit(one_thread).result()  # forks the workers now, while this process has no other threads

    def single(self, model: int) -> Call:
        """The pool."""
        return functools.partial(self._pool.submit, _predict, model)

    batch = single

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """Tables of one and of a hundred rows."""
        return rows.singles, rows.batches

    def close(self) -> None:
        """End the processes."""
        with contextlib.suppress(Exception):
            self._pool.shutdown(cancel_futures=True)
        _served.clear()


class Onnx:
    """onnxruntime sessions of one thread each, in a thread pool; their arrays are made in advance.

    Parameters
    ----------
    members : sequence of Member
        The models.
    graphs : sequence of bytes
        The same models, converted.
    rows : sequence of Rows
        Of all kinds.
    workers : int
        Threads.
    """

    rejections: tuple[type[Exception], ...] = ()

    def __init__(self, members: Sequence[Member], graphs: Sequence[bytes], rows: Sequence[Rows], workers: int) -> None:
        from benchmarks.onnx_peer import OnnxModel

        samples = {one.kind: one.batches[0] for one in rows}
        self._models = [
            OnnxModel(member.estimator, member.kind, samples[member.kind], graph)
            for member, graph in zip(members, graphs, strict=True)
        ]
        self._any = {member.kind: model for member, model in zip(members, self._models, strict=True)}
        self._calls = [model.run("predict") for model in self._models]
        self._pool = ThreadPoolExecutor(workers)

    def single(self, model: int) -> Call:
        """The pool."""
        return functools.partial(self._pool.submit, self._calls[model])

    batch = single

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """Arrays of one and of a hundred rows."""
        model = self._any.get(rows.kind)
        if model is None:  # nothing of this kind can be converted
            return rows.singles, rows.batches
        return [model.feed(one) for one in rows.singles], [model.feed(one) for one in rows.batches]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


class Nothing:
    """Answers at once and does nothing; shows the overhead of the harness."""

    rejections: tuple[type[Exception], ...] = ()

    def single(self, model: int) -> Call:
        """Nothing."""
        return id

    batch = single

    def arguments(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """As `Pretzel` has them."""
        return rows.records, rows.batches

    def close(self) -> None:
        """Nothing."""
