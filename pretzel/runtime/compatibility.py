"""Whether a version may take the place of another: callers send the same requests, and read the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.input_spec import InputKind
from pretzel.runtime.input.messages import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.input_spec import InputSpec
    from pretzel.runtime.model import Plan
    from pretzel.runtime.outline import Outline


def differences(old: Plan | Outline, new: Plan | Outline) -> list[str]:
    """What callers of ``old`` would notice if ``new`` answered, apart from the values; empty if nothing."""
    return [*_of_inputs(old.physical.input, new.physical.input), *_of_methods(old, new)]


def _of_inputs(old: InputSpec, new: InputSpec) -> Iterator[str]:
    if new.kind is InputKind.ANY and old.kind is InputKind.TABLE and old.names is None:
        return  # rows and tables without names
    if {old.kind, new.kind} == {InputKind.ANY, InputKind.ITEMS} and old.items and new.items:
        return
    if old.kind is not new.kind:
        yield f"it takes {new.kind.value} and not {old.kind.value}"
    elif old.names is None or new.names is None:
        if (old.names is None) != (new.names is None):
            yield f"its columns have {'no ' if new.names is None else ''}names"
        if old.width != new.width:
            yield f"it has {new.width} columns and not {old.width}"
    else:
        required = [new.names[i] for i in new.required]
        more = [name for name in required if name not in set(old.names)]
        ignored = new.any_order and not new.no_others
        fewer = [] if ignored else [name for name in old.names if name not in set(new.names)]
        if more:
            yield f"it needs other columns: {listed(more)}"
        if fewer:
            yield f"it lacks columns: {listed(fewer)}"
        if not more and not fewer and not new.any_order and (old.any_order or old.names != new.names):
            yield "its columns have a fixed order" if old.any_order else "its columns have another order"


def _of_methods(old: Plan | Outline, new: Plan | Outline) -> Iterator[str]:
    lost = [method for method in old.physical.methods if method not in new.physical.methods]
    if lost:
        yield f"it has no {', '.join(lost)}"
    kinds = [None if plan.source is None else plan.source.kind for plan in (old, new)]
    if None not in kinds and kinds[0] != kinds[1]:
        yield f"it is a {kinds[1]} and not a {kinds[0]}"
    for name, method in old.physical.methods.items():
        other = new.physical.methods.get(name)
        if other is not None and method.program is not None and other.program is not None and method.ndim != other.ndim:
            yield f"its {name} returns {other.ndim} dimensions and not {method.ndim}"
        if other is not None and method.input is not None and other.input is not None:
            yield from (f"of {name}, {each}" for each in _of_inputs(method.input, other.input))
