"""The cases of `tests.cases`: estimators with native forms, with the parameters that change what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.cases import CASES, as_frame, fitted, rows
from tests.conformance.data import ASKED_ROWS, Rows
from tests.conformance.estimators import Fitted, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "numbers": "matrix",
    "positive": "matrix",
    "missing": "matrix",
    "counts": "matrix",
    "codes": "matrix",
    "text": "documents",
    "labels": "labels",
    "whole labels": "labels",
    "label sets": "label_sets",
}

ENCODERS = "category_encoders."
"""Encoders have the names of those of scikit-learn."""


def subjects() -> Iterator[Subject]:
    """Each case, fitted without column names and, if it takes a matrix, with them; not those of a single column."""
    for i, case in enumerate(CASES):
        if case.data == "column":  # forms of several columns; the estimator itself is asked for its own
            continue
        named = case.name if case.name.startswith(ENCODERS) else case.name.rpartition(".")[2]
        name = f"{named} #{i}"
        yield Subject(name, int, "case")
        if case.data in ("numbers", "missing"):
            yield Subject(name, int, "named case")


def fitted_case(subject: Subject) -> Fitted:
    """The fitted estimator of a case, with rows to ask it about."""
    index = int(subject.name.rpartition("#")[2])
    case = CASES[index]
    asked = rows(case.data)[1][:ASKED_ROWS]
    asked = asked.toarray() if case.data == "counts" else asked
    kind = KINDS.get(case.data, "cells")
    asked = np.array(asked) if kind == "labels" else asked
    names = tuple(as_frame(asked).columns) if kind not in ("documents", "labels", "label_sets") else ()
    return Fitted(fitted(index, subject.fit == "named case"), kind, Rows(asked, names), None)
