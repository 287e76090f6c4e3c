"""``pretzel top``."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.output import as_json, in_bytes, printable, show_json
from pretzel.cli.scrape import NoServer, Row, Scrape, facts, rows, scraped, url_of
from pretzel.serving.status import in_seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

ORDERS = ("rate", "calls", "failed", "p50", "p99", "model")
_AROUND = 7  # lines of the screen that are no models
_WIDE_ENOUGH = {"calls/s": 0, "calls": 72, "failed": 48, "p50": 60, "p99": 36, "versions": 80}
"""Characters of a line from which on a column is shown, so that it leaves a dozen of them to the names of models."""


class View:
    """A server, as it was at the last two looks.

    Parameters
    ----------
    url : str
        Of its metrics.
    sort : str
        One of `ORDERS`.
    """

    def __init__(self, url: str, sort: str = "rate") -> None:
        self.url = url
        self.sort = sort
        self.now: Scrape | None = None
        self.before: Scrape | None = None
        self.trouble = ""

    def look(self) -> None:
        """Read the metrics. Where no server answers, what was read before stays, with the reason."""
        try:
            found = scraped(self.url)
        except NoServer as error:
            self.trouble = str(error)
            return
        self.before, self.now, self.trouble = self.now, found, ""

    def rows(self) -> list[Row]:
        """The models, in order."""
        found = [] if self.now is None else rows(self.now, self.before)

        def key(row: Row) -> Any:
            value = getattr(row, self.sort)
            return (value is not None, row.calls if value is None else value)

        found.sort(key=lambda row: row.model)
        return found if self.sort == "model" else sorted(found, key=key, reverse=True)

    def data(self) -> dict[str, Any]:
        """All of it, for scripts."""
        assert self.now is not None
        return {"server": facts(self.now, self.before), "models": [asdict(row) for row in self.rows()]}

    def picture(self, width: int, height: int | None = None) -> RenderableType:
        """What is shown, in lines of so many characters, on so many lines."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        parts: list[Any] = []
        if self.trouble:
            parts.append(Text(printable(self.trouble) + "; trying again", style="bold red"))
        if self.now is None:
            return Group(*parts)
        lines = _headlines(facts(self.now, self.before))
        parts += [Text(line, no_wrap=height is not None, overflow="ellipsis") for line in lines]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True, style="dim" if self.trouble else "")
        table.add_column("model", ratio=3, min_width=12, no_wrap=True, overflow="ellipsis")
        columns = [name for name, least in _WIDE_ENOUGH.items() if width >= least]
        for name in columns:
            if name == "versions":
                table.add_column(name, ratio=2, no_wrap=True, overflow="ellipsis")
            else:
                table.add_column(name, justify="right", no_wrap=True)
        found = self.rows()
        shown = found if height is None else found[: max(height - _AROUND, 1)]
        for row in shown:
            cells: dict[str, str | Text] = {
                "calls/s": "" if row.rate is None else f"{row.rate:,.1f}",
                "calls": f"{row.calls:,}",
                "failed": Text(f"{row.failed:,}", style="red" if row.failed else ""),
                "p50": in_seconds(row.p50),
                "p99": in_seconds(row.p99),
                "versions": Text(_versions(row.versions)),
            }
            table.add_row(Text(printable(row.model)), *(cells[name] for name in columns))
        parts.append(table)
        if not found:
            parts.append(Text("no model has been called"))
        if len(shown) < len(found):
            parts.append(Text(f"and {len(found) - len(shown):,} more", style="dim"))
        return Group(*parts)


def _versions(shares: dict[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(printable(name) if share == 1 else f"{printable(name)} {share:.0%}" for name, share in ordered)


def _headlines(found: dict[str, Any]) -> list[str]:
    """Two lines about the server."""

    def number(name: str) -> str:
        value = found[name]
        return "?" if value is None else f"{value:,.0f}"

    models = f"{number('models')} models"
    if found["resident"]:
        models += f" ({number('resident')} in memory)"
    if found["stale"]:
        models += f" ({number('stale')} stale)"
    memory = "memory ?" if found["memory"] is None else f"memory {in_bytes(int(found['memory']))}"
    if found["limit"] is not None:
        memory += f" of {in_bytes(int(found['limit']))}"
    shared = f"{in_bytes(int(found['unique'] or 0))} hold {in_bytes(int(found['logical'] or 0))}"
    by_status = [f"{status}: {count:,.1f}".removesuffix(".0") for status, count in found["answers"].items()]
    answers = ", ".join(by_status) or "none"
    if (found["processes"] or 1) > 1:
        models = f"{number('processes')} processes · {models}"
    return [
        f"{models} · {memory} · {shared}",
        f"{number('under_way')} under way · {number('waiting')} waiting · {number('started')} started"
        f" · {number('rejected')} rejected · answers {answers}",
    ]


def follow(view: View, console: Console, interval: float) -> None:
    """Show a server until interrupted."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            view.look()
            title = Text(f"{view.url}  {time.strftime('%H:%M:%S')}  by {view.sort}, every {interval:g} s", style="bold")
            live.update(Group(title, view.picture(console.width, console.height - 1)), refresh=True)
            time.sleep(interval)


@click.command()
@click.argument("url", default="http://127.0.0.1:8000")
@click.option("--sort", type=click.Choice(ORDERS), default="rate", show_default=True, help="What comes first.")
@click.option(
    "--interval", default=2.0, show_default=True, type=click.FloatRange(0.1), help="Seconds between two looks."
)
@click.option("--once", is_flag=True, help="Print one table and end; also where stdout is no terminal.")
@as_json
def top(url: str, sort: str, interval: float, once: bool, json_: bool) -> None:
    """Watch the models of a running server: traffic, latency, memory.

    URL is that of the server, with the path where its application is mounted. Figures come from its /metrics; calls/s,
    p50, p99 and versions are those since the look before. Ctrl-C ends it.
    """
    from rich.console import Console

    try:
        view = View(url_of(url), sort)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    console = Console()
    if not (once or json_ or not console.is_terminal):
        try:
            follow(view, console, interval)
        except KeyboardInterrupt:
            return
    view.now = scraped(view.url)
    if json_:
        show_json(view.data())
    else:
        click.echo("".join(segment.text for segment in console.render(view.picture(console.width))), nl=False)
