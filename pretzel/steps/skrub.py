"""What a fitted TableVectorizer of skrub does with one column, as a step of its own, where only Python can do it."""

from __future__ import annotations

from typing import Any

import numpy as np


class ColumnSteps:
    """The steps of one column, which take a frame of it and make an array of float32.

    Parameters
    ----------
    name : str
    steps : list of fitted transformers
        From the checks of the column to its encoder.
    casts : dict of str to fitted transformer
        What makes float32 of the columns that the last step makes, by their names; other columns stay as they are.
    outputs : list of str
        Names of these columns.
    library : str
        Whose frames the steps were fitted on: "pandas" or "polars".
    is_specific : bool
        The column goes to a transformer that the user named for it, as it came.
    """

    def __init__(
        self, name: str, steps: list[Any], casts: dict[str, Any], outputs: list[str], library: str, is_specific: bool
    ) -> None:
        self.name = name
        self.steps = steps
        self.casts = casts
        self.outputs = outputs
        self.library = library
        self.is_specific = is_specific
        self.n_features_in_ = 1
        self.feature_names_in_ = np.array([name], dtype=object)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns of the result."""
        return np.array(self.outputs, dtype=object)

    def transform(self, X: Any) -> Any:
        """The result of all steps for a frame of one column."""
        made = self._frame(X)
        for step in self.steps:
            made = _as_frame(step.transform(made))
        arrays = []
        for name in self.outputs:
            column = made[[name]]
            cast = self.casts.get(name)
            arrays.append(np.asarray(column if cast is None else _as_frame(cast.transform(column))))
        return np.hstack(arrays)

    def _frame(self, X: Any) -> Any:
        """The column in a frame of the library that the steps know: those of rows are frames of pandas."""
        given = type(X).__module__.partition(".")[0]
        if given == self.library:
            return X
        import pandas as pd

        if given == "polars":
            return pd.DataFrame({self.name: X[self.name].to_list()})
        values = X.iloc[:, 0].tolist() if given == "pandas" else np.asarray(X)[:, 0].tolist()
        if self.library == "pandas":
            return pd.DataFrame({self.name: values})
        import polars as pl

        values = [None if value is pd.NaT or value is pd.NA else value for value in values]
        dtype = self._dtype() if all(value is None for value in values) else None
        return pl.DataFrame({self.name: pl.Series(values, dtype=dtype)})

    def _dtype(self) -> Any:
        """dtype of a column of polars that the first steps take; None where any does."""
        import polars as pl

        kinds = {type(step).__name__: step for step in self.steps}
        if "CleanNullStrings" in kinds:
            return pl.String
        return kinds["ToDatetime"].output_dtype_ if "ToDatetime" in kinds else None


def _as_frame(made: Any) -> Any:
    """A series as a frame of one column."""
    return made.to_frame() if getattr(made, "ndim", 2) == 1 or type(made).__name__ == "Series" else made
