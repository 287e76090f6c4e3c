"""The command line ``pretzel``, one file for each command or two; built on click, which only this package imports."""

from __future__ import annotations

import importlib
import sys


def main() -> int:
    """Run the command of ``sys.argv``; returns the exit code, unless click exits itself."""
    try:
        importlib.import_module("click")
    except ModuleNotFoundError:
        sys.stderr.write("pretzel: the command line needs click: pip install 'pretzel-serving[cli]'\n")
        return 3
    from pretzel.cli.group import cli

    cli(prog_name="pretzel")
    return 0
