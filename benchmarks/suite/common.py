"""What all benchmarks share: pipelines that are fitted and pickled once per run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

CASES = ["sa", "sa_hashing", "ac_forest", "table_logistic", "table_boosting", "forest", "polynomial", "mlp"]
ROWS = 100_000


def fit_all() -> None:
    """Fit the chosen cases and pickle each with rows to predict into the folder that asv keeps for the run."""
    from benchmarks import tasks, zoo

    for name in CASES:
        case = zoo.case(name)
        X, _ = case.load()
        rows = np.random.default_rng(1).permutation(len(X))[:2000]
        with Path(f"{name}.pickle").open("wb") as file:
            pickle.dump((case.kind, case.fit(), tasks.take(X, rows)), file, protocol=5)


class Fitted:
    """Base of benchmarks over the cases: `setup` loads one and compiles it.

    Attributes
    ----------
    kind : str
        Kind of the rows.
    estimator, plan : object
        The pipeline and what it was compiled to.
    X : list, ndarray or DataFrame
        Rows to predict.
    method : str
        Method that is measured.
    """

    params: ClassVar[list[Any]] = [CASES]
    param_names: ClassVar[list[str]] = ["case"]
    timeout = 600

    def setup_cache(self) -> None:
        """Fit everything once; asv runs this once for all benchmarks that inherit it."""
        fit_all()

    def setup(self, name: str, *_: Any) -> None:
        """Load and compile one case."""
        import pretzel
        from benchmarks import zoo

        with Path(f"{name}.pickle").open("rb") as file:
            self.kind, self.estimator, self.X = pickle.load(file)
        self.plan = pretzel.compile(self.estimator, strict=True)
        self.method = zoo.methods(self.estimator)[0]

    def batch(self, rows: int) -> Any:
        """As many rows as asked for, repeated if need be."""
        from benchmarks import tasks

        return tasks.take(self.X, np.resize(np.arange(len(self.X)), rows))

    def single_rows(self) -> list[Any]:
        """A hundred rows as a request brings them: dicts for tables."""
        rows = self.batch(100)
        return rows.to_dict("records") if self.kind == "table" else list(rows)
