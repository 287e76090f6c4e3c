"""``pretzel predict``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import FILE, model_argument, trust
from pretzel.cli.requests import as_request, column_option, columns_for, hint_of
from pretzel.cli.tables import Writer, format_of, open_table, read_ahead
from pretzel.errors import InputError
from pretzel.runtime.answer_columns import answer_columns, default_method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.cli.models import ModelAt


@click.command()
@model_argument
@click.argument("data", type=FILE)
@click.option("-o", "--output", required=True, metavar="OUT", help='A table, by its ending; "-" prints CSV.')
@click.option("--method", "methods", multiple=True, help='"predict" or "transform" by default; repeatable.')
@click.option(
    "--keep", multiple=True, metavar="NAME", help="A column of DATA that OUT has, too, as it stands; repeatable."
)
@column_option
@trust
@click.option("--batch", default=1 << 16, type=click.IntRange(1), show_default=True, help="Rows that are read at once.")
def predict(
    model: ModelAt,
    data: str,
    output: str,
    methods: tuple[str, ...],
    keep: tuple[str, ...],
    columns: tuple[str, ...],
    batch: int,
    trusted: tuple[str, ...],
    allow_pickle: bool,
) -> None:
    """Let MODEL answer each row of DATA, and write the answers to OUT, which appears when it is complete.

    Columns that the model does not know are ignored. The table is never in memory as a whole.
    """
    from pretzel.runtime.named_columns import feature_names_out

    if output != "-":
        format_of(output)
        if Path(output).exists() and Path(output).samefile(data):
            raise click.UsageError(f"--output {output} is DATA itself: the answers need a file of their own")
    table, plan = open_table(data), model.load(trusted, allow_pickle=allow_pickle)
    asked = methods or (default_method([*plan.methods]),)
    for name in asked:
        if name not in plan.methods:
            raise click.UsageError(f"{plan.name} has no method {name!r}, only {', '.join(plan.methods)}")
    spec = plan.requests_of(asked[0])
    if any(plan.requests_of(name) != spec for name in asked):
        raise click.UsageError(f"{', '.join(asked)} take other columns each: ask one of them at a time")
    read = columns_for(plan, table.columns, columns, keep, asked[0])
    hint = hint_of(spec, read, columns)
    also = replace(read, kept=[*dict.fromkeys(keep)])
    is_shown = sys.stderr.isatty() and not (output == "-" and sys.stdout.isatty())
    bar = click.progressbar(length=table.length, label=data, file=sys.stderr, hidden=not is_shown)
    names_out = None if plan.physical.names_out is None else [*feature_names_out(plan)]
    count = 0
    with Writer(output) as writer, bar:
        for frame, kept, progress in read_ahead(table.batches(also, batch)):
            if not len(frame):
                continue
            try:
                answers = _answers(plan, asked, as_request(spec, frame), names_out)
            except InputError as error:
                raise InputError(f"rows {count:,} to {count + len(frame) - 1:,} of {data}: {error}{hint}") from error
            for name in also.kept:
                if name in answers:
                    raise click.UsageError(
                        f"--keep {name}: the answers have a column {name!r}, too; rename that of DATA"
                    )
            writer.write(kept.assign(**answers))
            count += len(frame)
            bar.update(progress)
        if not count:
            raise InputError(f"{data} has no rows")
    click.echo(f"{count:,} row(s): {', '.join(asked)} of {plan.name}", err=True)


def _answers(plan: Any, methods: Sequence[str], request: Any, names_out: Sequence[str] | None) -> dict[str, Any]:
    classes = plan.physical.attributes.get("classes_")
    found: dict[str, Any] = {}
    for name in methods:
        columns = answer_columns(name, getattr(plan, name)(request), classes, names_out)
        both = found.keys() & columns.keys()
        if both:
            raise click.UsageError(f"two methods have a column {min(both)!r}: ask one of them at a time")
        found |= columns
    return found
