"""Many models in one process: registered by name, replaced while they answer, counted to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pretzel._native import arena_bytes
from pretzel.runtime.catalog import Catalog, Model
from pretzel.runtime.model import Plan
from pretzel.store.object_store import ObjectStore, default_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.plan import PhysicalPlan


class Runtime:
    """Models by name, over one object store. Safe to use from any number of threads; calls take no lock.

    This class registers plans; `pretzel.Runtime` compiles estimators, too.

    Parameters
    ----------
    store : ObjectStore, optional
        Where the models keep what they share; the store of this process by default.
    """

    def __init__(self, *, store: ObjectStore | None = None) -> None:
        self.store = default_store() if store is None else store
        self._catalog = Catalog()
        self._closed = False

    def register(self, name: str, model: Any, **options: Any) -> Model:
        """Put a model under a name; one that has the name is replaced.

        Handles and calls that are under way stay valid: each call is answered by one version, and what only the old
        version used is freed after its last call.

        Parameters
        ----------
        name : str
        model : Plan or fitted estimator
        **options
            Of `pretzel.compile`, for estimators.

        Returns
        -------
        Model
            The handle, as ``runtime[name]`` returns it.

        Raises
        ------
        CompileError
            See `pretzel.compile`.
        """
        self._check_open()
        return self._catalog.put(name, self._plan(name, model, options))

    def replace(self, name: str, model: Any, **options: Any) -> Model:
        """`register`, but only where the name is taken.

        Raises
        ------
        ModelNotFoundError
            The name is free.
        """
        self._check_open()
        self[name]
        return self._catalog.put(name, self._plan(name, model, options), replace=True)

    def unregister(self, name: str) -> None:
        """Forget a model. What only this model used is freed after its last call.

        Raises
        ------
        ModelNotFoundError
        """
        self._catalog.remove(name)

    def predict(self, name: str, X: Any) -> Any:
        """``runtime[name].predict(X)``."""
        return self._catalog[name].predict(X)

    def predict_one(self, name: str, row: Any) -> Any:
        """``runtime[name].predict_one(row)``."""
        return self._catalog[name].predict_one(row)

    def stats(self) -> dict[str, Any]:
        """What the registered models hold.

        Returns
        -------
        dict
            ``logical_bytes`` (if nothing were shared), ``unique_bytes`` (as stored), ``objects`` and ``stages`` (held
            once each), ``arena_bytes`` (working memory of all threads of the process), and ``models``: for each name
            ``bytes``, ``exclusive_bytes`` (freed by unregistering it) and ``calls``.
        """
        held = [(model, plan) for model in self._catalog.models() if (plan := model.current) is not None]
        objects = {digest for _, plan in held for digest in plan.physical.objects}
        models = {
            model.name: {"bytes": plan.nbytes, "exclusive_bytes": plan.exclusive_bytes, "calls": model.calls}
            for model, plan in held
        }
        return {
            "logical_bytes": sum(model["bytes"] for model in models.values()),
            "unique_bytes": self.store.bytes_of(objects),
            "objects": len(objects),
            "stages": len({digest for _, plan in held for digest in _stages(plan.physical)}),
            "arena_bytes": arena_bytes(),
            "models": models,
        }

    def close(self) -> None:
        """Unregister everything; harmless when repeated."""
        self._closed = True
        self._catalog.clear()

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

    def _plan(self, name: str, model: Any, options: dict[str, Any]) -> Plan:
        """A plan of that name in this store."""
        if not isinstance(model, Plan):
            raise TypeError(f"expected a Plan, got {type(model).__name__}")
        if options:
            raise TypeError(f"a plan is compiled already; {', '.join(options)} came too late")
        return model.renamed(name, self.store)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this runtime has been closed")


def _stages(physical: PhysicalPlan) -> set[bytes]:
    """Digests of all stages of a plan."""
    programs = [
        program
        for method in physical.methods.values()
        for program in (method.program, *(step.program for step in method.opaque))
        if program is not None
    ]
    return {stage.digest for program in programs for stage in program.stages}
