"""Reads the examples of a document in Markdown, and runs them from top to bottom as a reader would paste them.

A ``python`` block sees the names of those before it. A ``text`` block that follows one is what it prints, in which
``...`` stands for anything. Lines of an ``sh`` block that begin with ``pretzel`` are commands.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
ELLIPSIS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Example:
    """One block.

    Parameters
    ----------
    language : str
        ``"python"`` or ``"sh"``.
    code : str
    line : int
        Where it begins in the document.
    printed : str, optional
        What it must print.
    """

    language: str
    code: str
    line: int
    printed: str | None


def examples(document: Path) -> Iterator[Example]:
    """The blocks of a document that can be run."""
    text = document.read_text()
    blocks = list(BLOCK.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        if block[1] not in ("python", "sh"):
            continue
        is_printed = (
            following is not None and following[1] == "text" and not text[block.end() : following.start()].strip()
        )
        line = text.count("\n", 0, block.start()) + 2
        yield Example(block[1], block[2], line, following[2] if is_printed and following is not None else None)


def run(document: Path) -> int:
    """Run all blocks of a document in one namespace; the number of blocks."""
    found = list(examples(document))
    before, main = sys.modules["__main__"], ModuleType("__main__")
    sys.modules["__main__"] = main  # where classes of the reader are found again
    try:
        run_all(found, document, vars(main))
    finally:
        sys.modules["__main__"] = before
    return len(found)


def run_all(found: list[Example], document: Path, names: dict[str, Any]) -> None:
    """Run blocks one after the other."""
    for example in found:
        where = f"{document.name}:{example.line}"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            if example.language == "python":
                code = "\n" * (example.line - 1) + example.code  # so that a traceback names the line of the document
                exec(compile(code, str(document), "exec"), names)
            else:
                run_commands(example.code, where)
        text = printed.getvalue()
        if example.printed is not None:
            assert doctest.OutputChecker().check_output(example.printed, text, ELLIPSIS), f"{where}:\n{text}"


def run_commands(script: str, where: str) -> None:
    """Run the commands of Pretzel in a shell script; other lines, and servers, are not run."""
    from click.testing import CliRunner

    from pretzel.cli.group import cli

    for line in script.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["pretzel"] and words[1] != "serve":
            result = CliRunner().invoke(cli, words[1:], prog_name="pretzel")
            assert result.exit_code == 0, f"{where}: {line}: {result.output}"
            print(result.stdout)
