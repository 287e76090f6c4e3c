"""A plan as a function of tables, which engines send to their workers."""

from __future__ import annotations

import os
import pickle
import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from pretzel.api import PlanStore
from pretzel.errors import InputKeyError, OptionError
from pretzel.integrations.tables import answered, check_columns, is_array, is_empty, request_of
from pretzel.runtime.answer_columns import answer_columns, default_method
from pretzel.runtime.model import Plan
from pretzel.runtime.named_columns import feature_names_out
from pretzel.upgrade import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from pretzel.input_spec import InputSpec
    from pretzel.runtime.schemas import Output

_loaded: dict[tuple[Any, ...], Plan] = {}  # by process: many scorers of one engine name one plan
_loading = [threading.Lock()]  # a worker may score in several threads; a child process makes a new lock
os.register_at_fork(after_in_child=lambda: _loading.__setitem__(0, threading.Lock()))


class _Travelling(NamedTuple):
    """A plan in another process, before it is built from its bytes."""

    digest: str | None
    build: Callable[..., Plan]
    arguments: tuple[Any, ...]


class BatchScorer:
    """Answers tables, and returns tables of the same form: pyarrow, pandas, or a dict of arrays.

    A scorer is pickled as the path that it was given, so that each worker maps the one file or store; a plan goes
    along as its bytes. The plan is loaded when the first table arrives, once for each process, however often the scorer
    arrives; only a plan that holds estimators is built from its bytes each time. Tables without rows
    are answered with no rows, because engines send such tables to learn the columns of the answer.

    Parameters
    ----------
    model : Plan, str or path
        A plan, a plan file, or, with ``name``, a store on disk or at a URL.
    name : str, optional
        Name of the model in the store, with or without its version: ``"churn/de"``, ``"churn/de@v2"``.
    methods : sequence of str, optional
        What each row is asked; ``predict``, or else ``transform``.
    keep : sequence of str
        Columns of the request that the answer has, too.
    column : str, optional
        The column that holds the documents, for a model that takes one document for each row.
    trusted : sequence of str
        Types of estimators that a file may hold; see `pretzel.load`.

    Examples
    --------
    Ray Data, Spark and Dask::

        dataset.map_batches(BatchScorer("churn.pretzel"), batch_format="pyarrow")
        scorer = BatchScorer("models", "churn/de", keep=["id"])
        frame.mapInArrow(scorer.stream, "id long, predict string")
        frame.map_partitions(scorer, meta=scorer(frame._meta))
    """

    def __init__(
        self,
        model: Plan | str | os.PathLike[str],
        name: str | None = None,
        *,
        methods: Sequence[str] = (),
        keep: Sequence[str] = (),
        column: str | None = None,
        trusted: Sequence[str] = (),
    ) -> None:
        if isinstance(methods, str) or isinstance(keep, str):
            raise OptionError("methods and keep are lists of names")
        self._model: Plan | str | _Travelling = model if isinstance(model, Plan) else os.fspath(model)
        self._name = name
        self._methods = tuple(methods)
        self._keep = tuple(keep)
        self._column = column
        self._trusted = tuple(trusted)

    @property
    def plan(self) -> Plan:
        """The plan, which is loaded when it is first asked for."""
        model = self._model
        if isinstance(model, Plan):
            return model
        if isinstance(model, _Travelling):
            if model.digest is None:
                self._model = model.build(*model.arguments)
                return self._model
            key: tuple[Any, ...] = (model.digest,)
        else:
            key = (model, self._name, self._trusted)
        found = _loaded.get(key)
        if found is None:
            with _loading[0]:
                found = _loaded.get(key)
                if found is None:
                    found = _loaded[key] = self._load(model)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: a plan as its bytes, and their digest unless estimators go along."""
        state = dict(vars(self))
        if isinstance(self._model, Plan):
            build, arguments = self._model.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            contents, estimators, source = arguments
            alone = not estimators and source is None
            digest = blake2b(contents, digest_size=32).hexdigest() if alone else None
            state["_model"] = _Travelling(digest, build, arguments)
        return state

    def __call__(self, table: Any) -> Any:
        """The answers to the rows of a table.

        Parameters
        ----------
        table : pyarrow.Table, pyarrow.RecordBatch, pandas.DataFrame, or dict of str to ndarray
            Or rows without names: an array, sparse rows, a Series.

        Returns
        -------
        table
            Of the same form: the columns that are kept, then those of each method, named as `pretzel predict` does:
            ``predict``, ``predict_proba_yes``, ``transform_0``, ... To rows without names: the answer of the plan
            itself, or of several methods a dict of them.

        Raises
        ------
        InputError
            The table does not have what the model needs, or not the columns to keep.
        TypeError
            It is something else.
        """
        plan = self.plan
        if is_array(table) and not self._keep and not self._column:
            methods = self._methods or (default_method(plan.methods),)
            answers = {name: method_of(plan, name)(table) for name in methods}
            return answers if self._methods[1:] else answers[methods[0]]
        found: dict[str, Any] = {}
        requests: dict[InputSpec, Any] = {}
        for method in self._methods or (default_method(plan.methods),):
            spec = plan.requests_of(method)
            if spec not in requests:
                requests[spec] = request_of(table, spec, self._column, self._keep)
                if is_empty(table):
                    check_columns(requests[spec], spec)
            request = requests[spec]
            columns = self._columns(plan, method, None if is_empty(table) else request)
            both = {*found, *self._keep} & columns.keys()
            if both:
                raise InputKeyError(f"{plan.name}: two columns of the answer would be {min(both)!r}")
            found |= columns
        return answered(table, self._keep, found)

    def stream(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The answers to a stream of batches, as Spark's ``mapInArrow`` calls it."""
        for batch in batches:
            yield self(batch)

    def _load(self, model: str | _Travelling) -> Plan:
        if isinstance(model, _Travelling):
            return model.build(*model.arguments)
        if self._name is None:
            if os.path.isdir(model):
                raise OptionError(
                    f"{model} is a folder: of a store, name one of its models: BatchScorer({model!r}, name=...)"
                )
            return load(model, trusted=list(self._trusted))
        return PlanStore(model).load(self._name, trusted=list(self._trusted))

    def _columns(self, plan: Plan, method: str, request: Any) -> dict[str, Any]:
        ask = method_of(plan, method)
        named = method == "transform" and plan.physical.names_out is not None
        names = [*feature_names_out(plan)] if named else None
        answer = _no_rows(plan.input_schema.of(method).outputs[method]) if request is None else ask(request)
        return answer_columns(method, answer, plan.physical.attributes.get("classes_"), names)


def method_of(plan: Plan, name: str) -> Callable[[Any], Any]:
    """A method of a plan.

    Raises
    ------
    OptionError
        It has none of this name.
    """
    if name not in plan.methods:
        raise OptionError(f"{plan.name} has no method {name!r}, only {', '.join(plan.methods)}")
    return plan.methods[name]


def _no_rows(output: Output) -> Any:
    """The answer to a table without rows, which has the columns of any other."""
    import numpy as np

    if output.shape is None:
        raise InputKeyError(f"{output.method}: only the estimator itself knows the columns of its answer")
    dtype = np.dtype(output.dtype)
    if output.parts is not None:
        return [np.zeros((0, width), each) for width, each in output.parts_and_dtypes]
    return np.zeros([0 if size is None else size for size in output.shape], dtype)
