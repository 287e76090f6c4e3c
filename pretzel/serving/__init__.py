"""Models of a runtime over HTTP: an ASGI application without a web framework.

It runs alone under uvicorn, gunicorn or hypercorn, and mounted in FastAPI, Starlette, Django or Flask; it needs no
lifespan events. Nothing of it is imported by ``import pretzel``.

::

    import pretzel.serving

    app = pretzel.serving.app(runtime)

=====================================================  ===================================================
``POST /models/churn/de/predict``                      one row as JSON, or a list of rows; or an Arrow stream
``GET /models``, ``GET /models/churn/de``              what there is, and what a model takes and answers
``/v2/...``                                            Open Inference Protocol V2 (`pretzel.serving.protocol`)
``GET /openapi.json``                                  the description of all that
``GET /metrics``                                       for Prometheus (`pretzel.runtime.metrics`)
``GET /``                                              models, traffic, latency and memory on a page
=====================================================  ===================================================

A name may have slashes, and stand for a version (``churn/de@v2``) or an alias. Requests may have the headers

- ``Request-Timeout``: seconds in which the answer is wanted (``0.05``); what cannot be answered in time is rejected,
- ``X-Request-Id``: comes back with the answer; an error always has one, which the log of the server names, too.

Answers name the version in the header ``Model-Version``. Errors are ``{"error": "...", "type": "..."}``, with the
status that the table of `pretzel.serving.failures` says.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.runtime.runtime import Runtime
    from pretzel.serving.application import Application


def app(
    runtime: Runtime,
    *,
    manage: bool = False,
    max_bytes: int | str = "64MB",
    max_requests: int = 1024,
    drain: float = 30.0,
    close: bool = False,
    warm_up: bool = True,
) -> Application:
    """The ASGI application that serves the models of a runtime.

    Parameters
    ----------
    runtime : Runtime
        Its models may change at any time.
    manage : bool
        Whether callers may load and unload models: ``POST /v2/repository/models/NAME/load``.
    max_bytes : int or str
        The longest body of a request, unpacked, in bytes or as text such as ``"64MB"``; a longer one is answered 413.
    max_requests : int
        Requests that may be under way; further ones are answered 429.
    drain : float
        Seconds for which requests under way are awaited when the server shuts down.
    close : bool
        Whether the runtime is closed then, too.
    warm_up : bool
        Whether the server says that it is ready only after it has loaded its models, as many as the memory limit
        allows, and called each with a row that is made up.

    Returns
    -------
    Application
        An ASGI 3 application.

    Raises
    ------
    OptionError
        A setting has a wrong type or value, or ``runtime`` is no runtime.
    """
    from pretzel.errors import OptionError
    from pretzel.runtime.runtime import Runtime
    from pretzel.serving.application import Application, Settings

    if not isinstance(runtime, Runtime):
        made = f"store={str(runtime)!r}" if isinstance(runtime, str | PathLike) else ""
        how = f"app(pretzel.Runtime({made}))" if made else "runtime = pretzel.Runtime(); runtime.register(name, model)"
        raise OptionError(f"app serves the models of a Runtime, got {runtime!r:.80}: make one first: {how}")

    return Application(runtime, Settings.of(manage, max_bytes, max_requests, drain, close, warm_up))
