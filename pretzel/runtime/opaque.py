"""Methods with opaque steps: Python calls the estimator for these, native programs run the rest."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import CallCounter, Method, NativeProgram, leaf_types, refused_type
from pretzel.errors import InputError, InputShapeError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.plan import MethodPlan, OpaqueStep
from pretzel.runtime.answer_columns import is_by_target
from pretzel.runtime.further_arguments import call_source
from pretzel.runtime.input.feature_names import check_width
from pretzel.runtime.input.messages import UnreadForm, described, listed, package_of
from pretzel.runtime.input.row_frame import RowFrame, row_frame
from pretzel.runtime.input.row_reader import check_keys
from pretzel.runtime.input.source_form import frame_of_arrow, is_sparse, of_row, of_rows, of_single_rows, select
from pretzel.runtime.input.table_reader import is_table, read
from pretzel.runtime.method_docs import document
from pretzel.runtime.source import answer_instead
from pretzel.runtime.source_reader import OtherDType, SourceReader, Sources, check_result, reject_cells, spec_of
from pretzel.schema import method_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.program import Leaf, Program
    from pretzel.runtime.engine import BatchEngine
    from pretzel.runtime.other_forms import OtherForms
    from pretzel.runtime.source import BySource, Source
    from pretzel.store.object_store import Lease, ObjectStore

CHECKED_FIRST = ("contains NaN", "contains infinity")
"""What errors of scikit-learn say that come before those about the width of a table."""

DIVIDES_BY_ROWS = "RadiusNeighborsClassifier"
"""Class of scikit-learn that does, before it counts them, where it searches without a tree."""

MISSING: Any = object()  # in place of a table, where the estimator calls its first argument otherwise

_NUMBER = np.dtype(np.float64)
_BOOL = np.dtype(bool)
_FLOAT64 = {_NUMBER}
_SEVERAL = "several"  # name of no variant: the leaves are computed in several ways


Refused = tuple[frozenset[int], bool]  # of one leaf: see `refused_type`


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
        What answers requests whose typed columns, or those of the values of opaque steps, have this dtype.
    computes : str
        The dtype that all typed columns must have, where this is a variant that rounds to it.
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
        computes: str = "",
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
        self._variants = dict(variants or {})
        self._computes = computes
        self._variant_of: dict[int, str] = {np.dtype(each).num: each for each in self._variants}
        self._takes_float64 = not computes and "float64" not in self._variants  # alone, they mean this method
        self._step_of = {step.output: step for step in plan.opaque}
        self._steps = [(step, self._part(step.program, store, _plan_of(step))) for step in plan.opaque]
        self._final = self._part(plan.program, store, plan)
        programs = [plan.program, *(step.program for step in plan.opaque)]
        self._read = {leaf.source for program in programs if program is not None for leaf in program.leaves}
        direct = [step for step in plan.opaque if step.program is None and step.source == 0]
        self._parts = any(step.columns is not None for step in direct)
        self._is_source = self._final is None and len(direct) == len(plan.opaque) == 1 and not self._parts
        self._checks = self._parts or 0 in self._read  # else the steps check their input themselves
        self._choosing = {  # leaves of the request whose dtype chooses among the variants
            (leaf, refused)
            for asked in (plan, *map(_plan_of, plan.opaque))
            if asked.program is not None
            for leaf, refused in zip(asked.program.leaves, self._chooses(asked), strict=False)
            if refused is not None and leaf.source == 0
        }

    def _part(self, program: Program | None, store: ObjectStore, plan: MethodPlan) -> Method | None:
        """A native program between opaque steps. Its leaves read the request, or the values of these steps."""
        if program is None:
            return None
        reader = SourceReader(self.spec, program.leaves, self._step_of, self._chooses(plan), plan.arrays_only)
        return Method(NativeProgram(program, store), plan, self.spec, self.name, reader)

    def _chooses(self, plan: MethodPlan) -> tuple[Refused | None, ...]:
        """For each leaf of a program, what it refuses; None where the dtype of its columns chooses no variant."""
        if plan.program is None or not (self._variants or self._computes):
            return ()
        known = {step.output for step in self.plan.opaque if step.makes_float64}
        leaves = plan.program.leaves
        return tuple(
            (refused, each) if matters and leaf.source not in known else None
            for leaf, (matters, _, refused, each) in zip(
                leaves, leaf_types(plan, len(leaves), self._variant_of), strict=True
            )
        )

    def __call__(self, X: Any = MISSING, *arguments: Any, **options: Any) -> Any:
        """Answer for every row of ``X``.

        Calls with further arguments go to the estimator itself, and so do tables that are rejected for their types.
        """
        if X is MISSING or arguments or options:
            return call_source(self, self.__name__, () if X is MISSING else (X, *arguments), options)
        try:
            return self.plain_answer(X) if self.others is None or not self.others.takes(X) else self.others(X)
        except (InputTypeError, InputValueError) as error:
            return answer_instead(self, self.__name__, X, error)
        except InputError:
            raise
        except Exception as error:
            if self.spec.kind is InputKind.TEXT or self.spec.items or is_table(self.spec, X):
                raise
            width = f" of {self.spec.width} columns" if self.spec.width else ""
            raise InputShapeError(
                f"{self.name}: expected a table{width}, got {described(X)} ({type(error).__name__}: {error})"
            ) from error

    def plain_answer(self, X: Any) -> Any:
        """The answer of this method's steps and programs, whatever the form of ``X``."""
        try:
            return self._answer(X)
        except InputTypeError as error:
            if "object" in self._variants and not isinstance(error, UnreadForm):
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

    def _answer(self, X: Any, before: Sources | None = None) -> Any:
        dtype = getattr(X, "dtype", None)
        if self._variants and self._choosing and before is None and not (dtype is _NUMBER and self._takes_float64):
            leaves, refused = zip(*self._choosing, strict=True)
            dtypes = [{dtype}] * len(leaves) if isinstance(dtype, np.dtype) else self._dtypes(leaves, X)
            if (variant := self._variant_for([*zip(refused, dtypes, strict=True)])) != self._computes:
                return self._answer_otherwise(X, variant)
        try:
            sources = self.sources(X, self._check_dtypes, before)
            return sources[self._steps[-1][0].output] if self._final is None else self._final(sources)
        except OtherDType as other:
            variant, before = other.variant, other.sources
        return self._answer_otherwise(X, variant, before)

    def _dtypes(self, leaves: tuple[Leaf, ...], X: Any) -> list[set[np.dtype[Any]]]:
        """The dtypes of the columns of leaves; booleans among objects count as columns of them."""
        _, columns, dtypes = read(self.spec, leaves, X)
        flags = [any(type(each) is list and bool in {*map(type, each)} for each in cells) for cells in columns]
        return [found | {_BOOL} if each else found for found, each in zip(dtypes, flags, strict=True)]

    def _answer_otherwise(self, X: Any, name: str, before: Sources | None = None) -> Any:
        """The answer of a variant, or of the estimator where there is none; ``before``: what has been made already."""
        variant = self._variants.get(name, self.by_source)
        if variant is None:
            raise InputTypeError(
                f"{self.name}: the values of opaque steps have other dtypes than the steps behind them were compiled "
                "for; the estimator itself, which answers these, was not kept with the plan"
            )
        if isinstance(variant, OpaqueMethod):
            return variant._answer(X, before)
        return variant(X.frame() if isinstance(X, RowFrame) else X)

    def _check_dtypes(self, sources: Sources, leaves: list[tuple[Refused, set[np.dtype[Any]]]]) -> None:
        """Raise `OtherDType` unless this method computes as the estimator does with leaves of these dtypes."""
        variant = self._variant_for(leaves)
        if variant != self._computes:
            raise OtherDType(variant, sources)

    def _variant_for(self, leaves: list[tuple[Refused, set[np.dtype[Any]]]]) -> str:
        """Name of the variant that computes as the estimator does with leaves that have columns of these dtypes.

        Empty where that is the plan for all other dtypes, and, in a variant that rounds, where that is none.
        """
        every = set().union(*(dtypes for _, dtypes in leaves))
        if self._takes_float64 and every == _FLOAT64:
            return ""
        numbers = {refused_type({each.num for each in dtypes}, *refused) for refused, dtypes in leaves if dtypes}
        found = {self._variant_of[number] for number in numbers if number in self._variant_of} - {"float32"}
        if "float16" in self._variants and any(each == np.float16 for each in every):
            found.add("float16")
        if found:
            return min(found, key=lambda name: (name != "object", isinstance(self._variants[name], OpaqueMethod), name))
        known = {"float32"} & {*self._variants, self._computes}
        names = {name if (name := np.result_type(*dtypes).name) in known else "" for _, dtypes in leaves if dtypes}
        if len(names) > 1:
            return _SEVERAL
        return names.pop() if names else self._computes

    def sources(
        self,
        X: Any,
        check: Callable[[Sources, list[tuple[Refused, set[np.dtype[Any]]]]], None] | None = None,
        before: Sources | None = None,
    ) -> Sources:
        """The inputs of native programs.

        Parameters
        ----------
        X : the request
        check : callable, optional
            See `Sources`.
        before : Sources, optional
            What another variant has made of this request: equal calls of opaque steps are not made again.
        """
        request = self._request(X) if before is None else before[0]
        sources = Sources(request, self._step_of, check, self._takes_float64)
        for step, part in self._steps:
            if before is not None and _makes_same(step, before):
                sources[step.output] = before[step.output]
                continue
            before = None
            if part is not None:
                argument = part(sources)
            elif step.columns is None:
                value = sources[step.source]
                argument = value.frame() if isinstance(value, RowFrame) else value
            else:
                argument = self._columns(sources, step)
            self._check_rows(step, argument)
            try:
                made = sources[step.output] = method_of(step.estimator, step.method)(argument)
            except (TypeError, OverflowError):
                if part is None and step.source == 0 and self.spec.kind is InputKind.TABLE:
                    reject_cells(self.spec, step, X)
                raise
            except ValueError as error:
                if any(text in str(error) for text in CHECKED_FIRST):
                    raise
                shape: tuple[int, ...] = getattr(sources[0], "shape", ())
                if self.spec.kind is InputKind.TABLE and not self.spec.any_order and len(shape) == 2:
                    check_width(self.spec, shape[1])
                raise
            except StopIteration as error:  # of hashers, which ask for the first row before they count
                if not hasattr(X, "__len__") or len(X) > 0:
                    raise
                raise InputValueError(f"{self.name}: {step.name} needs at least one row") from error
            if step.output in self._read:
                check_result(step, made)
        return sources

    def _check_rows(self, step: OpaqueStep, argument: Any) -> None:
        """Reject no rows where the estimator would divide by their number, which ends the process."""
        shape = getattr(argument, "shape", None)
        if shape and shape[0] == 0 and any(each.__name__ == DIVIDES_BY_ROWS for each in type(step.estimator).__mro__):
            raise InputShapeError(f"{self.name}: expected at least one row, got none")

    def _request(self, X: Any) -> Any:
        """The request as opaque steps read it."""
        if isinstance(X, list) and X and self.spec.kind is not InputKind.TEXT and not self.spec.items:
            is_rows = isinstance(X[0], Mapping) or (self.spec.by_name and isinstance(X[0], tuple))
            if is_rows or (self._parts and self.spec.kind is InputKind.TABLE):
                return of_rows(self.spec, X, check=self._checks)
        elif self.spec.kind is InputKind.TABLE and not self._is_source and package_of(X) == "pyarrow":
            return frame_of_arrow(self.spec, X)
        return X

    def _columns(self, sources: Sources, step: OpaqueStep) -> Any:
        """The columns that an opaque step reads."""
        assert step.columns is not None
        value = sources[step.source]
        if isinstance(value, RowFrame):
            return value.select(step.columns, scalar=step.scalar)
        spec = self.spec if step.source == 0 else spec_of((), sources.step_of[step.source], value)
        if step.source == 0 and not hasattr(value, "shape") and hasattr(value, "__array__"):
            value = value.__array__()
        return select(spec, value, step.columns, scalar=step.scalar)

    def call_row(self, row: Any) -> Any:
        """Answer for one row, as a table of one."""
        plain = row_frame(self.spec, row)
        if plain is not None and (self.others is None or not self.others.takes(plain)):
            with contextlib.suppress(Exception):  # the table of the row, below, has what an error says
                return self._single(self._answer(plain))
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
        return self._single(answer)

    def call_rows(self, rows: list[Any]) -> Any:
        """Answers for a list of single rows, as a table."""
        answer = self(of_single_rows(self.spec, self.name, rows, check=self._checks))
        if is_by_target(answer):
            return [list(parts) for parts in zip(*answer, strict=True)]  # of several targets, by row
        return answer

    def answer_typed_row(self, row: Any) -> Any:
        """Answer for a 1-D array whose dtype matters."""
        return self._single(self(row[None]))

    def _single(self, answer: Any) -> Any:
        """The answer for the only row, of each target where there are several."""
        if is_by_target(answer) or (isinstance(answer, tuple) and all(hasattr(part, "shape") for part in answer)):
            return type(answer)(self._first(part) for part in answer)
        return self._first(answer)

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


def _makes_same(step: OpaqueStep, before: Sources) -> bool:
    """Whether a step was called before, by another variant, with what it would be given now."""
    if step.output not in before or step.program is not None:
        return False
    other = before.step_of[step.output]
    return (
        step.estimator is other.estimator
        and other.program is None
        and (
            (step.method, step.source, step.columns, step.scalar)
            == (other.method, other.source, other.columns, other.scalar)
        )
    )


def _plan_of(step: OpaqueStep) -> MethodPlan:
    """How the argument of a step is presented."""
    return MethodPlan(step.program, dtype=step.dtype, typed=step.typed)
