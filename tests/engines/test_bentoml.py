"""The service of the guide, started by BentoML."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error

import pytest

from tests.engines.conftest import ask, free_port, guide

pytest.importorskip("bentoml")

PATIENCE = 60


@pytest.fixture(scope="module")
def port(store, tmp_path_factory):
    """Where the service listens."""
    folder, found = tmp_path_factory.mktemp("bentoml"), free_port()
    (folder / "service.py").write_text(guide("BentoML", store))
    command = [sys.executable, "-m", "bentoml", "serve", "service:Models", "--host", "127.0.0.1", "--port", str(found)]
    environment = os.environ | {"BENTOML_DO_NOT_TRACK": "1", "BENTOML_HOME": str(folder / "home")}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                ask(found, "/models", None)
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.2)
        yield found
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


def test_the_service_of_the_guide(port, estimators, rows, frame):
    model = estimators["pay/5"]
    assert ask(port, "/models/pay/5/predict", rows) == (200, model.predict(frame[: len(rows)]).tolist())
    likely = model.predict_proba(frame[:3])[:, 1] > 0.9
    assert [ask(port, "/likely", {"model": "pay/5", "row": row})[1] for row in rows[:3]] == likely.tolist()
    status, answer = ask(port, "/models/other/predict", rows[0])
    assert (status, answer["type"]) == (404, "ModelNotFoundError")
