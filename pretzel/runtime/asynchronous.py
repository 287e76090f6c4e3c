"""Methods that are awaited: ``await model.apredict_one(row)``, ``await model.apredict(X)``, and so for every method.

What is estimated to be over sooner than a thread could be woken is answered at once, in the thread of the event loop.
Everything longer goes to the batch engine, and so does every step that only Python can compute, so that other tasks go
on meanwhile. Cancelling the task that awaits an answer (`asyncio.timeout` does) gives up the request and its place.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.runtime.input.row_reader import one_row_table
from pretzel.runtime.opaque import OpaqueMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pretzel._native import Endpoint, Task

SHORT = 100e-6
"""Seconds of estimated work below which a request is answered in the thread of the event loop."""

FEW_CELLS = 10_000
"""Cells of a table that are read there; they take a millisecond at most."""


def one(endpoint: Endpoint, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function for one row of a method that the endpoint answers."""

    async def answer(row: Any, *, deadline: float | None = None) -> Any:
        """Answer for one row, without keeping the event loop waiting; the same bits as the method that is not awaited.

        Parameters
        ----------
        row : dict, tuple, list, 1-D array or str
            Not to be changed before the answer is there.
        deadline : float, optional
            Seconds from now within which the answer is wanted.

        Raises
        ------
        DeadlineExceeded, Overloaded
            The request is refused.
        InputError
            The row does not fit the model.
        """
        method = endpoint.pick()
        if type(method) is Method:
            if method.batches is not None and method.batches.takes(deadline):
                return await _counted(endpoint, True, method.batches.answer(method, row, deadline))
            if method.estimate_one(row) < SHORT:
                return endpoint.answer(method, row)
        elif type(method) is not OpaqueMethod:
            return endpoint.answer(method, row)  # which refuses it
        return await _counted(endpoint, True, _long_row(method, row, deadline))

    return _named(answer, name)


def table(endpoint: Endpoint, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function for tables of a method that the endpoint answers."""

    async def answer(X: Any, *, deadline: float | None = None) -> Any:
        """Answer for every row of ``X``, without keeping the event loop waiting.

        Parameters
        ----------
        X : table or documents
            Not to be changed before the answer is there. Arrays of numbers are used where they lie. Other tables are
            read here when they are small, and large ones in a thread, which now and then lets others have a turn.
        deadline : float, optional
            Seconds from now within which the answer is wanted.

        Raises
        ------
        DeadlineExceeded, Overloaded
            The request is refused.
        InputError
            The table does not fit the model.
        """
        return await _counted(endpoint, False, _table(endpoint.pick(), X, deadline))

    return _named(answer, name)


async def _counted(endpoint: Endpoint, one: bool, work: Coroutine[Any, Any, Any]) -> Any:
    """The answer of a call that may be suspended, counted."""
    endpoint.begin(one)
    began = time.monotonic()
    try:
        answer = await work
    except BaseException as error:
        endpoint.end(one, error, 0.0)
        raise
    endpoint.end(one, None, time.monotonic() - began)
    return answer


async def _long_row(method: Method | OpaqueMethod, row: Any, deadline: float | None) -> Any:
    """Answer for a row that takes long, or may."""
    if isinstance(method, OpaqueMethod):
        return await _in_python(method, partial(method.call_row, row), deadline)
    scheduler = method.engine.scheduler
    if method.sparse_result:
        return await _run(method, scheduler.task(method, one_row_table(method.spec, method.name, row)), deadline)
    return (await _run(method, scheduler.task_of_rows(method, [row]), deadline))[0]


async def _table(method: Any, X: Any, deadline: float | None) -> Any:
    if type(method) is OpaqueMethod:
        return await _in_python(method, partial(method, X), deadline)
    if type(method) is not Method:
        return method(X)  # which refuses it
    read = partial(method.engine.scheduler.task, method, X)
    began = time.monotonic()
    task = read() if _is_read_soon(method, X) else await _in_python(method, read, deadline)
    if task is None:
        return method(X)
    return await _run(method, task, None if deadline is None else deadline - (time.monotonic() - began))


async def _in_python(method: Any, function: Callable[[], Any], deadline: float | None) -> Any:
    return await asyncio.wrap_future(method.engine.call(method.name, function, deadline))


async def _run(method: Method, task: Task, deadline: float | None) -> Any:
    """The answer of a task: here if it is short, else from the workers."""
    if task.estimate < SHORT:
        return task.here()
    return await asyncio.wrap_future(method.engine.hand_over(method.name, task, deadline))


def _is_read_soon(method: Method, X: Any) -> bool:
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    if kind in ("f", "i", "u", "b") and hasattr(X, "__array_interface__"):
        return True
    shape = getattr(X, "shape", None)
    rows = shape[0] if shape else len(X) if hasattr(X, "__len__") else FEW_CELLS
    return bool(getattr(X, "nnz", rows * max(method.spec.width, 1)) < FEW_CELLS)


def _named(function: Callable[..., Coroutine[Any, Any, Any]], name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    function.__name__ = function.__qualname__ = name
    return function
