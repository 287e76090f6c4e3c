"""Adapters of the mapper, a `ColumnTransformer` whose parts are given arrays, and of its pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.outputs import label_columns
from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, public_name
from pretzel.oven.frontends.sklearn.compositions import pipeline, side_by_side, steps
from pretzel.oven.frontends.sklearn_pandas import MAPPER, listed, names_of

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node

PIPELINE = "sklearn_pandas.pipeline.TransformerPipeline"


@composition(MAPPER)
def parts_of_columns(mapper: Any) -> tuple[Child, ...]:
    """Each part is given some columns: a single one that was named without a list as a vector."""
    if mapper.built_default is not False:
        return ()
    positions = {name: i for i, name in enumerate(names_of(mapper))}
    return tuple(
        Child(
            f"{i}:{'_'.join(map(str, listed(columns)))}",
            step,
            "transform",
            columns=tuple(positions[name] for name in listed(columns)),
            scalar=isinstance(columns, str),
            named=True,
            width=_width(step),
        )
        for i, (columns, step, _) in enumerate(mapper.built_features)
    )


def _width(step: Any) -> int | None:
    """Columns that an encoder of labels makes, which names none."""
    last = step.steps[-1][1] if public_name(type(step)) == PIPELINE else step
    match public_name(type(last)):
        case "sklearn.preprocessing.LabelEncoder":
            return 1
        case "sklearn.preprocessing.MultiLabelBinarizer":
            return None if last.sparse_output else len(last.classes_)
        case _:
            return label_columns(last) or None


@adapter(MAPPER)
def data_frame_mapper(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The parts side by side, as sparse rows only where the mapper was asked for them."""
    if estimator.built_default is not False:
        raise Unsupported(f"default={estimator.default!r:.40}: its columns depend on the request")
    found = children(estimator)
    if not found:
        raise Unsupported("a mapper without columns")
    return side_by_side([importer.part(child, x) for child in found], importer, keep_sparse=bool(estimator.sparse))


composition(PIPELINE)(steps)
adapter(PIPELINE)(pipeline)
