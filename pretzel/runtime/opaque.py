"""Methods with opaque steps: Python calls the estimator for these, native programs run the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pretzel._native import CallCounter, Method, NativeProgram
from pretzel.errors import InputShapeError
from pretzel.plan import InputKind, InputSpec, Leaf, LeafKind, MethodPlan, OpaqueStep, Program
from pretzel.runtime.input.feature_names import check_width, match
from pretzel.runtime.input.row_reader import as_number, check_keys, one_row_table, raise_wrong_field
from pretzel.runtime.input.table_reader import of_list, read
from pretzel.runtime.method_docs import document

if TYPE_CHECKING:
    from pretzel.runtime.engine import BatchEngine
    from pretzel.store.object_store import Lease, ObjectStore


class OpaqueMethod(CallCounter):
    """One method of a model with steps that call the estimator itself.

    Parameters
    ----------
    plan : MethodPlan
    spec : InputSpec
    store : ObjectStore
    lease : Lease
        Kept alive by this method.
    name : str
        Name of the model in messages.
    method : str
        Name of the method, for documentation.
    """

    def __init__(
        self,
        plan: MethodPlan,
        spec: InputSpec,
        store: ObjectStore,
        lease: Lease,
        name: str,
        method: str = "predict",
    ) -> None:
        self.__doc__ = document(method, plan, False)
        self.plan = plan
        self.spec = spec
        self.name = name
        self.engine: BatchEngine | None = None
        self._lease = lease
        self._steps = [(step, self._part(step.program, store)) for step in plan.opaque]
        self._final = self._part(plan.program, store, plan)
        programs = [plan.program, *(step.program for step in plan.opaque)]
        self._read = {leaf.source for program in programs if program is not None for leaf in program.leaves}
        everything = tuple(range(spec.width))
        self._parts = any(step.source == 0 and step.columns and step.columns != everything for step in plan.opaque)

    def _part(self, program: Program | None, store: ObjectStore, plan: MethodPlan | None = None) -> Method | None:
        """A native program between opaque steps. Its leaves read the request, or the values of these steps."""
        if program is None:
            return None
        return Method(NativeProgram(program, store), plan or MethodPlan(program), self.spec, self.name, read_sources)

    def __call__(self, X: Any) -> Any:
        """Answer for every row of ``X``."""
        sources = self.sources(X)
        if self._final is not None:
            return self._final(sources)
        return sources[self._steps[-1][0].output]

    def sources(self, X: Any) -> dict[int, Any]:
        """The inputs of native programs: the request under 0, and the values of opaque steps under their numbers."""
        if (
            isinstance(X, list)
            and self.spec.kind is InputKind.TABLE
            and X
            and (self._parts or isinstance(X[0], Mapping))
        ):
            X = _as_table(self.spec, X)
        elif type(X).__module__.partition(".")[0] == "pyarrow":
            X = X.to_pandas()
        sources: dict[int, Any] = {0: X}
        for step, part in self._steps:
            argument = part(sources) if part is not None else self._columns(sources[step.source], step)
            try:
                made = sources[step.output] = getattr(step.estimator, step.method)(argument)
            except (TypeError, OverflowError):
                if part is None and step.source == 0 and self.spec.kind is InputKind.TABLE:
                    _reject_cells(self.spec, step, X)
                raise
            if step.width and step.output in self._read:
                _check_width(step, made)
        return sources

    def _columns(self, X: Any, step: OpaqueStep) -> Any:
        """The columns that an opaque step reads, selected as scikit-learn does; the object itself if it reads all."""
        shape = getattr(X, "shape", None)
        unknown = step.source == 0 and self.spec.kind is InputKind.TEXT  # documents, or a table of any width
        if unknown or not step.columns or shape is None or len(shape) != 2:
            return X
        columns = list(step.columns)
        if step.source == 0 and not self.spec.any_order:
            check_width(self.spec, shape[1])
        elif step.source == 0 and hasattr(X, "iloc") and (places := match(self.spec, list(X.columns))) is not None:
            columns = [places[i] for i in columns]
        if step.scalar:
            return X.iloc[:, columns[0]] if hasattr(X, "iloc") else X[:, columns[0]]
        if columns == list(range(shape[1])):
            return X
        return X.iloc[:, columns] if hasattr(X, "iloc") else X[:, columns]

    def call_row(self, row: Any) -> Any:
        """Answer for one row, as a table of one."""
        answer = self(_table(self.spec, self.name, row))
        if isinstance(answer, list):
            return [part[0] for part in answer]
        first = answer.iloc[0] if hasattr(answer, "iloc") else answer[0]
        return first.item() if getattr(first, "ndim", 1) == 0 else first


def read_sources(spec: InputSpec, leaves: tuple[Leaf, ...], sources: dict[int, Any]) -> tuple[int, list[Any], bool]:
    """Like `pretzel.runtime.input.table_reader.read`, for leaves that read different sources."""
    columns: list[Any] = [None] * len(leaves)
    rows, float32 = 0, True
    for source in sorted({leaf.source for leaf in leaves}):
        at = [i for i, leaf in enumerate(leaves) if leaf.source == source]
        own = spec if source == 0 else _spec_of(leaves, source, sources[source])
        value = sources[source] if source == 0 or own.kind is InputKind.TEXT else _as_columns(sources[source])
        rows, found, is_float32 = read(own, tuple(leaves[i] for i in at), value)
        float32 = float32 and is_float32
        for i, column in zip(at, found, strict=True):
            columns[i] = column
    return rows, columns, float32


def _spec_of(leaves: Any, source: int, value: Any) -> InputSpec:
    """Input specification for the value of an opaque step, of which leaves may read only some columns."""
    own = [leaf for leaf in leaves if leaf.source == source]
    if any(leaf.kind is LeafKind.TEXT for leaf in own):
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, "opaque step")
    width = value.shape[1] if getattr(value, "ndim", 0) == 2 else max(max(leaf.columns) for leaf in own) + 1
    names = tuple(value.columns) if hasattr(value, "iloc") else None
    return InputSpec(InputKind.TABLE, width, names, tuple(range(width)), False, "opaque step")


def _check_width(step: OpaqueStep, made: Any) -> None:
    """Raise unless the result of an opaque step has the width that later steps rely on."""
    shape = getattr(made, "shape", None)
    width = step.width if shape is None else 1 if len(shape) == 1 else shape[1]
    if width != step.width:
        called = f"{type(step.estimator).__name__}.{step.method}"
        raise InputShapeError(f"{called} returned {width} columns where {step.width} were expected")


def _reject_cells(spec: InputSpec, step: OpaqueStep, X: Any) -> None:
    """Raise `InputTypeError` if the step reads a value that is neither a str nor a number of float64."""
    leaf = Leaf(LeafKind.CELLS, step.columns or tuple(range(spec.width)))
    for position, column in zip(leaf.columns, read(spec, (leaf,), X)[1][0], strict=True):
        for row, value in enumerate(column if isinstance(column, list) else ()):
            if value is not None and not isinstance(value, str) and as_number(value) is None:
                raise_wrong_field(spec, "", position, value, "a str or a number", row)


def _as_columns(value: Any) -> Any:
    """The result of an opaque step as a table: a vector is one column."""
    import numpy as np

    return np.asarray(value)[:, None] if getattr(value, "ndim", 2) == 1 else value


def _as_table(spec: InputSpec, X: list[Any]) -> Any:
    """Rows of a list as a table from which columns can be selected: a DataFrame, or an array of objects."""
    import numpy as np

    table = of_list(spec, X)
    columns = [table.column(i) for i in range(spec.width)]
    if spec.names is not None:
        import pandas as pd

        return pd.DataFrame(dict(zip(spec.names, columns, strict=True)))
    found = np.empty((len(X), spec.width), dtype=object)
    for i, column in enumerate(columns):
        found[:, i] = column
    return found


def _table(spec: InputSpec, name: str, row: Any) -> Any:
    """One row as a table that scikit-learn takes."""
    import numpy as np

    if spec.kind is InputKind.TEXT:  # or unknown: the estimator did not record its input
        return row[None] if isinstance(row, np.ndarray) and row.ndim == 1 else one_row_table(spec, name, row)
    rows = one_row_table(spec, name, row)
    if spec.names is None:
        return np.asarray(rows)
    import pandas as pd

    check_keys(spec, name, rows[0])
    return pd.DataFrame(rows).reindex(columns=list(spec.names))
