"""Finds the rule, or the part of the estimator, that makes an answer wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.compiler import Compiler
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.registry import TRANSFORM, children, depends_on_batch
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.interpret import interpret, take
from pretzel.oven.ir.opaque import Opaque
from pretzel.store.object_store import ObjectStore
from pretzel.verification.alone import answer
from pretzel.verification.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pretzel.options import Options
    from pretzel.oven.ir.graph import Output, Value
    from pretzel.oven.optimizer import Change


def to_method_result(output: Output, value: Value) -> Any:
    """A node's value as the method returns it: labels for indices, a vector for one column, a list of blocks."""
    if isinstance(output.node, Opaque | Raw):
        return value
    if output.labels is not None:
        columns = [classes[value[:, i].astype(np.intp)] for i, classes in enumerate(output.labels)]
        return columns[0] if output.ndim == 1 else np.stack(columns, axis=1)
    if output.list_of is not None:
        return np.split(value, np.cumsum(output.list_of)[:-1], axis=1)
    return value[:, 0] if output.ndim == 1 else value


def localize_rule(
    estimator: Any, options: Options, trace: Sequence[Change], method: str, X: Any, before: Value, exact: bool
) -> str:
    """The rule without which the rewritten graph has its old value; every rule that fired when it takes several."""
    fired = list(dict.fromkeys(change.rule for change in trace))
    for rule in fired:
        without = replace(options, disable=(*options.disable, rule))
        node = Compiler(without, ObjectStore()).graphs(estimator).optimized[method].node
        if compare(before, interpret([node], X)[node], exact=exact) is None:
            return rule
    return " + ".join(fired)


def localize_import(estimator: Any, X: Any, method: str) -> tuple[str, str]:
    """Class and path of the innermost part whose imported graph departs from what it computes itself."""
    path: list[tuple[str, str]] = [(type(estimator).__name__, type(estimator).__name__)]
    inner: tuple[Any, Any, str] | None = (estimator, X, method)
    while inner is not None:
        parts = list(_parts(*inner))
        inner = None
        for name, part, argument, part_method in parts:
            if _departs(part, argument, part_method):
                path.append((type(part).__name__, f"{path[-1][1]}.{name}"))
                inner = (part, argument, part_method)
                break
    return path[-1]


def _departs(estimator: Any, X: Any, method: str) -> bool:
    output = Importer(estimator).run().methods.get(method)
    if output is None:
        return False
    imported = to_method_result(output, interpret([output.node], X)[output.node])
    expected = answer(estimator, method, X, alone=depends_on_batch(estimator))
    return compare(expected, imported, exact=False) is not None


def _parts(estimator: Any, X: Any, method: str) -> Iterator[tuple[str, Any, Any, str]]:
    """(name, part, what it is given, method) of what a composition holds; nothing for other estimators."""
    found = children(estimator)
    read = {child.reads for child in found}
    results: dict[str | None, Any] = {None: X}
    for child in found:
        if child.reads == TRANSFORM:
            results[TRANSFORM] = estimator.transform(X)
        given = results[child.reads]
        if child.columns is not None:
            given = take(given, child.columns, child.scalar)
        asked = child.method or method
        if child.estimator is not None:
            yield child.name, child.estimator, given, asked
        if child.name in read:
            result = getattr(child.estimator, asked)(given)
            results[child.name] = np.column_stack([given, _last(result)]) if child.augments else result


def _last(result: Any) -> Any:
    """What a link of a chain tells the next ones: a vector, or the probability of the second class."""
    return result if result.ndim == 1 else result[:, -1]
