"""From a fitted estimator or a plan to the plan that a runtime serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.errors import OptionError
from pretzel.options import Batching, Reservation, check_option
from pretzel.runtime.engine import QUEUE_CAPACITY, BatchEngine
from pretzel.runtime.input.messages import hints
from pretzel.runtime.model import Plan
from pretzel.runtime.subplan_cache import cache_subplans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pretzel._native import ResultCache
    from pretzel.store.object_store import ObjectStore

LONG_CALLS = {"auto": 1e-3, "request": None, "batch": 0.0}
"""Seconds of work from which calls are worth waking workers, by the ``engine`` of `pretzel.Runtime.register`."""

_OPTIONS = (
    "strict",
    "numerics",
    "disable_rules",
    "none",
    "keep_source",
)  # of `pretzel.compile`, besides name and store
_REGISTER = ("version", "default", "keep", "allow_changes", "engine", "reserve", "batching")
_compile: Callable[..., Plan] | None = None  # set by `pretzel.api`, so that no runtime needs the oven


def set_compiler(compile: Callable[..., Plan]) -> None:
    """Set how estimators become plans: ``compile(estimator, name=..., store=..., **options)``."""
    global _compile
    _compile = compile


def prepare(
    name: str,
    model: Any,
    store: ObjectStore,
    shared: BatchEngine,
    /,
    engine: str = "auto",
    reserve: Reservation | None = None,
    batching: Batching | None = None,
    tracing: bool | None = None,
    **options: Any,
) -> Plan:
    """A plan of that name in ``store``, served by the ``shared`` engine or by its own.

    The other parameters are those of `pretzel.Runtime.register`.
    """
    if engine not in list(LONG_CALLS):
        raise OptionError(f"engine is 'auto', 'request' or 'batch', not {engine!r}")
    check_option("reserve", reserve, Reservation | None)
    check_option("batching", batching, Batching | None)
    plan = compiled(name, model, store, options, _REGISTER)
    if plan is model:
        plan = model.renamed(name, store)
    own = shared
    if reserve is not None:
        own = BatchEngine(reserve.workers, QUEUE_CAPACITY, reserve.bytes_per_worker, tracing=tracing)
    plan.serve(own, LONG_CALLS[engine], batching)
    return plan


def compiled(name: str, model: Any, store: ObjectStore, options: Mapping[str, Any], others: Sequence[str] = ()) -> Plan:
    """The plan itself, or that of a fitted estimator, compiled with these options; the caller may use others."""
    unknown = [option for option in options if option not in _OPTIONS]
    if unknown:
        own = f"; others are: {', '.join(others)}" if others else ""
        guesses = hints(unknown, [*_OPTIONS, *others])
        raise OptionError(
            f"unknown options: {', '.join(unknown)}; those of compile are: {', '.join(_OPTIONS)}{own}{guesses}"
        )
    if isinstance(model, Plan):
        if options:
            raise TypeError(f"options are not accepted for a compiled Plan: {', '.join(options)}")
        return model
    if _compile is None:
        raise TypeError(f"expected a Plan, got {type(model).__name__}")
    return _compile(model, name=name, store=store, **options)


def serve_stored(engine: BatchEngine, caches: Mapping[str, ResultCache], plan: Plan) -> None:
    """Let an engine serve a plan that has been loaded from a store on disk."""
    plan.serve(engine, LONG_CALLS["auto"])
    cache_subplans(plan, caches["materialized"], caches["results"])
