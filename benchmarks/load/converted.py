"""The models that onnxruntime can serve, converted once and kept beside the fitted ones."""

from __future__ import annotations

import hashlib
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks.load import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from benchmarks.families import Member
    from benchmarks.load.rows import Rows

PER_KIND = 10  # conversion of a text model takes seconds; under Zipf(2) the first ten have 94 % of the requests


def _convert(member: Member, X: Any) -> bytes | str:
    """The graph, or why there is none."""
    from benchmarks.onnx_peer import NotConvertible, OnnxModel, convert

    libraries = " ".join(f"{name} {version(name)}" for name in ("skl2onnx", "onnx", "onnxruntime"))
    digest = hashlib.sha256(f"{member.name} {libraries}".encode()).hexdigest()[:16]
    path = models.folder() / f"{digest}.onnx"
    if path.exists():
        return path.read_bytes()
    try:
        graph = convert(member.estimator, member.kind, X)
        OnnxModel(member.estimator, member.kind, X, graph)
    except NotConvertible as error:
        return str(error)
    except Exception as error:  # of whatever type skl2onnx chose
        return f"{type(error).__name__}: {error}".splitlines()[0][:160]
    models.write(path, graph)
    return graph


def graphs(
    members: Sequence[Member], shares: np.ndarray, rows: Sequence[Rows], workers: int = 2
) -> tuple[dict[int, bytes], dict[str, str]]:
    """Graphs of the most popular models of each kind, by index, and the reasons of those that have none, by name.

    Parameters
    ----------
    members : sequence of Member
        All models.
    shares : ndarray
        Their popularity.
    rows : sequence of Rows
        Of all kinds.
    workers : int
        Processes that convert; this one stays free of the threads of onnxruntime, since it is forked later.
    """
    samples = {one.kind: one.batches[0] for one in rows}
    ranked = sorted(range(len(members)), key=lambda i: -shares[i])
    tried = [i for kind in samples for i in [i for i in ranked if members[i].kind == kind][:PER_KIND]]
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        chosen = [members[i] for i in tried]
        found = list(pool.map(_convert, chosen, [samples[member.kind] for member in chosen]))
    converted = {i: graph for i, graph in zip(tried, found, strict=True) if isinstance(graph, bytes)}
    reasons = {members[i].name: why for i, why in zip(tried, found, strict=True) if isinstance(why, str)}
    return converted, reasons
