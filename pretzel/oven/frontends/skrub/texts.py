"""`StringEncoder`: weights of n-grams, a projection, and one factor, in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.columns import TextLeaf
from pretzel.oven.ir.graph import Node, replace, rewrite, toposort
from pretzel.oven.ir.idf import Tfidf
from pretzel.oven.ir.linear import LinearFloat32
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import AsFloat32, SubDiv

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.columns import Raw
    from pretzel.oven.ir.impute import ImputeCells


def string_encoder(estimator: Any, x: Raw, importer: Importer, imputed: Callable[[Node, str], ImputeCells]) -> Node:
    """What a StringEncoder makes of a column of texts.

    Parameters
    ----------
    estimator : StringEncoder
    x : Raw
    importer : Importer
    imputed : callable
        What is missing in a value as a text. So are missing texts the empty one.
    """
    weights = importer.transform(estimator.vectorizer_, x).node
    if not isinstance(weights, Tfidf) or any(isinstance(node, Opaque) for node in toposort([weights])):
        raise Unsupported("texts that only Python takes apart")

    def change(node: Node) -> Node | None:
        return imputed(replace(node, missing=True), "") if isinstance(node, TextLeaf) else None

    for node in toposort([weights]):
        if isinstance(node, TextLeaf):
            _check_nulls(imputed(node, ""))
    changed = rewrite([weights], change)
    for new in toposort([changed[weights]]):
        importer.note(new)
    weights = importer.require_rows(replace(changed[weights], dtype="float32"))
    projection = getattr(estimator, "tsvd_", None)
    if projection is None:
        width = min(int(estimator.n_components), weights.schema().width)
        values: Node = AsFloat32((importer.dense(importer.select(weights, tuple(range(width)))),))
    else:
        components = projection.components_
        if components.dtype != np.float32 or not np.isfinite(components).all():
            raise Unsupported("a projection of another precision")
        bias = np.zeros(len(components), dtype=np.float32)
        values = LinearFloat32((weights,), np.ascontiguousarray(components.T), bias)
    factor = np.float32(estimator.scaling_factor_)
    if factor != estimator.scaling_factor_ or values.schema().width != int(estimator.n_components_):
        raise Unsupported("a projection of another precision")
    return SubDiv((importer.note(values),), None, np.full(values.schema().width, float(factor)))


def _check_nulls(node: ImputeCells) -> None:
    """Raise `Unsupported` where a null string may be met in small letters only.

    Texts that are not of ASCII arrive in small letters, of which the letter k has a capital that is none of ASCII.
    """
    if any(not text.isascii() or "k" in text.lower() for text in node.missing if isinstance(text, str)):
        raise Unsupported("null strings that are not of ASCII")
