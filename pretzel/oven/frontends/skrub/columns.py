"""Adapters of `TableVectorizer`, column by column: numbers, texts, categories and dates are native."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.forms import Beside, TwoForms
from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, public_name
from pretzel.oven.frontends.skrub.column_steps import column_steps
from pretzel.oven.frontends.skrub.compat import is_readable, replaces_texts
from pretzel.oven.frontends.skrub.dates import encoded, parts_of_format, read_as
from pretzel.oven.frontends.skrub.texts import string_encoder
from pretzel.oven.ir._cells import pack
from pretzel.oven.ir.columns import DateLeaf, Raw, ToFloat64
from pretzel.oven.ir.date_texts import DateTexts
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.impute import ImputeCells
from pretzel.oven.ir.scale import AsFloat32
from pretzel.schema import Kind, fixed

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir._cells import CellValue
    from pretzel.steps.skrub import ColumnSteps

SPACES = (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
"""Characters of white space for polars."""

SEPARATORS = tuple(range(0x1C, 0x20))
"""Further ones for the regular expressions of Python."""


@composition("skrub.TableVectorizer")
def parts(vectorizer: Any) -> tuple[Child, ...]:
    """Each column has steps of its own."""
    names = [*vectorizer.feature_names_in_] if is_readable(vectorizer) else []
    named = names != [str(i) for i in range(len(names))]  # else arrays are tables, too
    return tuple(
        Child(each.name, each, "transform", columns=(position,), named=named, width=len(each.outputs))
        for position, each in column_steps(vectorizer).items()
    )


@adapter("skrub.TableVectorizer")
def table_vectorizer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The parts side by side, in the order of their columns."""
    found = children(estimator)
    outputs = [name for child in found for name in child.estimator.outputs]
    if not found or outputs != [*estimator.all_outputs_]:
        raise Unsupported("columns that are not those of its steps")
    x = x.native if isinstance(x, TwoForms) else x  # behind a selection
    if not isinstance(x, Raw):
        raise Unsupported("a vectorizer that is not given columns of the request")
    made = []
    for child in found:
        node = importer.part(child, x).node
        node = node.native if isinstance(node, TwoForms) else node
        if isinstance(node, Raw):  # of steps that run as they are
            if any(name not in child.estimator.casts for name in child.estimator.outputs):
                raise Unsupported(f"column {child.name!r:.40}, of which no numbers are made, has no native form")
            node = importer.note(AsFloat32((importer.dense(node),)))
        if child.estimator.library == "polars" and node.schema().kind is not Kind.CELLS:
            node = importer.note(ToFloat64((node,)))  # scikit-learn sees no dtypes of NumPy in such frames
        made.append(node)
    return {"transform": Output(_side_by_side(made, importer))}


def _side_by_side(nodes: list[Node], importer: Importer) -> Node:
    """Numbers as one value; texts beside numbers as a value that no array holds."""
    if all(node.schema().kind is not Kind.CELLS for node in nodes):
        return importer.concat(nodes, keep_sparse=False)
    return Beside(tuple(nodes), keep_sparse=False)


@adapter("pretzel.steps.skrub.ColumnSteps")
def one_column(estimator: ColumnSteps, x: Node, importer: Importer) -> Methods:
    """What the last step makes of the column as the steps before have read it."""
    if not isinstance(x, Raw):
        raise Unsupported("a column that is not of the request")
    *before, last = estimator.steps
    if estimator.is_specific:
        if estimator.library == "polars" and public_name(type(last)) == "skrub.DatetimeEncoder":
            raise Unsupported("dates of polars in their own time zones")
        node = _transformed(last, x, importer)
    else:
        node = _encoded(Reading.of(before, estimator.library), last, x, importer)
    if node.schema().kind is Kind.CELLS:
        if estimator.casts:
            raise Unsupported("texts of which numbers are made")
    elif [*estimator.casts] == estimator.outputs:
        node = _as_float32(importer.dense(node))
    elif estimator.casts:
        raise Unsupported("columns of several types")
    return {"transform": Output(node)}


def _as_float32(node: Node) -> Node:
    return node if node.schema().dtype == fixed("float32") else AsFloat32((node,))


@dataclass(frozen=True)
class Reading:
    """What the steps before the encoder make of a column.

    Parameters
    ----------
    kind : {"number", "text", "date", "object", "any"}
        Objects are texts and others, which stay as they are; so do columns of any kind.
    nulls : tuple of str
        Texts that are missing values.
    blanks : tuple of int
        Characters of which a text is missing that has no others.
    missing : float or None
        What missing values become.
    library : str
        Whose columns they are.
    zone, unit : str
        How dates are read: see `pretzel.dates`.
    format : tuple of str
        Parts of the format of dates that are texts.
    """

    kind: str
    nulls: tuple[str, ...] = ()
    blanks: tuple[int, ...] = ()
    missing: CellValue = math.nan
    library: str = "pandas"
    zone: str = ""
    unit: str = ""
    format: tuple[str, ...] = ()

    @classmethod
    def of(cls, steps: list[Any], library: str) -> Reading:
        """Read the steps.

        Raises
        ------
        Unsupported
            One of them has no native form.
        """
        kind = ""
        nulls: tuple[str, ...] | None = None
        zone = unit = ""
        form: tuple[str, ...] = ()
        for step in steps:
            match public_name(type(step)):
                case "skrub.CleanNullStrings":
                    nulls = tuple(step.null_strings_)
                case "skrub.DropUninformative":
                    pass
                case "skrub.ToFloat":
                    if nulls is not None or replaces_texts(step):
                        raise Unsupported("numbers that were texts")
                    kind = "number"
                case "skrub.CleanCategories" | "skrub.ToStr":
                    kind = "text"
                case "skrub.ToDatetime":
                    zone, unit = read_as(step)
                    form = parts_of_format(step, library)
                    kind = "date"
                case name:
                    raise Unsupported(f"{name} has no native form")
        kind = kind or ("any" if nulls is None else "object")
        spaces = (*SPACES, *SEPARATORS) if library == "pandas" else SPACES
        missing = math.nan if library == "pandas" else None
        return cls(kind, nulls or (), () if nulls is None else spaces, missing, library, zone, unit, form)

    def cells(self, x: Node, importer: Importer, *, texts: bool) -> Node:
        """The column as texts and missing values."""
        return importer.note(self.imputed(importer.cells(x), self.missing, texts=texts))

    def numbers(self, x: Raw, importer: Importer) -> Node:
        """The column as float32."""
        importer.exclude(x, ["object"], "texts and objects among numbers", each=True)
        return importer.note(AsFloat32((importer.dense(x),)))

    def dates(self, x: Raw, importer: Importer) -> Node:
        """The column as dates, from texts in the format of the fit where that had any."""
        if not self.format:
            return importer.note(DateLeaf(x.inputs, x.columns[0], self.zone, self.unit))
        importer.texts.update(x.columns)
        cells = self.cells(x, importer, texts=False)
        return importer.note(DateTexts((cells,), self.format, self.library, self.unit))

    def imputed(self, cells: Node, fill: CellValue, *, texts: bool = True) -> ImputeCells:
        """Cells with one value in place of all that is missing."""
        missing = (None, math.nan, *self.nulls)
        return ImputeCells((cells,), (0,), missing, *pack([fill]), na=True, blanks=self.blanks, texts=texts)


def _encoded(reading: Reading, last: Any, x: Raw, importer: Importer) -> Node:
    """What the encoder makes of numbers or texts."""
    name = public_name(type(last))
    if reading.kind == "number":
        numbers = reading.numbers(x, importer)
        return numbers if name == "skrub.PassThrough" else _transformed(last, numbers, importer)
    if reading.kind == "date":
        if name != "skrub.DatetimeEncoder":
            raise Unsupported(f"{name} over dates has no native form")
        return encoded(last, reading.dates(x, importer), reading.library, importer)
    if reading.kind != "text":
        raise Unsupported("a column that is neither numbers, texts nor dates")
    if name == "skrub.ToCategorical":
        return reading.cells(x, importer, texts=True)
    if name == "skrub.StringEncoder":
        return string_encoder(last, x, importer, reading.imputed)
    if name.startswith("sklearn.preprocessing.") and hasattr(last, "categories_"):
        texts = any(map(_may_be_other, last.categories_[0]))
        importer.texts.update(x.columns)
        return _transformed(last, reading.cells(x, importer, texts=texts), importer)
    raise Unsupported(f"{name} over texts has no native form")


OTHER = re.compile(r"[\d+.-]|nan|inf|true|false|b['\"]", re.IGNORECASE)


def _may_be_other(category: Any) -> bool:
    """Whether a category may be a text that the steps before have made of a number, of bytes or of a date."""
    return not isinstance(category, str) or OTHER.match(category) is not None


def _transformed(step: Any, x: Node, importer: Importer) -> Node:
    """The native form of a transformer inside; `Unsupported` where it has none."""
    node = importer.transform(step, x).node
    node = node.native if isinstance(node, TwoForms) else node
    if isinstance(node, Raw | Beside):
        raise Unsupported(f"{type(step).__name__} has no native form here")
    return node
