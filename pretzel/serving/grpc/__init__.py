"""Models of a runtime over gRPC: Open Inference Protocol V2, as `pretzel.serving.protocol` has it over REST.

::

    import pretzel.serving.grpc

    server = pretzel.serving.grpc.server(runtime, "127.0.0.1:8001")
    await server.start()
    ...
    await server.stop()

Clients are those of the protocol, such as `tritonclient.grpc`, or made of ``inference.proto`` beside this file.
Tensors, versions, aliases, methods and states are those of REST, and so is the table of errors
(`pretzel.serving.failures`).

- Values come as ``raw_input_contents`` or as typed ``contents``, and the answer has the same form. FP16 has none of its
  own among ``contents``, so that such an answer is raw.
- The deadline of a call is that of its request; the parameter ``timeout`` (microseconds) may shorten it.
- ``x-request-id`` among the metadata of a call comes back among the trailing metadata. An error always has one: that,
  or the ``id`` of the request, or a new one, which the log of the server names, too.
- ``grpc.health.v1.Health`` knows the server (``""``, ``inference.GRPCInferenceService``) and each model by its name.

The messages stand in a pool of their own, so that a process may also hold those of a client, whose names are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.runtime.runtime import Runtime
    from pretzel.serving.application import Application
    from pretzel.serving.grpc.listener import Server


def server(
    served: Runtime | Application,
    address: str,
    *,
    credentials: Any = None,
    options: Sequence[tuple[str, Any]] = (),
    **settings: Any,
) -> Server:
    """A server of the models of a runtime, which has yet to be started.

    Parameters
    ----------
    served : Runtime or Application
        An application of `pretzel.serving.app` answers over HTTP, too; then both share its settings, its limit of
        requests, and what callers have unloaded.
    address : str
        Such as ``"127.0.0.1:8001"`` or ``"[::]:8001"``; port 0 stands for a free one.
    credentials : grpc.ServerCredentials, optional
        For TLS.
    options : sequence of (str, object)
        Arguments of gRPC's channels.
    **settings
        Of `pretzel.serving.app`, for a runtime: ``manage``, ``max_bytes``, ``max_requests``, ``drain``, ...
    """
    from pretzel.serving import app
    from pretzel.serving.application import Application
    from pretzel.serving.grpc.listener import Server

    if not isinstance(served, Application):
        return Server(app(served, **settings), address, credentials, options, alone=True)
    if settings:
        raise OptionError(f"{', '.join(settings)}: the application has its settings")
    return Server(served, address, credentials, options, alone=False)
