"""How commands show what they found."""

from __future__ import annotations

import json
import math
from typing import Any

import click

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON.")


def show_json(data: Any) -> None:
    """Print data as JSON."""
    click.echo(json.dumps(data, indent=2, default=str))


def printable(text: Any) -> str:
    """A text of a file, without what would steer a terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(text))


def in_bytes(size: int) -> str:
    """A number of bytes for people."""
    if size < 1000:
        return f"{size} B"
    power = min(int(math.log10(size)) // 3, 3)
    return f"{size / 1000**power:.1f} {'KMG'[power - 1]}B"


def show_table(rows: list[tuple[str, ...]]) -> None:
    """Print rows in columns; all but the first are numbers or words that begin at one place."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
