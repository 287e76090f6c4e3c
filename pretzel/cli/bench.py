"""``pretzel bench``."""

from __future__ import annotations

import statistics
import time
import warnings
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import FILE, load_source, model_argument, trust
from pretzel.cli.output import as_json, show_json, show_table
from pretzel.cli.requests import as_request, as_rows, column_option, columns_for
from pretzel.cli.tables import open_table, read_all
from pretzel.runtime.answer_columns import default_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.cli.models import ModelAt

SIZES = (1, 32, 1024)
LEAST = 5
"""Calls that are timed, however long they take."""


@click.command()
@model_argument
@click.argument("data", type=FILE)
@click.option("--source", type=FILE, help="The estimator that the model was compiled from, to be timed beside it.")
@click.option("--method", default=None, help='"predict" or "transform" by default.')
@click.option("--seconds", default=0.5, type=click.FloatRange(0, min_open=True), show_default=True,
              help="How long each kind of call is repeated.")  # fmt: skip
@column_option
@as_json
@trust
def bench(
    model: ModelAt,
    data: str,
    source: str | None,
    method: str | None,
    seconds: float,
    columns: tuple[str, ...],
    json_: bool,
    trusted: tuple[str, ...],
    allow_pickle: bool,
) -> None:
    """Time MODEL with rows of DATA on this machine: one row, and tables of 1, 32 and 1024 rows; medians.

    With --source, the estimator answers the same rows in turn with the model.
    """
    plan = model.load(trusted, allow_pickle=allow_pickle)
    name = method or default_method([*plan.methods])
    if name not in plan.methods:
        raise click.UsageError(f"{plan.name} has no method {name!r}, only {', '.join(plan.methods)}")
    estimator = None if source is None else load_source(source, trusted)
    table, spec = open_table(data), plan.requests_of(name)
    frame = read_all(table, columns_for(plan, table.columns, columns, method=name), max(SIZES))
    if not len(frame):
        raise click.UsageError(f"{data} has no rows")
    call, theirs = getattr(plan, name), getattr(estimator, name, None)
    kinds: list[tuple[str, int, list[Any], list[Callable[[Any], Any]]]] = [
        ("one row", 1, as_rows(spec, frame), [getattr(plan, f"{name}_one")])
    ]
    for size in SIZES:
        if size <= len(frame):
            tables = [as_request(spec, frame[i : i + size]) for i in range(0, len(frame) - size + 1, size)]
            kinds.append((f"table of {size:,}", size, tables, [call] if theirs is None else [call, theirs]))
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, size, requests, calls in kinds:
            times = _medians(calls, requests, seconds)
            found.append({"call": kind, "rows": size, "seconds": times[0], "source": times[1] if times[1:] else None})
    if theirs is not None:
        found[0]["source"] = found[1]["source"]  # scikit-learn knows one row as a table only
    if json_:
        show_json({"name": plan.name, "method": name, "calls": found})
        return
    head = (f"{name} of {plan.name}", "pretzel", *(() if theirs is None else ("source", "ratio")))
    show_table([head, *(_row(each) for each in found)])


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    ours, theirs = found["seconds"], found["source"]
    more = () if theirs is None else (_shown(theirs), f"{theirs / ours:,.1f}x")
    return (found["call"], _shown(ours), *more)


def _shown(seconds: float) -> str:
    return f"{seconds * 1e6:,.2f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.2f} ms"


def _medians(calls: list[Callable[[Any], Any]], requests: list[Any], seconds: float) -> list[float]:
    """Seconds of each call: they take turns, so that what the machine does besides meets all of them."""
    clock = time.perf_counter
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call(requests[0])
    end, i = clock() + seconds * len(calls), 0
    while clock() < end or i < LEAST:
        request = requests[i % len(requests)]
        for call, taken in zip(calls, times, strict=True):
            start = clock()
            call(request)
            taken.append(clock() - start)
        i += 1
    return [statistics.median(taken) for taken in times]
