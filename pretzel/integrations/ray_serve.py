"""All models of a store as one Ray Serve deployment, multiplexed: a request goes where its model is in memory already.

::

    from ray import serve
    from pretzel.integrations.ray_serve import deployment

    handle = serve.run(deployment("s3://bucket/models", memory_limit="4GB", num_replicas=8).bind())
    handle.options(multiplexed_model_id="churn/de").ask_one.remote({"age": 42})
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any

from pretzel.api import Runtime
from pretzel.errors import PretzelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ray.serve import Deployment

    from pretzel.runtime.handle import Model


@functools.cache
def _runtime(store: str, memory_limit: int | str | None, watch: float, trusted: tuple[str, ...]) -> Runtime:
    """The runtime of this process, which is a replica."""
    return Runtime(store=store, memory_limit=memory_limit, watch=watch, trusted=trusted)


def deployment(
    store: str,
    *,
    memory_limit: int | str | None = None,
    watch: float = 1.0,
    trusted: Sequence[str] = (),
    max_models: int = -1,
    **options: Any,
) -> Deployment:
    """A deployment that answers for all models of a store.

    Over HTTP it has the paths of `pretzel.serving`. A request with the header ``serve_multiplexed_model_id`` goes to a
    replica that has the model. Its methods, for handles with ``multiplexed_model_id``, are ``ask_one(row)`` and
    ``ask(table)``, each with the argument ``method`` (``"predict"`` by default), and ``stats()`` of one replica.

    Parameters
    ----------
    store : str
        Path or URL of a store that each replica can read.
    memory_limit : int or str, optional
        Bytes that the models of one replica may take, as of `pretzel.Runtime`; the least called leave.
    watch : float
        Seconds between looks at the store; 0: none.
    trusted : sequence of str
        Types of estimators that the store may hold; see `pretzel.load`.
    max_models : int
        Models that a replica tells Ray it has; -1: all that it was asked for. Memory is bounded by ``memory_limit``.
    **options
        Of `ray.serve.deployment`: ``num_replicas``, ``autoscaling_config``, ``ray_actor_options``, ...

    Returns
    -------
    ray.serve.Deployment
        ``serve.run(found.bind())`` runs it.
    """
    from ray import serve

    runtime: Callable[[], Runtime] = functools.partial(_runtime, store, memory_limit, watch, tuple(trusted))

    @serve.multiplexed(max_num_models_per_replica=max_models)  # type: ignore[untyped-decorator, unused-ignore]
    async def model_of(name: str) -> Model:
        return await asyncio.to_thread(runtime().__getitem__, name)

    def application() -> Any:
        from pretzel.serving import app

        served = app(runtime(), warm_up=False)  # a replica loads what it is asked for

        async def announced(scope: Any, receive: Any, send: Any) -> None:
            """Let Ray know that the model of the header is here."""
            name = serve.get_multiplexed_model_id() if scope["type"] == "http" else ""
            if name:
                with contextlib.suppress(PretzelError):  # the answer tells what is wrong
                    await model_of(name)
            await served(scope, receive, send)

        return announced

    class Models:
        """What handles call."""

        def __init__(self) -> None:
            self._runtime = runtime()

        async def ask_one(self, row: Any, method: str = "predict") -> Any:
            """The answer to one row."""
            model = await model_of(serve.get_multiplexed_model_id())
            return await getattr(model, f"a{method}_one")(row)

        async def ask(self, table: Any, method: str = "predict") -> Any:
            """The answers to the rows of a table."""
            model = await model_of(serve.get_multiplexed_model_id())
            return await getattr(model, f"a{method}")(table)

        async def stats(self) -> dict[str, Any]:
            """`Runtime.stats` of one replica, and which it is."""
            return {"replica": serve.get_replica_context().replica_id.unique_id, **self._runtime.stats()}

    found: Deployment = serve.deployment(**options)(serve.ingress(application)(Models))
    return found
