"""Many models in one call: a row for each, or one row for all of them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method, ModelResolver, NativeProgram, answer_many, answers, resolve_all
from pretzel.errors import OptionError
from pretzel.plan import MethodPlan
from pretzel.runtime.handle import Model
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.merge import can_merge, merge
from pretzel.runtime.version import loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pretzel.input_spec import InputSpec

PROGRAMS_KEPT = 64  # merged programs of one runtime
_ON_ERROR = ("raise", "return")


@dataclass(slots=True)
class _Group:
    """Models that read a row alike: their merged program, the first column of each in its result, their positions."""

    merged: Method
    firsts: list[int]
    members: list[int]


@dataclass(slots=True, weakref_slot=True)
class _Merged:
    """The merged programs for a tuple of methods; those in ``single`` have to answer alone."""

    groups: list[_Group]
    single: list[int]
    sharing: tuple[int, int]
    dying: list[weakref.ref[Any]]
    used: bool = True


class MultiModel:
    """Answers of many models in one call.

    Parameters
    ----------
    names : dict of str to Model
        Registered models.
    find : callable
        ``find(name)`` returns a model that is not in ``names``, or raises.
    """

    def __init__(self, names: dict[str, Model], find: Callable[[str], Model]) -> None:
        self._resolver = ModelResolver(names, Model, find)
        self._merged: dict[tuple[int, ...], _Merged] = {}

    def many(self, pairs: Iterable[tuple[Any, Any]], method: str, on_error: str) -> list[Any]:
        """See `pretzel.Runtime.predict_many`."""
        return answer_many(pairs, method, self._resolver, _collect(on_error))

    def all(self, row: Any, models: Iterable[Any], method: str, on_error: str) -> list[Any]:
        """See `pretzel.Runtime.predict_all`."""
        collect = _collect(on_error)
        methods = [loaded(target) for target in resolve_all(models, method, self._resolver)]
        if type(row) is np.ndarray and row.dtype != np.float64:  # each model in its own precision
            merged = _Merged([], list(range(len(methods))), (0, 0), [])
        else:
            merged = self._merge(methods)
        found: list[Any] = [None] * len(methods)
        alone = list(merged.single)
        for group in merged.groups:
            try:
                values = answers(group.merged.call_row(row), [methods[i] for i in group.members], group.firsts)
            except Exception:  # the models, one by one, say which of them reject the row, and why
                alone += group.members
                continue
            if len(values) == len(methods):
                return values
            for i, value in zip(group.members, values, strict=True):
                found[i] = value
        for i in sorted(alone):
            try:
                found[i] = methods[i].call_row(row)
            except Exception as error:
                if not collect:
                    error.add_note(f"model {i} of {len(methods)}")
                    raise
                found[i] = error
        return found

    def sharing(self, models: Iterable[Any], method: str) -> tuple[int, int]:
        """Kernel calls of these models one by one, and merged."""
        return self._merge([loaded(target) for target in resolve_all(models, method, self._resolver)]).sharing

    def _merge(self, methods: list[Any]) -> _Merged:
        """The merged programs of these methods, kept until one of the methods is deleted, or others need room."""
        key = tuple(map(id, methods))
        merged = self._merged.get(key)
        if merged is not None:
            merged.used = True
            return merged
        merged = _merged_of(methods)
        kept = weakref.ref(self)

        def forget(_: object) -> None:
            together = kept()
            if together is not None:
                together._merged.pop(key, None)

        merged.dying = [weakref.ref(method, forget) for method in {id(method): method for method in methods}.values()]
        while len(self._merged) >= PROGRAMS_KEPT:
            self._make_room()
        self._merged[key] = merged
        return merged

    def _make_room(self) -> None:
        """Drop the oldest entry that has not been used since the last look (CLOCK).

        The loop never removes an entry to insert it again later: in between, a method of the entry could be deleted
        and its id be given to another method.
        """
        for key, old in list(self._merged.items()):
            if not old.used:
                self._merged.pop(key, None)
                return
            old.used = False


def _collect(on_error: str) -> bool:
    if on_error not in _ON_ERROR:
        raise OptionError(f"on_error is one of {', '.join(map(repr, _ON_ERROR))}, not {on_error!r}")
    return on_error == "return"


def _merged_of(methods: Sequence[Any]) -> _Merged:
    """Merge the methods that read rows alike."""
    alike: dict[InputSpec, list[int]] = {}
    single = []
    calls = distinct = 0
    for i, method in enumerate(methods):
        if type(method) is Method and can_merge(method.plan.program):
            alike.setdefault(replace(method.spec, estimator=""), []).append(i)
        else:
            single.append(i)
    groups = []
    for spec, members in alike.items():
        merged = merge([methods[i].plan.program for i in members])
        arrays = {digest: array for i in members for digest, array in methods[i].arrays.items()}
        program = NativeProgram(merged.program, arrays)
        whole = Method(program, MethodPlan(merged.program), replace(spec, estimator="models"), "models", read)
        groups.append(_Group(whole, list(merged.firsts), members))
        calls += merged.calls
        distinct += merged.distinct
    return _Merged(groups, single, (calls, distinct), [])
