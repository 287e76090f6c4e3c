"""Models are loaded and called once, with a row made up from their schema, before the server says that it is ready.

So the first real call finds a model in memory, its pages and working memory touched, and the modules imported that it
needs. Nothing is counted. Under a memory limit, loading ends where another model would have to leave. A model that does
not load keeps no other one from being served; where none loads, the server is not ready, and tries again when asked.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pretzel._native import Endpoint
from pretzel.errors import ModelNotFoundError
from pretzel.runtime.asynchronous import answer_row
from pretzel.runtime.log import logger
from pretzel.runtime.schemas.json_schema import EXAMPLE
from pretzel.serving.failures import Unavailable
from pretzel.serving.jsons import dumps, loads

if TYPE_CHECKING:
    from pretzel.runtime.schemas import Column, InputSchema
    from pretzel.serving.application import Application

PATIENCE = 20.0
"""Seconds for which a server begins to listen later, so that it is ready then; gunicorn kills workers after 30."""

LONGEST = 20.0
"""Seconds for which a server waits for one model, before it goes on to the others and is ready without it."""

_PROBE = 0.5
"""Seconds for which a probe waits, which have a second as a rule."""


class WarmUp:
    """The models of an application that have been called.

    Parameters
    ----------
    app : Application

    Attributes
    ----------
    is_over : bool
        Whether all that there were have been called, or could not be loaded, and one of them can be served.
    failed : dict of str to str
        Models that could not be loaded when they were called, with the reason.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._warm: set[str] = set()
        self._calls: dict[str, asyncio.Task[None]] = {}  # under way, by model
        self._task: asyncio.Task[None] | None = None
        self.failed: dict[str, str] = {}
        self._why = ""  # no model can be served
        self.is_over = not app.settings.warm_up

    async def finish(self, seconds: float = PATIENCE) -> None:
        """Call all models, and wait for that so long."""
        if self.is_over:
            return
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._run())
        await asyncio.wait({self._task}, timeout=seconds)

    async def check(self) -> None:
        """Raise unless all models have been called.

        Raises
        ------
        Unavailable
        """
        await self.finish(_PROBE)
        if self._why and not self.is_over:
            raise Unavailable(f"no model can be loaded: {self._why}")
        if not self.is_over:
            raise Unavailable(f"{len(self._warm)} models have been loaded so far, and others are still to come")

    async def model(self, name: str) -> None:
        """Call a model unless it has been.

        Raises
        ------
        Unavailable
            It has not answered yet, or cannot be loaded.
        """
        if not self._app.settings.warm_up or name in self._warm:
            return
        calling = self._calling(name)
        await asyncio.wait({calling}, timeout=_PROBE)
        if not calling.done():
            raise Unavailable(f"{name} has been called, and has not answered yet")
        try:
            calling.result()
        except ModelNotFoundError:
            raise
        except Exception as error:  # of any type: file systems at URLs raise their own
            raise Unavailable(f"{name} cannot be loaded: {error}") from error

    def _calling(self, name: str) -> asyncio.Task[None]:
        """What calls a model, in the running event loop."""
        loop, task = asyncio.get_running_loop(), self._calls.get(name)
        if task is None or task.done() or task.get_loop() is not loop:
            task = self._calls[name] = loop.create_task(self._call(name))
            task.add_done_callback(partial(self._called, name))
        return task

    def _called(self, name: str, task: asyncio.Task[None]) -> None:
        self._calls.pop(name, None)
        error = None if task.cancelled() else task.exception()  # asyncio warns of exceptions that are not retrieved
        if error is None:
            self.failed.pop(name, None)
        else:
            self.failed[name] = str(error) or repr(error)

    async def _run(self) -> None:
        runtime = self._app.runtime
        failures: list[str] = []
        try:
            names = await asyncio.to_thread(list, runtime)
        except Exception as error:  # of any type: file systems at URLs raise their own
            if not self._why:
                logger.error("the store cannot be read: %s", error)
            self._why = str(error) or repr(error)
            return
        for name in names:
            try:
                if name not in self._warm:
                    calling = self._calling(name)
                    await asyncio.wait({calling}, timeout=LONGEST)
                    if calling.done():
                        calling.result()
                    else:
                        logger.warning("%s has not answered for %g seconds: others are not kept waiting", name, LONGEST)
            except Exception as error:  # the others can be served
                if not self._why:  # else that has been logged
                    logger.error("%s cannot be loaded: %s", name, error)
                failures.append(str(error))
            memory = runtime._stored.counts()
            if memory["limit"] is not None and memory["evictions"]:
                break
        self._why = failures[0] if len(failures) == len(names) > 0 else ""
        self.is_over = not self._why

    async def _call(self, name: str) -> None:
        plan = await self._app.models.plan(name)
        handle = await self._app.models.find(name)
        for name_of_method, method in plan.methods.items():
            body = dumps(row_of(plan.input_schema.of(name_of_method)))
            try:
                uncounted = Endpoint(method, name_of_method)
                dumps(await answer_row(uncounted, method, loads(body), None))
            except Exception as error:  # a step may reject a row that is made up; real ones may be answered
                logger.debug("%s cannot answer the row %r: %r", name, body, error)
            self._app.short_rows.add("", f"/models/{name}/{name_of_method}", handle, name_of_method)
        self._warm.add(name)


def row_of(schema: InputSchema) -> Any:
    """A row that a model probably answers, as JSON has it."""
    if schema.kind == "text":
        return "word"
    if schema.kind == "items":
        labels = {"label": "word", "text label": "word", "whole label": 1, "code": 0, "label set": []}
        items: dict[str, Any] = {"named": {}, "dict": {"word": 1.0}, "pair": [["word", 1.0]], **labels}
        return items.get(schema.form, ["word"])
    if schema.named:
        return {column.name: _value(column) for column in schema.columns if column.is_read}
    return [_value(column) for column in schema.columns]


def _value(column: Column) -> Any:
    if column.categories:
        return column.categories[0]
    if column.kind == "date":
        return EXAMPLE.strftime(column.format or "%Y-%m-%d")
    return "word" if column.dtype == "str" else 1.0
