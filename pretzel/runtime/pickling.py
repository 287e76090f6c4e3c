"""Why models and runtimes are neither pickled nor copied; plans are, and their methods with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pretzel._native import CallCounter


def reject_pickling(found: object, _protocol: object = None) -> NoReturn:
    """``__reduce_ex__`` of objects over native memory.

    Raises
    ------
    TypeError
        It says what to do instead.
    """
    raise TypeError(
        f"a {type(found).__name__} cannot be pickled or copied, because it holds native memory of this process: pickle "
        "its plan, or save that to a file, and register it in each process that needs it"
    )


def reduce_method(method: CallCounter) -> tuple[Any, ...]:
    """How ``plan.predict`` is pickled: as the method of the plan, which goes with it.

    Raises
    ------
    TypeError
        Nobody has the plan any more.
    """
    plan = None if method.owner is None else method.owner()
    if plan is None:
        reject_pickling(method)
    return getattr, (plan, method.__name__)
