"""One JSON row over HTTP: ``python -m benchmarks.serving [--quick] [--http h11]``.

Four applications, each under uvicorn with one worker in a process of its own: one that answers a constant and reads
nothing, `pretzel.serving`, the same pipeline by scikit-learn, and one that answers a constant through Starlette. One
client asks them in turns, a hundred requests each, over connections that stay open, so that they share what else the
machine does.

The promise: half of all answers of Pretzel come within 1.15 times the time of the constant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data, zoo

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMISED = 1.15
BLOCK = 100
"""Requests that one application answers before it is the turn of the next one."""
CONTENDERS = ("constant", "pretzel", "starlette", "scikit-learn")
CASE = next(case for case in zoo.CASES if case.name == "table_logistic")


def row() -> dict[str, Any]:
    """A row of the census table, as JSON has it."""
    first = CASE.load()[0].iloc[0].to_dict()
    return {key: value if isinstance(value, str) else float(value) for key, value in first.items()}


def application(name: str) -> Any:
    """The ASGI application of a contender."""
    if name == "constant":
        return constant
    if name == "starlette":
        return with_starlette()
    pipeline = CASE.fit()
    return by_scikit_learn(pipeline) if name == "scikit-learn" else by_pretzel(pipeline)


async def answer(send: Any, body: bytes) -> None:
    """Send JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def constant(scope: Any, receive: Any, send: Any) -> None:
    """Answers what it always answers."""
    if scope["type"] == "http":
        await answer(send, b"0")


def with_starlette() -> Any:
    """A constant behind the router of a framework, which reads the row."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def view(request: Any) -> Any:
        await request.json()
        return Response(b"0", media_type="application/json")

    return Starlette(routes=[Route("/models/{name}/predict", view, methods=["POST"])])


def by_scikit_learn(pipeline: Any) -> Any:
    """The pipeline itself, with a frame of one row."""
    import orjson
    import pandas as pd

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            message = await receive()
            frame = pd.DataFrame([orjson.loads(message["body"])])
            await answer(send, orjson.dumps(pipeline.predict(frame).tolist()[0]))

    return app


def by_pretzel(pipeline: Any) -> Any:
    """What is measured."""
    import pretzel.serving

    runtime = pretzel.Runtime()
    runtime.register("census", pipeline)
    return pretzel.serving.app(runtime)


class Client:
    """One connection that stays open."""

    def __init__(self, port: int, body: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = ("POST /models/census/predict HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "", "")
        self._request = "\r\n".join(lines).encode() + body

    def ask(self) -> float:
        """Seconds until the answer is there."""
        start = time.perf_counter()
        self._socket.sendall(self._request)
        found = b""
        while True:
            found += self._socket.recv(65536)
            head, end, body = found.partition(b"\r\n\r\n")
            if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
                break
        taken = time.perf_counter() - start
        assert found.startswith(b"HTTP/1.1 200"), found
        return taken


@contextlib.contextmanager
def server(name: str, http: str) -> Iterator[int]:
    """Runs a contender; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving", "--serve", name, "--port", str(port), "--http", http]
    )
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def measure(count: int, http: str) -> dict[str, Any]:
    """Quantiles of the time of an answer in microseconds, by contender."""
    body = json.dumps(row()).encode()
    with contextlib.ExitStack() as stack:
        clients = {name: Client(stack.enter_context(server(name, http)), body) for name in CONTENDERS}
        times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for block in range(count // BLOCK):
            first = block % len(CONTENDERS)
            for name in [*CONTENDERS[first:], *CONTENDERS[:first]]:  # each follows another one in each round
                taken = [clients[name].ask() for _ in range(BLOCK if name != "scikit-learn" else BLOCK // 10)]
                if block:
                    times[name] += taken
    return {
        name: {f"p{q}": float(np.percentile(found, q)) * 1e6 for q in (50, 90, 99)} for name, found in times.items()
    }


def main() -> int:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument("--http", default="auto", choices=("auto", "h11", "httptools"), help="how uvicorn reads HTTP")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        import uvicorn

        settings = {"http": options.http, "log_level": "warning", "access_log": False, "server_header": False}
        uvicorn.run(application(options.serve), port=options.port, **settings)
        return 0
    try:
        found = measure(1000 if options.quick else 10_000, options.http)
    except data.DataMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    base = found["constant"]["p50"]
    for name, quantiles in found.items():
        figures = "  ".join(f"{key} {value:7.1f} us" for key, value in quantiles.items())
        sys.stdout.write(f"{name:14} {figures}  {quantiles['p50'] / base:6.2f} x\n")
    ratio = found["pretzel"]["p50"] / base
    sys.stdout.write(f"promised: {PROMISED} x; {'met' if ratio <= PROMISED else 'not met'}: {ratio:.2f} x\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
