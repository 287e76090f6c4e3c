"""``pretzel inspect`` and ``pretzel explain``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import ModelAt, complete_model, is_store, model_at, plan_or_source, trust
from pretzel.cli.output import as_json, in_bytes, printable, show_json, show_table
from pretzel.errors import StoreError
from pretzel.store.plan_file import open_plan_file
from pretzel.store.remote import open_store

if TYPE_CHECKING:
    from pretzel.store.directory import Directory
    from pretzel.store.plan_file import PlanFile
    from pretzel.store.stored_plan import StoredPlan


@click.command()
@click.argument("what", metavar="FILE|STORE|STORE:NAME[@VERSION]", shell_complete=complete_model)
@as_json
def inspect(what: str, json_: bool) -> None:
    """Tell what a plan file, a store, or a model of a store holds; exit code 3 if a plan of a store is damaged."""
    data = _of_store(open_store(what)) if is_store(what) else _of_model(model_at(what))
    if json_:
        show_json(data)
    elif "models" in data:
        rows = [_row(each) for each in data["models"]]
        if rows:
            show_table([tuple(map(printable, row)) for row in rows])
        click.echo(f"{len(rows)} version(s) of {len(data['names'])} model(s), {in_bytes(data['bytes'])}")
        for each in data["models"]:
            if each["damage"]:
                click.echo(f"pretzel: {printable(_label(each))}: {printable(each['damage'])}", err=True)
    else:
        for key, value in data.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            text = _made(value) if key == "made" else in_bytes(value) if "bytes" in key else text
            if value is not None:
                click.echo(f"{key.replace('_', ' '):16}{printable(text)}")
    if any(each["damage"] for each in data.get("models", ())):
        click.get_current_context().exit(3)


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    notes = [word for word in ("default", "opaque") if entry[word]] + ["damaged"] * bool(entry["damage"])
    made = _made(entry["made"] or {})
    return _label(entry), ", ".join(notes), in_bytes(entry["bytes"]), entry["source"] or "", made


def _label(entry: dict[str, Any]) -> str:
    return entry["name"] if entry["version"] is None else f"{entry['name']}@{entry['version']}"


def _made(made: Any) -> str:
    if not isinstance(made, dict):
        return str(made)
    return ", ".join(f"{name} {value}" for name, value in made.items() if value)


def _of_model(model: ModelAt) -> dict[str, Any]:
    """The description of a plan in its file; no array and no estimator is loaded."""
    from pretzel.runtime.outline import outline_of
    from pretzel.runtime.stored_estimators import estimator_bytes, estimators_entry, opaque_steps

    if model.file:
        file: PlanFile | StoredPlan = open_plan_file(model.file)
        on_disk: dict[str, Any] = {"bytes on disk": os.stat(model.file).st_size}
    else:
        store = open_store(model.store)
        versions = store.versions(model.name)
        version = versions.default if model.version is None else model.version
        file = store.open(model.name, version)
        on_disk = {"version": version, "versions": [*versions.plans], "bytes on disk": sum(_files_of(file).values())}
    plan = outline_of(file)
    spec, estimators = plan.physical.input, estimators_entry(file)
    sizes = {digest.hex(): size for digest, size in file.sizes.items()}
    if estimators is not None:
        sizes.pop(estimators["object"], None)
    steps = {step.origin or step.estimator.type_name: step.reason for step in opaque_steps(plan.physical)}
    return {
        "name": plan.name if model.file else model.name,
        "source": None if plan.source is None else plan.source.type_name,
        "made": file.description.get("made"),
        "methods": [*plan.physical.methods],
        "opaque steps": [f"{step}: {reason}" for step, reason in steps.items()] or None,
        "estimators": None if estimators is None else f"{estimators['form']}: {', '.join(estimators['types'])}",
        "input": spec.kind.value,
        "width": spec.width,
        "columns": None if spec.names is None else [*spec.names],
        **on_disk,
        "bytes in memory": sum(sizes.values()) + estimator_bytes(file),
    }


def _of_store(store: Directory) -> dict[str, Any]:
    entries = []
    for name in store.names():
        try:
            versions = store.versions(name)
        except StoreError as error:
            entries.append({**_damaged(name, None, error), "default": False})
            continue
        for version in versions.plans:
            try:
                entry = _entry(store, name, version)
            except (StoreError, OSError) as error:
                entry = _damaged(name, version, error)
            entries.append({**entry, "default": version == versions.default})
    sizes = {digest: size for entry in entries for digest, size in entry.pop("files").items()}
    return {"names": store.names(), "models": entries, "bytes": sum(sizes.values())}


def _entry(store: Directory, name: str, version: str) -> dict[str, Any]:
    """What the file of one version says; nothing of it is loaded."""
    plan = store.open(name, version)
    source = plan.description.get("source")
    files = _files_of(plan)
    return {
        "name": name,
        "version": version,
        "source": source.get("type") if isinstance(source, dict) else None,
        "made": plan.description.get("made"),
        "bytes": sum(files.values()),
        "files": files,
        "opaque": "estimators" in plan.description,
        "damage": None,
    }


def _damaged(name: str, version: str | None, error: Exception) -> dict[str, Any]:
    """`_entry` of what cannot be read."""
    unknown: dict[str, Any] = {"source": None, "made": None, "bytes": 0, "files": {}, "opaque": False}
    return {"name": name, "version": version, **unknown, "damage": str(error)}


def _files_of(plan: StoredPlan) -> dict[str, int]:
    """Bytes of the files of a plan in a store."""
    return {plan.where: os.stat(plan.where).st_size, **{key.hex(): at.nbytes for key, at in plan.large.items()}}


@click.command()
@click.argument("model", metavar="MODEL|SOURCE", shell_complete=complete_model)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "summary", "schema", "html", "dot", "mermaid"]),
    default="text",
    show_default=True,
    help="Everything; ten lines; columns and answers; or a drawing of the stages.",
)
@as_json
@trust
def explain(model: str, format_: Any, json_: bool, trusted: tuple[str, ...], allow_pickle: bool) -> None:
    """Show how MODEL was compiled: graphs, rules that fired, stages, kernels, bytes. A SOURCE is compiled first."""
    plan = plan_or_source(model, trusted, allow_pickle=allow_pickle)
    if json_:
        show_json(plan.explain("json"))
        return
    if format_ == "summary":
        text = plan.summary()
    else:
        text = str(plan.input_schema if format_ == "schema" else plan.explain(format_))
    click.echo("\n".join(map(printable, text.split("\n"))))
