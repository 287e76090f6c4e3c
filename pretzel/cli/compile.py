"""``pretzel compile``."""

from __future__ import annotations

from typing import Literal

import click

from pretzel.cli.models import FILE, compiled, trusted
from pretzel.cli.output import in_bytes


@click.command()
@click.argument("source", type=FILE)
@click.option("-o", "--output", required=True, help="A .pretzel file, or a store, which is made if there is none.")
@click.option("--name", default="", help="Name of the model; a store needs one.")
@click.option("--version", default=None, help='Its version in a store; "v1", "v2", ... by default.')
@click.option("--default/--no-default", default=True, help="Whether the name alone means this version from now on.")
@click.option("--allow-changes", is_flag=True, help="Replace a default whose columns or methods are others, too.")
@click.option("--numerics", type=click.Choice(["fast", "strict"]), default="fast", help="As of pretzel.compile.")
@click.option(
    "--opaque",
    type=click.Choice(["skops", "cloudpickle"]),
    default=None,
    help="Write also the estimators of steps without a native form; loading them takes --trusted (skops), or "
    "--allow-pickle (cloudpickle).",
)
@click.option("--keep-source", is_flag=True, help="Write the whole estimator, too, for what is not compiled.")
@click.option("--none", type=click.Choice(["missing", "exact"]), default="missing", help="As of pretzel.compile.")
@trusted
def compile(
    source: str,
    output: str,
    name: str,
    version: str | None,
    default: bool,
    allow_changes: bool,
    numerics: str,
    none: str,
    opaque: Literal["skops", "cloudpickle"] | None,
    keep_source: bool,
    trusted: tuple[str, ...],
) -> None:
    """Compile the fitted estimator in SOURCE to a plan file, or into a store.

    Loading a file of joblib or pickle runs code that it holds: give only files that you trust. A file of skops holds
    no code; types that skops does not know are named with --trusted.
    """
    is_file = output.endswith(".pretzel")
    if not is_file and not name:
        raise click.UsageError(f"{output} is a store, which needs a --name for the model; plan files end with .pretzel")
    if is_file and (version is not None or not default):
        raise click.UsageError("versions are for stores; a plan file has none")
    if keep_source and opaque is None:
        raise click.UsageError("--keep-source needs --opaque, which says how the estimator is written")
    plan = compiled(source, trusted, name=name, numerics=numerics, none=none, keep_source=keep_source)
    if is_file:
        plan.save(output, opaque=opaque)
        where = output
    else:
        from pretzel.api import PlanStore

        label = PlanStore(output).publish(
            name, plan, version=version, default=default, allow_changes=allow_changes, opaque=opaque
        )
        where = f"{output.rstrip('/') or '/'}:{name}@{label}"
    click.echo(f"{where}  {', '.join(plan.methods)}  {in_bytes(plan.nbytes)} in memory")
