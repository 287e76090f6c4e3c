"""A plan that answers: the fitted estimator's methods and attributes over native programs."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from pretzel._native import Method, NativeProgram, row_function, set_callbacks
from pretzel.dates import A_DATE
from pretzel.runtime.errors_from_native import raise_error
from pretzel.runtime.further_arguments import call_source
from pretzel.runtime.input import date_reader, row_reader
from pretzel.runtime.input.coded import as_rounded, row_coder
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.left_rows import answer_left_rows
from pretzel.runtime.method_docs import document
from pretzel.runtime.opaque import OpaqueMethod
from pretzel.runtime.other_forms import OtherForms
from pretzel.runtime.pickling import reduce_method, reject_pickling
from pretzel.runtime.programs import programs_of
from pretzel.runtime.single_items import answer_item_instead, answer_row_instead
from pretzel.runtime.source import ActsAsEstimator, BySource, answer_instead
from pretzel.runtime.version import Owner
from pretzel.schema import CALL_OPTIONS, Follows

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from pretzel.input_spec import InputSpec
    from pretzel.options import Batching
    from pretzel.plan import MethodPlan, PhysicalPlan
    from pretzel.runtime.engine import BatchEngine
    from pretzel.runtime.estimate import Estimate
    from pretzel.runtime.schemas import InputSchema
    from pretzel.runtime.source import Source
    from pretzel.runtime.summary import OpaqueCall
    from pretzel.store.object_store import Lease, ObjectStore

set_callbacks(
    document=document,
    raise_error=raise_error,
    as_cell=row_reader.as_cell,
    as_number=row_reader.as_number,
    decode=row_reader.decode,
    date_parts=date_reader.date_parts,
    a_date=A_DATE,
    date_columns=date_reader.date_columns,
    as_row=row_reader.as_row,
    as_rounded=as_rounded,
    row_coder=row_coder,
    answer_instead=answer_instead,
    answer_item_instead=answer_item_instead,
    answer_left_rows=answer_left_rows,
    answer_row_instead=answer_row_instead,
    call_source=call_source,
    check_keys=row_reader.check_keys,
    respelled=row_reader.respelled,
    fail_empty=row_reader.fail_empty,
    fail_row=row_reader.fail_row,
    one_row_table=row_reader.one_row_table,
    raise_wrong_field=row_reader.raise_wrong_field,
    reduce_method=reduce_method,
    reject_pickling=reject_pickling,
)


def _differs_by_branch(plan: MethodPlan, spec: InputSpec) -> bool:
    """Whether branches or columns are computed each in the dtype of their own, or make one that depends on it."""
    if not spec.any_order:
        return False
    rounds = "float32" in plan.variants
    own = rounds or "float32" in plan.from_source
    if own and any(types.matters and types.each and "float32" in types.refuses for types in plan.typed):
        return True
    made = plan.labels is None and plan.dtype.follows in (Follows.FLOAT, Follows.FLOAT32)
    return sum(types.matters for types in plan.typed) > 1 and (rounds or made)


def _may_be_integers(plan: MethodPlan) -> bool:
    """Whether the result is integers where the request is."""
    return plan.labels is None and plan.dtype.dtype_for("int64").kind == "i"


class Plan(ActsAsEstimator):
    """A compiled estimator with the methods and attributes of its source.

    Every method ``m`` of the source that Pretzel compiles has its own name here for tables, and ``m_one`` for one row.
    Every other method and attribute (``coef_``, ``fit_transform``), and calls with further arguments
    (``predict(X, return_std=True)``), are those of the source itself, as long as it exists; ``score`` (accuracy or R
    squared) and ``get_feature_names_out`` always answer. scikit-learn takes a plan
    for an estimator that has been fitted; nothing changes a plan, so ``fit`` and ``set_params`` raise `TypeError`.
    A plan is immutable: any number of threads may call it, and no call takes a lock.

    Parameters
    ----------
    physical : PhysicalPlan
    store : ObjectStore
        Holds the arrays that the plan names.
    lease : Lease
        Keeps these arrays there while this plan, or a program of it, is alive.
    name : str, optional
        Name of the model in messages.
    source : Source, optional
        The estimator.
    """

    methods: Mapping[str, Method | OpaqueMethod]  # every compiled method by name
    predict: Callable[[Any], Any]
    predict_one: Callable[[Any], Any]
    predict_proba: Callable[[Any], Any]
    predict_proba_one: Callable[[Any], Any]
    decision_function: Callable[[Any], Any]
    decision_function_one: Callable[[Any], Any]
    transform: Callable[[Any], Any]
    transform_one: Callable[[Any], Any]

    def __init__(
        self, physical: PhysicalPlan, store: ObjectStore, lease: Lease, name: str = "", source: Source | None = None
    ) -> None:
        self.physical = physical
        self.store = store
        self.name = name or physical.input.estimator
        self._input = replace(physical.input, estimator=self.name)  # messages about tables use the name, too
        self.lease = lease
        self.source = source
        self.engine: BatchEngine | None = None
        self.methods = {method: self._load(method, plan) for method, plan in physical.methods.items()}
        self.owner = Owner(self)
        options = {method: each for method, each in self.methods.items() if method in CALL_OPTIONS}
        for method, each in self.methods.items():
            each.source, each.owner = source, self.owner
            each.options = None if method in options else options  # no method holds itself

    def _load(
        self, method: str, plan: MethodPlan, spec: InputSpec | None = None, dtype: str = ""
    ) -> Method | OpaqueMethod:
        """The callable of a plan, which is a variant for requests of some ``dtype``."""
        if spec is None:
            spec = self._input if plan.input is None else replace(plan.input, estimator=self.name)
        variants: dict[str, Any] = {
            each: self._load(method, other, spec, each) for each, other in plan.variants.items()
        }
        if self.source is not None:
            variants |= {
                each: BySource(self.name, method, self.source, f"requests of {each}", spec) for each in plan.from_source
            }
        found: Method | OpaqueMethod
        if plan.opaque or plan.program is None:
            rounds_to = "float32" if dtype == "float32" else ""
            found = OpaqueMethod(plan, spec, self.store, self.lease, self.name, method, variants, rounds_to)
            if self.source is not None:
                found.by_source = BySource(self.name, method, self.source, "several dtypes behind opaque steps", spec)
        else:
            program = NativeProgram(plan.program, self.store, self.lease)
            found = Method(program, plan, spec, self.name, read, method, variants)
        others = plan.sparse, plan.otherwise, plan.names_out
        if plan.arrays_only or plan.passed_on or any(other is not None for other in others):
            found.others = OtherForms(found, spec, self.name, partial(self._load, method))
        if isinstance(found, Method) and self.source is not None and _may_be_integers(plan):
            found.by_source = BySource(self.name, method, self.source, "integers beyond 2**53", spec)
        if isinstance(found, Method) and self.source is not None and _differs_by_branch(plan, spec):
            found.by_branch = BySource(self.name, method, self.source, "float32 columns beside others", spec)
        return found

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        from pretzel.runtime.saved import describe, unpickled
        from pretzel.store.plan_file import plan_file

        estimators: list[Any] = []
        contents = plan_file(*describe(self, estimators))
        return unpickled, (contents, estimators, None if self.source is None else self.source.kept())

    def __copy__(self) -> Plan:
        return self.renamed(self.name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Plan:
        return self.renamed(self.name)  # nothing of a plan changes

    def __getattr__(self, name: str) -> Any:
        methods = self.__dict__.get("methods", {})
        plain = name.removesuffix("_one")
        method = methods.get(plain)
        if method is not None:
            # An attribute of the instance from now on, so that a call goes straight into native code.
            self.__dict__[name] = row_function(method, plain) if name.endswith("_one") else method
            return self.__dict__[name]
        attributes = self.__dict__["physical"].attributes if "physical" in self.__dict__ else {}
        if name in attributes:
            return copy.copy(attributes[name])
        source = self.__dict__.get("source")
        if name == "get_feature_names_out" and self._names_columns():
            from pretzel.runtime.named_columns import feature_names_out

            return partial(feature_names_out, self)
        reason = f"{self.__dict__.get('name', 'plan')} has no attribute {name!r}"
        if source is not None:
            try:
                return source.get(self, name)
            except AttributeError as error:
                reason = str(error)
        raise AttributeError(f"{reason}; its methods are: {', '.join(methods)}")

    def __dir__(self) -> list[str]:
        methods = {f"{method}{one}" for method in self.methods for one in ("", "_one")}
        names = [] if self.source is None else self.source.names()
        named = ["get_feature_names_out"] * self._names_columns()
        return sorted({*super().__dir__(), *methods, *self.physical.attributes, *names, *named})

    def _names_columns(self) -> bool:
        """Whether the plan itself names the columns of its result, because no estimator does any more."""
        physical, source = self.__dict__.get("physical"), self.__dict__.get("source")
        return physical is not None and physical.names_out is not None and (source is None or not source.exists)

    def __repr__(self) -> str:
        return f"<pretzel.Plan of {self.name}: {', '.join(self.methods)}>"

    def renamed(self, name: str, store: ObjectStore | None = None) -> Plan:
        """A copy of the plan under another name, over the same arrays, in ``store`` if one is given."""
        store = self.store if store is None else store
        lease = store.lease()
        store.adopt(self.store, self.physical.objects, lease)
        lease.complete()
        return Plan(self.physical, store, lease, name, self.source)

    def save(self, path: str | os.PathLike[str], *, opaque: Literal["skops", "cloudpickle"] | None = None) -> None:
        """Write the plan to one file, from which `pretzel.load` maps it in any process, without scikit-learn.

        Parameters
        ----------
        path : str or path
            Replaced at once, and only when everything is written.
        opaque : {"skops", "cloudpickle"}, optional
            For a plan that has steps without a native form, or was compiled with ``keep_source=True``: write also the
            estimators that steps call, and the source that is kept. The plan then answers all that it answers now, and
            the process that loads it needs their packages. ``"skops"`` is read only if all types are trusted,
            ``"cloudpickle"`` runs any code and only with ``pretzel.load(..., allow_pickle=True)``. What was written is
            read once, to see that it can be and how much memory it takes. Of any other plan, nothing that needs an
            estimator is saved: opaque `apply`, `score_samples` and the like are left out.

        Raises
        ------
        SaveError
            A method has a step that runs as the estimator itself, and there is no ``opaque`` or it cannot write the
            estimator; or a label has no plain form.
        OSError
            The file cannot be written.
        """
        from pretzel.runtime.saved import describe_with
        from pretzel.store.plan_file import plan_file, write_atomically

        write_atomically(path, plan_file(*describe_with(self, opaque)))

    def serve(self, engine: BatchEngine, long_call: float | None, batching: Batching | None = None) -> None:
        """Let an engine run calls whose estimate is ``long_call`` seconds or more; None: it runs no calls.

        Submitted requests, and long awaited ones, always go to the engine. With ``batching``, single rows that are
        awaited at the same time are answered in batches.
        """
        self.engine = engine
        for method in self.methods.values():
            method.engine = engine
            if isinstance(method, Method) and batching is not None and not method.sparse_result:
                from pretzel.runtime.batching import MicroBatcher  # and asyncio, which few processes need

                method.batches = MicroBatcher(batching)
            if isinstance(method, Method) and long_call is not None:
                method.long_call = long_call
                method.scheduler = engine.scheduler

    @cached_property
    def overhead_bytes(self) -> int:
        """Bytes that the plan takes besides `nbytes`: its methods, programs and attributes. An upper estimate."""
        programs = list(programs_of(self.physical))
        return 6_000 + 1_500 * len(programs) + 250 * sum(len(program.values) for program in programs)

    @property
    def opaque_steps(self) -> tuple[OpaqueCall, ...]:
        """The steps without a native form, with the method that is called from Python, and the reason; each once."""
        from pretzel.runtime.summary import opaque_calls

        return tuple(dict.fromkeys(call for each in self.physical.methods.values() for call in opaque_calls(each)))

    @cached_property
    def input_schema(self) -> InputSchema:
        """Columns of a request with names, kinds, known categories and missing values, and results of the methods.

        It is printed as a table, and becomes a JSON Schema, a pydantic model, an Arrow schema, or metadata of the Open
        Inference Protocol.
        """
        from pretzel.runtime.schemas.input_schema import input_schema

        return input_schema(self)

    def requests_of(self, method: str) -> InputSpec:
        """What requests to a method are; those to ``inverse_transform`` are others than those to all methods else."""
        found = self.physical.methods.get(method)
        return self.physical.input if found is None or found.input is None else found.input

    @property
    def nbytes(self) -> int:
        """Bytes of everything the plan refers to in its store, shared or not."""
        return self.store.bytes_of(self.lease.digests)

    @property
    def exclusive_bytes(self) -> int:
        """Bytes that are freed when this plan is deleted."""
        return self.store.exclusive_bytes(self.lease)

    def estimate(
        self, n_rows: int = 1, units: int | None = None, method: str = "predict", *, X: Any = None
    ) -> Estimate:
        """Estimate the time of a request.

        Parameters
        ----------
        n_rows : int
        units : int, optional
            Text code units, or entries of a sparse matrix, of all rows together. By default as many for each row as
            the requests so far had, or 100 before the first.
        method : str
        X : optional
            A request, whose rows and units are counted.

        Returns
        -------
        Estimate

        Raises
        ------
        AttributeError
            There is no such method.
        ValueError
            It has opaque steps.
        """
        from pretzel.runtime.estimate import estimate

        return estimate(self, n_rows, units, method, X)

    def summary(self) -> str:
        """The plan in ten lines: columns by name, steps, what is native, bytes shared, expected microseconds."""
        from pretzel.runtime.explain import overview

        return overview(self)

    def _repr_html_(self) -> str:
        return str(self.explain("html"))

    def explain(
        self, format: Literal["text", "json", "html", "dot", "mermaid"] = "text", *, analyze: Any = None
    ) -> Any:
        """How the estimator was compiled: `summary`, then graphs, rules that fired, stages, kernels, opaque steps.

        Parameters
        ----------
        format : {"text", "json", "html", "dot", "mermaid"}
            ``"json"`` returns plain dicts and lists; the last three draw the stages of every method. ``"html"`` is a
            part of a page that needs no network.
        analyze : optional
            Rows to run: adds the measured time of every stage and call.

        Raises
        ------
        ValueError
            There is no such format.
        """
        from pretzel.runtime.explain import explain

        return explain(self, format, analyze)
