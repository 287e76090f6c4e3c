"""From a table in a file to what a model is asked, and from its answers to a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from pretzel.cli.tables import Columns
from pretzel.errors import InputError
from pretzel.input_spec import InputKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.input_spec import InputSpec

WIDEST = 10_000
"""Columns of an answer that are written to a table."""

column_option = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A column of DATA that the model reads, where that is not known: of documents, or of a model that was fitted "
    "without names; repeatable.",
)


def columns_for(spec: InputSpec, available: list[str], chosen: Sequence[str], kept: Sequence[str] = ()) -> Columns:
    """Which columns of a table a model reads.

    Parameters
    ----------
    spec : InputSpec
    available : list of str
        Columns of the table.
    chosen, kept : sequence of str
        What the caller asks for: columns that the model reads, and columns that it does not.

    Raises
    ------
    UsageError
        A column is not there, or it is not known which one holds the documents.
    """
    for name in (*chosen, *kept):
        if name not in available:
            raise click.UsageError(f"there is no column {name!r}, only {', '.join(map(repr, available))}")
    others = [name for name in available if name not in kept]
    if spec.kind is InputKind.TEXT:
        found = list(chosen) or others
        if len(found) != 1:
            raise click.UsageError(f"which column holds the documents? give --column, one of {', '.join(others)}")
        return Columns(found, documents=set(found))
    texts = {spec.names[i] for i in spec.texts} if spec.names is not None else set()
    if chosen:
        return Columns(list(chosen), texts & {*chosen})
    if spec.names is None:
        return Columns(others)
    present = [name for name in spec.names if name in available]
    lacks = len(present) < len(spec.names) and any(spec.names[i] not in available for i in spec.required)
    # The model names the columns that it lacks, beside those that are there.
    return Columns(others if lacks else present, texts & {*available})


def as_request(spec: InputSpec, frame: Any) -> Any:
    """A frame of the columns that a model reads, as it takes them."""
    if spec.kind is InputKind.TEXT:
        return frame[frame.columns[0]].tolist()
    return frame.to_numpy() if spec.names is None else frame


def as_rows(spec: InputSpec, frame: Any) -> list[Any]:
    """The rows of a frame, as single rows that a model takes."""
    if spec.kind is InputKind.TEXT:
        return list(as_request(spec, frame))
    return frame.to_dict("records") if spec.names is not None else list(frame.itertuples(index=False, name=None))


def default_method(methods: Sequence[str]) -> str:
    """What a model is asked unless the caller says otherwise."""
    return next((name for name in ("predict", "transform") if name in methods), methods[0])


def answer_columns(method: str, answer: Any, classes: Any, names_out: Sequence[str] | None = None) -> dict[str, Any]:
    """An answer as columns of a table: ``predict``, ``predict_proba_yes``, ``transform_0``, ...

    Those of ``transform`` have ``names_out``, if there is one for each.
    """
    if isinstance(answer, list):
        parts = [classes[i] if isinstance(classes, list) else None for i in range(len(answer))]
        each = [answer_columns(f"{method}_{i}", part, parts[i]) for i, part in enumerate(answer)]
        return {name: column for columns in each for name, column in columns.items()}
    width = answer.shape[1] if getattr(answer, "ndim", 1) == 2 else 1
    if width > WIDEST:
        raise InputError(f"{method} answers with {width:,} columns, more than the {WIDEST:,} that a table may have")
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    if hasattr(answer, "columns"):
        return {str(name): answer[name] for name in answer.columns}
    values = np.asarray(answer)
    if values.ndim == 1:
        return {method: values}
    per_class = method.startswith(("predict_proba", "predict_log_proba", "decision_function"))
    if method == "transform" and names_out is not None and len({*names_out}) == len(names_out) == width:
        return {name: values[:, i] for i, name in enumerate(names_out)}
    has_names = per_class and classes is not None and not isinstance(classes, list) and len(classes) == width
    names = classes if has_names else range(width)
    return {f"{method}_{name}": values[:, i] for i, name in enumerate(names)}
