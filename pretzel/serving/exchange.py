"""One request and its answer, as ASGI has them."""

from __future__ import annotations

import functools
import math
import re
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pretzel.errors import DeadlineExceeded
from pretzel.serving.failures import BadRequest, TooLarge, Unsupported
from pretzel.serving.jsons import dumps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
ARROW = b"application/vnd.apache.arrow.stream"
DEADLINE = b"request-timeout"
REQUEST_ID = b"x-request-id"

_GZIP = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
_SENDABLE = re.compile(rb"[\x21-\x7e]{1,200}")


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Request:
    """A request whose body is read when it is asked for.

    Parameters
    ----------
    scope, receive
        Of ASGI.
    longest : int
        Bytes that the body may have.

    Attributes
    ----------
    path : str
        Below the place where the application is mounted.
    scope
        Of ASGI.
    model, asked, version : str
        Name that the request gives, method, and name with version that answered; empty until they are known.
    rows : int or None
    status : int
        Of the answer; 0 until there is one.
    id : bytes or None
        New name of a request that failed.
    error : BaseException or None
    """

    __slots__ = (
        *("_receive", "headers", "longest", "path", "scope", "start"),
        *("asked", "error", "id", "model", "rows", "status", "version"),
    )

    def __init__(self, scope: Scope, receive: Receive, longest: int) -> None:
        self.start = time.monotonic()
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.longest = longest
        self.scope = scope
        self._receive = receive
        self.model = self.asked = self.version = ""
        self.rows: int | None = None
        self.status = 0
        self.id: bytes | None = None
        self.error: BaseException | None = None
        path: str = scope["path"]
        root = scope.get("root_path")
        self.path = path[len(root) :] if root and path.startswith(root) else path

    @property
    def method(self) -> str:
        """Method of HTTP."""
        found: str = self.scope["method"]
        return found

    @property
    def query(self) -> bytes:
        """What follows "?"."""
        found: bytes = self.scope.get("query_string", b"")
        return found

    @property
    def whole_path(self) -> str:
        """Where the application is mounted, and what follows."""
        found: str = self.scope["path"]
        return found

    @property
    def root(self) -> str:
        """Where the application is mounted."""
        found: str = self.scope.get("root_path", "")
        return found

    async def body(self) -> bytes:
        """The whole body, unpacked.

        Raises
        ------
        TooLarge, Unsupported, BadRequest, Disconnected
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            length = self.headers.get(b"content-length")
            if length is not None and length.isdigit() and (len(length) > 18 or int(length) > self.longest):
                raise self._too_large()
            body = await self._rest(body)
        if len(body) > self.longest:
            raise self._too_large()
        encoding = self.headers.get(b"content-encoding")
        return body if encoding is None else self._unpacked(body, encoding.strip().lower())

    async def _rest(self, first: bytes) -> bytes:
        parts, size = [first], len(first)
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self.longest:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)

    def _unpacked(self, body: bytes, encoding: bytes) -> bytes:
        if encoding in (b"", b"identity"):
            return body
        if encoding not in _GZIP:
            raise Unsupported(f"Content-Encoding: expected gzip, deflate or identity, got {_text(encoding)!r}")
        reader = zlib.decompressobj(_GZIP[encoding])
        try:
            found = reader.decompress(body, self.longest + 1)
        except zlib.error as error:
            raise BadRequest(f"the body is not what Content-Encoding says: {error}") from None
        if len(found) > self.longest:
            raise self._too_large()
        if not reader.eof or reader.unused_data:
            raise BadRequest("the body is not what Content-Encoding says: it is cut off, or something follows it")
        return found

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body of a request may have {self.longest:,} bytes")

    def deadline(self) -> float | None:
        """Seconds that are left for the answer.

        Raises
        ------
        BadRequest
            The header is no number.
        DeadlineExceeded
            None are left.
        """
        text = self.headers.get(DEADLINE)
        if text is None:
            return None
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not seconds >= 0 or b"_" in text:
            raise BadRequest(f"Request-Timeout: expected seconds, such as 0.05, got {_text(text)!r}")
        return self.within(seconds)

    def within(self, seconds: float) -> float:
        """What is left of so many seconds after the request came.

        Raises
        ------
        DeadlineExceeded
            Nothing is.
        """
        left = seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise DeadlineExceeded(f"{seconds:g} seconds had passed before the request was read")
        return left

    def accepts(self, kind: bytes) -> bool:
        """Whether the client names this type of answers."""
        accepted = self.headers.get(b"accept")
        return accepted is not None and kind in accepted.lower()

    @property
    def content_type(self) -> bytes:
        """Type of the body, without parameters."""
        kind = self.headers.get(b"content-type", JSON)
        return kind if kind is JSON or kind == JSON else kind.partition(b";")[0].strip().lower()


@dataclass(slots=True)
class Response:
    """What is sent back.

    Parameters
    ----------
    body : bytes
    status : int
    kind : bytes
        Content type.
    headers : list of (bytes, bytes)
        Others.
    """

    body: bytes
    status: int = 200
    kind: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """A value as JSON."""
        return cls(dumps(value), status)

    async def send(self, send: Send, *, with_body: bool = True) -> None:
        """Send it."""
        headers = [
            (b"content-type", self.kind),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})


def is_sendable(name: bytes) -> bool:
    """Whether the id of a request can be sent back."""
    return _SENDABLE.fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)
def header_value(text: str) -> bytes:
    """A text as the value of a header, which is printable ASCII."""
    return "".join(each if " " <= each <= "~" else "?" for each in text).encode()


def _text(value: bytes) -> str:
    return value.decode("latin-1")[:100]
