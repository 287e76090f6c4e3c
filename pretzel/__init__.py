"""White-box serving of fitted scikit-learn pipelines: compile once, answer in microseconds, share everything equal."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pretzel import errors
    from pretzel.api import PlanStore, Runtime, compile
    from pretzel.calibration import calibrate
    from pretzel.coverage import Coverage, MethodCoverage, coverage
    from pretzel.options import Batching, Reservation
    from pretzel.runtime.model import Plan
    from pretzel.runtime.schemas import Column, InputSchema, Output
    from pretzel.runtime.summary import OpaqueCall
    from pretzel.store.fsck import Findings
    from pretzel.store.name_files import Versions
    from pretzel.store.object_store import ObjectStore
    from pretzel.store.remote import Copied
    from pretzel.upgrade import load
    from pretzel.verification import verify

__version__ = "0.1.0"

_PUBLIC = {
    "Batching": "pretzel.options",
    "Column": "pretzel.runtime.schemas",
    "Copied": "pretzel.store.remote",
    "Coverage": "pretzel.coverage",
    "Findings": "pretzel.store.fsck",
    "InputSchema": "pretzel.runtime.schemas",
    "MethodCoverage": "pretzel.coverage",
    "ObjectStore": "pretzel.store.object_store",
    "OpaqueCall": "pretzel.runtime.summary",
    "Output": "pretzel.runtime.schemas",
    "Plan": "pretzel.runtime.model",
    "PlanStore": "pretzel.api",
    "Reservation": "pretzel.options",
    "Runtime": "pretzel.api",
    "Versions": "pretzel.store.name_files",
    "calibrate": "pretzel.calibration",
    "compile": "pretzel.api",
    "coverage": "pretzel.coverage",
    "errors": "pretzel.errors",
    "load": "pretzel.upgrade",
    "verify": "pretzel.verification",
}

__all__ = [
    "Batching",
    "Column",
    "Copied",
    "Coverage",
    "Findings",
    "InputSchema",
    "MethodCoverage",
    "ObjectStore",
    "OpaqueCall",
    "Output",
    "Plan",
    "PlanStore",
    "Reservation",
    "Runtime",
    "Versions",
    "calibrate",
    "compile",
    "coverage",
    "errors",
    "load",
    "verify",
]


if not TYPE_CHECKING:  # a type checker knows the names from above, and finds one that is misspelt

    def __getattr__(name: str) -> Any:
        """Import public names when they are first used, so that ``import pretzel`` takes little time."""
        module = _PUBLIC.get(name)
        if module is None:
            raise AttributeError(f"module 'pretzel' has no attribute {name!r}")
        found = importlib.import_module(module)
        value = found if name == "errors" else getattr(found, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Public names, whether they have been used or not, and what every module has."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
