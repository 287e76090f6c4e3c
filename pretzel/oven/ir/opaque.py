"""The estimator itself, for everything that has no native form: always correct, never fast."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from pretzel.oven.ir.graph import Node

if TYPE_CHECKING:
    from pretzel.schema import Positions


class Opaque(Node):
    """``method`` of an estimator, called from Python.

    ``token`` stands for the estimator in the node's digest, because estimators have no canonical bytes: two opaque
    nodes made from different calls are never one. ``width`` is the number of columns that the result has to have, 0
    where that is not known. Leaves read the result: a vector as one column. The other fields say what the ``reader``,
    the class of estimators behind, asks of named columns, like those of `pretzel.input_spec.InputSpec`.
    """

    token: int
    method: str
    reason: str
    width: int = 0
    names: tuple[str, ...] | None = None
    required: Positions = range(0)
    any_order: bool = False
    reader: str = ""
    text_arrays: bool = True

    op: ClassVar[str] = "opaque/1"

    @property
    def estimator(self) -> Any:
        """The estimator that is called."""
        return self.__dict__["_estimator"]

    def describe(self) -> str:
        return f"{type(self.estimator).__name__}.{self.method}: {self.reason}"


def new_token() -> int:
    """A number that no other estimator of this process has."""
    return uuid.uuid4().int  # a counter is not safe from threads everywhere


def opaque(estimator: Any, method: str, x: Node, reason: str, token: int, width: int = 0) -> Opaque:
    """A node that holds ``estimator`` for as long as it lives; methods of one estimator share a token."""
    node = Opaque((x,), token, method, reason, width)
    object.__setattr__(node, "_estimator", estimator)
    return node
