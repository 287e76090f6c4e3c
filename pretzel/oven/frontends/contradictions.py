"""Fitted estimators that cannot be read: a `CompileError` that names the step and, where they are known, attributes."""

from __future__ import annotations

import linecache
import re
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.registry import BrokenAttribute, public_name
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Node, Output
from pretzel.oven.ir.link import ArgMax

if TYPE_CHECKING:
    from collections.abc import Iterator


def contradiction(estimator: Any, path: str, error: Exception) -> CompileError:
    """The error to raise, from ``error``, where reading an estimator failed.

    Adapters trust a fitted estimator. One whose attributes contradict each other, or hold what they never hold, fails
    somewhere: as a node whose parameters do not fit its input, or with any exception of Python or NumPy.
    """
    name = type(estimator).__name__
    step = path if path.rpartition(".")[2] == name else f"{path} ({name})" if path else name
    if isinstance(error, BrokenAttribute):
        return CompileError(f"{step} cannot be compiled: {error}")
    names = attributes_behind(estimator, error)
    read = f"attribute {', '.join(names)}" if len(names) == 1 else f"attributes {', '.join(names)}" if names else "it"
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return CompileError(f"{step} cannot be compiled, because {read} cannot be read: {kind}{error}")


def check_fit(estimator: Any, width: int) -> None:
    """The facts that an estimator states beside its parameters: the number of its columns, and its labels.

    Raises
    ------
    ValueError, TypeError
    """
    own = getattr(estimator, "__dict__", {})
    columns, classes = own.get("n_features_in_"), own.get("classes_")
    if columns is not None and width and columns != width:  # 0: the width is unknown
        raise ValueError(f"n_features_in_ is {columns!r:.40}, and the input has {width} columns")
    if classes is None:
        return
    vectors = classes if isinstance(classes, list) else [classes]
    if not all(isinstance(each, np.ndarray) for each in vectors):
        raise TypeError(f"classes_ is no array of labels: {classes!r:.80}")
    types = list(dict.fromkeys("str" if each.dtype.kind == "U" else str(each.dtype) for each in vectors))
    if len(types) > 1:
        raise ValueError(f"classes_ holds labels of several types: {', '.join(types)}")


def check_inverse(estimator: Any, width: int) -> None:
    """An inverse makes as many columns as the estimator was fitted on.

    Raises
    ------
    ValueError
    """
    columns = getattr(estimator, "__dict__", {}).get("n_features_in_")
    if columns is not None and width and columns != width:
        raise ValueError(f"n_features_in_ is {columns!r:.40}, and the inverse has {width} columns")


def check_labels(output: Output) -> None:
    """Every index that a predictor computes has a label.

    Raises
    ------
    ValueError
    """
    labels = list(output.labels or ())
    if not labels:
        return
    if any(np.ndim(each) != 1 for each in labels):
        raise ValueError(f"labels are one-dimensional, got the shapes {[np.shape(each) for each in labels]}")
    for part in output.node.inputs if isinstance(output.node, Concat) else (output.node,):
        width, last = part.schema().width, part.properties().high
        mine, labels = labels[:width], labels[width:]
        if len(mine) < width:
            raise ValueError("classes_ holds the labels of fewer outputs than the model has")
        known = max(map(len, mine), default=0)
        # What a classifier is that was fitted on one class; the greatest of two scores has two labels.
        one_class = known == last == 1 and not isinstance(part, ArgMax)
        if width and np.isfinite(last) and last >= known and not one_class:
            raise ValueError(f"classes_ holds {known} labels, and the model chooses among {last + 1:.0f}")
    if labels:
        raise ValueError("classes_ holds the labels of more outputs than the model has")


def why_missing(estimator: Any, error: AttributeError) -> str:
    """Why an attribute of the estimator itself is missing: its fit broke off, or its release is another."""
    name = error.name
    if error.obj is not estimator or name is None:
        raise error
    if name.endswith("_") and not name.startswith("_"):
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: it has no {name!r}") from error
    return f"{public_name(type(estimator))} has no {name!r}"


def attributes_behind(estimator: Any, error: Exception) -> list[str]:
    """Attributes of the estimator whose numbers the failing node holds, or that the failing code names last."""
    known = getattr(estimator, "__dict__", {})
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        node = frame.f_locals.get("node", frame.f_locals.get("self"))
        if isinstance(node, Node):
            held = [name for name in known if _holds(known[name], node)]
            if names := held or [name for name in known if _is_named_like(name, node)]:
                return names
    fitted = {name for name in known if name.endswith("_") or name.startswith("_")}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        code = frame.f_code
        for number in range(line, code.co_firstlineno, -1):  # the last line that names one
            words = re.findall(r"\w+", linecache.getline(code.co_filename, number))
            if names := [word for word in words if word in fitted]:
                return list(dict.fromkeys(names))
    return []


def _holds(value: Any, node: Node) -> bool:
    """Whether an attribute is an array of a node, or one that such an array was made of."""
    arrays = [array for array in vars(node).values() if isinstance(array, np.ndarray) and array.size]
    return any(_same(each, array) for each in _arrays(value) for array in arrays)


def _is_named_like(name: str, node: Node) -> bool:
    """Whether an attribute has the name of an array of a node: ``bin_edges_`` of ``edges``."""
    return any(field in name for field, value in vars(node).items() if isinstance(value, np.ndarray))


def _arrays(value: Any) -> Iterator[Array]:
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, np.ndarray) and each.dtype.kind in "fiub":
            yield each


def _same(a: Array, b: Array) -> bool:
    return a.size == b.size and any(np.array_equal(a.ravel(), form.ravel()) for form in (b, b.T))
