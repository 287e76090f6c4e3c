"""A server of gRPC over an application: it starts, answers calls, and ends in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pretzel.errors import PretzelError
from pretzel.serving.grpc.services import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.serving.application import Application


class Server:
    """A server of gRPC; see `pretzel.serving.grpc.server`.

    Parameters
    ----------
    app : Application
    address : str
    credentials : grpc.ServerCredentials, optional
    options : sequence of (str, object)
    alone : bool
        Whether the application ends with this server; else this server ends with the application.

    Attributes
    ----------
    port : int
        At which it listens, once it has started.
    """

    def __init__(
        self, app: Application, address: str, credentials: Any, options: Sequence[tuple[str, Any]], *, alone: bool
    ) -> None:
        self._app = app
        self._address = address
        self._credentials = credentials
        self._options = options
        self._alone = alone
        self._services = Services(app)
        self._server: Any = None
        self.port = 0
        if not alone:
            app.beside.append(self)

    async def start(self) -> None:
        """Listen, and answer from now on, in the event loop of the caller; what has started stays as it is.

        Raises
        ------
        PretzelError
            The address cannot be listened at.
        """
        from grpc import aio

        if self._server is not None:
            return
        if self._alone:
            await self._app.warm_up.finish()
        if self._app.shared is not None:
            self._app.shared.follow()
        options = {
            "grpc.so_reuseport": 0,
            "grpc.max_receive_message_length": self._app.settings.max_bytes,
            "grpc.max_send_message_length": -1,
            **dict(self._options),
        }
        self._server = aio.server(options=[*options.items()])
        self._server.add_generic_rpc_handlers(self._services.handlers())
        try:
            if self._credentials is None:
                self.port = self._server.add_insecure_port(self._address)
            else:
                self.port = self._server.add_secure_port(self._address, self._credentials)
        except RuntimeError as error:
            raise PretzelError(f"gRPC cannot listen at {self._address}: {error}") from None
        await self._server.start()

    async def stop(self) -> None:
        """Take no new calls, and wait until those under way have been answered, or the time for that is over."""
        self._services.ending = True
        if self._alone:
            self._app.draining = True
        if self._server is not None:
            await self._server.stop(self._app.settings.drain)
        if self._alone:
            await self._app.drain()

    async def wait_for_termination(self) -> None:
        """Wait until it has been stopped."""
        await self._server.wait_for_termination()

    async def __aenter__(self) -> Server:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self.stop())
