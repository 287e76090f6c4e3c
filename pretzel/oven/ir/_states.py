"""Arrays that only `bind` reads, from the state that a kernel was bound to: a graph is saved without these arrays.

A node class names the functions that read them in `Node.states`, by the version of the state. Such a function stays
when a kernel gets another layout, because files of the earlier one are around. It is given data from outside: it raises
some exception where the state is damaged, ends, and makes no more than a multiple of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node

Array = npt.NDArray[Any]
Fields = Mapping[str, Any]
States = Mapping[int, Callable[[Array, Fields], dict[str, Array]]]
"""By version of the state: a function of the state and the other fields of the node, which returns the missing ones."""


def fields_of_state(cls: type[Node], state: Array, versions: Mapping[str, int], fields: Fields) -> dict[str, Array]:
    """The fields of a node that are read from the state of its kernel.

    Parameters
    ----------
    cls : type of Node
    state : ndarray of uint8
    versions : mapping of str to int
        Versions of the states, by kernel.
    fields : mapping of str to object
        The other fields.

    Raises
    ------
    ValueError
        Nothing reads states of this version.
    """
    read = cls.states.get(versions.get(cls.kernel, 0))
    if read is None:
        raise ValueError(f"nothing reads this state of the kernel {cls.kernel!r}")
    if state.dtype != np.uint8 or state.ndim != 1:
        raise ValueError(f"an array of {state.dtype} and shape {state.shape} is no state")
    return read(state, fields)


def section(state: Array, offset: int, dtype: npt.DTypeLike, count: int) -> Array:
    """An array within a state.

    Raises
    ------
    ValueError
        The section is not inside the state.
    """
    kind = np.dtype(dtype)
    end = int(offset) + int(count) * kind.itemsize
    if not 0 <= offset <= end <= state.size:
        raise ValueError(f"the state ends at {state.size}, before {end}")
    return np.frombuffer(state, kind, int(count), int(offset))
