"""What a case is, and estimators by their names."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """An estimator, how it is configured, what it is fitted on.

    Parameters
    ----------
    name : str
        Dotted name.
    data : str
        Name of one of the makers of rows.
    target : str or None
        Name of one of the targets.
    options : dict
        Arguments of the constructor.
    """

    name: str
    data: str = "numbers"
    target: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name of the case in test reports."""
        options = ",".join(f"{key}={_short(value)}" for key, value in self.options.items())
        suffix = "" if self.target is None else f"-{self.target}"
        return f"{self.name.rpartition('.')[2]}({options}){suffix}"


def _short(value: Any) -> str:
    named = type(value) if hasattr(value, "fit") else value
    return str(getattr(named, "__name__", named)).replace(" ", "")


def build(name: str, **options: Any) -> Any:
    """An unfitted estimator by its dotted name."""
    return class_of(name)(**options)


def class_of(name: str) -> Any:
    """The class of this dotted name."""
    module, _, attribute = name.rpartition(".")
    if attribute.startswith("Halving"):
        importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    if attribute == "IterativeImputer":
        importlib.import_module("sklearn.experimental.enable_iterative_imputer")
    return getattr(importlib.import_module(module), attribute)
