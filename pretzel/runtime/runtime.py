"""Many models in one process: registered by name, replaced while they answer, counted to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pretzel.options import parse_bytes
from pretzel.runtime.catalog import Catalog
from pretzel.runtime.engine import PLACES, BatchEngine
from pretzel.runtime.metrics import MODELS, register
from pretzel.runtime.model import Plan
from pretzel.runtime.multi_model import MultiModel
from pretzel.runtime.recall import new_cache, remember
from pretzel.runtime.statistics import statistics
from pretzel.store.object_store import ObjectStore, default_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pretzel.options import Batching, Reservation
    from pretzel.runtime.engine import Answer
    from pretzel.runtime.handle import Model

LONG_CALL = 1e-3
"""Seconds of estimated work from which a call is worth waking workers for."""

_LONG_CALLS = {"auto": LONG_CALL, "request": None, "batch": 0.0}


class Runtime:
    """Models by name, over one object store. Safe to use from any number of threads; calls wait for no change.

    A name has versions: ``runtime["name"]`` is its default version at any time, ``runtime["name@v2"]`` always that one.
    Iterating gives the names of models, without versions and aliases.

    This class registers plans; `pretzel.Runtime` compiles estimators, too.

    Parameters
    ----------
    store : ObjectStore, optional
        Where the models keep what they share; the store of this process by default.
    executors : int, optional
        Threads of the batch engine, started by its first request; one for each core by default.
    queue : int
        Requests that may wait for them.
    materialize : int or str
        Bytes, or text such as ``"64MB"``, for results of single rows that several models compute alike: the second
        model that is asked about a row finds its n-grams or components there. Used only where that saves time.
    results : int or str
        The same for whole answers.
    tracing : bool, optional
        Whether what is submitted, or awaited and long, has spans of OpenTelemetry; by default, if the process has
        imported its API. They cost next to nothing until somebody sets a tracer provider.
    """

    def __init__(
        self,
        *,
        store: ObjectStore | None = None,
        executors: int | None = None,
        queue: int = PLACES,
        materialize: int | str = 0,
        results: int | str = 0,
        tracing: bool | None = None,
    ) -> None:
        self.store = default_store() if store is None else store
        self.engine = BatchEngine(executors, queue, yielding=True, tracing=tracing)
        self._tracing = tracing
        self._shared = new_cache(parse_bytes(materialize))
        self._results = new_cache(parse_bytes(results))
        self._catalog = Catalog()
        self._multi_model = MultiModel(self._catalog.names, self._catalog.__getitem__)

    def register(
        self,
        name: str,
        model: Any,
        *,
        version: str | None = None,
        default: bool = True,
        engine: Literal["auto", "request", "batch"] = "auto",
        reserve: Reservation | None = None,
        batching: Batching | None = None,
        **options: Any,
    ) -> Model:
        """Put a model under a name, as its newest version; the default version of the name is replaced.

        Handles and calls that are under way stay valid: each call is answered by one version, and what only the
        replaced version used is freed after its last call. While an alias points at that version, it is kept.

        Parameters
        ----------
        name : str
            Without "@".
        model : Plan or fitted estimator
        version : str, optional
            Names this version; ``"v1"``, ``"v2"``, ... by default. No other of the name may have it.
        default : bool
            Whether calls under the name go to this version from now on. Otherwise it is there beside the others, as
            ``"name@version"``, until it is unregistered. The first version of a name is the default in any case.
        engine : {"auto", "request", "batch"}
            Who answers calls with tables: the calling thread (``"request"``), the workers (``"batch"``), or whoever
            the estimated cost speaks for. Single rows are always answered in the calling thread, and what is submitted
            always by the workers.
        reserve : Reservation, optional
            Workers and memory of the batch engine that this version does not share.
        batching : Batching, optional
            Rows that are awaited at the same time (``await model.apredict_one(row)``) are answered together.
        **options
            Of `pretzel.compile`, for estimators.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it, or that of the version where it is not to be the default.

        Raises
        ------
        CompileError
            See `pretzel.compile`.
        RegistrationError
            The name or the version contains "@" or is empty.
        ModelInUseError
            The name is an alias, or there is such a version already.
        """
        self._catalog.check(name, version, replace=False)
        plan = self._served(name, model, engine, reserve, batching, options)
        return self._catalog.put(name, plan, version=version, default=default)

    def replace(
        self,
        name: str,
        model: Any,
        *,
        version: str | None = None,
        default: bool = True,
        engine: Literal["auto", "request", "batch"] = "auto",
        reserve: Reservation | None = None,
        batching: Batching | None = None,
        **options: Any,
    ) -> Model:
        """`register`, but only where the name is taken.

        Raises
        ------
        ModelNotFoundError
            The name is free.
        """
        self._catalog.check(name, version, replace=True)
        plan = self._served(name, model, engine, reserve, batching, options)
        return self._catalog.put(name, plan, version=version, default=default, replace=True)

    def promote(self, target: str) -> Model:
        """Make a version the default of its name. The one that was stays, and can be promoted in turn.

        Parameters
        ----------
        target : str
            ``"name@version"``.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it.

        Raises
        ------
        ModelNotFoundError
        """
        return self._catalog.promote(target)

    def alias(self, name: str, target: str | Mapping[str, float], *, seed: int = 0) -> Model:
        """Make a name that points at models or versions, or point it elsewhere: every call sees the old or the new.

        Parameters
        ----------
        name : str
            Without "@", and not that of a model.
        target : str or dict of str to float
            Where it points: at ``"name@version"``, or at ``"name"``, which is its default version at any time. With a
            dict each of several gets a part of the calls by weight. The parts are exact to within a few calls, not
            only on average. A weight may be 0. The alias has those methods that all of them have.
        seed : int
            Starts another sequence of turns.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it.

        Raises
        ------
        ModelNotFoundError
            A target is not there.
        RegistrationError
            A target is an alias; a weight is negative, or none is positive.
        ModelInUseError
            The name is that of a model.

        Examples
        --------
        >>> from sklearn.dummy import DummyRegressor
        >>> import pretzel
        >>> runtime = pretzel.Runtime(store=pretzel.ObjectStore())
        >>> old, new = (DummyRegressor(strategy="constant", constant=c).fit([[0.0]], [c]) for c in (1.0, 2.0))
        >>> _ = runtime.register("churn/de", old)
        >>> _ = runtime.register("churn/de", new, default=False)
        >>> live = runtime.alias("churn/live", {"churn/de@v1": 0.75, "churn/de@v2": 0.25})
        >>> sorted(live.predict_one([0.0]) for _ in range(8))
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]
        """
        return self._catalog.point(name, {target: 1.0} if isinstance(target, str) else target, seed)

    def unregister(self, name: str) -> None:
        """Forget a model with all its versions, one version (``"name@version"``), or an alias.

        What only this model used is freed after its last call.

        Raises
        ------
        ModelNotFoundError
        ModelInUseError
            An alias points at it, or it is the default version of its name.
        """
        self._catalog.remove(name)

    def predict(self, name: str, X: Any) -> Any:
        """``runtime[name].predict(X)``."""
        return self._catalog[name].predict(X)

    def predict_one(self, name: str, row: Any) -> Any:
        """``runtime[name].predict_one(row)``."""
        return self._catalog[name].predict_one(row)

    def submit(self, name: str, X: Any, *, method: str = "predict", deadline: float | None = None) -> Answer:
        """``runtime[name].submit(X, ...)``; see `Model.submit`."""
        return self._catalog[name].submit(X, method=method, deadline=deadline)

    def predict_many(
        self, pairs: Iterable[tuple[Any, Any]], method: str = "predict", *, on_error: str = "raise"
    ) -> list[Any]:
        """Answer one row for each of many models, in one call.

        Every answer is what the model's ``predict_one`` returns, to the last bit; models of one shape run one after
        the other in native code.

        Parameters
        ----------
        pairs : iterable of (model, row)
            A name, handle or `Plan`, and a row that it takes.
        method : str
            Of all these models: ``"predict"``, ``"predict_proba"``, ...
        on_error : {"raise", "return"}
            What becomes of the first item that cannot be answered: its exception is raised, with a note that says
            where it stands, or it takes the place of the answer.

        Returns
        -------
        list
            Answers in the order of ``pairs``.
        """
        return self._multi_model.many(pairs, method, on_error)

    def predict_all(
        self, row: Any, models: Iterable[Any], method: str = "predict", *, on_error: str = "raise"
    ) -> list[Any]:
        """Answer one row by many models, in one call; what they have in common is computed once.

        Every answer is what the model's ``predict_one`` returns, to the last bit. Models whose rows are read alike
        are merged at the first call, which takes milliseconds; the last merged programs are kept.

        Parameters
        ----------
        row : dict, tuple, 1-D array or str
        models : iterable
            Names, handles or plans.
        method : str
            Of all these models.
        on_error : {"raise", "return"}
            As in `predict_many`.

        Returns
        -------
        list
            Answers in the order of ``models``.
        """
        return self._multi_model.all(row, models, method, on_error)

    def sharing(self, models: Iterable[Any], method: str = "predict") -> tuple[int, int]:
        """How many kernel calls these models make by themselves, and how many `predict_all` makes for them."""
        return self._multi_model.sharing(models, method)

    def stats(self) -> dict[str, Any]:
        """What the registered models hold, and how often they were called.

        Returns
        -------
        dict
            ``logical_bytes`` (if nothing were shared), ``unique_bytes`` (as stored), ``objects`` and ``stages`` (held
            once each), ``arena_bytes`` (working memory of all threads of the process), and

            ``models``: for each name ``calls`` (under this name), ``version`` (the default one), ``bytes`` and
            ``exclusive_bytes`` (freed by unregistering it), and ``versions``: for each its own ``calls`` (under
            whatever name), ``bytes`` and ``exclusive_bytes``;

            ``engine``: what the batch engine has to do (``waiting`` and ``begun`` requests, ``seconds`` of estimated
            work, ``in_python``) and what it has done: how many it ``accepted``, ``refused`` for their deadlines or as
            too many (``overloaded``), and how these ended; ``pace`` is time taken by time estimated;

            ``reservations``: the same for each version that has workers of its own;

            ``stage_times``: seconds, rows and calls of stages by their kernels, projected from those that were timed;

            ``caches``: for each hits, misses, evictions, entries and bytes;

            ``aliases``: for each ``calls`` and ``shares`` (what part of them each target gets).
        """
        caches = {"materialized": self._shared.counts(), "results": self._results.counts()}
        return {**statistics(self._catalog, self.store, self.engine), "caches": caches}

    def metrics(self, registry: Any = None, *, models: int = MODELS) -> Any:
        """Show this runtime to Prometheus; see `pretzel.runtime.metrics.register`."""
        return register(self, registry, models=models)

    def close(self, *, drain: bool = False) -> None:
        """Unregister everything and end the threads; harmless when repeated.

        Parameters
        ----------
        drain : bool
            Answer what has been submitted first; otherwise it is cancelled.
        """
        plans = [version.plan for _, _, versions in self._catalog.models() for version in versions]
        engines = {self.engine, *(plan.engine for plan in plans if plan.engine is not None)}
        self._catalog.close()
        for engine in engines:
            engine.close(drain=drain)

    def __getitem__(self, name: str) -> Model:
        return self._catalog[name]

    def __contains__(self, name: object) -> bool:
        return name in self._catalog

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalog)

    def __len__(self) -> int:
        return len(self._catalog)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pretzel.Runtime: {len(self)} models>"

    def _served(
        self,
        name: str,
        model: Any,
        engine: str,
        reserve: Reservation | None,
        batching: Batching | None,
        options: dict[str, Any],
    ) -> Plan:
        """A plan that knows its engine."""
        if engine not in _LONG_CALLS:
            raise ValueError(f"engine is 'auto', 'request' or 'batch', not {engine!r}")
        plan = self._plan(name, model, options)
        own = self.engine
        if reserve is not None:
            own = BatchEngine(reserve.workers, PLACES, reserve.bytes_per_worker, tracing=self._tracing)
        plan.serve(own, _LONG_CALLS[engine], batching)
        remember(plan, self._shared, self._results)
        return plan

    def _plan(self, name: str, model: Any, options: dict[str, Any]) -> Plan:
        """A plan of that name in this store."""
        if not isinstance(model, Plan):
            raise TypeError(f"expected a Plan, got {type(model).__name__}")
        if options:
            raise TypeError(f"a plan is compiled already; {', '.join(options)} came too late")
        return model.renamed(name, self.store)
