"""The OpenAPI description of an application and of the models that it serves."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pretzel.serving.failures import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pretzel.runtime.model import Plan
    from pretzel.serving.application import Application

MODELS = 200
"""Number of models whose paths are described, unless some are asked for by name."""

_ARROW = "application/vnd.apache.arrow.stream"
_TEXT: dict[str, Any] = {"type": "string"}
_ERROR = {"$ref": "#/components/schemas/Error"}
_HEADERS = [
    {
        "name": "Request-Timeout",
        "in": "header",
        "description": "Seconds in which the answer is wanted",
        "schema": {"type": "number", "minimum": 0},
    },
    {"name": "X-Request-Id", "in": "header", "description": "Comes back with the answer", "schema": _TEXT},
]
_PREDICTING = (400, 404, 413, 415, 429, 500, 501, 503, 504)


def described(app: Application, plans: Mapping[str, Plan], root: str = "") -> dict[str, Any]:
    """The description; of the models of ``plans``, or of those that are in memory.

    Parameters
    ----------
    app : Application
    plans : dict of str to Plan
    root : str
        Where the application is mounted.
    """
    paths = _paths()
    for name, plan in (plans or _resident(app)).items():
        for method in plan.methods:
            paths[f"/models/{name}/{method}"] = {"post": _predicting(name, plan, method)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pretzel",
            "version": sys.modules["pretzel"].__version__,
            "description": "Predictions of fitted pipelines, and Open Inference Protocol V2 below /v2.",
        },
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


def _resident(app: Application) -> dict[str, Plan]:
    found: dict[str, Plan] = {}
    for name in app.runtime.stats()["models"]:
        plan = app.runtime[name].current if name in app.runtime else None
        if plan is not None and len(found) < MODELS:
            found[name] = plan
    return found


def _predicting(name: str, plan: Plan, method: str) -> dict[str, Any]:
    row, answer = plan.input_schema.of(method).to_json_schema(), answer_schema(plan, method)
    return _operation(
        f"{method} of {name}",
        _either(row),
        {"description": "One answer, or one for each row", "content": _content(_either(answer), arrow=True)},
        _PREDICTING,
        parameters=_HEADERS,
        arrow=True,
    )


def answer_schema(plan: Plan, method: str) -> dict[str, Any]:
    """JSON Schema of the answer to one row, in which null stands for NaN and infinities."""
    found: dict[str, Any] = _with_null(plan.input_schema.answer_json_schema(method))
    return found


def _with_null(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {**schema, "type": ["number", "null"]}
    return {key: value if key == "enum" else _with_null(value) for key, value in schema.items()}


def _either(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema}]} if schema else {}


def _content(schema: dict[str, Any], *, arrow: bool = False, kind: str = "application/json") -> dict[str, Any]:
    found: dict[str, Any] = {kind: {"schema": schema}}
    return {**found, _ARROW: {"schema": {}}} if arrow else found


def _operation(
    summary: str,
    body: dict[str, Any] | None,
    answer: dict[str, Any],
    statuses: Iterable[int],
    *,
    parameters: Iterable[dict[str, Any]] = (),
    arrow: bool = False,
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary, "parameters": [*parameters]}
    if body is not None:
        found["requestBody"] = {"required": True, "content": _content(body, arrow=arrow)}
    found["responses"] = {"200": answer, **{str(status): _failure(status) for status in statuses}}
    return found


def _failure(status: int) -> dict[str, Any]:
    causes = sorted(kind.__name__ for kind, code in STATUS.items() if code == status)
    found: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(causes) or 'anything else, which is logged'}",
        "content": _content(_ERROR),
    }
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return found


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _paths() -> dict[str, Any]:
    """The paths of any model; a slash of its name is %2F where a client fills one of them in."""
    name, version = _in_path("name"), _in_path("version")
    of_model = {"metadata": "/v2/models/{name}", "of a version": "/v2/models/{name}/versions/{version}"}
    paths: dict[str, Any] = {
        "/models": {"get": _operation("All models", None, _json("Models", {"type": "object"}), (500, 429))},
        "/models/{name}": {
            "get": _operation("One model", None, _json("A model", {"type": "object"}), _PREDICTING, parameters=[name])
        },
        "/models/{name}/{method}": {
            "post": _operation(
                "Answer a row, or rows",
                {},
                {"description": "One answer, or one for each row", "content": _content({}, arrow=True)},
                _PREDICTING,
                parameters=[name, _in_path("method"), *_HEADERS],
                arrow=True,
            )
        },
        "/v2": {"get": _operation("The server", None, _json("Its metadata", _ref("Server")), (500, 429))},
        "/v2/health/live": {"get": _operation("Liveness", None, _json("It is", {"type": "object"}), (500,))},
        "/v2/health/ready": {"get": _operation("Readiness", None, _json("It is", {"type": "object"}), (500, 503))},
        "/v2/repository/index": {
            "post": _operation(
                "Models, versions and states",
                {"type": "object", "properties": {"ready": {"type": "boolean"}}},
                _json("All of them", {"type": "array", "items": {"type": "object"}}),
                (400, 413, 415, 429, 500),
            )
        },
        "/metrics": {
            "get": _operation(
                "Metrics for Prometheus",
                None,
                {"description": "Metrics", "content": _content(_TEXT, kind="text/plain")},
                (429, 500, 501),
            )
        },
        "/openapi.json": {
            "get": _operation(
                "This description",
                None,
                _json("It", {"type": "object"}),
                (404, 429, 500, 503),
                parameters=[{"name": "model", "in": "query", "schema": _TEXT, "description": "One model alone"}],
            )
        },
    }
    for what, path in of_model.items():
        parameters = [name, version] if "{version}" in path else [name]
        paths[path] = {
            "get": _operation(
                f"Model {what}", None, _json("Metadata", _ref("Model")), _PREDICTING, parameters=parameters
            )
        }
        paths[f"{path}/ready"] = {
            "get": _operation(
                f"Readiness {what}", None, _json("It is", {"type": "object"}), _PREDICTING, parameters=parameters
            )
        }
        infer = _operation(
            f"Inference {what}",
            _ref("InferenceRequest"),
            _json("The outputs", _ref("InferenceResponse")),
            _PREDICTING,
            parameters=[*parameters, *_HEADERS],
        )
        infer["requestBody"]["content"]["application/octet-stream"] = {"schema": {}}
        infer["responses"]["200"]["content"]["application/octet-stream"] = {"schema": {}}
        paths[f"{path}/infer"] = {"post": infer}
    for verb in ("load", "unload"):
        paths[f"/v2/repository/models/{{name}}/{verb}"] = {
            "post": _operation(
                f"{verb.capitalize()} a model",
                None,
                _json("Done", {"type": "object"}),
                (400, 403, 404, 413, 415, 429, 500, 503),
                parameters=[name],
            )
        }
    return paths


_DESCRIBED: dict[str, Any] = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {"name": _TEXT, "datatype": _TEXT, "shape": {"type": "array", "items": {"type": "integer"}}},
}
_PARAMETERS = {"type": "object"}
_SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["error", "type"],
        "properties": {"error": _TEXT, "type": _TEXT},
    },
    "Server": {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}},
    },
    "Model": {
        "type": "object",
        "required": ["name", "platform", "inputs", "outputs"],
        "properties": {
            "name": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "platform": _TEXT,
            "inputs": {"type": "array", "items": _DESCRIBED},
            "outputs": {"type": "array", "items": _DESCRIBED},
        },
    },
    "InferenceRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": _TEXT,
            "parameters": _PARAMETERS,
            "inputs": {
                "type": "array",
                "minItems": 1,
                "items": {
                    **_DESCRIBED,
                    "properties": {**_DESCRIBED["properties"], "data": {"type": "array"}, "parameters": _PARAMETERS},
                },
            },
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": _TEXT, "parameters": _PARAMETERS},
                },
            },
        },
    },
    "InferenceResponse": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": {"type": "array", "items": _DESCRIBED},
        },
    },
}
