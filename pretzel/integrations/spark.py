"""Plans on Spark: `scored` for whole tables; `BatchScorer` itself is what ``pandas_udf`` and ``mapInArrow`` call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pretzel.integrations.scorer import BatchScorer


def scored(frame: DataFrame, scorer: BatchScorer) -> DataFrame:
    """The answers to the rows of a Spark table, which the workers compute in Arrow batches.

    ``frame.mapInArrow(scorer.stream, schema)`` is all there is to it; the schema is that of the answer to a table
    without rows, for which the driver loads the plan, too.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    scorer : BatchScorer
        Over a path or URL that each worker can read, or over a plan, which is sent as bytes.

    Returns
    -------
    pyspark.sql.DataFrame
        The columns that `BatchScorer` says.
    """
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    nothing = pa.RecordBatch.from_pylist([], schema=to_arrow_schema(frame.schema))
    found: DataFrame = frame.mapInArrow(scorer.stream, from_arrow_schema(scorer(nothing).schema))
    return found
