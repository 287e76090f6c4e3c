"""Several processes over one store: metrics that add up, versions that change under load, workers that die, the end."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pretzel
from tests.serving.conftest import churn
from tests.serving.servers import ask, fetch, free_port, running, scrape, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are tested on POSIX")

PATH = "/models/churn/de/predict"
ROW = {"age": 17, "city": "Köln"}
MEANINGS = {"churn/de@v1": "yes", "churn/de@v2": "no"}
ROWS, LISTS = (
    f'{name}{{method="{method}",model="churn/de"'
    for name, method in (("pretzel_requests_total", "predict_one"), ("pretzel_request_seconds_count", "predict"))
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one model."""
    path = tmp_path_factory.mktemp("several") / "models"
    pretzel.PlanStore(path).publish("churn/de", churn())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workers write metrics."""
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture(scope="module")
def port(store: Path, folder: Path) -> Iterator[int]:
    """The port of four workers."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with serving(store, "--workers", "4", environment=environment) as (port, _):
        eventually(lambda: scrape(port)["pretzel_processes"] == 4 and have_loaded(folder))  # the first one was ready
        yield port


def in_threads(work: Callable[[int], None], count: int = 4) -> None:
    """Run a function in several threads at once; what one of them raises is raised."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


def have_loaded(folder: Path) -> bool:
    """Whether all processes that have written metrics have models in memory."""
    from prometheus_client.mmap_dict import MmapedDict

    for path in folder.glob("gauge_livesum_*.db"):
        amounts = MmapedDict.read_all_values_from_file(str(path))
        if not any("pretzel_memory_bytes" in key and '"used"' in key and value for key, value, *_ in amounts):
            return False
    return True


def workers_of(folder: Path) -> set[int]:
    """Processes that have written metrics and are alive."""
    pids = {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_livesum_*.db")}
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_a_file_that_a_starting_worker_has_made_is_no_fault(port: int, folder: Path) -> None:
    pytest.importorskip("prometheus_client")
    made = folder / "counter_9999999.db"
    made.touch()
    assert scrape(port)["pretzel_processes"] == 4
    made.unlink()


def test_counters_add_up_and_outlive_a_worker(port: int, folder: Path) -> None:
    pytest.importorskip("prometheus_client")

    def work(number: int) -> None:
        for _ in range(50):
            assert ask(port, PATH, ROW) == "yes"
            assert ask(port, PATH, [ROW, ROW]) == ["yes", "yes"]

    in_threads(work)
    rows, lists = f'{ROWS},outcome="answered"}}', f"{LISTS}}}"
    eventually(lambda: scrape(port).get(rows) == scrape(port).get(lists) == 200)
    found = scrape(port)
    assert found['pretzel_version_calls_total{method="predict",model="churn/de",version="v1"}'] == 400
    timed = {"pretzel_request_seconds_bucket", 'le="+Inf"', 'method="predict"'}
    assert [value for name, value in found.items() if all(part in name for part in timed)] == [200], [*found]
    assert (found["pretzel_processes"], found["pretzel_models"]) == (4, 1)
    used = 'pretzel_memory_bytes{kind="used"}'
    assert "<dt>processes</dt><dd>4</dd>" in (page := fetch(port, "/")[0].decode())
    assert "<td>400</td>" in page

    killed = min(workers_of(folder))
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{killed}").exists())
    after = scrape(port)
    assert (after[rows], after[lists], after["pretzel_processes"]) == (200, 200, 3)
    assert after[used] < found[used]
    eventually(lambda: scrape(port)["pretzel_processes"] == 4)  # another one has taken its place
    assert killed not in workers_of(folder)
    assert ask(port, PATH, ROW) == "yes"
    eventually(lambda: scrape(port)[rows] == 201)


def test_a_new_version_under_load(port: int, store: Path) -> None:
    """Nothing fails, no answer is of another version than it says, and all workers have the new one in two seconds."""
    plans = pretzel.PlanStore(store)
    over = threading.Event()
    seen: list[tuple[float, str]] = []

    def work(number: int) -> None:
        if number == 4:
            time.sleep(1)
            plans.publish("churn/de", churn(("yes", "no")), default=False)
            eventually(lambda: _is_known(port))
            for version in ("v2", "v1", "v2"):
                plans.promote("churn/de", version)
                time.sleep(2)
                promoted.append((time.monotonic(), version))
                time.sleep(0.5)
                promoted.append((time.monotonic(), version))
            over.set()
            return
        while not over.is_set():
            began = time.monotonic()
            as_list = len(seen) % 2 == 0
            body, headers = fetch(port, PATH, [ROW] if as_list else ROW)
            version = headers["model-version"]
            assert json.loads(body) == ([MEANINGS[version]] if as_list else MEANINGS[version])
            seen.append((began, version))
            time.sleep(0.01)  # some hundred requests a second, which leave the workers time to look for versions

    promoted: list[tuple[float, str]] = []
    try:
        in_threads(work, 5)
    finally:
        over.set()
    assert len(seen) > 100
    for (begin, version), (end, _) in zip(promoted[::2], promoted[1::2], strict=True):
        during = {found for began, found in seen if begin <= began < end}
        assert during == {f"churn/de@{version}"}


def _is_known(port: int) -> bool:
    """Whether a worker answers for the version that is no default: the canary that callers ask for by its name."""
    return ask(port, "/models/churn/de@v2/predict", ROW) == "no"


def metrics_folder_of(pid: int) -> Path | None:
    """The folder that a server has made for the metrics of its workers, where the system tells."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return None
    for child in children.read_text().split():
        for line in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            if line.startswith(b"PROMETHEUS_MULTIPROC_DIR="):
                return Path(line.partition(b"=")[2].decode())
    return None


def test_connections_are_served_to_the_end(store: Path) -> None:
    """What comes over a connection is answered, until the server has asked to close it."""
    plans = pretzel.PlanStore(store)
    told = threading.Event()
    with serving(store, "--workers", "2") as (port, process):
        asked, closed = Counter[int](), Counter[int]()
        expected = plans.load("churn/de").predict_one(ROW)
        started = threading.Barrier(7)
        folder = metrics_folder_of(process.pid)
        assert folder is None or folder.is_dir()

        def work(number: int) -> None:
            if number == 6:
                started.wait(30)
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                told.set()
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.connect()
            time.sleep(0.2)
            started.wait(30)
            if number == 5:  # it has been accepted, and sends nothing before the server has been told to stop
                assert told.wait(30)
                time.sleep(0.1)
            while not closed[number]:
                connection.request("POST", PATH, json.dumps(ROW), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                assert (answer.status, json.loads(answer.read())) == (200, expected)
                asked[number] += 1
                closed[number] += answer.getheader("connection") == "close"
            connection.close()

        in_threads(work, 7)
        assert closed == dict.fromkeys(range(6), 1)
        assert process.wait(20) == 0
    assert folder is None or not folder.exists()


READ_ONLY = ["unshare", "--mount", "sh", "-c", 'mount -o remount,ro,bind / && exec "$0" "$@"']
"""Runs a command in a file system that nobody can write to, as a container may have it."""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_system_that_is_read_only(store: Path, workers: str) -> None:
    """Nothing is written: the store, HOME, the folder for temporary files and the working directory cannot be."""
    wrapped = subprocess.run([*READ_ONLY, "true"], capture_output=True, check=False).returncode == 0
    if not wrapped and os.getuid() == 0:
        pytest.skip("root may write everywhere, and cannot mount anything here")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "models"
        shutil.copytree(store, path)
        everything = [path, *path.rglob("*"), Path(name)]
        for each in everything:
            each.chmod(0o555 if each.is_dir() else 0o444)
        port = free_port()
        command = [sys.executable, "-m", "pretzel", "serve", str(path), "--port", str(port), "--workers", workers]
        environment = {"HOME": name, "TMPDIR": name, "XDG_CACHE_HOME": name}
        try:
            with running([*(READ_ONLY if wrapped else ()), *command], port, Path(name), environment):
                assert ask(port, PATH, ROW) in ("yes", "no")
                eventually(lambda: scrape(port)["pretzel_processes"] == int(workers))
        finally:
            for each in everything:
                each.chmod(0o755)
        assert {*everything} == {path, *path.rglob("*"), Path(name)}


GUNICORN = """
import prometheus_client
import pretzel
import pretzel.serving

own = prometheus_client.Counter("visits", "Of the application")
runtime = pretzel.Runtime(store="models", watch=0.1)
runtime["churn/de"].predict_one({"age": 17, "city": "Bonn"})  # of the parent: no worker counts it
models = pretzel.serving.app(runtime)


async def app(scope, receive, send):
    own.inc()
    await models(scope, receive, send)
"""


def test_gunicorn_with_preload(store: Path, tmp_path: Path) -> None:
    """Counters of forks add up, beside those of the application."""
    for package in ("gunicorn", "prometheus_client"):
        pytest.importorskip(package)
    (tmp_path / "host.py").write_text(GUNICORN)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "models").symlink_to(store)
    port = free_port()
    worker = ["--preload", "--workers", "3", "--worker-class", "uvicorn.workers.UvicornWorker"]
    command = [sys.executable, "-m", "gunicorn", *worker, "--bind", f"127.0.0.1:{port}", "host:app"]
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    with running(command, port, tmp_path, environment):
        in_threads(lambda _: [ask(port, PATH, ROW) for _ in range(25)])
        eventually(lambda: scrape(port).get(f'{ROWS},outcome="answered"}}') == 100)
        eventually(lambda: scrape(port)["pretzel_processes"] == 3)
        found = scrape(port)
        statuses = sum(value for name, value in found.items() if name.startswith("pretzel_http_responses_total"))
        eventually(lambda: scrape(port)["visits_total"] > statuses)
