"""The native core: kernels, plans and the executor behind one extension module."""

from __future__ import annotations

from pretzel._native._core import (
    Endpoint,
    Method,
    NativeProgram,
    Scheduler,
    Task,
    arena_bytes,
    bind,
    isa,
    kernels,
    set_isa,
    switch,
)

__all__ = ["Endpoint", "Method", "NativeProgram", "Scheduler", "Task", "arena_bytes", "bind", "isa", "kernels", "set_isa", "switch"]
