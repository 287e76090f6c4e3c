"""Awaitable methods: ``await model.apredict_one(row)``, ``await model.apredict(X)``, and the same for every method.

Requests estimated to finish faster than a thread can be woken run inline on the event loop. All others, and all opaque
methods, go to the batch engine, so that the loop can run other tasks. Cancelling the awaiting task, as
`asyncio.timeout` does, cancels the request.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.errors import InputError, InputTypeError
from pretzel.options import check_deadline
from pretzel.runtime.engine import settable
from pretzel.runtime.input.row_reader import one_row_table
from pretzel.runtime.input.source_form import of_single_rows, own_rows, without_rows
from pretzel.runtime.opaque import OpaqueMethod
from pretzel.runtime.version import Unloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pretzel._native import Endpoint, Task

INLINE_LIMIT = 100e-6
"""Requests with less estimated work, in seconds, run inline on the event loop."""

INLINE_CELLS = 10_000
"""Tables with fewer cells are read on the event loop, in a millisecond at most."""


def one(endpoint: Endpoint, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function that answers single rows through an endpoint."""

    async def answer(row: Any, *, deadline: float | None = None) -> Any:
        """Answer for one row without blocking the event loop; the same bits as the method that is not awaited.

        Parameters
        ----------
        row : dict, tuple, list, 1-D array or str
            Must not change until the answer is there.
        deadline : float, optional
            Seconds from now.

        Raises
        ------
        DeadlineExceeded, Overloaded
            The request is rejected.
        InputError
            The row does not fit the model.
        """
        check_deadline(deadline)
        return await answer_row(endpoint, endpoint.pick(), row, deadline)

    return _named(answer, name)


def table(endpoint: Endpoint, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function that answers tables through an endpoint."""

    async def answer(X: Any, *, deadline: float | None = None) -> Any:
        """Answer for every row of ``X`` without blocking the event loop.

        Parameters
        ----------
        X : table or documents
            Must not change until the answer is there. Arrays of numbers are not copied. Small other tables are read on
            the event loop, large ones in a thread, which releases the GIL regularly.
        deadline : float, optional
            Seconds from now.

        Raises
        ------
        DeadlineExceeded, Overloaded
            The request is rejected.
        InputError
            The table does not fit the model.
        """
        check_deadline(deadline)
        return await answer_table(endpoint, endpoint.pick(), X, deadline)

    return _named(answer, name)


async def in_memory(target: Any) -> Any:
    """What an endpoint has picked for a call, loaded if it was not in memory."""
    return await in_thread(target.loaded) if type(target) is Unloaded else target


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a thread, or what it raises, as a future takes it."""

    def call() -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            raise settable(error) from error.__cause__

    return await asyncio.to_thread(call)


async def answer_row(endpoint: Endpoint, method: Any, row: Any, deadline: float | None) -> Any:
    """The answer for one row of what an endpoint has picked."""
    if type(method) is Unloaded:
        method = await in_memory(method)
    if type(method) is Method and not method.is_typed_row(row):
        if method.batches is not None and method.batches.accepts(deadline):
            return await _counted(endpoint, method, True, method.batches.answer(method, row, deadline))
        if method.estimate_one(row) < INLINE_LIMIT:
            return endpoint.answer(method, row)
    elif type(method) is not OpaqueMethod:
        return endpoint.answer(method, row)  # which raises
    return await _counted(endpoint, method, True, _long_row(method, row, deadline))


async def answer_table(endpoint: Endpoint, method: Any, X: Any, deadline: float | None) -> Any:
    """The answer for every row of a table of what an endpoint has picked."""
    return await _counted(endpoint, method, False, _table(method, X, deadline))


async def answer_rows(endpoint: Endpoint, method: Any, rows: list[Any], deadline: float | None) -> Any:
    """Answers for a list of single rows (dicts, lists, texts) of what an endpoint has picked.

    Each is read as a single row, and they are computed together. Methods with opaque steps, and those with a sparse
    result, take them as a table.
    """
    return await _counted(endpoint, method, False, _rows(method, rows, deadline))


async def _counted(endpoint: Endpoint, target: Any, one: bool, work: Coroutine[Any, Any, Any]) -> Any:
    """Await the answer of a call and count the call."""
    endpoint.begin(one)
    start = time.monotonic()
    try:
        answer = await work
    except BaseException as error:
        endpoint.end(target, one, error, 0.0)
        raise
    endpoint.end(target, one, None, time.monotonic() - start)
    return answer


async def _long_row(method: Method | OpaqueMethod, row: Any, deadline: float | None) -> Any:
    """Answer for a row whose work is long or unknown."""
    if isinstance(method, OpaqueMethod):
        return await _in_python(method, partial(method.call_row, row), deadline)
    scheduler = method.engine.scheduler
    if method.sparse_result:
        return await _run(method, scheduler.task(method, one_row_table(method.spec, method.name, row)), deadline)
    return (await _run(method, scheduler.task_of_rows(method, [row]), deadline))[0]


async def _table(method: Any, X: Any, deadline: float | None) -> Any:
    method = await in_memory(method)
    if type(method) is OpaqueMethod:
        return await _in_python(method, partial(method, X), deadline)
    if type(method) is not Method:
        return method(X)  # which raises
    read = partial(method.engine.scheduler.task, method, X)
    start = time.monotonic()
    task = read() if _is_quickly_read(method, X) else await _in_python(method, read, deadline)
    if task is None:
        return await _in_python(method, partial(method, X), deadline)
    return await _run(method, task, None if deadline is None else deadline - (time.monotonic() - start))


async def _rows(method: Any, rows: list[Any], deadline: float | None) -> Any:
    if not rows:
        method = await in_memory(method)
        return await _table(method, without_rows(method.spec) if hasattr(method, "spec") else rows, deadline)
    if type(method) is OpaqueMethod:
        return await _in_python(method, partial(method.call_rows, rows), deadline)
    if type(method) is not Method or method.sparse_result:
        return await _table(method, own_rows(method.spec, rows) if hasattr(method, "spec") else rows, deadline)
    read = partial(_task_of_rows, method, rows)
    start = time.monotonic()
    is_short = len(rows) * max(method.spec.width, 1) < INLINE_CELLS
    try:
        task = read() if is_short else await _in_python(method, read, deadline)
    except InputTypeError:
        if method.others is None or not method.others.takes_values:
            raise
        whole = partial(of_single_rows, method.spec, method.name, rows)  # with texts that it passes on
        return await _in_python(method, lambda: method(whole()), deadline)
    return await _run(method, task, None if deadline is None else deadline - (time.monotonic() - start))


def _task_of_rows(method: Method, rows: list[Any]) -> Task:
    """A task for single rows; an error names the row."""
    read = method.engine.scheduler.task_of_rows
    try:
        task: Task = read(method, rows)
        return task
    except InputError:
        for number, row in enumerate(rows):
            try:
                read(method, [row])
            except InputError as error:
                what = str(error).removeprefix(f"{method.name}: ")
                raise type(error)(f"{method.name}: row {number}: {what}") from None
        raise


async def _in_python(method: Any, function: Callable[[], Any], deadline: float | None) -> Any:
    return await asyncio.wrap_future(method.engine.call(method.name, function, deadline))


async def _run(method: Method, task: Task, deadline: float | None) -> Any:
    """The answer of a task: run inline if it is short, else by the workers."""
    if task.estimate < INLINE_LIMIT:
        return task.run_inline()
    return await asyncio.wrap_future(method.engine.submit_task(method.name, task, deadline))


def _is_quickly_read(method: Method, X: Any) -> bool:
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    if kind in ("f", "i", "u", "b") and hasattr(X, "__array_interface__"):
        return True
    shape = getattr(X, "shape", None)
    rows = shape[0] if shape else len(X) if hasattr(X, "__len__") else INLINE_CELLS
    return bool(getattr(X, "nnz", rows * max(method.spec.width, 1)) < INLINE_CELLS)


def _named(function: Callable[..., Coroutine[Any, Any, Any]], name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    function.__name__ = function.__qualname__ = name
    return function
