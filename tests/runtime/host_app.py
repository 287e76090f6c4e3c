"""One application for every server: WSGI, ASGI, Flask and Django answer with the same models.

It is imported by servers in other processes. ``/PATH?x=NUMBER`` answers with a prediction as text: ``/one``, ``/table``
(long enough for the batch engine), ``/submit`` and, where there is an event loop, ``/await``.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from sklearn.ensemble import RandomForestRegressor

import pretzel

X = np.random.default_rng(0).normal(size=(300, 4))
runtime = pretzel.Runtime(executors=2)
model = runtime.register(
    "forest", RandomForestRegressor(50, max_depth=6, random_state=0).fit(X, X[:, 0]), engine="batch"
)
waiting = runtime.register("waiting", model.plan, batching=pretzel.Batching(max_delay=0.001))
model.predict(X)  # threads are running when a server forks


def table(x: float) -> Any:
    """Rows all alike."""
    return np.full((2000, 4), x)


def answer(path: str, x: float) -> str:
    """What a request is answered with."""
    if path == "/one":
        return repr(model.predict_one((x,) * 4))
    if path == "/table":
        (value,) = set(model.predict(table(x)).tolist())
        return repr(value)
    if path == "/submit":
        (value,) = set(model.submit(table(x)).result(10).tolist())
        return repr(value)
    raise ValueError(path)


async def async_answer(path: str, x: float) -> str:
    """The same without keeping an event loop waiting."""
    if path == "/await":
        rows, single = await asyncio.gather(model.apredict(table(x)), waiting.apredict_one((x,) * 4))
        (value,) = {*rows.tolist(), single}
        return repr(value)
    return answer(path, x)


def work(x: float) -> float:
    """What a process of a pool computes."""
    value = float(answer("/one", x))
    assert value == float(answer("/table", x)) == float(answer("/submit", x))
    return value


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A bare WSGI application."""
    text = answer(environ["PATH_INFO"], float(parse_qs(environ["QUERY_STRING"])["x"][0]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


def flask_app() -> Any:
    """A Flask application."""
    import flask

    app = flask.Flask(__name__)
    app.add_url_rule("/<path>", "answer", lambda path: answer(f"/{path}", float(flask.request.args["x"])))
    return app


def django_app() -> Any:
    """A Django application, as WSGI."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import re_path

    def view(request: Any) -> Any:
        return HttpResponse(answer(request.path, float(request.GET["x"])))

    settings.configure(ROOT_URLCONF=(re_path("^", view),), ALLOWED_HOSTS=["*"], SECRET_KEY="of a test", DEBUG=False)
    django.setup()
    return get_wsgi_application()


def starlette_app() -> Any:
    """A Starlette application, as FastAPI's are underneath."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def view(request: Any) -> Any:
        return PlainTextResponse(await async_answer(request.url.path, float(request.query_params["x"])))

    return Starlette(routes=[Route("/{path}", view)])
