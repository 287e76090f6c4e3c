"""``pretzel gc``, ``fsck``, ``promote`` and ``remove``: what is done with a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pretzel.cli.models import STORE
from pretzel.cli.output import in_bytes, printable

if TYPE_CHECKING:
    from pretzel.runtime.plan_store import PlanStore


def opened(store: str) -> PlanStore:
    """A store that is there."""
    from pretzel.runtime.plan_store import PlanStore

    return PlanStore(store, create=False)


@click.command()
@click.argument("store", type=STORE)
def gc(store: str) -> None:
    """Remove the files of STORE that no name needs."""
    click.echo(f"{in_bytes(opened(store).gc())} freed")


@click.command()
@click.argument("store", type=STORE)
@click.pass_context
def fsck(ctx: click.Context, store: str) -> None:
    """Compare all files of STORE with their digests; exit code 1 if something is damaged or missing."""
    found = opened(store).fsck()
    for fault in found.faults:
        click.echo(printable(fault))
    click.echo(
        f"{found.plans} plan(s), {found.objects} object(s): {'ok' if found.ok else f'{len(found.faults)} fault(s)'}; "
        f"{found.unused} file(s) that no name needs"
    )
    ctx.exit(0 if found.ok else 1)


@click.command()
@click.argument("store", type=STORE)
@click.argument("name")
@click.argument("version")
def promote(store: str, name: str, version: str) -> None:
    """Let NAME mean VERSION from now on."""
    opened(store).promote(name, version)


@click.command()
@click.argument("store", type=STORE)
@click.argument("name")
@click.argument("version", required=False)
def remove(store: str, name: str, version: str | None) -> None:
    """Forget NAME, or one VERSION of it that is not the default. `pretzel gc` frees what only that needed."""
    opened(store).remove(name, version)
