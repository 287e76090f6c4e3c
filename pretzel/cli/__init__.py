"""The command line ``pretzel``, one file for each command or two; built on click, which only this package imports."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import NoReturn


def main() -> int:
    """Run the command of ``sys.argv``; returns the exit code, unless click exits itself."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        importlib.import_module("click")
    except ModuleNotFoundError:
        sys.stderr.write("pretzel: the command line needs click: pip install 'pretzel-serving[cli]'\n")
        return 3
    except KeyboardInterrupt:
        return 130
    try:
        from pretzel.cli.group import cli

        cli(prog_name="pretzel")
    except KeyboardInterrupt:
        return 130
    return 0


def _terminate(*_: object) -> NoReturn:
    """End as after an error, so that nothing half written stays."""
    sys.exit(128 + signal.SIGTERM)
