"""``POST /models/NAME/METHOD``: rows as JSON, or a table as an Arrow stream.

One row is an object (by column), an array of values in the order of the fit, or a text, and gets one answer. An array
of such rows gets an array of answers. null is the missing value that a column knows.

A body of the type ``application/vnd.apache.arrow.stream`` is a table. The answer has the same type as the request, or
the one of the two that ``Accept`` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.input_spec import InputKind
from pretzel.serving import arrow
from pretzel.serving.exchange import ARROW, JSON, Response, header_value
from pretzel.serving.failures import NotFound
from pretzel.serving.jsons import loads, written_out

if TYPE_CHECKING:
    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request


async def predict(app: Application, request: Request, target: str) -> Response:
    """Answer a request to ``/models/TARGET``."""
    app.check_open()
    name, _, method = target.rpartition("/")
    if not name:
        raise NotFound(f"a prediction is asked of /models/NAME/METHOD, such as /models/{target}/predict")
    request.model, request.asked = name, method
    deadline = request.deadline()
    body = await request.body()
    if deadline is not None:
        deadline = request.deadline()
    is_arrow = request.content_type == ARROW
    as_arrow = request.accepts(ARROW) or (is_arrow and not request.accepts(JSON))
    if is_arrow:
        table = await arrow.read(body, await app.models.plan(name), method, app.settings.max_bytes)
        request.rows = len(table)
        answer, version = await app.models.table(name, method, table, deadline)
    else:
        content = loads(body)
        request.rows = 1
        if type(content) is list and await _are_rows(content, app, name, method):
            request.rows = len(content)
            answer, version = await app.models.rows(name, method, content, deadline)
        elif as_arrow:
            answer, version = await app.models.rows(name, method, [content], deadline)
        else:
            answer, version = await app.models.row(name, method, content, deadline)
            if hasattr(answer, "toarray"):
                answer = written_out(answer)[0]
            elif type(content) is dict:
                app.short_rows.add(request.root, request.whole_path, app.models.known(name), method)
        answer = arrow.of_rows(answer) if as_arrow else answer
    if as_arrow:
        response = Response(await arrow.write(await app.models.plan(name), method, answer), kind=ARROW)
    else:
        response = Response.of(answer)
    request.version = version
    if version:
        response.headers.append((b"model-version", header_value(version)))
    return response


async def _are_rows(content: list[Any], app: Application, name: str, method: str) -> bool:
    """Whether a JSON array is several rows: objects, arrays or documents."""
    if not content or type(content[0]) is dict or type(content[0]) is list:
        return True
    spec = (await app.models.plan(name)).requests_of(method)
    return spec.kind is InputKind.TEXT or spec.labels or (spec.kind is InputKind.ANY and type(content[0]) is str)
