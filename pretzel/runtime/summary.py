"""What of a plan is native, in a line: for `Plan.opaque_steps`, `Plan.explain` and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pretzel.plan import MethodPlan
    from pretzel.runtime.model import Plan


class OpaqueCall(NamedTuple):
    """A step without a native form, which a plan calls from Python.

    Parameters
    ----------
    step : str
        Where the step stands in the source: ``"Pipeline.vote.knn"``.
    method : str
        Method of the step that is called.
    reason : str
        Why it has no native form.
    """

    step: str
    method: str
    reason: str


def opaque_calls(method: MethodPlan) -> tuple[OpaqueCall, ...]:
    """The calls of one method, in the order in which they are made."""
    return tuple(
        OpaqueCall(step.origin or type(step.estimator).__name__, step.method, step.reason) for step in method.opaque
    )


def summary(plan: Plan) -> str:
    """One line that says which methods are native, and what the others call from Python."""
    found: dict[tuple[str, ...], list[str]] = {(): []}  # methods by what they call
    for name, method in plan.physical.methods.items():
        calls = dict.fromkeys(f"{call.step} ({call.reason})" for call in opaque_calls(method))
        found.setdefault(tuple(calls), []).append(name)
    native = [f"{', '.join(found.pop(()))} native"] if found[()] else []
    opaque = [f"{', '.join(names)} opaque at {', '.join(calls)}" for calls, names in found.items() if names]
    return f"{plan.name}: {'; '.join(native + opaque)}"
