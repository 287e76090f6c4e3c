"""The group of all commands: options that all of them have, exit codes, and how errors are shown."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from pretzel.cli.bench import bench
from pretzel.cli.compile import compile
from pretzel.cli.completion import complete_in_bash
from pretzel.cli.coverage import coverage
from pretzel.cli.inspect import explain, inspect
from pretzel.cli.output import printable
from pretzel.cli.predict import predict
from pretzel.cli.serve import serve
from pretzel.cli.store import fsck, gc, promote, pull, push, remove
from pretzel.cli.top import top
from pretzel.cli.verify import verify
from pretzel.errors import PretzelError, UntrustedError

EXTRAS = {
    "sklearn": "sklearn",
    "joblib": "sklearn",
    "skops": "skops",
    "pandas": "cli",
    "pyarrow": "cli",
    "uvicorn": "serve",
    "rich": "cli",
    "prometheus_client": "cli",
}
"""Extra of the distribution that installs a package, by the name of its module."""
OPTIONS = {
    "opaque='cloudpickle'": "--opaque cloudpickle",
    "opaque='skops'": "--opaque skops",
    "allow_pickle=True": "--allow-pickle",
    "allow_changes=True": "--allow-changes",
}
"""Arguments that messages name, as options of commands."""


class Failure(click.ClickException):
    """A model, a file or a store that a command cannot work with; one line on stderr."""

    exit_code = 3

    def show(self, file: Any = None) -> None:
        """Write the line."""
        click.echo(f"pretzel: {printable(self.message)}", file=file, err=file is None)


class Commands(click.Group):
    """A group whose commands end with one line and an exit code, whatever they raise."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would complain as it ends
            ctx.exit(141)
        except Exception as error:
            if ctx.params["debug"]:
                raise
            raise Failure(_in_one_line(error)) from error


def _in_one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        wanted = f"'pretzel-serving[{EXTRAS[package]}]'" if package in EXTRAS else package
        return f"{package} is not installed: pip install {wanted}"
    if isinstance(error, UntrustedError) and error.types:
        options = " ".join(f"--trusted {name}" for name in error.types)
        return f"the estimators of this model hold types that are not trusted; if you trust their code, add {options}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split())
    for argument, option in OPTIONS.items():
        text = text.replace(argument, option)
    return text if isinstance(error, PretzelError | OSError) and text else f"{type(error).__name__}: {text}"


def _version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"pretzel {sys.modules['pretzel'].__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the release.")
def cli(debug: bool) -> None:
    """Compile scikit-learn models, look into them, and let them predict.

    MODEL is a plan file ("churn.pretzel"), or a model of a store: STORE:NAME, or STORE:NAME@VERSION
    ("models:churn/de@v2"). STORE is a directory; models are also read from a URL ("s3://bucket/models"), and inspect
    lists it, while fsck, gc, promote and remove need a directory. SOURCE is a fitted estimator in a file of joblib,
    pickle or skops. DATA is a table, by the ending of its name: .csv, .parquet, .arrow.

    \b
    Exit codes:
      0  done
      1  findings: differences, damage, steps without a native form
      2  wrong usage
      3  a model, file or store that cannot be worked with; one line on stderr says why
      130, 141, 143  interrupted, output closed by its reader, terminated
    """


complete_in_bash()
for command in (
    *(compile, inspect, explain, predict, serve, top, verify, coverage, bench),
    *(gc, fsck, promote, remove, push, pull),
):
    cli.add_command(command)
