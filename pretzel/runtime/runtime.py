"""`Runtime`: many models in one process, registered by name, replaceable while calls are running."""

from __future__ import annotations

import os
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self

from pretzel.errors import ModelNotFoundError
from pretzel.options import check_option, parse_bytes
from pretzel.runtime.engine import QUEUE_CAPACITY, BatchEngine
from pretzel.runtime.metrics import MODELS, Collector, register
from pretzel.runtime.multi_model import MultiModel
from pretzel.runtime.named_calls import NamedCalls
from pretzel.runtime.pickling import reject_pickling
from pretzel.runtime.plan_store import PlanStore
from pretzel.runtime.prepare import prepare, serve_stored
from pretzel.runtime.residency import Residency
from pretzel.runtime.statistics import resident, statistics
from pretzel.runtime.stored_catalog import StoredCatalog
from pretzel.runtime.stored_estimators import Trust
from pretzel.runtime.stored_models import StoredModels
from pretzel.runtime.subplan_cache import cache_subplans, new_cache
from pretzel.store.object_store import ObjectStore, default_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pretzel.options import Batching, Reservation
    from pretzel.runtime.handle import Model
    from pretzel.runtime.model import Plan


class Runtime(NamedCalls):
    """Models by name, over one object store. Any number of threads may use it.

    A change (`register`, `promote`, `alias`, `unregister`) is atomic: running calls finish with the version that they
    began with, later ones see the new state.

    A name has versions: ``runtime["name"]`` is the handle of its default version, whichever that is, and
    ``runtime["name@v2"]`` that of this version. Iterating yields the names of models, without versions and aliases.

    Parameters
    ----------
    store : ObjectStore, PlanStore, str or path, optional
        Holds the parameters that models share; the store of this process by default. Of a `PlanStore`, or the path or
        URL of one, all models are here, too: a model is loaded when it is looked up, and again when it is called after
        it has left memory. Such models are changed in the store.
    watch : bool or float
        Whether a thread follows what changes in the store on disk: every second, or every so many seconds. Without it,
        a model that has been looked up stays as it is; calls raise `ModelNotFoundError` once it has left memory and
        its files have been collected.
    trusted : iterable of str or type
    allow_pickle : bool
        Which estimators of a store on disk may be loaded, as of `PlanStore.load`.
    memory_limit : int or str, optional
        Bytes, also as text such as ``"2GB"``, that arrays, plans, working memory and caches may take together. Plans
        of the store on disk leave memory so that others can be loaded: those that are called least, for the bytes that
        they hold alone and the time that loading takes. Plans that were registered, or are pinned, stay.
    executors : int, optional
        Worker threads of the batch engine, started by its first request; one for each core by default.
    queue : int
        Number of requests that may wait for a worker; further ones raise `Overloaded`.
    materialize : int or str
        Size of the cache of shared sub-plans, in bytes or as text such as ``"64MB"``; 0: none. It keeps intermediate
        results of single rows (n-grams, components) that several models compute, so that the second model asked about
        a row finds them. It is used only where that saves time.
    results : int or str
        Size of the cache of whole answers to single rows, in the same form.
    tracing : bool, optional
        Whether submitted requests, and long awaited ones, have OpenTelemetry spans. By default they do if the process
        has imported the OpenTelemetry API. They cost next to nothing until a tracer provider is set.
    """

    def __init__(
        self,
        *,
        store: ObjectStore | PlanStore | str | os.PathLike[str] | None = None,
        watch: bool | float = False,
        trusted: Iterable[str | type] = (),
        allow_pickle: bool = False,
        memory_limit: int | str | None = None,
        executors: int | None = None,
        queue: int = QUEUE_CAPACITY,
        materialize: int | str = 0,
        results: int | str = 0,
        tracing: bool | None = None,
    ) -> None:
        check_option("store", store, ObjectStore | PlanStore | str | os.PathLike | None)
        check_option("tracing", tracing, bool | None)
        check_option("watch", watch, Real, 0)
        if isinstance(store, str | os.PathLike):
            store = PlanStore(store, create=False, store=ObjectStore())
        plans = store if isinstance(store, PlanStore) else None
        self.store: ObjectStore = store.store if isinstance(store, PlanStore) else store or default_store()
        self.engine = BatchEngine(executors, queue, background=True, tracing=tracing)
        self.tracing = tracing
        sizes = {"materialized": materialize, "results": results}
        self._caches = {name: new_cache(parse_bytes(size)) for name, size in sizes.items()}
        self._catalog = StoredCatalog()
        limit = None if memory_limit is None else parse_bytes(memory_limit)
        caches = sum(cache.budget for cache in self._caches.values())
        residency = Residency(self.store, limit, caches, self._catalog.refresh, self._catalog.knows)
        serve = partial(serve_stored, self.engine, self._caches)
        self._stored = StoredModels(plans, self._catalog, residency, serve, Trust.of(trusted, allow_pickle))
        if watch:
            self._stored.watch(float(watch))
        self._multi_model = MultiModel(self._catalog.names, self._catalog.__getitem__)

    __reduce_ex__ = reject_pickling

    def register(
        self,
        name: str,
        model: Any,
        *,
        version: str | None = None,
        default: bool = True,
        keep: bool = False,
        allow_changes: bool = False,
        engine: Literal["auto", "request", "batch"] = "auto",
        reserve: Reservation | None = None,
        batching: Batching | None = None,
        **options: Any,
    ) -> Model:
        """Register a model under a name, as its newest version, which replaces the default version of the name.

        Handles and running calls stay valid: one version answers a call from beginning to end, and the objects that
        only the replaced version used are freed after its last call, unless it is to be kept for `promote`, or an alias
        points at it.

        Parameters
        ----------
        name : str
            Without "@".
        model : Plan or fitted estimator
        version : str, optional
            Label of this version; ``"v1"``, ``"v2"``, ... by default. The name must not have it already.
        default : bool
            Whether calls under the name go to this version from now on. Otherwise it is available as
            ``"name@version"`` until it is unregistered. The first version of a name is always the default.
        keep : bool
            Whether the version that is replaced stays, as ``"name@version"``, for `promote` to bring it back.
        allow_changes : bool
            Whether the new default may take other columns, lack methods or be of another kind (a regressor in place
            of a classifier) than the one that it replaces.
        engine : {"auto", "request", "batch"}
            Which engine runs table calls: the calling thread (``"request"``) or the workers (``"batch"``). ``"auto"``
            chooses by estimated cost. Single rows always run in the calling thread, submitted requests always on the
            workers.
        reserve : Reservation, optional
            Workers and memory of the batch engine for this version alone.
        batching : Batching, optional
            Answer rows that are awaited at the same time (``await model.apredict_one(row)``) in batches.
        **options
            Of `pretzel.compile`, for estimators.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it, or that of the version if it is not the default.

        Raises
        ------
        CompileError
            As `pretzel.compile` raises it.
        RegistrationError
            The name or the version contains "@" or is empty; the model differs from the one that it would replace.
        ModelInUseError
            The name is an alias, or there is such a version already.
        """
        self._catalog.check(name, version, replace=False)
        plan = self._prepare(name, model, engine=engine, reserve=reserve, batching=batching, **options)
        return self._catalog.put(name, plan, version, default=default, keep=keep, allow_changes=allow_changes)

    def replace(
        self,
        name: str,
        model: Any,
        *,
        version: str | None = None,
        default: bool = True,
        keep: bool = False,
        allow_changes: bool = False,
        **settings: Any,
    ) -> Model:
        """`register`, with the same settings, but only if the name is taken.

        Raises
        ------
        ModelNotFoundError
            No model has the name.
        """
        self._catalog.check(name, version, replace=True)
        plan = self._prepare(name, model, **settings)
        return self._catalog.put(
            name, plan, version, default=default, keep=keep, allow_changes=allow_changes, replace=True
        )

    def promote(self, target: str, *, allow_changes: bool = False) -> Model:
        """Make a version the default of its name. The former default stays registered and can be promoted again.

        Parameters
        ----------
        target : str
            ``"name@version"``.
        allow_changes : bool
            As in `register`.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it.

        Raises
        ------
        ModelNotFoundError
        RegistrationError
            The version differs from the present default.
        """
        return self._catalog.promote(target, allow_changes=allow_changes)

    def alias(self, name: str, target: str | Mapping[str, float], *, seed: int = 0) -> Model:
        """Make a name that stands for models or versions, or give it new targets at once.

        Parameters
        ----------
        name : str
            Without "@", and not that of a model.
        target : str or dict of str to float
            ``"name@version"``, or ``"name"`` for its default version. A dict gives each its weight's part of the sum of
            weights, exact to a few calls: 3 and 1 are 0.75 and 0.25. A weight may be 0. The alias has the methods that
            all targets have. A version that a watched store has no more stays for its aliases.
        seed : int
            Start of the sequence in which targets take turns.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it.

        Raises
        ------
        ModelNotFoundError
            A target is not registered.
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
        """Unregister a model with all its versions, one version (``"name@version"``), or an alias.

        Objects that only this model used are freed after its last call.

        Raises
        ------
        ModelNotFoundError
        ModelInUseError
            An alias points at it, or it is the default version of its name.
        """
        self._catalog.remove(name)

    def pin(self, name: str) -> Model:
        """Load a model of the store on disk and keep it in memory, whatever the limit; returns its handle.

        Parameters
        ----------
        name : str
            ``"name"``, which is all its versions that are in memory, or ``"name@version"``.

        Raises
        ------
        ModelNotFoundError
        MemoryLimitExceeded
            There is no room for it.
        """
        if name not in self._stored:
            raise ModelNotFoundError(f"the store has no model {name!r}")
        handle = self[name]
        self._stored.pin(name, handle)
        return handle

    def unpin(self, name: str) -> None:
        """Let a model that was pinned leave memory, if the limit demands it. Harmless if it is not pinned."""
        self._stored.unpin(name)

    def stats(self) -> dict[str, Any]:
        """Memory and calls of the registered models, and the state of the engine.

        Returns
        -------
        dict
            ``logical_bytes`` (if nothing were shared), ``unique_bytes`` (as stored), ``objects`` and ``stages`` (held
            once each), ``arena_bytes`` (working memory of all threads of the process), and

            ``models``: for each name ``calls`` (under this name), ``version`` (the default one), ``stale`` (why it
            could not follow the store, or None), ``bytes`` and ``exclusive_bytes`` (freed by unregistering it), and
            ``versions``: for each its own ``calls`` (under any name), ``bytes`` and ``exclusive_bytes``;

            ``engine``: requests that are ``waiting``, ``started`` or ``in_python``, the ``seconds`` of estimated work
            that are left, how many requests were ``accepted``, ``rejected_deadline`` and ``rejected_overload``, how
            the accepted ones ended, and ``estimate_error_ratio``, which is time taken by time estimated;

            ``reservations``: the same for each version that has workers of its own;

            ``stage_times``: seconds, rows and calls of stages by their kernels, projected from those that were timed;

            ``caches``: for each hits, misses, evictions, entries and bytes;

            ``memory``: bytes ``used`` of the ``limit``, plans of the store on disk that are ``resident``, how many
            were loaded (``loads``), left (``evictions``) and could not be loaded (``failures``) so far, and models
            that could not follow the store (``stale``);

            ``aliases``: for each ``calls`` and ``shares`` (the part of them that each target gets).
        """
        caches = {name: cache.counts() for name, cache in self._caches.items()}
        found = statistics(self._catalog, self.store, self.engine, self._stored.stale)
        return {**found, "caches": caches, "memory": self._stored.counts()}

    def metrics(self, registry: Any = None, *, models: int = MODELS) -> Any:
        """Register the metrics of this runtime, which `pretzel.runtime.metrics` lists, with Prometheus.

        Parameters
        ----------
        registry : prometheus_client.CollectorRegistry, optional
            By default, the registry of the process.
        models : int
            The first so many have labels of their own, the others share ``model="other"``.

        Returns
        -------
        Collector
            For ``registry.unregister``.

        Raises
        ------
        ValueError
            The registry has the metrics of this runtime, or of another one, already.
        """
        collector = Collector(self._catalog, self.store, self.engine, self._caches, self._stored.counts, models)
        return register(collector, registry)

    def close(self, *, drain: bool = False) -> None:
        """Unregister all models and end the threads; may be called again.

        Parameters
        ----------
        drain : bool
            Finish submitted requests first; otherwise they are cancelled.
        """
        self._stored.close()
        plans = [plan for _, _, versions in self._catalog.models() for plan in resident(versions)]
        engines = {self.engine, *(plan.engine for plan in plans if plan.engine is not None)}
        self._catalog.close()
        for engine in engines:
            engine.close(drain=drain)

    def __getitem__(self, name: str) -> Model:
        return self._catalog[name]

    def __contains__(self, name: object) -> bool:
        return name in self._catalog or (isinstance(name, str) and name in self._stored)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._catalog, *self._stored.names()]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pretzel.Runtime: {len(self)} models>"

    def _prepare(self, name: str, model: Any, /, **settings: Any) -> Plan:
        """A plan of that name in this store, with its engine and caches."""
        plan = prepare(name, model, self.store, self.engine, tracing=self.tracing, **settings)
        cache_subplans(plan, self._caches["materialized"], self._caches["results"])
        self._stored.admit(plan)
        return plan
