"""Adapter of `Cleaner`: each column as its steps have read it, of a type that encoders behind it expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.forms import Dated, TwoForms
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.skrub.application import together
from pretzel.oven.frontends.skrub.column_steps import drops
from pretzel.oven.frontends.skrub.columns import Reading
from pretzel.oven.frontends.skrub.compat import cleaned_table
from pretzel.oven.ir.columns import Raw, ToFloat64
from pretzel.oven.ir.graph import replace

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("skrub.Cleaner")
def cleaner(estimator: Any, x: Node, importer: Importer) -> Node:
    """The columns that it does not drop; all of it runs as it is where a column has no native form."""
    table = cleaned_table(estimator)
    x = x.native if isinstance(x, TwoForms) else x
    if table is None or not isinstance(x, Raw):
        raise Unsupported("a cleaner that is not given columns of the request")
    names = list(table.feature_names_in_)
    if names != [*table.feature_names_out_]:
        raise Unsupported("columns that get other names")
    kept, made = [], []
    for position, name in enumerate(names):
        steps = estimator.all_processing_steps_[name]
        if not any(map(drops, steps)):
            kept.append(name)
            column = importer.select(x, (position,))
            made.append(_cleaned(Reading.of(steps, table.module_name_), column, importer))
    if not kept or kept != [*estimator.all_outputs_]:
        raise Unsupported("columns that are not those of its steps")
    return together(made, x)


def _cleaned(reading: Reading, x: Node, importer: Importer) -> Node:
    assert isinstance(x, Raw)
    match reading.kind:
        case "any":
            return x
        case "number":
            numbers = reading.numbers(x, importer)
            # scikit-learn sees no dtypes of NumPy in frames of polars
            return numbers if reading.library == "pandas" else importer.note(ToFloat64((numbers,)))
        case "date":
            return importer.note(Dated((reading.dates(x, importer),), reading.library))
    importer.texts.update(x.columns)
    read = reading.imputed(importer.cells(x), reading.missing)  # others than texts are left to the source
    if reading.library == "polars":
        return importer.note(read)
    # also None and pd.NA, which stay what they are among objects
    return importer.note(replace(read, missing=tuple(each for each in read.missing if each is not None), na=False))
