"""Options of one compilation and of how a model is served, and the environment switches."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, get_args

from pretzel.errors import OptionError


def _disabled_by_environment() -> tuple[str, ...]:
    return tuple(name for name in os.environ.get("PRETZEL_DISABLE_RULES", "").split(",") if name)


@dataclass(frozen=True, slots=True)
class Options:
    """How an estimator is compiled.

    Parameters
    ----------
    strict : bool
        Reject opaque steps with `OpaqueStepError`.
    numerics : {"fast", "strict"}
        ``"strict"`` switches off every rule that changes the order of a sum.
    disable : tuple of str
        Names of rules to leave out, besides those in ``$PRETZEL_DISABLE_RULES`` (comma-separated).
    none : {"missing", "exact"}
        What None means in a single row: the missing value that the fitted column knows, or None.
    """

    strict: bool = False
    numerics: Literal["fast", "strict"] = "fast"
    disable: tuple[str, ...] = field(default_factory=_disabled_by_environment)
    none: Literal["missing", "exact"] = "missing"

    def __post_init__(self) -> None:
        check_option("strict", self.strict, bool)
        if self.numerics not in ("fast", "strict"):
            raise OptionError(f"numerics is 'fast' or 'strict', got {self.numerics!r}")
        if self.none not in ("missing", "exact"):
            raise OptionError(f"none is 'missing' or 'exact', got {self.none!r}")


_KINDS = {Integral: "an integer", Real: "a number", NoneType: "None"}


def check_option(name: str, value: Any, kind: Any, least: int | None = None) -> None:
    """Raise `OptionError` unless ``isinstance(value, kind)`` holds, and the value is ``least`` or more."""
    if isinstance(value, kind) and (least is None or value >= least):
        return
    expected = " or ".join(_KINDS.get(one, f"a {one.__name__}") for one in get_args(kind) or (kind,))
    raise OptionError(f"{name} must be {expected}{'' if least is None else f' >= {least}'}, got {value!r}")


def check_deadline(deadline: Any) -> None:
    """Raise `OptionError` unless this is a number of seconds, or None."""
    check_option("deadline", deadline, Real | None)
    if isinstance(deadline, bool) or deadline != deadline:
        raise OptionError(f"deadline must be a number or None, got {deadline!r}")


def parse_bytes(size: int | str) -> int:
    """Bytes from a number, or from text such as ``"64MB"``, ``"2G"`` or ``"1.5 GiB"``.

    Raises
    ------
    OptionError

    Examples
    --------
    >>> parse_bytes("64MB"), parse_bytes("1 KiB"), parse_bytes(4096)
    (64000000, 1024, 4096)
    """
    if isinstance(size, Integral) and not isinstance(size, bool) and size >= 0:
        return int(size)
    text = size.upper() if isinstance(size, str) else ""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:([KMG])(I?))?B?\s*", text)
    if found is None:
        raise OptionError(f"expected a number of bytes, or text such as '64MB', got {size!r}")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " KMG".index(found[2] or " "))


@dataclass(frozen=True, slots=True)
class Batching:
    """Micro-batching: single rows that are awaited at the same time run as one table.

    It is worth the delay if a row costs less in a table, or if one thread cannot answer all callers.

    Parameters
    ----------
    max_batch : int
        A batch of so many rows runs at once.
    max_delay : float
        A smaller batch runs so many seconds after its first row.
    """

    max_batch: int = 64
    max_delay: float = 0.002

    def __post_init__(self) -> None:
        check_option("max_batch", self.max_batch, Integral, 1)
        check_option("max_delay", self.max_delay, Real, 0)
        if self.max_delay == float("inf"):
            raise OptionError("max_delay must be finite, got inf")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Workers and working memory that serve one model only. Its parameters and stages stay shared.

    The workers raise their priority, if the process may: on Linux as root, with the capability ``SYS_NICE``, or by its
    limits.

    Parameters
    ----------
    workers : int
        Number of threads, which start with the first request.
    memory : int or str
        Working memory, as bytes or text such as ``"64MB"``, allocated in advance and divided among the workers.
    """

    workers: int = 1
    memory: int | str = 0

    def __post_init__(self) -> None:
        check_option("workers", self.workers, Integral, 1)
        parse_bytes(self.memory)

    @property
    def bytes_per_worker(self) -> int:
        """Bytes that each worker allocates in advance."""
        return parse_bytes(self.memory) // self.workers
