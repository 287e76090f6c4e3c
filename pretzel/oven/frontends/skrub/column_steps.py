"""What a fitted TableVectorizer does with each of its columns."""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.registry import public_name
from pretzel.oven.frontends.skrub.compat import is_readable, library_of
from pretzel.steps.skrub import ColumnSteps


def column_steps(vectorizer: Any) -> dict[int, ColumnSteps]:
    """The steps of each column that a vectorizer does not drop, by its position.

    The last of its lists of steps is a dict, if there is anything to cast. A vectorizer that is not fitted, or one of a
    release with another form, has none.
    """
    if not is_readable(vectorizer):
        return {}
    library = library_of(vectorizer)
    specific = {*vectorizer.kind_to_columns_["specific"]}
    found = {}
    for position, name in enumerate(vectorizer.feature_names_in_):
        steps = list(vectorizer.all_processing_steps_[name])
        casts = dict(steps.pop()) if steps and not hasattr(steps[-1], "transform") else {}
        if not any(map(drops, steps)):
            outputs = list(vectorizer.input_to_outputs_[name])
            found[position] = ColumnSteps(name, steps, casts, outputs, library, name in specific)
    return found


def drops(step: Any) -> bool:
    """Whether a fitted step leaves its column out."""
    kind = public_name(type(step))
    return kind == "skrub.Drop" or (kind == "skrub.DropUninformative" and bool(step.drop_))
