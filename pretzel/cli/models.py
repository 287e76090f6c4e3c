"""What commands are given: models (plan files, or names in stores) and sources (estimators in files)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from pretzel.cli.tables import FORMATS as TABLES
from pretzel.errors import CompileError
from pretzel.store.mark import MARK
from pretzel.store.remote import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.runtime.model import Plan

ENDINGS = (".joblib", ".pkl", ".pickle", ".skops")
"""How names of files of estimators end."""

FORMS = "a .pretzel file, or STORE:NAME[@VERSION]"


@dataclass(frozen=True, slots=True)
class ModelAt:
    """Where a model is: in a plan file, or in a store under a name.

    Parameters
    ----------
    text : str
        As it was written.
    file : str
        Empty, if it is in a store.
    store, name : str
    version : str or None
    """

    text: str
    file: str = ""
    store: str = ""
    name: str = ""
    version: str | None = None

    def load(self, trusted: Sequence[str] = (), *, allow_pickle: bool = False) -> Plan:
        """The plan, with the estimators that the caller trusts."""
        from pretzel.api import PlanStore, load  # which lower plans of other releases again

        if self.file:
            return load(self.file, trusted=trusted, allow_pickle=allow_pickle)
        store = PlanStore(self.store, create=False)
        return store.load(self.name, self.version, trusted=trusted, allow_pickle=allow_pickle)


def model_at(text: str) -> ModelAt:
    """The model that a text means.

    Raises
    ------
    UsageError
        It is no file and no name in a store.
    """
    if Path(text).is_file():
        if text.lower().endswith(ENDINGS):
            raise click.UsageError(f"{text} is an estimator: compile it first (pretzel compile {text} -o m.pretzel)")
        return ModelAt(text, file=text)
    if is_store(text):
        raise click.UsageError(f"{text} is a store: name one of its models ({text}:NAME)")
    store, name = _split(text)
    if not name:
        raise click.UsageError(f"there is no file {text!r}, and it is no model of a store; give {FORMS}")
    name, at, version = name.partition("@")
    return ModelAt(text, store=store, name=name, version=version if at else None)


def is_store(text: str) -> bool:
    """Whether a text is a store: a directory, or a URL without the name of a model."""
    return Path(text).is_dir() or ("://" in text and ":" not in text.partition("://")[2])


def _split(text: str) -> tuple[str, str]:
    """Store and name: they are divided by the first colon behind a directory, else by the last one."""
    start = text.find("://") + 3 if "://" in text else 0
    colons = [i for i in range(start, len(text)) if text[i] == ":"]
    for i in colons:
        if Path(text[:i]).is_dir():
            return text[:i], text[i + 1 :]
    return (text[: colons[-1]], text[colons[-1] + 1 :]) if colons else (text, "")


FILE = click.Path(exists=True, dir_okay=False)


class _Directory(click.Path):
    """The directory of a store that is there; a URL is refused with what to do instead."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        if "://" in str(value):
            command = "this command" if ctx is None else ctx.info_name
            self.fail(f"{command} needs a directory: copy {value} to one first (pretzel pull)", param, ctx)
        return super().convert(value, param, ctx)


STORE = _Directory(exists=True, file_okay=False)

trusted = click.option(
    "--trusted", multiple=True, metavar="TYPE", help="A type that a .skops file or an opaque MODEL holds; repeatable."
)
allow_pickle = click.option(
    "--allow-pickle", is_flag=True, help="Load a MODEL that holds a pickle, which runs any code."
)


def trust(command: Any) -> Any:
    """Options that say which Python objects of a model may be loaded."""
    return trusted(allow_pickle(command))


def _model_of(ctx: click.Context, parameter: click.Parameter, text: str) -> ModelAt:
    return model_at(text)


def complete_model(ctx: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Files, and names of models behind "STORE:"."""
    store, name = _split(text)
    if ":" in text and Path(store, MARK).is_file():
        names = [each for each in open_store(store).names() if each.startswith(name) and each.isprintable()]
        return [CompletionItem(f"{store}:{each}") for each in names]
    return click.Path().shell_complete(ctx, parameter, text)


model_argument = click.argument("model", callback=_model_of, shell_complete=complete_model)
"""MODEL, completed by files and by the models of a store."""


def load_source(path: str, trusted: Sequence[str] = ()) -> Any:
    """The estimator in a file.

    Raises
    ------
    CompileError
        The file cannot be loaded.
    """
    is_skops = path.lower().endswith(".skops")
    if Path(path).suffix.lower() in TABLES:
        raise click.UsageError(f"{path} is a table, and no file of an estimator ({', '.join(ENDINGS)})")
    if not is_skops:
        click.echo(f"pretzel: {path} is a pickle: loading runs code of the file, so it must be one you trust", err=True)
    module = importlib.import_module("skops.io" if is_skops else "joblib")
    try:
        return module.load(path, trusted=list(trusted)) if is_skops else module.load(path)
    except Exception as error:
        reason = " ".join(str(error).split())
        if isinstance(error, ModuleNotFoundError) and error.name:
            reason += f"; install the package that has {error.name}, or name the folder of your own in PYTHONPATH"
        if is_skops and type(error).__name__ == "UntrustedTypesFoundException":
            reason += " Name each with --trusted TYPE if you trust it."
        form = "skops" if is_skops else "joblib or pickle"
        raise CompileError(f"{path} cannot be loaded with {form}: {type(error).__name__}: {reason}") from error


def compiled(path: str, trusted: Sequence[str] = (), **options: Any) -> Plan:
    """The plan of the estimator in a file, or of the model in a file of another library."""
    from pretzel.api import compile
    from pretzel.oven.frontends.model_files import is_model_file

    if is_model_file(path):
        return compile(path, **options)
    if trusted and not path.lower().endswith(".skops"):
        raise click.UsageError(f"--trusted is for .skops files; {path} is a pickle, which runs any code")
    return compile(load_source(path, trusted), **options)


def plan_or_source(text: str, trusted: Sequence[str] = (), *, allow_pickle: bool = False) -> Plan:
    """The plan of a model, or of an estimator in a file."""
    if not text.lower().endswith(ENDINGS):
        return model_at(text).load(trusted, allow_pickle=allow_pickle)
    if not Path(text).is_file():
        raise click.BadParameter(f"there is no file {text!r}")
    return compiled(text, trusted)
