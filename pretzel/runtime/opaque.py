"""Methods with opaque steps: Python calls the estimator for these, native programs run the rest."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import CallCounter, Method, NativeProgram
from pretzel.errors import InputError, InputShapeError, InputTypeError
from pretzel.plan import InputKind, InputSpec, Leaf, LeafKind, MethodPlan, OpaqueStep, Program
from pretzel.runtime.input.feature_names import check_width
from pretzel.runtime.input.messages import listed
from pretzel.runtime.input.row_reader import as_number, check_keys, raise_wrong_field
from pretzel.runtime.input.source_form import array, frame_of_arrow, is_sparse, of_row, of_rows, select
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.method_docs import document
from pretzel.runtime.source import answer_instead, call_source

if TYPE_CHECKING:
    from pretzel.runtime.engine import BatchEngine
    from pretzel.runtime.other_forms import OtherForms
    from pretzel.runtime.source import BySource, Source
    from pretzel.store.object_store import Lease, ObjectStore

CHECKED_FIRST = ("contains NaN", "contains infinity")
"""What errors of scikit-learn say that come before those about the width of a table."""

MISSING: Any = object()  # in place of a table, where the estimator calls its first argument otherwise


class Sources(dict[int, Any]):
    """What programs and opaque steps read: the request under 0, the values of opaque steps under their numbers.

    Parameters
    ----------
    X : the request
    step_of : dict of int to OpaqueStep
        The step that makes each value.
    """

    def __init__(self, X: Any, step_of: dict[int, OpaqueStep]) -> None:
        self[0] = X
        self.step_of = step_of


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
    variants : dict of str to Method or OpaqueMethod, optional
        What answers requests whose typed columns have this dtype.
    """

    __signature__ = inspect.Signature([inspect.Parameter("X", inspect.Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(
        self,
        plan: MethodPlan,
        spec: InputSpec,
        store: ObjectStore,
        lease: Lease,
        name: str,
        method: str = "predict",
        variants: Mapping[str, Any] | None = None,
    ) -> None:
        self.__doc__ = document(method, plan, False)
        self.plan = plan
        self.spec = spec
        self.name = name
        self.engine: BatchEngine | None = None
        self.others: OtherForms | None = None
        self.source: Source | None = None
        self.by_source: BySource | None = None
        self.__name__ = method
        self._lease = lease
        self._step_of = {step.output: step for step in plan.opaque}
        self._steps = [(step, self._part(step.program, store, _plan_of(step))) for step in plan.opaque]
        self._final = self._part(plan.program, store, plan)
        programs = [plan.program, *(step.program for step in plan.opaque)]
        self._read = {leaf.source for program in programs if program is not None for leaf in program.leaves}
        direct = [step for step in plan.opaque if step.program is None and step.source == 0]
        self._parts = any(step.columns is not None for step in direct)
        self._is_source = self._final is None and len(direct) == len(plan.opaque) == 1 and not self._parts
        self._checks = self._parts or 0 in self._read  # else the steps check their input themselves
        self._variants = dict(variants or {})
        asked = [(plan.program, plan.typed), *((step.program, step.typed) for step in plan.opaque)] if variants else []
        self._choosing = tuple(  # leaves of the request whose dtype chooses among the variants
            {
                leaf
                for program, typed in asked
                if program is not None
                for leaf, is_typed in zip(program.leaves, typed, strict=True)
                if is_typed and leaf.source == 0
            }
        )

    def _part(self, program: Program | None, store: ObjectStore, plan: MethodPlan) -> Method | None:
        """A native program between opaque steps. Its leaves read the request, or the values of these steps."""
        if program is None:
            return None
        reader = SourceReader(self.spec, program.leaves, self._step_of)
        return Method(NativeProgram(program, store), plan, self.spec, self.name, reader)

    def __call__(self, X: Any = MISSING, *arguments: Any, **options: Any) -> Any:
        """Answer for every row of ``X``.

        Calls with further arguments go to the estimator itself, and so do tables that are rejected for their types.
        """
        if X is MISSING or arguments or options:
            return call_source(self, self.__name__, () if X is MISSING else (X, *arguments), options)
        try:
            return self.plain_answer(X) if self.others is None or not self.others.takes(X) else self.others(X)
        except InputTypeError as error:
            return answer_instead(self, self.__name__, X, error)

    def plain_answer(self, X: Any) -> Any:
        """The answer of this method's steps and programs, whatever the form of ``X``."""
        try:
            return self._answer(X)
        except InputTypeError as error:
            if "object" in self._variants:
                try:
                    return self._variants["object"](X)
                except (TypeError, ValueError, OverflowError) as own:
                    raise error from own
            if self.others is None or not self.others.takes_values:
                raise
            return self.others.instead(X, error)
        except (AttributeError, TypeError) as error:
            return self._with_objects(self._request(X) if isinstance(X, list) else None, error)

    def _with_objects(self, table: Any, error: Exception) -> Any:
        """The answer for rows that a step failed at, with objects in the columns in which every value is missing.

        Whether such a column holds numbers or texts cannot be seen in rows, and steps ask for its dtype.
        """
        missing = (
            [] if isinstance(error, InputError) or not hasattr(table, "iloc") else table.columns[table.isna().all()]
        )
        if not len(missing):
            raise error
        try:
            return self._answer(table.astype(dict.fromkeys(missing, object)))
        except (AttributeError, TypeError):
            raise InputTypeError(
                f"{self.name}: a step fails where {listed(missing)} is missing, because rows have no dtypes: send "
                f"a DataFrame of the fitted dtypes ({type(error).__name__}: {error})"
            ) from error

    def _answer(self, X: Any) -> Any:
        if self._variants and (variant := self._variant_for(X)) is not None:
            return variant(X)
        sources = self.sources(X)
        if self._final is not None:
            return self._final(sources)
        return sources[self._steps[-1][0].output]

    def _variant_for(self, X: Any) -> Any:
        """What answers a request of these dtypes, None: this method."""
        dtype = getattr(X, "dtype", None)
        if isinstance(dtype, np.dtype):
            return self._variants.get(dtype.name)
        if not self._choosing:
            return None
        dtypes = set().union(*read(self.spec, self._choosing, X)[2])
        narrow = [name for name in (dtype.name for dtype in dtypes) if name in self._variants and name != "float32"]
        return self._variants.get(narrow[0] if narrow else np.result_type(*dtypes).name)

    def sources(self, X: Any) -> Sources:
        """The inputs of native programs."""
        sources = Sources(self._request(X), self._step_of)
        for step, part in self._steps:
            if part is not None:
                argument = part(sources)
            elif step.columns is None:
                argument = sources[step.source]
            else:
                argument = self._columns(sources, step)
            try:
                made = sources[step.output] = getattr(step.estimator, step.method)(argument)
            except (TypeError, OverflowError):
                if part is None and step.source == 0 and self.spec.kind is InputKind.TABLE:
                    _reject_cells(self.spec, step, X)
                raise
            except ValueError as error:
                if any(text in str(error) for text in CHECKED_FIRST):
                    raise
                shape: tuple[int, ...] = getattr(sources[0], "shape", ())
                if self.spec.kind is InputKind.TABLE and not self.spec.any_order and len(shape) == 2:
                    check_width(self.spec, shape[1])
                raise
            if step.output in self._read:
                _check_width(step, made)
        return sources

    def _request(self, X: Any) -> Any:
        """The request as opaque steps read it."""
        if isinstance(X, list) and X and self.spec.kind is not InputKind.TEXT and not self.spec.items:
            if isinstance(X[0], Mapping) or (self._parts and self.spec.kind is InputKind.TABLE):
                return of_rows(self.spec, X, check=self._checks)
        elif (
            self.spec.kind is InputKind.TABLE
            and not self._is_source
            and type(X).__module__.partition(".")[0] == "pyarrow"
        ):
            return frame_of_arrow(self.spec, X)
        return X

    def _columns(self, sources: Sources, step: OpaqueStep) -> Any:
        """The columns that an opaque step reads."""
        assert step.columns is not None
        value = sources[step.source]
        spec = self.spec if step.source == 0 else _spec_of((), sources.step_of[step.source], value)
        if step.source == 0 and not hasattr(value, "shape") and hasattr(value, "__array__"):
            value = value.__array__()
        return select(spec, value, step.columns, scalar=step.scalar)

    def call_row(self, row: Any) -> Any:
        """Answer for one row, as a table of one."""
        try:
            table = of_row(self.spec, self.name, row, check=self._checks)
            try:
                answer = self(table)
            except (AttributeError, TypeError) as error:
                answer = self._with_objects(table, error)
        except (KeyError, ValueError) as error:
            is_known = isinstance(error, InputError) and not isinstance(error, InputShapeError)
            if self.spec.names is not None and isinstance(row, Mapping) and not is_known:
                check_keys(self.spec, self.name, row)
            raise
        if isinstance(answer, list | tuple) and all(hasattr(part, "shape") for part in answer):
            return type(answer)(self._first(part) for part in answer)
        return self._first(answer)

    def answer_typed_row(self, row: Any) -> Any:
        """Answer for a 1-D array whose dtype matters."""
        return self._first(self(row[None]))

    def _first(self, answer: Any) -> Any:
        """The only row of an answer."""
        shape = getattr(answer, "shape", None)
        rows = len(answer) if shape is None else shape[0]
        if self.__name__ == "transform" and shape is not None and len(shape) == 1 and rows > 1:
            return answer  # some estimators squeeze a single row
        if rows != 1:
            raise InputShapeError(f"{self.name}: the answer for one row has {rows} rows")
        if is_sparse(answer):
            return answer.tocsr()[[0]]
        first = answer.iloc[0] if hasattr(answer, "iloc") else answer[0]
        return first.item() if getattr(first, "ndim", 1) == 0 else first


def _plan_of(step: OpaqueStep) -> MethodPlan:
    """How the argument of a step is presented."""
    return MethodPlan(step.program, dtype=step.dtype, typed=step.typed)


class SourceReader:
    """Reads what the leaves of one program read, like `pretzel.runtime.input.table_reader.read`.

    Parameters
    ----------
    spec : InputSpec
        Of the request.
    leaves : tuple of Leaf
    step_of : dict of int to OpaqueStep
        The step that makes each value.
    """

    def __init__(self, spec: InputSpec, leaves: tuple[Leaf, ...], step_of: dict[int, OpaqueStep]) -> None:
        self._groups: list[tuple[int, list[int], tuple[Leaf, ...]]] = []
        for source in sorted({leaf.source for leaf in leaves}):
            at = [i for i, leaf in enumerate(leaves) if leaf.source == source]
            self._groups.append((source, at, tuple(leaves[i] for i in at)))
        self._only = -1  # the source that is read as a whole, where it is the only one
        self._width = 0
        if len(leaves) == 1 and leaves[0].kind is LeafKind.NUMERIC:
            source = leaves[0].source
            asked = step_of[source].result if source in step_of else spec
            if asked.names is None and leaves[0].columns == tuple(range(asked.width)):
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
            return len(value), [value], [{value.dtype}]
        columns: list[Any] = [None] * len(leaves)
        rows: dict[int, int] = {}
        dtypes: list[Any] = [None] * len(leaves)
        for source, at, own in self._groups:
            asked, value = spec, sources[source]
            if source and isinstance(sources, Sources):
                if isinstance(value, list) and not any(leaf.kind is LeafKind.TEXT for leaf in own):
                    value = _array_of(value)
                asked = _spec_of(own, sources.step_of[source], value)
                value = value if asked.kind is InputKind.TEXT else _as_columns(value)
            rows[source], found, seen = read(asked, own, value)
            for i, column, dtype in zip(at, found, seen, strict=True):
                columns[i], dtypes[i] = column, dtype
        if len({*rows.values()}) > 1:
            _fail_rows(spec, rows, sources)
        return max(rows.values(), default=0), columns, dtypes


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


def _spec_of(leaves: Any, step: OpaqueStep, value: Any) -> InputSpec:
    """Input specification for the value of an opaque step: what its reader asks of names and columns."""
    two = getattr(value, "ndim", 2 if hasattr(value, "columns") else 1) == 2
    if not two and any(leaf.kind is LeafKind.TEXT for leaf in leaves):
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, step.name)
    labels = getattr(value, "columns", None)
    if step.result.names is not None and (labels is not None or step.result.any_order):
        return step.result
    width = value.shape[1] if two else 1
    names = None if labels is None else tuple(map(str, labels))
    if step.result.names is names and width == step.result.width and not step.result.any_order:
        return step.result
    return replace(step.result, width=width, names=names, required=tuple(range(width)), any_order=False)


def _check_width(step: OpaqueStep, made: Any) -> None:
    """Raise unless the result of an opaque step has the width that later steps rely on."""
    if not step.result.width or (step.result.any_order and hasattr(made, "columns")):
        return
    shape = getattr(made, "shape", None)
    width = step.result.width if shape is None else 1 if len(shape) == 1 else shape[1]
    if width != step.result.width:
        raise InputShapeError(f"{step.name} returned {width} columns where {step.result.width} were expected")


def _reject_cells(spec: InputSpec, step: OpaqueStep, X: Any) -> None:
    """Raise `InputTypeError` if the step reads a value that is neither a str nor a number of float64."""
    leaf = Leaf(LeafKind.CELLS, step.columns or tuple(range(spec.width)))
    for position, column in zip(leaf.columns, read(spec, (leaf,), X)[1][0], strict=True):
        for row, value in enumerate(column if isinstance(column, list) else ()):
            if value is not None and not isinstance(value, str) and as_number(value) is None:
                raise_wrong_field(spec, "", position, value, "a str or a number", row)


def _array_of(values: list[Any]) -> Any:
    """A list that a step returned, as the array that scikit-learn makes of it."""
    rows = [list(row) for row in values if isinstance(row, list | tuple)]
    return array(rows) if rows and len(rows) == len(values) else np.asarray(values)


def _as_columns(value: Any) -> Any:
    """The result of an opaque step as a table: a vector is one column."""
    return np.asarray(value)[:, None] if getattr(value, "ndim", 2) == 1 else value
