"""``pretzel inspect`` and ``pretzel explain``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import ModelAt, is_store, model_at, plan_or_source, trusted
from pretzel.cli.output import as_json, in_bytes, printable, show_json, show_table
from pretzel.store.plan_file import open_plan_file
from pretzel.store.remote import open_store

if TYPE_CHECKING:
    from pretzel.store.directory import Directory


@click.command()
@click.argument("what", metavar="FILE|STORE|STORE:NAME[@VERSION]")
@as_json
def inspect(what: str, json_: bool) -> None:
    """Tell what a plan file, a store, or a model of a store holds."""
    data = _of_store(open_store(what)) if is_store(what) else _of_model(model_at(what))
    if json_:
        show_json(data)
    elif "models" in data:
        rows = [(f"{each['name']}@{each['version']}", "default" if each["default"] else "", in_bytes(each["bytes"]),
                 each["source"] or "", _made(each["made"])) for each in data["models"]]  # fmt: skip
        if rows:
            show_table([tuple(map(printable, row)) for row in rows])
        click.echo(f"{len(rows)} version(s) of {len(data['names'])} model(s), {in_bytes(data['bytes'])}")
    else:
        for key, value in data.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            text = _made(value) if key == "made" else in_bytes(value) if "bytes" in key else text
            if value is not None:
                click.echo(f"{key.replace('_', ' '):16}{printable(text)}")


def _made(made: Any) -> str:
    if not isinstance(made, dict):
        return str(made)
    return ", ".join(f"{name} {value}" for name, value in made.items() if value)


def _of_model(model: ModelAt) -> dict[str, Any]:
    """What a plan and its file say of it."""
    if model.file:
        description: dict[str, Any] = open_plan_file(model.file).description
        on_disk: dict[str, Any] = {"bytes on disk": os.stat(model.file).st_size}
    else:
        store = open_store(model.store)
        versions = store.versions(model.name)
        entry = _entry(store, model.name, versions.default if model.version is None else model.version)
        description = entry["description"]
        on_disk = {"version": entry["version"], "versions": [*versions.plans], "bytes on disk": entry["bytes"]}
    plan = model.load()
    spec = plan.physical.input
    source = description.get("source")
    return {
        "name": plan.name,
        "source": source.get("type") if isinstance(source, dict) else None,
        "made": description.get("made"),
        "methods": [*plan.methods],
        "input": spec.kind.value,
        "width": spec.width,
        "columns": None if spec.names is None else [*spec.names],
        **on_disk,
        "bytes in memory": plan.nbytes,
    }


def _of_store(store: Directory) -> dict[str, Any]:
    entries = []
    for name in store.names():
        versions = store.versions(name)
        for version in versions.plans:
            entry = _entry(store, name, version)
            del entry["description"]
            entries.append({**entry, "default": version == versions.default})
    sizes = {digest: size for entry in entries for digest, size in entry.pop("files").items()}
    return {"names": store.names(), "models": entries, "bytes": sum(sizes.values())}


def _entry(store: Directory, name: str, version: str) -> dict[str, Any]:
    """What the file of one version says; nothing of it is loaded."""
    plan = store.open(name, version)
    source = plan.description.get("source")
    files = {plan.where: os.stat(plan.where).st_size, **{key.hex(): at.nbytes for key, at in plan.large.items()}}
    return {
        "name": name,
        "version": version,
        "source": source.get("type") if isinstance(source, dict) else None,
        "made": plan.description.get("made"),
        "bytes": sum(files.values()),
        "files": files,
        "description": plan.description,
    }


@click.command()
@click.argument("model", metavar="MODEL|SOURCE")
@as_json
@trusted
def explain(model: str, json_: bool, trusted: tuple[str, ...]) -> None:
    """Show how MODEL was compiled: graphs, rules that fired, stages, kernels, bytes. A SOURCE is compiled first."""
    plan = plan_or_source(model, trusted)
    if json_:
        show_json(plan.explain("json"))
    else:
        click.echo("\n".join(map(printable, plan.explain().split("\n"))))
