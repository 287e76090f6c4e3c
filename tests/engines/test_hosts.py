"""Hosts that share nothing but a network: a store served over HTTP by one, and nodes of Ray on two others that read it.

Each host is a network namespace with an address of its own, and has its own cache of the store.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ray")

PATIENCE = 120
STORE, HEAD, OTHER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
DRIVER = """
import json, sys
import ray
from pretzel.integrations import BatchScorer

url, rows, result = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
ray.init(address="{head}:6379", logging_level="ERROR", log_to_driver=False)


@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
def scored(name):
    import pandas as pd

    answers = BatchScorer(url, name)(pd.DataFrame(rows))["predict"].tolist()
    return name, answers, ray.util.get_node_ip_address()


found = ray.get([scored.remote("pay/%d" % limit) for limit in (4, 5, 6, 7)])
with open(result, "w") as file:
    json.dump(found, file)
"""


def ip(*arguments: str) -> None:
    """Run the command ``ip``."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10)


@pytest.fixture(scope="module")
def hosts():
    """The names of three namespaces on one network."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root, and the command ip")
    names = {address: f"pretzel-{os.getpid()}-{address[-1]}" for address in (STORE, HEAD, OTHER)}
    with ExitStack() as cleanup:
        try:
            for name in names.values():
                ip("netns", "add", name)
                cleanup.callback(ip, "netns", "delete", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("-n", names[STORE], "link", "add", "bridge", "type", "bridge")
            ip("-n", names[STORE], "address", "add", f"{STORE}/24", "dev", "bridge")
            ip("-n", names[STORE], "link", "set", "bridge", "up")
            for address in (HEAD, OTHER):
                name, port = names[address], f"port{address[-1]}"
                ip("-n", names[STORE], "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
                ip("-n", names[STORE], "link", "set", port, "master", "bridge", "up")
                ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                ip("-n", name, "link", "set", "eth0", "up")
                ip("-n", name, "route", "add", "default", "via", STORE)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr}")
        yield names


@pytest.fixture(scope="module")
def run(hosts, tmp_path_factory):
    """Starts a process on a host; all end with the tests."""
    folder, running = tmp_path_factory.mktemp("hosts"), []

    def start(address: str, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
        environment = {
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "PRETZEL_CACHE": str(folder / address),
        }
        log = folder / f"log{len(running)}"
        with open(log, "wb") as out:
            running.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", hosts[address], *command],
                    env=os.environ | environment,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return running[-1], log

    start.folder = folder
    yield start
    for process in reversed(running):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, sign)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    continue


def wait_for(log: Path, text: str) -> None:
    """Until a process has written a text."""
    until = time.monotonic() + PATIENCE
    while text not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def test_nodes_read_a_store_over_http(run, store, estimators, rows, frame):
    python = sys.executable
    start = [python, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"]
    _, served = run(STORE, python, "-u", "-m", "http.server", "8000", "--bind", STORE, "--directory", store)
    wait_for(served, "Serving HTTP")
    _, head = run(HEAD, *start, "--head", f"--node-ip-address={HEAD}", "--port=6379", "--include-dashboard=false")
    wait_for(head, "Ray runtime started")
    _, other = run(OTHER, *start, f"--address={HEAD}:6379", f"--node-ip-address={OTHER}")
    wait_for(other, "Ray runtime started")
    url = f"http://{STORE}:8000"
    result = run.folder / "result.json"
    driver, log = run(HEAD, python, "-c", DRIVER.format(head=HEAD), url, json.dumps(rows[:10]), str(result))
    assert driver.wait(PATIENCE) == 0, log.read_text()
    found = json.loads(result.read_text())
    for name, answers, _ in found:
        assert answers == estimators[name].predict(frame[:10]).tolist()
    for address in (HEAD, OTHER):
        assert address in {each for *_, each in found}
        assert any((run.folder / address).rglob("*.pretzel")), f"{address} has fetched nothing"
