"""KServe's clients ask ``pretzel serve``, over REST and gRPC."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pretzel
from tests.peers.conftest import FRAME, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

kserve = pytest.importorskip("kserve")
LIMIT = 30.0


@pytest.fixture(scope="module")
def ports(estimator: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a server for REST and gRPC."""
    folder: Path = tmp_path_factory.mktemp("served")
    pretzel.PlanStore(folder / "models").publish("churn", estimator)
    port, grpc_port = free_ports(2)
    command = [sys.executable, "-m", "pretzel", "serve", "models", "--port", str(port), "--grpc-port", str(grpc_port)]
    with running(command, port, folder):
        yield port, grpc_port


def request(*, binary: bool) -> Any:
    """The first rows of the table."""
    from kserve.protocol.infer_type import RequestedOutput

    age = kserve.InferInput("age", [8], "FP64")
    age.set_data_from_numpy(FRAME["age"].to_numpy()[:8], binary_data=binary)
    city = kserve.InferInput("city", [8], "BYTES")
    city.set_data_from_numpy(FRAME["city"].to_numpy(dtype=object)[:8], binary_data=binary)
    asked = [RequestedOutput("predict"), RequestedOutput("predict_proba")]
    return kserve.InferRequest("churn", [age, city], request_id="seven", request_outputs=asked)


def check(answer: Any, estimator: Any) -> None:
    """The answer is the pipeline's."""
    assert (answer.id, answer.model_name) == ("seven", "churn")
    assert answer.model_version in ("v1", None)  # which its client for REST leaves out
    found = {each.name: each.as_numpy() for each in answer.outputs}
    labels = [each.decode() if isinstance(each, bytes) else each for each in found["predict"].ravel()]
    assert labels == estimator.predict(FRAME.head(8)).tolist()
    np.testing.assert_allclose(found["predict_proba"], estimator.predict_proba(FRAME.head(8)), rtol=1e-9)


@pytest.mark.parametrize("binary", [False, True])
def test_rest(ports: tuple[int, int], estimator: Any, binary: bool) -> None:
    async def main() -> None:
        config = kserve.RESTConfig(protocol="v2", timeout=LIMIT)
        client = kserve.InferenceRESTClient(config)
        base = f"http://127.0.0.1:{ports[0]}"
        try:
            assert await client.is_server_live(base)
            assert await client.is_server_ready(base)
            assert await client.is_model_ready(base, "churn")
            asked = request(binary=binary)
            check(await client.infer(base, asked, model_name="churn"), estimator)
        finally:
            await client.close()

    asyncio.run(main())


@pytest.mark.parametrize("binary", [False, True])
def test_grpc(ports: tuple[int, int], estimator: Any, binary: bool) -> None:
    async def main() -> None:
        async with kserve.InferenceGRPCClient(f"127.0.0.1:{ports[1]}", timeout=LIMIT) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("churn")
            check(await client.infer(request(binary=binary)), estimator)

    asyncio.run(main())
