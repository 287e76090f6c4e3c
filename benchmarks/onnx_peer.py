"""The same pipelines in onnxruntime, where skl2onnx converts them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import zoo

if TYPE_CHECKING:
    from collections.abc import Callable


class NotConvertible(Exception):
    """There is no onnxruntime session that does the work of this pipeline; the message says why."""


def missing_libraries() -> list[str]:
    """What `convert` and `OnnxModel` need and is not installed; ``make bench`` installs it."""
    return [name for name in ("onnx", "onnxruntime", "skl2onnx") if importlib.util.find_spec(name) is None]


def _inputs(kind: str, X: Any) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    if kind == zoo.TEXT:
        return [("X", StringTensorType([None, 1]))]
    if kind == zoo.NUMBERS:
        return [("X", FloatTensorType([None, X.shape[1]]))]
    one = [None, 1]
    is_text = {name: X[name].dtype.kind not in "iufb" for name in X}
    return [(name, StringTensorType(one) if text else FloatTensorType(one)) for name, text in is_text.items()]


def convert(estimator: Any, kind: str, X: Any) -> bytes:
    """The pipeline as an ONNX graph; raises `NotConvertible` without the libraries, else whatever skl2onnx raises."""
    if missing := missing_libraries():
        raise NotConvertible(f"{', '.join(missing)}: not installed")
    import onnx
    import skl2onnx

    final = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    options = {id(final): {"zipmap": False} if hasattr(final, "predict_proba") else {}}
    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        graph = skl2onnx.convert_sklearn(estimator, initial_types=_inputs(kind, X), options=options)
    for node in graph.graph.node:
        if node.op_type == "StringNormalizer":  # its default locale, en_US, is not installed on most servers
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("locale", "C.UTF-8")])
    return bytes(graph.SerializeToString())


def _session(graph: bytes) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    return onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])


class OnnxModel:
    """A session with one thread that answers as a classifier or a regressor does.

    Parameters
    ----------
    estimator : object
        Fitted pipeline.
    kind : str
        Kind of its input.
    X : list, ndarray or DataFrame
        Any rows: gives width, names and types of columns.
    graph : bytes, optional
        What `convert` made of the pipeline.

    Raises
    ------
    NotConvertible
        skl2onnx or onnxruntime reject the pipeline.
    """

    def __init__(self, estimator: Any, kind: str, X: Any, graph: bytes | None = None) -> None:
        self.kind = kind
        self._classifier = hasattr(estimator, "classes_")
        self._text = {name: dtype.kind not in "iufb" for name, dtype in X.dtypes.items()} if kind == zoo.TABLE else {}
        try:
            self._session = _session(convert(estimator, kind, X) if graph is None else graph)
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            raise NotConvertible(f"{type(error).__name__}: {lines[0][:160]}") from error
        self._names = [output.name for output in self._session.get_outputs()]
        # skl2onnx rewrites names like "capital-gain"; the order of inputs is that of the columns.
        self._inputs = dict(zip(self._text, (one.name for one in self._session.get_inputs()), strict=False))

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        """Arrays in the form that the session wants: what a careful user prepares once."""
        if self.kind == zoo.TEXT:
            return {"X": np.array(X, dtype=object).reshape(-1, 1)}
        if self.kind == zoo.NUMBERS:
            return {"X": np.ascontiguousarray(X, dtype=np.float32)}
        return {
            self._inputs[name]: X[name].to_numpy(object if text else np.float32).reshape(-1, 1)
            for name, text in self._text.items()
        }

    def feed_row(self, row: dict[str, Any]) -> dict[str, np.ndarray]:
        """Arrays from the dict of one row, as a request handler has it."""
        return {
            self._inputs[name]: np.array([[row[name]]], dtype=object if text else np.float32)
            for name, text in self._text.items()
        }

    def run(self, method: str) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
        """Function from prepared arrays to the answer of ``predict`` or ``predict_proba``.

        Raises
        ------
        NotConvertible
            The session has no such answer.
        """
        position = 1 if method == "predict_proba" else 0
        if method not in {"predict", "predict_proba"} or position >= len(self._names):
            raise NotConvertible(f"no output for {method}")
        names, run = [self._names[position]], self._session.run
        flat = not self._classifier

        def call(arrays: dict[str, np.ndarray]) -> np.ndarray:
            answer = run(names, arrays)[0]
            return answer.ravel() if flat else answer

        return call
