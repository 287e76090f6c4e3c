"""The OpenAPI description is true: requests made from it, good and bad, get answers that it describes."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

import pretzel
import pretzel.serving
from tests.serving.conftest import Client, churn

schemathesis = pytest.importorskip("schemathesis")


@pytest.fixture(scope="module")
def described() -> Any:
    """The operations of a small application."""
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("churn/de", churn())
        app = pretzel.serving.app(runtime, manage=True)
        app.models.unloaded = _Nothing()  # a model that is unloaded by chance answers nothing any more
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


class _Nothing(set[str]):
    """A set that stays empty."""

    def add(self, name: str) -> None:
        """Nothing."""


def test_answers_are_described(described: Any) -> None:
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    names = (
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
    checks = [check for check in CHECKS.get_all() if check.__name__ in names]
    assert len(checks) == len(names)
    operations = [each.ok() for each in described.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        _run(operation, schemathesis.GenerationMode.POSITIVE, checks)
        if operation.method == "post" and not operation.path.endswith("load"):
            _run(operation, schemathesis.GenerationMode.NEGATIVE, checks)


def _run(operation: Any, mode: Any, checks: Any) -> None:
    @settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = case.call()
            assert answer.status_code != 500
            case.validate_response(answer, checks=checks)

    with contextlib.suppress(Unsatisfiable):  # nothing of it can be wrong
        check()


def test_the_description_names_the_errors_that_it_refers_to(runtime: pretzel.Runtime) -> None:
    found = Client(pretzel.serving.app(runtime)).get("/openapi.json").json
    assert found["openapi"] == "3.1.0"
    assert {f"/models/{name}/predict" for name in ("churn/de", "spam")} <= found["paths"].keys()
    post = found["paths"]["/models/churn/de/predict"]["post"]
    assert "DeadlineExceeded" in post["responses"]["504"]["description"]
    assert "Overloaded" in post["responses"]["503"]["description"]
