"""Model files of other libraries, told by their contents: the one place that knows all formats.

A format recognises its files by their first bytes, and reads them. The model that it returns has a frontend.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pretzel.errors import ModelFileError
from pretzel.oven.frontends.catboost import model as catboost_model
from pretzel.oven.frontends.catboost.binary import is_binary, read_binary
from pretzel.oven.frontends.lightgbm.model_text import is_model_text, read_model_text
from pretzel.oven.frontends.xgboost.model import is_model, read_model

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = 4096
"""Bytes by which a format is told."""


FORMATS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes, str], Any]], ...] = (
    ("LightGBM text", is_model_text, lambda data, name: read_model_text(data.decode("utf-8"), name)),
    ("XGBoost JSON or UBJSON", is_model, lambda data, name: read_model(data)),
    ("CatBoost JSON", catboost_model.is_json, lambda data, name: catboost_model.read_model(data)),
    ("CatBoost binary", is_binary, lambda data, name: read_binary(name)),
)
"""Name of each format, whether the head of a file is of it, and what reads the whole file, whose name is given."""


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is of one of the formats."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    return any(is_one(head) for _, is_one, _ in FORMATS)


def read_model_file(path: str | os.PathLike[str]) -> Any:
    """The model in a file.

    Raises
    ------
    ModelFileError
        The file is of no known format, or damaged.
    OSError
    """
    name = os.fspath(path)
    if not os.path.exists(path):
        raise ModelFileError(f"expected a fitted scikit-learn estimator or a model file, and there is no file {name!r}")
    with open(path, "rb") as file:
        data = file.read(HEAD)
        read = next((read for _, is_one, read in FORMATS if is_one(data)), None)
        if read is None:
            known = ", ".join(each for each, _, _ in FORMATS)
            raise ModelFileError(f"{name} holds no model in a format that is known: {known}")
        data += file.read()
    try:
        return read(data, name)
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{name}: {error}") from error
