"""Why models, methods and runtimes are neither pickled nor copied; plans are."""

from __future__ import annotations

from typing import NoReturn


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
