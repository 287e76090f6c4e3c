"""Where Pretzel meets other systems: tables on Ray Data, Spark, Beam and Dask, stores on Ray Serve, models in MLflow.

Each module imports its system inside functions, and works with the system that is there.
"""

from __future__ import annotations

from pretzel.integrations.scorer import BatchScorer

__all__ = ["BatchScorer"]
