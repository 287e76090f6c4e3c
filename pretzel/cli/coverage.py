"""``pretzel coverage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import complete_model, plan_or_source, trust
from pretzel.cli.output import as_json, printable, show_json, show_table

if TYPE_CHECKING:
    from pretzel.runtime.model import Plan


@click.command()
@click.argument("model", required=False, metavar="[MODEL|SOURCE]", shell_complete=complete_model)
@as_json
@trust
@click.pass_context
def coverage(ctx: click.Context, model: str | None, json_: bool, trusted: tuple[str, ...], allow_pickle: bool) -> None:
    """List the estimators that have a native form, or the steps of a model that have one and those that have none.

    Exit code 1 if the model cannot be saved, because a step of a method has none and runs as the estimator itself.
    Methods that few callers want (apply, score_samples) are saved only where they are native.
    """
    if model is None:
        _list(json_)
        return
    from pretzel.runtime.portable import is_portable

    plan = plan_or_source(model, trusted, allow_pickle=allow_pickle)
    methods = {name: _steps(plan, name) for name in plan.methods}
    if json_:
        show_json({"name": plan.name, "methods": methods})
    else:
        for name, steps in methods.items():
            click.echo(f"{name}: {len(steps['native'])} native, {len(steps['opaque'])} opaque step(s)")
            for origin, kernels in steps["native"].items():
                click.echo(printable(f"  native  {origin or plan.name}: {', '.join(kernels)}"))
            for step in steps["opaque"]:
                click.echo(printable(f"  opaque  {step['step']}: {step['reason']}"))
    ctx.exit(0 if is_portable(plan.physical) else 1)


def _steps(plan: Plan, name: str) -> dict[str, Any]:
    """Native steps of a method, with the kernels that they run, and opaque ones with reasons."""
    method = plan.physical.methods[name]
    native: dict[str, list[str]] = {}
    programs = [step.program for step in method.opaque] + [method.program]
    for program in filter(None, programs):
        for call, step in zip(program.calls, program.steps, strict=True):
            native.setdefault(step.origin, []).append(call.kernel)
    return {
        "native": native,
        "opaque": [{"step": step.origin or step.name, "reason": step.reason} for step in method.opaque],
    }


def _list(json_: bool) -> None:
    """All estimators of scikit-learn."""
    from sklearn.utils import all_estimators

    from pretzel.oven.frontends.registry import public_name, registered

    native = set(registered())
    names = {public_name(cls): cls for _, cls in all_estimators()}
    data = {name: name in native for name in sorted(names.keys() | native)}
    if json_:
        show_json(data)
        return
    show_table([(name, "native" if is_native else "opaque") for name, is_native in data.items()])
    click.echo(f"{sum(data.values())} of {len(data)} have a native form; the others run as they are")
