"""Tensors of 10,000 rows: ``python -m benchmarks.serving_batch [--quick]``, in the environment of ``make test-peers``.

`tritonclient` sends them as Open Inference Protocol V2 to three servers, each in a process of its own: ``pretzel
serve`` with one worker, MLServer with its runtime for scikit-learn, and MLServer with Pretzel's runtime. The servers
answer in turns, so that they share what else the machine does. MLServer runs without worker processes, which is its
faster way for one client. It does not read binary tensors over REST; there its column is that of JSON.

The promise: over gRPC, and over REST with binary tensors, Pretzel's median is at most a fifth of that of MLServer's own
runtime.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMISED = 5.0
ROWS = 10_000
SKLEARN, PRETZEL = "mlserver_sklearn.SKLearnModel", "pretzel.integrations.mlserver.PretzelRuntime"
WAYS = ("grpc", "binary", "json")
"""gRPC with raw contents, REST with binary tensors, REST with JSON."""


def cases() -> dict[str, tuple[Any, Any]]:
    """Fitted pipelines, and the rows that each is asked."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from pretzel import examples

    X = np.random.default_rng(0).normal(size=(ROWS, 20))
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
    frame = examples.table(ROWS, missing=0.0)[["age", "pay", "city", "kind"]]
    columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city", "kind"]))
    return {
        "numbers, linear": (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), X),
        "table, linear": (make_pipeline(columns, LogisticRegression()).fit(frame, frame["pay"] > 12), frame),
        "numbers, boosting": (make_pipeline(StandardScaler(), HistGradientBoostingClassifier()).fit(X, y), X),
        "numbers, forest": (RandomForestClassifier(200, random_state=0).fit(X[:2000], y[:2000]), X),
    }


def inputs(client: Any, table: Any, **options: Any) -> list[Any]:
    """The tensors of a table: one for each named column, or one for all."""
    columns = {"X": table} if isinstance(table, np.ndarray) else {name: table[name].to_numpy() for name in table}
    found = []
    for name, values in columns.items():
        is_text = values.dtype.kind not in "fiub"
        tensor = client.InferInput(name, list(values.shape), "BYTES" if is_text else "FP64")
        tensor.set_data_from_numpy(values.astype(object) if is_text else values, **options)
        found.append(tensor)
    return found


def mlserver_settings(name: str, implementation: str, uri: str, table: Any) -> dict[str, Any]:
    """What MLServer is told of a model; its own runtime must be told of columns."""
    settings: dict[str, Any] = {"name": name, "implementation": implementation, "parameters": {"uri": uri}}
    if implementation == SKLEARN and not isinstance(table, np.ndarray):
        kinds = {column: "FP64" if table[column].dtype.kind == "f" else "BYTES" for column in table}
        settings["parameters"]["content_type"] = "pd"
        settings["inputs"] = [
            {
                "name": column,
                "datatype": kind,
                "shape": [-1],
                "parameters": {"content_type": "np" if kind == "FP64" else "str"},
            }
            for column, kind in kinds.items()
        ]
    return settings


def free_ports(count: int) -> list[int]:
    """Ports that are free."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Runs a server until the block ends."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            end = time.monotonic() + 120
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(0.1)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@contextlib.contextmanager
def servers(folder: Path, found: dict[str, tuple[Any, Any]]) -> Iterator[dict[str, tuple[int, int]]]:
    """The ports of all servers for REST and gRPC."""
    import joblib

    import pretzel

    store = pretzel.PlanStore(folder / "store")
    for name, (estimator, _) in found.items():
        store.publish(slug(name), estimator)
        joblib.dump(estimator, folder / f"{slug(name)}.joblib")
    ports = {name: free_ports(3) for name in ("pretzel", "mlserver", "pretzel in mlserver")}
    with contextlib.ExitStack() as stack:
        rest, over_grpc, _ = ports["pretzel"]
        command = [sys.executable, "-m", "pretzel", "serve", "store", "--port", str(rest)]
        stack.enter_context(running([*command, "--grpc-port", str(over_grpc)], folder, over_grpc))
        for contender, implementation in (("mlserver", SKLEARN), ("pretzel in mlserver", PRETZEL)):
            rest, over_grpc, metrics = ports[contender]
            place = folder / slug(contender)
            for name, (_, table) in found.items():
                uri = str(folder / f"{slug(name)}.joblib" if implementation == SKLEARN else folder / "store")
                (place / slug(name)).mkdir(parents=True)
                settings = mlserver_settings(slug(name), implementation, uri, table)
                (place / slug(name) / "model-settings.json").write_text(json.dumps(settings))
            settings = {"host": "127.0.0.1", "http_port": rest, "grpc_port": over_grpc, "metrics_port": metrics}
            (place / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
            start = [str(Path(sys.executable).parent / "mlserver"), "start", "."]
            stack.enter_context(running(start, place, over_grpc))
        yield {name: (rest, over_grpc) for name, (rest, over_grpc, _) in ports.items()}


def slug(name: str) -> str:
    """A name without spaces."""
    return name.replace(", ", "-").replace(" ", "-")


def asking(way: str, ports: tuple[int, int], model: str, table: Any) -> Callable[[], Any]:
    """A function that asks a server for the labels of a table."""
    if way == "grpc":
        import tritonclient.grpc as triton

        client = triton.InferenceServerClient(f"127.0.0.1:{ports[1]}")
        tensors = inputs(triton, table)
        wanted = [triton.InferRequestedOutput("predict")]
    else:
        import tritonclient.http as triton

        client = triton.InferenceServerClient(f"127.0.0.1:{ports[0]}", network_timeout=120, connection_timeout=120)
        tensors = inputs(triton, table, binary_data=way == "binary")
        wanted = [triton.InferRequestedOutput("predict", binary_data=way == "binary")]

    def ask() -> Any:
        return client.infer(model, tensors, outputs=wanted).as_numpy("predict")

    return ask


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Medians in milliseconds, by case, way and contender."""
    found = cases()
    result: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder), found) as ports:
        for name, (estimator, table) in found.items():
            expected = estimator.predict(table)
            result[name] = {}
            for way in WAYS:
                contenders = [each for each in ports if way != "binary" or each == "pretzel"]
                asks = {each: asking(way, ports[each], slug(name), table) for each in contenders}
                times: dict[str, list[float]] = {each: [] for each in contenders}
                for number in range(rounds + 1):
                    for each in contenders:
                        start = time.perf_counter()
                        answer = asks[each]()
                        if number:
                            times[each].append(time.perf_counter() - start)
                        else:
                            np.testing.assert_array_equal(answer.ravel(), expected)
                result[name][way] = {each: float(np.median(taken)) * 1e3 for each, taken in times.items()}
    return result


def main() -> int:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(5 if options.quick else 25)
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    names = ("pretzel", "mlserver", "pretzel in mlserver")
    head = "".join(f"{name:>22}" for name in names)
    sys.stdout.write(f"{ROWS:,} rows, medians in ms\n{'':26}{head}{'ratio':>10}\n")
    met = True
    for case, ways in found.items():
        for way, medians in ways.items():
            base = medians.get("mlserver", ways["json"]["mlserver"])
            ratio = base / medians["pretzel"]
            met = met and (ratio >= PROMISED or way == "json")
            cells = "".join(f"{medians[name]:22.2f}" if name in medians else f"{'':22}" for name in names)
            sys.stdout.write(f"{case:18}  {way:6}{cells}{ratio:8.1f} x\n")
    sys.stdout.write(f"promised: {PROMISED} x over gRPC and with binary tensors; {'met' if met else 'not met'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
