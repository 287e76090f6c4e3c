"""Completion in bash, which divides words at colons: "models:churn" is one word here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local completion type value

    for completion in $(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
                            %(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Takes the line as it was typed, and answers with what follows the last colon of its word."""

    source_template: ClassVar[str] = SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words before the one that is completed, and that one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        if not line or line[-1].isspace():
            words.append("")
        self._there = words[-1][: words[-1].rfind(":") + 1] if ":" in os.environ.get("COMP_BREAKS", "") else ""
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """One line."""
        return f"{item.type},{item.value.removeprefix(self._there)}"


def complete_in_bash() -> None:
    """Let click complete in bash by `Bash`."""
    add_completion_class(Bash)
