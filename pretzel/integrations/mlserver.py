"""A plan, or a model of a store, in MLServer: ``model-settings.json`` names this runtime.

::

    {
        "name": "churn",
        "implementation": "pretzel.integrations.mlserver.PretzelRuntime",
        "parameters": {"uri": "./churn.pretzel"}
    }

``uri`` is a plan file, a folder with ``model.pretzel``, or a store (a directory or URL). ``extra``, among
``parameters``, may have

- ``model``: the name in the store, with or without its version; by default that of MLServer's model,
- ``trusted``: types of estimators that the file may hold (see `pretzel.load`).

Requests, answers and metadata are those of `pretzel.serving`: tensors by column, methods as outputs, the parameter
``timeout``. Errors have the statuses of `pretzel.serving.failures`. ``"parallel_workers": 0`` among MLServer's settings
keeps the requests in its process, because Pretzel computes in threads of its own.
"""

from __future__ import annotations

import asyncio
import functools
import os
from typing import TYPE_CHECKING, Any

from pretzel.api import PlanStore, Runtime
from pretzel.serving import inference, tensors
from pretzel.serving.failures import status_of
from pretzel.serving.models import Models
from pretzel.upgrade import load

if TYPE_CHECKING:
    from pretzel.runtime.model import Plan
    from pretzel.serving.tensors import Tensor

FILE = "model.pretzel"


class _Served:
    """What `PretzelRuntime` adds to ``mlserver.MLModel``."""

    _runtime: Runtime | None = None  # which MLServer unloads also where loading has failed

    async def load(self: Any) -> bool:
        """Load the plan, and tell what it takes and answers."""
        from mlserver.types import MetadataTensor
        from mlserver.utils import get_model_uri

        uri = await get_model_uri(self.settings, wellknown_filenames=[FILE])
        extra = self.settings.parameters.extra or {}
        plan = await asyncio.to_thread(_plan, uri, extra.get("model", self.name), extra.get("trusted", ()))
        self._runtime = Runtime()
        self._runtime.register(self.name, plan)
        self._models = Models(self._runtime)
        described = plan.input_schema.to_open_inference()
        for side in ("inputs", "outputs"):
            if not getattr(self, side):
                setattr(self, side, [MetadataTensor(**each) for each in described[side]])
        self.settings.platform = self.settings.platform or described["platform"]
        return True

    async def predict(self: Any, payload: Any) -> Any:
        """Answer an ``InferenceRequest``."""
        from mlserver.errors import MLServerError
        from mlserver.types import InferenceResponse

        try:
            outputs = [(each.name, _parameters(each)) for each in payload.outputs or ()]
            inputs = [_tensor(each, self.name) for each in payload.inputs]
            deadline = inference.timeout_of(_parameters(payload))
            answer = await inference.infer(self._models, self.name, inputs, outputs, deadline)
        except Exception as error:
            status = status_of(error)
            if status == 500:
                raise
            raise MLServerError(str(error), status) from error
        found = [_output(each) for parts in answer.outputs.values() for each in parts]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=found)

    async def unload(self: Any) -> bool:
        """Give the memory back, when requests under way have been answered."""
        if self._runtime is not None:
            await asyncio.to_thread(self._runtime.close, drain=True)
        return True


def _plan(uri: str, name: str, trusted: list[str]) -> Plan:
    if os.path.isfile(uri):
        return load(uri, trusted=trusted)
    return PlanStore(uri).load(name, trusted=trusted)


def _parameters(each: Any) -> dict[str, Any]:
    found: dict[str, Any] = {} if each.parameters is None else each.parameters.model_dump(exclude_none=True)
    return found


def _tensor(each: Any, model: str) -> Tensor:
    """An input of a request, whose texts are bytes if it came over gRPC."""
    who = f"{model}: tensor {each.name!r}"
    datatype = getattr(each.datatype, "value", each.datatype)
    tensors.count_of(datatype, each.shape, _parameters(each), who)
    data = getattr(each.data, "root", each.data)
    if datatype == "BYTES" and {*map(type, data)} == {bytes}:
        data = tensors.decoded(data, who)
    return tensors.Tensor(each.name, datatype, tuple(each.shape), tensors.of_list(data, datatype, each.shape, who))


def _output(tensor: Tensor) -> Any:
    from mlserver.types import ResponseOutput, TensorData

    data = tensors.encoded(tensor.values) if tensor.datatype == "BYTES" else tensor.values.tolist()
    return ResponseOutput(
        name=tensor.name, shape=[*tensor.shape], datatype=tensor.datatype, data=TensorData.model_construct(root=data)
    )


@functools.cache
def _runtime() -> type[Any]:
    """The class that MLServer is told of, which is made when it is asked for: it is derived from one of MLServer's."""
    from mlserver import MLModel

    names = {"__doc__": __doc__, "__module__": __name__, "__qualname__": "PretzelRuntime"}
    return type("PretzelRuntime", (_Served, MLModel), names)


def __getattr__(name: str) -> Any:
    if name == "PretzelRuntime":
        return _runtime()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
