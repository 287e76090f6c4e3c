"""What programs between opaque steps read: columns of the request, and of the values that these steps have made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputShapeError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.program import Leaf, LeafKind
from pretzel.runtime.input.messages import UnreadForm
from pretzel.runtime.input.row_reader import as_number, raise_wrong_field
from pretzel.runtime.input.source_form import array, is_sparse
from pretzel.runtime.input.table_reader import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.plan import OpaqueStep

FLOAT64 = np.dtype(np.float64)


class Sources(dict[int, Any]):
    """What programs and opaque steps read: the request under 0, the values of opaque steps under their numbers.

    Parameters
    ----------
    X : the request
    step_of : dict of int to OpaqueStep
        The step that makes each value.
    check : callable, optional
        Is given these sources and, for each typed leaf of a program, what it refuses and the dtypes that it has found.
    takes_float64 : bool
        ``check`` passes where all of them are float64.
    """

    def __init__(
        self,
        X: Any,
        step_of: dict[int, OpaqueStep],
        check: Callable[[Sources, list[tuple[Any, set[np.dtype[Any]]]]], None] | None = None,
        takes_float64: bool = False,
    ) -> None:
        self[0] = X
        self.step_of = step_of
        self.check = check
        self.takes_float64 = takes_float64


class OtherDType(Exception):
    """Values have other dtypes than a method computes with. ``variant`` names the one that does, if there is one."""

    def __init__(self, variant: str, sources: Sources) -> None:
        self.variant = variant
        self.sources = sources


class SourceReader:
    """Reads what the leaves of one program read, like `pretzel.runtime.input.table_reader.read`.

    Parameters
    ----------
    spec : InputSpec
        Of the request.
    leaves : tuple of Leaf
    step_of : dict of int to OpaqueStep
        The step that makes each value.
    typed : tuple of object, optional
        What each leaf refuses; None for one whose dtypes are not checked (`Sources.check`).
    arrays_only : bool
        Frames that a step makes are not read, because the result would be a frame.
    """

    def __init__(
        self,
        spec: InputSpec,
        leaves: tuple[Leaf, ...],
        step_of: dict[int, OpaqueStep],
        typed: tuple[Any, ...] = (),
        arrays_only: bool = False,
    ) -> None:
        self._arrays_only = arrays_only
        self._typed = typed if any(each is not None for each in typed) else ()
        self._groups: list[tuple[int, list[int], tuple[Leaf, ...]]] = []
        for source in sorted({leaf.source for leaf in leaves}):
            at = [i for i, leaf in enumerate(leaves) if leaf.source == source]
            self._groups.append((source, at, tuple(leaves[i] for i in at)))
        self._only = -1  # the source that is read as a whole, where it is the only one
        self._width = 0
        if len(leaves) == 1 and leaves[0].kind is LeafKind.NUMERIC:
            source = leaves[0].source
            asked = step_of[source].result if source in step_of else spec
            if asked.names is None and leaves[0].columns == range(asked.width):
                self._only, self._width = source, asked.width

    def __call__(
        self, spec: InputSpec, leaves: tuple[Leaf, ...], sources: Sources | dict[int, Any]
    ) -> tuple[int, list[Any], list[set[np.dtype[Any]]]]:
        """Rows, the columns of each leaf, and their dtypes."""
        value = sources.get(self._only)
        if (
            type(value) is np.ndarray
            and value.ndim == 2
            and value.shape[1] == self._width
            and value.dtype == np.float64
            and value.flags.c_contiguous
        ):
            if self._typed and not (isinstance(sources, Sources) and sources.takes_float64):
                self._check(sources, [{value.dtype}])
            return len(value), [value], [{value.dtype}]
        columns: list[Any] = [None] * len(leaves)
        rows: dict[int, int] = {}
        dtypes: list[Any] = [None] * len(leaves)
        for source, at, own in self._groups:
            asked, value = spec, sources[source]
            if source and isinstance(sources, Sources):
                if isinstance(value, list) and not any(leaf.kind is LeafKind.TEXT for leaf in own):
                    value = _array_of(value)
                if is_sparse(value) and any(leaf.kind in (LeafKind.NUMERIC, LeafKind.CELLS) for leaf in own):
                    raise UnreadForm(sources.step_of[source].name, "sparse rows that a step makes")
                if self._arrays_only and hasattr(value, "columns"):
                    raise UnreadForm(sources.step_of[source].name, "frames that a step makes")
                asked = spec_of(own, sources.step_of[source], value)
                value = value if asked.kind is InputKind.TEXT else _as_columns(value)
            rows[source], found, seen = read(asked, own, value)
            if self._typed and _is_foreign(value) and {dtype for each in seen for dtype in each} != {FLOAT64}:
                raise UnreadForm(asked.estimator, "frames that a step makes, whose dtypes not every step recognises")
            for i, column, dtype in zip(at, found, seen, strict=True):
                columns[i], dtypes[i] = column, dtype
        if len({*rows.values()}) > 1:
            _fail_rows(spec, rows, sources)
        self._check(sources, dtypes)
        return max(rows.values(), default=0), columns, dtypes

    def _check(self, sources: Sources | dict[int, Any], dtypes: list[set[np.dtype[Any]]]) -> None:
        if self._typed and isinstance(sources, Sources) and sources.check is not None:
            pairs = zip(self._typed, dtypes, strict=True)
            sources.check(sources, [(refused, each) for refused, each in pairs if refused is not None])


def read_sources(
    spec: InputSpec, leaves: tuple[Leaf, ...], sources: Sources | dict[int, Any]
) -> tuple[int, list[Any], list[set[np.dtype[Any]]]]:
    """Read the leaves of a program once."""
    step_of = sources.step_of if isinstance(sources, Sources) else {}
    return SourceReader(spec, leaves, step_of)(spec, leaves, sources)


def _fail_rows(spec: InputSpec, rows: dict[int, int], sources: Sources | dict[int, Any]) -> None:
    """Raise for values side by side that differ in rows."""
    steps = sources.step_of if isinstance(sources, Sources) else {}
    request = sources[0]
    shape = getattr(request, "shape", None)
    sent = rows.get(0) or (shape[0] if shape else len(request) if hasattr(request, "__len__") else -1)
    made = [f"{steps[n].name} returned {count} rows" for n, count in rows.items() if n in steps and count != sent]
    raise InputShapeError(f"{spec.estimator}: {' and '.join(made)} for a request of {sent}")


def spec_of(leaves: Any, step: OpaqueStep, value: Any) -> InputSpec:
    """Input specification for the value of an opaque step: what its reader asks of names and columns."""
    two = getattr(value, "ndim", 2 if hasattr(value, "columns") else 1) == 2
    selected = two and step.result.estimator  # a reader of documents that does not select a column asks nothing of it
    if not selected and any(leaf.kind is LeafKind.TEXT for leaf in leaves):
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, step.name)
    labels = getattr(value, "columns", None)
    if step.result.names is not None and (labels is not None or step.result.any_order):
        return step.result
    width = value.shape[1] if two else 1
    names = None if labels is None else tuple(map(str, labels))
    if step.result.names is names and width == step.result.width and not step.result.any_order:
        return step.result
    return replace(step.result, width=width, names=names, required=range(width), any_order=False)


def _array_of(values: list[Any]) -> Any:
    """A list that a step returned, as the array that scikit-learn makes of it."""
    rows = [list(row) for row in values if isinstance(row, list | tuple)]
    return array(rows) if rows and len(rows) == len(values) else np.asarray(values)


def _is_foreign(value: Any) -> bool:
    """Whether a value is a frame of another library than pandas."""
    return hasattr(value, "__arrow_c_stream__") and not hasattr(value, "iloc")


def _as_columns(value: Any) -> Any:
    """The result of an opaque step as a table: a vector is one column."""
    return np.asarray(value)[:, None] if getattr(value, "ndim", 2) == 1 else value


def check_result(step: OpaqueStep, made: Any) -> None:
    """Raise `InputShapeError` unless the result of an opaque step has the width that later steps rely on."""
    if not step.result.width or (step.result.any_order and hasattr(made, "columns")):
        return
    shape = getattr(made, "shape", None)
    width = step.result.width if shape is None else 1 if len(shape) == 1 else shape[1]
    if width != step.result.width:
        raise InputShapeError(f"{step.name} returned {width} columns where {step.result.width} were expected")


def reject_cells(spec: InputSpec, step: OpaqueStep, X: Any) -> None:
    """Raise `InputTypeError` if the step reads a value that is neither a str nor a number of float64."""
    leaf = Leaf(LeafKind.CELLS, step.columns or range(spec.width))
    for position, column in zip(leaf.columns, read(spec, (leaf,), X)[1][0], strict=True):
        for row, value in enumerate(column if isinstance(column, list) else ()):
            if value is not None and not isinstance(value, str) and as_number(value) is None:
                raise_wrong_field(spec, "", position, value, "a str or a number", row)
