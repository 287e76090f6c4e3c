"""Adapters of the mapper, a `ColumnTransformer` whose parts are given arrays, and of its pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
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
        )
        for i, (columns, step, _) in enumerate(mapper.built_features)
    )


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
