"""``pretzel gc``, ``fsck``, ``promote``, ``remove``, ``push`` and ``pull``: what is done with a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pretzel.cli.models import STORE
from pretzel.cli.output import in_bytes, printable

if TYPE_CHECKING:
    from pretzel.api import PlanStore


def opened(store: str) -> PlanStore:
    """A store that is there."""
    from pretzel.api import PlanStore

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
@click.option("--allow-changes", is_flag=True, help="Also if its columns or methods are others.")
def promote(store: str, name: str, version: str, allow_changes: bool) -> None:
    """Let NAME mean VERSION from now on."""
    opened(store).promote(name, version, allow_changes=allow_changes)


@click.command()
@click.argument("store", type=STORE)
@click.argument("name")
@click.argument("version", required=False)
def remove(store: str, name: str, version: str | None) -> None:
    """Forget NAME, or one VERSION of it that is not the default. `pretzel gc` frees what only that needed.

    A version may also be given as NAME@VERSION.
    """
    if version is None and "@" in name:
        name, _, version = name.partition("@")
    opened(store).remove(name, version)


changes_option = click.option("--allow-changes", is_flag=True, help="Replace other kinds of models, and lose versions.")
names_option = click.option("--name", "names", multiple=True, help="A name to copy, instead of all; repeatable.")


@click.command()
@click.argument("store", type=STORE)
@click.argument("url")
@names_option
@changes_option
def push(store: str, url: str, names: tuple[str, ...], allow_changes: bool) -> None:
    """Copy what is missing from STORE to URL (s3://bucket/models), names last.

    Names have the same versions there as here afterwards; other names there stay.
    """
    copied = opened(store).push(url, names or None, allow_changes=allow_changes)
    click.echo(f"{copied.files} file(s), {in_bytes(copied.bytes)} copied")


@click.command()
@click.argument("url")
@click.argument("store", type=click.Path(file_okay=False))
@names_option
@changes_option
def pull(url: str, store: str, names: tuple[str, ...], allow_changes: bool) -> None:
    """Copy what is missing from URL to STORE, which is made if there is none; names last.

    All files are compared with their digests. Names have the same versions here as there afterwards; other names here
    stay.
    """
    from pretzel.api import PlanStore

    copied = PlanStore(store).pull(url, names or None, allow_changes=allow_changes)
    click.echo(f"{copied.files} file(s), {in_bytes(copied.bytes)} copied")
