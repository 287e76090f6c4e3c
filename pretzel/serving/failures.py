"""What becomes of exceptions: one table of the statuses of HTTP and gRPC.

==========================================  ======  ===================  ==============================================
exception                                   HTTP    gRPC
==========================================  ======  ===================  ==============================================
`BadRequest`, `InputError`, `OptionError`   400     INVALID_ARGUMENT     the request: JSON, tensors, columns, values
`Forbidden`                                 403     PERMISSION_DENIED    loading and unloading, which may not be
`NotFound`, `ModelNotFoundError`            404     NOT_FOUND            path, model, version, method or output
`WrongHttpMethod`                           405     UNIMPLEMENTED        with ``Allow``; HTTP alone
`NotAcceptable`                             406     UNIMPLEMENTED        a type that cannot hold the answer; HTTP alone
`RegistrationError`                         409     FAILED_PRECONDITION  a name that cannot be changed so
`TooLarge`                                  413     RESOURCE_EXHAUSTED   body beyond ``max_bytes``; too large an answer
`Unsupported`                               415     UNIMPLEMENTED        encoding of the body; HTTP alone
`Busy`                                      429     RESOURCE_EXHAUSTED   ``max_requests`` are under way
`Unavailable`, `WorkerLost`                 503     UNAVAILABLE          shutting down; the model is unloaded
`StoreError`                                503     UNAVAILABLE          files of the model are damaged, or not there
`Overloaded`, `MemoryLimitExceeded`         503     RESOURCE_EXHAUSTED   the queue or the memory is full
`DeadlineExceeded`                          504     DEADLINE_EXCEEDED    the answer would be, or is, too late
`NotInstalled`                              501     UNIMPLEMENTED        the server lacks a package
every other exception                       500     INTERNAL             logged with its traceback; not told
==========================================  ======  ===================  ==============================================

Answers with 429 and 503 have ``Retry-After`` (in gRPC: ``retry-after`` among the trailing metadata).
A TypeError, ValueError, AttributeError, LookupError or ArithmeticError (`FAULTS`) that an opaque step raises over a
request gets 400, because the request is its likeliest cause. Everything else that a step raises becomes a
`ModelFailed`, which names the model and the method, but does not tell what the step says, and gets 500.
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
    StoreError,
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


class NotAcceptable(PretzelError):
    """The answer has no form of the type that is asked for."""


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


class ModelFailed(PretzelError):
    """A step of a model raised what is no request's fault; the exception is its cause."""


FAULTS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What steps raise over requests that they cannot take."""

_TABLE: dict[type[Exception], tuple[int, str]] = {
    BadRequest: (400, "INVALID_ARGUMENT"),
    InputError: (400, "INVALID_ARGUMENT"),
    OptionError: (400, "INVALID_ARGUMENT"),
    Forbidden: (403, "PERMISSION_DENIED"),
    NotFound: (404, "NOT_FOUND"),
    ModelNotFoundError: (404, "NOT_FOUND"),
    WrongHttpMethod: (405, "UNIMPLEMENTED"),
    NotAcceptable: (406, "UNIMPLEMENTED"),
    RegistrationError: (409, "FAILED_PRECONDITION"),
    TooLarge: (413, "RESOURCE_EXHAUSTED"),
    Unsupported: (415, "UNIMPLEMENTED"),
    Busy: (429, "RESOURCE_EXHAUSTED"),
    Unavailable: (503, "UNAVAILABLE"),
    WorkerLost: (503, "UNAVAILABLE"),
    StoreError: (503, "UNAVAILABLE"),
    Overloaded: (503, "RESOURCE_EXHAUSTED"),
    MemoryLimitExceeded: (503, "RESOURCE_EXHAUSTED"),
    DeadlineExceeded: (504, "DEADLINE_EXCEEDED"),
    NotInstalled: (501, "UNIMPLEMENTED"),
}
STATUS = {kind: status for kind, (status, _) in _TABLE.items()}
"""The table above, for HTTP."""
CODES = {kind: code for kind, (_, code) in _TABLE.items()}
"""The table above, for gRPC."""


def status_of(error: BaseException) -> int:
    """The status of HTTP that an exception is answered with."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def code_of(error: BaseException) -> str:
    """The name of the status of gRPC that an exception is answered with."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), "INTERNAL")
