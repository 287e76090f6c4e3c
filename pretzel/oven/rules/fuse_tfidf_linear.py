"""``Linear(Tfidf(counts))`` to ``TfidfLinear(counts)``: weights, norm and dot products in one pass over a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.idf import Tfidf, TfidfLinear
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def fuse_tfidf_linear(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Fuse where the linear model is the only reader: with several, the weighted row is better computed once."""
    if type(node) is not Linear:  # the heads of a stack are summed one by one
        return None
    (tfidf,) = node.inputs
    if not isinstance(tfidf, Tfidf) or len(users.get(tfidf, ())) > 1:
        return None
    weighting = (tfidf.idf, tfidf.norm, tfidf.sublinear, tfidf.binary)
    return TfidfLinear(tfidf.inputs, *weighting, node.weights, node.bias, node.result)
