"""Interrupts at every Python instruction in turn, as Ctrl-C may come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def interrupted_at(number: int, act: Callable[[], object], event: str, file: str | None = None) -> bool:
    """Act, and interrupt that at one event of tracing: whether there were as many.

    Parameters
    ----------
    number : int
        From 1.
    act : callable
    event : {"call", "line", "return", "opcode"}
    file : str, optional
        Events of code in this file alone are counted.
    """
    seen = 0

    def trace(frame: Any, what: str, _: Any) -> Any:
        nonlocal seen
        frame.f_trace_opcodes = event == "opcode"
        if what == event and file in (None, frame.f_code.co_filename):
            seen += 1
            if seen == number:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
