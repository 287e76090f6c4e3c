"""Adapters of `sklearn.preprocessing`: encoders of labels, whose requests are one label for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import label_key
from pretzel.errors import InputTypeError
from pretzel.oven.frontends.cells import EXACT_INTEGERS, cell_value
from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.ir._text import pack_bytes
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.encode import (
    NUMBERS_TO_NAN,
    REJECT_NA,
    REJECT_NAN,
    REJECT_NONE,
    REJECT_UNKNOWN,
    OneHot,
    category_codes,
)
from pretzel.oven.ir.features import LabelSets
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Threshold

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir._cells import CellValue
    from pretzel.oven.ir.graph import Array

_ONLY_TEXTS = REJECT_NAN | REJECT_NA | REJECT_NONE | NUMBERS_TO_NAN
"""Stops at missing values, and makes NaN of all others that are no texts."""

_EXACT_HALVES = 1024
"""Below, a number and a half is exact in all types of floats."""

BEYOND_FLOAT64 = EXACT_INTEGERS + 1


@adapter("sklearn.preprocessing.LabelEncoder")
def label_encoder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The position of a label that is a class as it came; the source converts all others first, and may know them."""
    classes = np.asarray(estimator.classes_)
    codes = np.arange(len(classes)).tolist()
    if is_column := _is_column(x):
        if not isinstance(x, Raw) or not x.scalar:
            raise Unsupported("a table of one column, of which scikit-learn warns")
        labels = importer.cells(x)
    else:
        labels = importer.items(x, "label", "")
    node = category_codes(labels, [_known(classes)], [codes], [0.0], reject=REJECT_UNKNOWN, dtype="int64")
    if is_column:
        importer.require_rows(node)
    return {"transform": Output(node, ndim=1)}


@inverse("sklearn.preprocessing.LabelEncoder")
def of_label_encoder(estimator: Any, x: Node, importer: Importer) -> Output:
    """The class of each position."""
    classes = np.asarray(estimator.classes_)
    known: list[CellValue] = [float(code) for code in range(len(classes))]
    codes = importer.items(x, "code", "")
    node = category_codes(codes, [known], [range(len(classes))], [0.0], reject=REJECT_UNKNOWN)
    return Output(node, ndim=1, labels=(classes,))


@adapter("sklearn.preprocessing.LabelBinarizer")
def label_binarizer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A column for each class, or one for two. What is not known has none.

    The source answers labels that are not known to fewer than three classes, because the columns depend on how many
    labels a request has, and all labels of another kind than the classes.
    """
    if estimator.y_type_ not in ("binary", "multiclass"):
        raise Unsupported(f"{estimator.y_type_} targets, which are tables")
    classes, negative, positive = np.asarray(estimator.classes_), estimator.neg_label, estimator.pos_label
    known, count = _known(classes), len(classes)
    of_texts = all(isinstance(label, str) for label in known)
    if not of_texts and any(not isinstance(label, float) or not label.is_integer() for label in known):
        raise Unsupported("classes of several kinds")
    if not -EXACT_INTEGERS < negative < positive < EXACT_INTEGERS:
        raise Unsupported("neg_label and pos_label that do not ascend, or that float64 does not hold")
    if not isinstance(estimator.sparse_output, bool):
        raise Unsupported("sparse_output that is no boolean")
    if estimator.sparse_output and (negative, positive) != (0, 1):
        raise Unsupported("sparse rows of other numbers than one")
    columns = [*range(count)] if count > 2 else [-1, 0][:count]  # of two, the second one has a column
    reject = REJECT_UNKNOWN if count < 3 else 0
    if is_column := _is_column(x):
        labels = importer.cells(x) if of_texts else importer.dense(x)
        if not of_texts:
            importer.exclude(labels, ["object"], "numbers among objects, which are no targets", each=True)
        reject |= _ONLY_TEXTS if of_texts else REJECT_UNKNOWN  # a number that is no class may be no whole one
    else:
        labels = importer.items(x, "text label" if of_texts else "whole label", "")
    codes = importer.note(category_codes(labels, [known], [columns], [-1.0], reject=reject))
    if is_column:
        codes = importer.finite(importer.require_rows(codes), estimator)
    width = count if count > 2 else 1
    hot: Node = OneHot((codes,), np.array([0, width], dtype=np.int32), bool(estimator.sparse_output), "int64")
    if (negative, positive) != (0, 1):
        numbers = [float(negative), float(positive)]
        zero_or_one: list[CellValue] = [0.0, 1.0]
        hot = category_codes(hot, [zero_or_one] * width, [numbers] * width, [0.0] * width, reject=0, dtype="int64")
    return {"transform": Output(hot)}


@inverse("sklearn.preprocessing.LabelBinarizer")
def of_label_binarizer(estimator: Any, x: Node, importer: Importer) -> Output:
    """The class with the greatest number, or of two classes the second one above the middle of both numbers."""
    if estimator.y_type_ not in ("binary", "multiclass"):
        raise Unsupported(f"{estimator.y_type_} targets, which are tables")
    if estimator.sparse_input_:
        raise Unsupported("labels of sparse rows")
    classes, middle = np.asarray(estimator.classes_), (estimator.neg_label + estimator.pos_label) / 2.0
    scores = importer.dense(x)
    importer.exclude(scores, ["object"], "objects, which it compares themselves")
    if estimator.y_type_ == "multiclass":
        return Output(ArgMax((scores,)), ndim=1, labels=(classes,))
    if len(classes) != 2:
        raise Unsupported("a single class")
    if abs(middle) > _EXACT_HALVES:
        raise Unsupported("numbers whose middle float16 does not hold")
    return Output(Threshold((scores,), middle), ndim=1, labels=(classes,))


@adapter("sklearn.preprocessing.MultiLabelBinarizer")
def multi_label_binarizer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A column for each class, in sparse rows if asked for. The plan warns of labels that have none."""
    classes = np.asarray(estimator.classes_)
    if not isinstance(estimator.sparse_output, bool):
        raise Unsupported("sparse_output that is no boolean")
    if classes.ndim != 1 or not len(classes):
        raise Unsupported("no classes")
    try:
        names = [label_key(label) for label in classes.tolist()]
    except InputTypeError as error:
        raise Unsupported("classes that are neither texts nor numbers") from error
    if label_key(BEYOND_FLOAT64) in names:
        raise Unsupported("classes that float64 does not hold")
    if len(set(names)) != len(names):
        raise Unsupported("classes that are not unique")
    sets = LabelSets((importer.items(x, "label set", ""),), *pack_bytes(names))
    return {"transform": Output(sets if estimator.sparse_output else importer.dense(importer.note(sets)))}


def _is_column(x: Node) -> bool:
    """Whether labels are a column of a table, and not a request of their own."""
    return not isinstance(x, Raw) or bool(x.columns)


def _known(classes: Array) -> list[CellValue]:
    if classes.ndim != 1 or classes.dtype.kind not in "OUifub":
        raise Unsupported("classes that are neither texts nor numbers")
    found = [cell_value(label) for label in classes]
    if len(set(found)) != len(found):
        raise Unsupported("classes that are not unique")
    return found
