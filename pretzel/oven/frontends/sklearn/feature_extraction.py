"""Adapters of `sklearn.feature_extraction`: dicts of features, and features that are hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import names_of
from pretzel.oven.ir._text import pack
from pretzel.oven.ir.features import DictFeatures, HashedFeatures

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

INPUT_TYPES = ("dict", "pair", "string")


@adapter("sklearn.feature_extraction.DictVectorizer")
def dict_vectorizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """The values of known features, in sparse rows unless ``sparse=False``."""
    if estimator.dtype is not np.float64:  # it converts each value, and another one converts None otherwise
        raise Unsupported(f"dtype={estimator.dtype!r}: only numpy.float64 converts values as Pretzel does")
    if not isinstance(estimator.separator, str) or not _is_utf8(estimator.separator):
        raise Unsupported(f"separator={estimator.separator!r}")
    names = names_of(estimator.vocabulary_)
    if not names:
        raise Unsupported("vocabulary_ has no feature")
    items = importer.items(x, "named", estimator.separator)
    node = DictFeatures((items,), *pack(names), not estimator.sparse)
    return node if estimator.sparse else importer.dense(node)


@adapter("sklearn.feature_extraction.FeatureHasher")
def feature_hasher(estimator: Any, x: Node, importer: Importer) -> Node:
    """The values of all features, in the columns of their hashes."""
    if np.dtype(estimator.dtype) != np.float64:
        raise Unsupported(f"dtype={np.dtype(estimator.dtype).name}: scikit-learn computes in that precision")
    if estimator.input_type not in INPUT_TYPES:
        raise Unsupported(f"input_type={estimator.input_type!r}")
    width = int(estimator.n_features)
    if not 1 <= width < 2**31:
        raise ValueError(f"n_features is {width}, expected 1 to {2**31 - 1}")
    return HashedFeatures((importer.items(x, estimator.input_type, "="),), width, bool(estimator.alternate_sign))


def _is_utf8(text: str) -> bool:
    """Whether a text has no lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8") == text
