"""Plans in MLflow: a flavour beside its own, which `mlflow.pyfunc` loads anywhere.

``pretzel.integrations.mlflow.log_model(plan, name="churn")`` logs a plan with its signature;
``mlflow.pyfunc.load_model(uri).predict(frame)`` answers without scikit-learn.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Literal

from pretzel.api import compile
from pretzel.integrations.scorer import BatchScorer, method_of
from pretzel.integrations.tables import is_table
from pretzel.runtime.answer_columns import default_method
from pretzel.runtime.model import Plan
from pretzel.upgrade import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow.models import ModelSignature
    from mlflow.models.model import Model, ModelInfo

FLAVOR, FILE = "pretzel", "model.pretzel"
_TYPED = {"float64", "int64", "str"}


def signature_of(plan: Plan) -> ModelSignature | None:
    """The signature of ``predict``, or else of ``transform``, from `Plan.input_schema`.

    Numbers and categories are of MLflow's type ``any``: plans, like scikit-learn, take integers, floats and missing
    values alike, and pandas' dtype ``category`` as texts, but MLflow's ``double`` refuses columns of int64, and its
    ``string`` those of categories. None: columns have no names, or a step without a native
    form reads one, so that nothing says what it holds.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, ParamSchema, ParamSpec

    schema = plan.input_schema
    columns = [column for column in schema.columns if column.is_read]
    if not schema.named or any(column.dtype not in _TYPED for column in columns):
        return None
    types = [DataType.string if column.kind == "text" else AnyType() for column in columns]
    found = [ColSpec(kind, column.name, column.required) for kind, column in zip(types, columns, strict=True)]
    method = ParamSpec("method", DataType.string, None)
    return ModelSignature(inputs=Schema(found), params=ParamSchema([method]))


def save_model(
    plan: Plan | Any,
    path: str | os.PathLike[str],
    mlflow_model: Model | None = None,
    signature: ModelSignature | None = None,
    input_example: Any = None,
    opaque: Literal["skops", "cloudpickle"] | None = None,
    **model_options: Any,
) -> None:
    """Save a plan, or a fitted estimator, which is compiled, as an MLflow model.

    Parameters
    ----------
    plan : Plan or fitted estimator
    path : str or path
        A folder that does not exist yet.
    mlflow_model : mlflow.models.Model, optional
        Filled in, as all flavours do.
    signature : mlflow.models.ModelSignature, optional
        By default that of `signature_of`.
    input_example : optional
        As all flavours have it.
    opaque : {"skops", "cloudpickle"}, optional
        For steps without a native form: see `Plan.save`. `mlflow.pyfunc` loads such a model only if it holds no type
        that `load_model` would have to be told to trust.
    **model_options
        ``metadata``, ``pip_requirements``, ... of `mlflow.models.Model` and of the environment.
    """
    from mlflow import pyfunc
    from mlflow.models import Model
    from mlflow.models.utils import _save_example

    version = sys.modules["pretzel"].__version__
    plan = plan if isinstance(plan, Plan) else compile(plan)
    folder = os.fspath(path)
    os.makedirs(folder)
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, folder)  # else the same call could not be tried again
        plan.save(os.path.join(folder, FILE), opaque=opaque)
        model = Model() if mlflow_model is None else mlflow_model
        model.signature = signature or model.signature or signature_of(plan)
        model.metadata = model_options.get("metadata") or model.metadata
        if input_example is not None:
            _save_example(model, input_example, folder)
        requirements = model_options.get("pip_requirements") or [f"pretzel-serving=={version}"]
        with open(os.path.join(folder, "requirements.txt"), "w") as file:
            file.write("\n".join(requirements) + "\n")
        model.add_flavor(FLAVOR, data=FILE, pretzel_version=version)
        pyfunc.add_to_model(model, loader_module=__name__, data=FILE, python_env={"requirements": "requirements.txt"})
        model.save(os.path.join(folder, "MLmodel"))
        undo.pop_all()


def log_model(plan: Plan | Any, name: str, **options: Any) -> ModelInfo:
    """Log a plan, or a fitted estimator, to the current run.

    Parameters
    ----------
    plan : Plan or fitted estimator
    name : str
    **options
        Of `save_model`, and of `mlflow.models.Model.log` (``registered_model_name``, ...).
    """
    from mlflow.models import Model

    return Model.log(artifact_path=None, name=name, flavor=sys.modules[__name__], plan=plan, **options)


def load_model(model_uri: str, dst_path: str | None = None, *, trusted: Sequence[str] = ()) -> Plan:
    """The plan of a model that `log_model` has logged, or `save_model` saved.

    Parameters
    ----------
    model_uri : str
        ``"models:/churn/3"``, ``"runs:/..."``, a path.
    dst_path : str, optional
        Where files of a remote model go.
    trusted : sequence of str
        Types of estimators that the model may hold; see `pretzel.load`.
    """
    from mlflow.models import Model
    from mlflow.tracking.artifact_utils import _download_artifact_from_uri

    folder = _download_artifact_from_uri(artifact_uri=model_uri, output_path=dst_path)
    flavor = Model.load(os.path.join(folder, "MLmodel")).flavors[FLAVOR]
    return load(os.path.join(folder, flavor["data"]), trusted=trusted)


class _Answers:
    """What `mlflow.pyfunc` calls: a table, an array or texts in, the answers of one method out."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        numbers = (column.name for column in plan.input_schema.columns if column.kind == "number")
        self._numbers = [name for name in numbers if isinstance(name, str)]

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """The answers; ``params={"method": "predict_proba"}`` asks another method than the first.

        MLflow passes parameters on only where the model has a signature.
        """
        method = (params or {}).get("method")
        if not is_table(model_input):
            return method_of(self._plan, method or default_method(self._plan.methods))(model_input)
        found = BatchScorer(self._plan, methods=[method] if method else ())(self._without_na(model_input))
        return found[method or "predict"] if list(found) == [method or "predict"] else found

    def _without_na(self, table: Any) -> Any:
        """A frame with NaN for `pandas.NA` among numbers, because MLflow makes objects of nullable columns."""
        if not hasattr(table, "assign"):
            return table
        columns = [name for name in self._numbers if name in table and table[name].dtype == object]
        return table.assign(**{name: table[name].mask(table[name].isna(), math.nan) for name in columns})


def _load_pyfunc(path: str) -> _Answers:
    """Called by `mlflow.pyfunc`."""
    return _Answers(load(path))
