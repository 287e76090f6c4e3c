"""What is read, not predicted: lists of models, descriptions, metrics and the status page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pretzel.schema import INVERSE, METHODS, RARE_METHODS
from pretzel.serving import inference, openapi, prometheus, status
from pretzel.serving.exchange import Response
from pretzel.serving.failures import WrongHttpMethod

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request

    Page = Callable[[Application, Request], Awaitable[Response]]


async def models(app: Application, request: Request) -> Response:
    """``GET /models``: names, versions, aliases."""
    return Response.of(await asyncio.to_thread(_models, app))


def _models(app: Application) -> dict[str, Any]:
    found = app.runtime.stats()
    known = found["models"]
    listed = []
    for name in app.runtime:
        versions, reason = inference.listed_versions(app, name)
        version = known.get(name, {}).get("version")
        each = {"name": name, "version": version, "versions": versions, "loaded": name in known}
        listed.append({**each, "reason": reason} if reason else each)
    aliases = [{"name": name, "shares": alias["shares"]} for name, alias in found["aliases"].items()]
    return {"models": listed, "aliases": aliases}


async def model(app: Application, request: Request, name: str) -> Response:
    """``GET /models/NAME``: what a model takes and answers."""
    base, _, method = name.rpartition("/")
    is_method = method in {*METHODS, *RARE_METHODS, INVERSE}
    if request.method not in ("GET", "HEAD") or (base and is_method):
        raise WrongHttpMethod("POST" if is_method else "GET, HEAD")
    plan = await app.models.plan(name)
    handle = await app.models.find(name)
    schema = plan.input_schema
    return Response.of(
        {
            "name": name,
            "version": handle.version,
            "versions": await asyncio.to_thread(app.runtime.versions, name.partition("@")[0]),
            "row": schema.to_json_schema(),
            "methods": {each: openapi.answer_schema(plan, each) for each in plan.methods},
            "opaque_steps": [f"{call.step}.{call.method}" for call in plan.opaque_steps],
        }
    )


async def description(app: Application, request: Request) -> Response:
    """``GET /openapi.json``, or ``?model=NAME`` for one model alone, which is loaded for that."""
    asked = parse_qs(request.query.decode("latin-1")).get("model", [])
    plans = {name: await app.models.plan(name) for name in asked}
    return Response.of(await asyncio.to_thread(openapi.described, app, plans, request.root))


async def metrics(app: Application, request: Request) -> Response:
    """``GET /metrics``, as text for Prometheus."""
    text, kind = await asyncio.to_thread(prometheus.text, app, request.headers.get(b"accept", b"").decode("latin-1"))
    return Response(text, kind=kind)


async def page(app: Application, request: Request) -> Response:
    """``GET /``: one page with all models."""
    html = await asyncio.to_thread(status.page, app)
    return Response(html.encode(), kind=b"text/html; charset=utf-8", headers=status.HEADERS)


PAGES: dict[str, Page] = {
    "/": page,
    "/models": models,
    "/openapi.json": description,
    "/metrics": metrics,
}
"""Paths that are no model's."""
