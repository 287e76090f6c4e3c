"""``pretzel coverage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import complete_model, plan_or_source, trust
from pretzel.cli.output import as_json, printable, show_json, show_table

if TYPE_CHECKING:
    from pretzel.coverage import Coverage
    from pretzel.runtime.model import Plan


@click.command()
@click.argument("model", required=False, metavar="[MODEL|SOURCE]", shell_complete=complete_model)
@as_json
@trust
@click.pass_context
def coverage(ctx: click.Context, model: str | None, json_: bool, trusted: tuple[str, ...], allow_pickle: bool) -> None:
    """Try which methods of all estimators are native, or list the native and the opaque steps of a model.

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
    """All estimators of the installed libraries."""
    from pretzel.coverage import coverage

    found = coverage()
    states = found.estimators()
    if json_:
        show_json({"releases": found.releases, "methods": [each._asdict() for each in found.methods]})
        return
    show_table([(name, states[name], _others(name, found)) for name in states])
    releases = ", ".join(f"{library} {release}" for library, release in found.releases.items())
    counts = {state: [*states.values()].count(state) for state in ("native", "partly native", "opaque", "refused")}
    counted = ", ".join(f"{count} {state}" for state, count in counts.items())
    click.echo(f"{len(states)} estimators of {releases}: {counted}; opaque ones run as they are")


def _others(name: str, found: Coverage) -> str:
    """The methods of an estimator that are not native, by reason."""
    methods: dict[str, list[str]] = {}
    for each in found.methods:
        if each.estimator == name and each.state != "native":
            methods.setdefault(each.reason, []).append(each.method)
    return printable("; ".join(f"{', '.join(names)}: {reason}".removeprefix(": ") for reason, names in methods.items()))
