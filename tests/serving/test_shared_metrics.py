"""What a process writes for the metrics of all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ENDING = """
import asyncio
import pretzel, pretzel.serving
from pretzel.serving.prometheus import shared

async def end():
    failures = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))
    metrics = shared(pretzel.serving.app(pretzel.Runtime()))
    metrics.follow()
    await loop.shutdown_default_executor()  # as a server does in the end
    await asyncio.sleep(0.6)  # longer than the time between two writes
    assert not failures, failures

asyncio.run(end())
"""


def test_the_loop_ends_while_metrics_are_followed(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ENDING], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
