"""Plans in Apache Beam: a handler for ``RunInference``.

::

    rows | RunInference(model_handler("gs://bucket/models", "churn/de"))
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from pretzel.errors import OptionError
from pretzel.integrations.scorer import BatchScorer
from pretzel.runtime.answer_columns import default_method

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from apache_beam.ml.inference.base import ModelHandler, PredictionResult

    from pretzel.runtime.model import Plan


def model_handler(
    model: Plan | str | os.PathLike[str],
    name: str | None = None,
    *,
    method: str | None = None,
    trusted: Sequence[str] = (),
    **options: Any,
) -> ModelHandler[Any, PredictionResult, Plan]:
    """The handler of a model whose elements are rows: dicts, arrays, or texts.

    Parameters
    ----------
    model : Plan, str or path
        A plan, a plan file, or, with ``name``, a store on disk or at a URL; as of `BatchScorer`.
    name : str, optional
        Name of the model in the store, with or without its version.
    method : str, optional
        What each row is asked; ``predict``, or else ``transform``.
    trusted : sequence of str
        Types of estimators that a file may hold; see `pretzel.load`.
    **options
        Of Beam's `ModelHandler`: ``min_batch_size``, ``max_batch_size``, ...

    Returns
    -------
    apache_beam.ml.inference.base.ModelHandler
        Its results are `PredictionResult`.
    """
    return _handled(BatchScorer(model, name, trusted=trusted), method, options)


def _handled(scorer: BatchScorer, method: str | None, options: Mapping[str, Any]) -> Any:
    return _handler_class()(scorer, method, options)


@functools.cache
def _handler_class() -> Any:
    from apache_beam.ml.inference.base import ModelHandler, PredictionResult

    class Handler(ModelHandler):  # type: ignore[misc, unused-ignore]
        """What `RunInference` calls."""

        def __init__(self, scorer: BatchScorer, method: str | None, options: Mapping[str, Any]) -> None:
            super().__init__(**options)
            self._arguments = (scorer, method, options)

        def __reduce__(self) -> tuple[Any, ...]:
            return _handled, self._arguments

        def load_model(self) -> Plan:
            return self._arguments[0].plan

        def run_inference(
            self, batch: Sequence[Any], model: Plan, inference_args: Mapping[str, Any] | None = None
        ) -> Iterable[Any]:
            method = self._arguments[1] or default_method(model.methods)
            if method not in model.methods:
                raise OptionError(f"{model.name} has no method {method!r}, only {', '.join(model.methods)}")
            answers = model.methods[method]([*batch], **(inference_args or {}))
            return [PredictionResult(row, answer) for row, answer in zip(batch, answers, strict=True)]

        def get_metrics_namespace(self) -> str:
            return "Pretzel"

    return Handler
