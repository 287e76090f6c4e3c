"""The native core: kernels, plans and the executor behind one extension module."""

from __future__ import annotations

from pretzel._native._core import (
    Choice,
    Directory,
    Endpoint,
    Method,
    NativeProgram,
    ResultCache,
    Scheduler,
    Split,
    Task,
    answer_many,
    answers,
    arena_bytes,
    bind,
    isa,
    kernels,
    live,
    set_isa,
    switch,
    targets,
)

__all__ = [
    "Choice",
    "Directory",
    "Endpoint",
    "Method",
    "NativeProgram",
    "ResultCache",
    "Scheduler",
    "Split",
    "Task",
    "answer_many",
    "answers",
    "arena_bytes",
    "bind",
    "isa",
    "kernels",
    "live",
    "set_isa",
    "switch",
    "targets",
]
