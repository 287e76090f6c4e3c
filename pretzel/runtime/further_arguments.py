"""Calls of a method with more arguments than a table: they choose another result of the plan, or the source answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.runtime.source import last_step
from pretzel.schema import CALL_OPTIONS, FOUND, PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.runtime.source import Source

SERIES_MAKERS = ("ARDRegression", "BayesianRidge")
"""Regressors that compute standard deviations with the frame itself that they are given."""


def call_source(method: Any, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Answer a call of a method with more arguments than a table."""
    if len(arguments) == 1 and options.keys() == {"return_distance"} and name in FOUND:
        answer = method(*arguments)
        return answer if options["return_distance"] else answer[1]
    if not arguments and not options and name not in FOUND:  # which answers for the rows of the fit, too
        raise TypeError(f"{method.name}: {name} has one argument, the table, which is missing")
    if len(arguments) == 1 and options.keys() <= set(CALL_OPTIONS):
        chosen = [option for option, value in options.items() if value]
        answered = method.options or {}
        is_there = all(option in answered for option in chosen)
        if len(chosen) < 2 and is_there and not _makes_series(method.source, chosen, arguments[0]):
            answer = (answered[chosen[0]] if chosen else method)(*arguments)
            return tuple(answer.T.copy()) if chosen and chosen[0] in PAIRS else answer
    if method.source is None:
        which = f": {', '.join(options)} would be answered by the source, of which the plan has none" if options else ""
        raise TypeError(f"{method.name}: {name} has one argument, the table{which}")
    return method.source.call(method.name, name, arguments, options)


def _makes_series(source: Source | None, chosen: list[str], X: Any) -> bool:
    """Whether the source answers with a Series, and can be asked."""
    if source is None or not hasattr(X, "iloc") or not {*chosen} & {*PAIRS} or not source.exists:
        return False
    return type(last_step(source.estimator("", ""))).__name__ in SERIES_MAKERS
