"""Where the values of a fitted estimator lie, and how one of them is replaced."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNREAD = frozenset({"random_state", "verbose", "n_jobs", "max_iter", "tol", "copy", "n_iter_", "n_samples_seen_"})
"""Attributes that no method reads; tampering with them is no test."""
Steps = tuple[tuple[str, Any], ...]
"""Steps from an estimator to a value: ("attribute", name), ("item", key), ("state", key of a tree's state)."""


class Gone:
    """In place of a value: the attribute is taken away."""


def is_tree(value: Any) -> bool:
    """Whether this is the compiled tree of scikit-learn."""
    return type(value).__name__ == "Tree" and hasattr(value, "__getstate__")


def has_parts(value: Any) -> bool:
    """Whether the attributes of an object are places, too."""
    module = type(value).__module__.partition(".")[0]
    return module == "sklearn" and hasattr(value, "__dict__")


def places(value: Any, path: Steps = (), depth: int = 0) -> Iterator[Steps]:
    """Paths to every value inside a fitted estimator."""
    if depth > 8:
        return
    steps: list[tuple[tuple[str, Any], Any]] = []
    if is_tree(value):
        state = value.__getstate__()
        steps = [(("state", name), None) for name in state["nodes"].dtype.names]
        steps += [(("state", name), None) for name in ("values", "node_count", "max_depth")]
    elif isinstance(value, dict):
        steps = [(("item", key), each) for key, each in itertools.islice(value.items(), 12)]
    elif isinstance(value, list | tuple) and not isinstance(value, str):
        steps = [(("item", i), each) for i, each in enumerate(value[:12])]
    elif isinstance(value, np.ndarray) and value.dtype == object:
        steps = [(("item", i), each) for i, each in enumerate(value.ravel()[:12]) if has_parts(each)]
    elif isinstance(value, np.ndarray) and value.dtype.names:
        steps = [(("field", name), None) for name in value.dtype.names]
    elif has_parts(value):
        steps = [(("attribute", name), each) for name, each in vars(value).items() if name not in UNREAD]
    elif hasattr(value, "nodes") and hasattr(value, "raw_left_cat_bitsets"):
        steps = [(("attribute", name), getattr(value, name)) for name in ("nodes", "raw_left_cat_bitsets")]
    if path:
        yield path
    for step, each in steps:
        yield from places(each, (*path, step), depth + 1)


def get(holder: Any, step: tuple[str, Any]) -> Any:
    """The value behind one step."""
    kind, key = step
    if kind == "attribute":
        return getattr(holder, key)
    if kind == "field":
        return holder[key]
    if kind == "state":
        state = holder.__getstate__()
        return state["nodes"][key] if key in state["nodes"].dtype.names else state[key]
    return holder.ravel()[key] if isinstance(holder, np.ndarray) else holder[key]


def put(holder: Any, step: tuple[str, Any], value: Any) -> Any:
    """``holder`` with another value behind one step; a new object where it cannot be changed."""
    kind, key = step
    if kind == "attribute":
        if isinstance(value, Gone):
            delattr(holder, key)
        else:
            setattr(holder, key, value)
        return holder
    if kind == "state":
        made, arguments, state = holder.__reduce__()
        state = {**state, "nodes": state["nodes"].copy(), "values": state["values"].copy()}
        if key in state["nodes"].dtype.names:
            state["nodes"][key] = value
        else:
            state[key] = value
        tree = made(*arguments)
        tree.__setstate__(state)
        return tree
    if kind == "field":
        holder = holder.copy()
        holder[key] = value
        return holder
    if isinstance(holder, tuple):
        items = list(holder)
        items[key] = value
        return type(holder)(items) if type(holder) is tuple else tuple(items)
    if isinstance(holder, np.ndarray):
        holder = holder.copy()
        holder.ravel()[key] = value
        return holder
    if isinstance(value, Gone):
        del holder[key]
    else:
        holder[key] = value
    return holder


def change(root: Any, path: Steps, mutate: Callable[[Any], Any]) -> Any:
    """``root`` with the value at ``path`` mutated."""
    if not path:
        return mutate(root)
    step, *rest = path
    return put(root, step, change(get(root, step), tuple(rest), mutate))
