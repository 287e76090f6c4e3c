"""The native core: kernels, plans and the executor behind one extension module."""

from __future__ import annotations

from pretzel._native._core import (
    Choice,
    Endpoint,
    Method,
    NativeProgram,
    ResultCache,
    Scheduler,
    Split,
    Task,
    arena_bytes,
    bind,
    isa,
    kernels,
    live,
    set_isa,
    switch,
)

__all__ = [
    "Choice",
    "Endpoint",
    "Method",
    "NativeProgram",
    "ResultCache",
    "Scheduler",
    "Split",
    "Task",
    "arena_bytes",
    "bind",
    "isa",
    "kernels",
    "live",
    "set_isa",
    "switch",
]
