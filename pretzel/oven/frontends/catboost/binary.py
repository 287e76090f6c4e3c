"""Reads CatBoost's own format, with the library."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pretzel.errors import CompileError, ModelFileError
from pretzel.oven.frontends.catboost.model import read_model
from pretzel.oven.frontends.registry import Unsupported

if TYPE_CHECKING:
    from pretzel.oven.frontends.catboost.model import Model


def is_binary(head: bytes) -> bool:
    """Whether a file begins like a model in CatBoost's own format."""
    return head[:4] == b"CBM1"


def read_binary(path: str) -> Model:
    """The model in a file.

    CatBoost itself opens the file, because it notices only there that a part is missing.

    Raises
    ------
    ModelFileError
        CatBoost is not installed, or does not read the file.
    CompileError
        The model has no native form.
    """
    try:
        import catboost
    except ImportError as error:
        raise ModelFileError(f"{path} is a binary model of CatBoost, which only the library reads") from error
    model = catboost.CatBoost()
    try:
        model.load_model(path)
    except Exception as error:  # of its own, or of what reads the metadata
        raise ModelFileError(f"{path}: {error}") from error
    try:
        return model_of(model)
    except Unsupported as error:
        raise CompileError(f"the CatBoost model has no native form: {error}") from error


def model_of(estimator: Any) -> Model:
    """What the JSON file of an estimator says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        try:
            estimator.save_model(str(path), format="json")
        except Exception as error:  # of a type of its own, for texts and embeddings
            raise Unsupported(f"its model has no JSON form: {error}") from error
        return read_model(path.read_bytes())
