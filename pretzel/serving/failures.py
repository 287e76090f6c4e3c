"""What becomes of exceptions: one table of statuses.

==========================================  ======  ===============================================================
exception                                   status
==========================================  ======  ===============================================================
`BadRequest`, `InputError`, `OptionError`   400     the request: JSON, tensors, columns, values, headers
`Forbidden`                                 403     loading and unloading, which the server does not allow
`NotFound`, `ModelNotFoundError`            404     path, model, version or method
`WrongHttpMethod`                           405     with ``Allow``
`RegistrationError`                         409     a name that cannot be changed so
`TooLarge`                                  413     body longer than ``max_bytes``, or an answer too large for JSON
`Unsupported`                               415     encoding of the body
`Busy`                                      429     ``max_requests`` are under way; with ``Retry-After``
`Unavailable`                               503     shutting down, or the model is unloaded; with ``Retry-After``
`Overloaded`                                503     the queue of the batch engine is full; with ``Retry-After``
`WorkerLost`, `MemoryLimitExceeded`         503     with ``Retry-After``
`DeadlineExceeded`                          504     the answer would be, or is, too late
`NotInstalled`                              501     the server lacks a package
every other exception                       500     logged with its traceback; the answer tells nothing of it
==========================================  ======  ===============================================================

An exception that an opaque step raises over a request gets 400, because the request is its likeliest cause.
"""

from __future__ import annotations

from pretzel.errors import (
    DeadlineExceeded,
    InputError,
    MemoryLimitExceeded,
    ModelNotFoundError,
    OptionError,
    Overloaded,
    PretzelError,
    RegistrationError,
    WorkerLost,
)


class BadRequest(PretzelError, ValueError):
    """A body, header or parameter that cannot be read."""


class Forbidden(PretzelError):
    """What this server does not allow."""


class NotFound(PretzelError):
    """There is nothing at the path."""


class WrongHttpMethod(PretzelError):
    """The path takes other HTTP methods."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this path takes {allowed}")
        self.allowed = allowed


class TooLarge(PretzelError):
    """A body or answer beyond the limit."""


class Unsupported(PretzelError):
    """A body in an encoding that is not known."""


class Busy(PretzelError):
    """As many requests are under way as may be."""


class Unavailable(PretzelError):
    """The server or the model does not answer now."""


class NotInstalled(PretzelError):
    """A package that the answer needs is not installed."""


STATUS: dict[type[Exception], int] = {
    BadRequest: 400,
    InputError: 400,
    OptionError: 400,
    Forbidden: 403,
    NotFound: 404,
    ModelNotFoundError: 404,
    WrongHttpMethod: 405,
    RegistrationError: 409,
    TooLarge: 413,
    Unsupported: 415,
    Busy: 429,
    Unavailable: 503,
    Overloaded: 503,
    WorkerLost: 503,
    MemoryLimitExceeded: 503,
    DeadlineExceeded: 504,
    NotInstalled: 501,
}
"""The table above."""


def status_of(error: BaseException) -> int:
    """The status that an exception is answered with."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
