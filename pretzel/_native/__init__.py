"""The native core: kernels, plans and the executor behind one extension module."""

from __future__ import annotations

from pretzel._native._core import (
    Method,
    NativeProgram,
    arena_bytes,
    bind,
    isa,
    kernels,
    set_isa,
)

__all__ = ["Method", "NativeProgram", "arena_bytes", "bind", "isa", "kernels", "set_isa"]
