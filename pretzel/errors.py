"""Every exception that Pretzel raises, and its warning.

::

    PretzelError
    ├── CompileError(ValueError)          a fitted estimator cannot be compiled
    │   ├── UnfittedError                 ... because it has not been fitted
    │   ├── OpaqueStepError               ... natively, and ``strict=True`` was asked for
    │   └── ModelFileError                a file holds no model, or a damaged one
    ├── OvenBug(AssertionError)           a rule broke the graph; always our fault
    ├── InputError(ValueError)            a request does not fit the model
    │   ├── InputShapeError               wrong width, wrong number of dimensions
    │   ├── InputKeyError                 missing, extra or misspelt column
    │   ├── InputTypeError(TypeError)     a value of a type the column cannot take
    │   └── InputValueError               NaN, infinity or category that the source rejects
    ├── OptionError(ValueError, TypeError) a setting has a wrong type or value
    ├── ModelNotFoundError(KeyError)      no model of that name is registered
    ├── RegistrationError(ValueError)     a name, version or weight that cannot be registered
    │   └── ModelInUseError               ... or forgotten, because something stands there or points there
    ├── Overloaded(RuntimeError)          too many requests are waiting
    ├── DeadlineExceeded(TimeoutError)    a request cannot be, or was not, begun in time
    ├── WorkerLost(RuntimeError)          a worker died while it had the request
    ├── MemoryLimitExceeded(MemoryError)  a model does not fit into the memory limit of its runtime
    ├── KernelError(RuntimeError)         a native kernel rejected its parameters
    └── StoreError(RuntimeError)          a plan cannot be written or read
        ├── SaveError                     ... because something of it has no form in a file
        ├── UntrustedError                ... because it holds Python objects that the caller has not trusted
        └── CorruptStoreError(ValueError) ... because a file is damaged, or no file of ours
"""

from __future__ import annotations


class PretzelError(Exception):
    """Base of all exceptions of this package."""


class CompileError(PretzelError, ValueError):
    """A fitted estimator cannot be compiled."""


class UnfittedError(CompileError):
    """The estimator, or one inside it, has not been fitted."""


class OpaqueStepError(CompileError):
    """A step has no native form and ``strict=True`` was asked for."""


class ModelFileError(CompileError):
    """A file holds no model that can be read, or a damaged one."""


class OvenBug(PretzelError, AssertionError):
    """A rewrite rule broke an invariant of the graph; please report it."""


class InputError(PretzelError, ValueError):
    """A request does not fit the model it was sent to."""


class InputShapeError(InputError):
    """The input has the wrong width or number of dimensions."""


class InputKeyError(InputError):
    """A column is missing, unknown or misspelt."""


class InputTypeError(InputError, TypeError):
    """A value has a type that its column cannot take."""


class InputValueError(InputError):
    """A value (NaN, infinity, unknown category) is one that the source estimator rejects."""


class OptionError(PretzelError, ValueError, TypeError):
    """A setting of Pretzel itself, such as ``executors`` or ``deadline``, has a wrong type or value."""


class ModelNotFoundError(PretzelError, KeyError):
    """No model of that name is registered."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class RegistrationError(PretzelError, ValueError):
    """A name, version or weight that cannot be registered."""


class ModelInUseError(RegistrationError):
    """A name or version is taken, or an alias still points at it."""


class Overloaded(PretzelError, RuntimeError):
    """As many requests are waiting as may wait; try again later, or elsewhere."""


class DeadlineExceeded(PretzelError, TimeoutError):
    """The deadline of a request cannot be met, or passed before the request began."""


class WorkerLost(PretzelError, RuntimeError):
    """A worker died while it had the request. It has been replaced, and the request may be repeated."""


class MemoryLimitExceeded(PretzelError, MemoryError):
    """A model does not fit into the memory limit of its runtime, beside those that have to stay."""


class KernelError(PretzelError, RuntimeError):
    """A native kernel rejected its parameters or ran out of memory."""


class StoreError(PretzelError, RuntimeError):
    """A plan cannot be written to a file or store, or read from one."""


class SaveError(StoreError):
    """Something of a plan has no form in a file, such as a step that runs as the estimator itself."""


class UntrustedError(StoreError):
    """A file holds Python objects that the caller has not trusted; nothing of them was run.

    Parameters
    ----------
    message : str
    types : tuple of str
        Names of the types that are not trusted; empty for a pickle, which may hold anything.
    """

    def __init__(self, message: str, types: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.types = types


class CorruptStoreError(StoreError, ValueError):
    """A file is damaged, incomplete, or none that Pretzel has written."""
