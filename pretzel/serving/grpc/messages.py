"""Classes of the messages, in a separate pool, because clients keep messages of the same names in the default pool."""

from __future__ import annotations

import base64
import functools
from typing import Any

from pretzel.errors import PretzelError
from pretzel.serving.failures import BadRequest
from pretzel.serving.grpc.descriptors import DESCRIPTORS


@functools.cache
def pool() -> Any:
    """The files of ``descriptors.py``, as protobuf reads them."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool
    except ImportError:
        raise PretzelError("gRPC needs grpcio and protobuf: pip install 'pretzel-serving[grpc]'") from None
    found = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(DESCRIPTORS)).file:
        found.Add(file)
    return found


@functools.cache
def message(name: str) -> Any:
    """The class of a message, by its full name."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(pool().FindMessageTypeByName(name))


def services() -> dict[str, list[Any]]:
    """The methods of each service by its full name, as descriptors."""
    names = ("inference.GRPCInferenceService", "grpc.health.v1.Health")
    return {name: list(pool().FindServiceByName(name).methods) for name in names}


def parsed(kind: Any, data: bytes) -> Any:
    """A message from its bytes.

    Raises
    ------
    BadRequest
    """
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise BadRequest(f"this is no {kind.DESCRIPTOR.name}: {error}") from None
