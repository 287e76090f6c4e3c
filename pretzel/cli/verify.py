"""``pretzel verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pretzel.cli.models import FILE, load_source, model_argument, trust
from pretzel.cli.output import printable
from pretzel.cli.requests import as_request, column_option, columns_for, hint_of
from pretzel.cli.tables import open_table, read_all

if TYPE_CHECKING:
    from pretzel.cli.models import ModelAt


@click.command()
@model_argument
@click.argument("source", type=FILE)
@click.argument("data", type=FILE)
@click.option("--rows", default=10_000, type=click.IntRange(1), show_default=True, help="Rows of DATA that are tried.")
@click.option("--boundary/--no-boundary", default=True, help="Add rows on thresholds, odd numbers, unseen categories.")
@column_option
@trust
@click.pass_context
def verify(
    ctx: click.Context,
    model: ModelAt,
    source: str,
    data: str,
    rows: int,
    boundary: bool,
    columns: tuple[str, ...],
    trusted: tuple[str, ...],
    allow_pickle: bool,
) -> None:
    """Compare MODEL with the estimator in SOURCE on DATA, step by step.

    Exit code 1 if they differ, or if both reject all rows, so that nothing was compared.
    """
    from pretzel.verification import verify as compare

    plan = model.load(trusted, allow_pickle=allow_pickle)
    table = open_table(data)
    spec = plan.physical.input
    read = columns_for(plan, table.columns, columns)
    frame = read_all(table, read, rows)
    report = compare(plan, load_source(source, trusted), as_request(spec, frame), boundary=boundary)
    click.echo("\n".join(map(printable, str(report).split("\n"))))
    if not report.ok and (hint := hint_of(spec, read, columns)):
        click.echo(f"pretzel: {hint.removeprefix('; ')}", err=True)
    ctx.exit(0 if report.ok else 1)
