"""Priorities of the threads of the batch engine."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_shared_workers_lower_their_priority_and_reserved_ones_raise_it():
    code = textwrap.dedent("""
        import os
        from pathlib import Path
        import numpy as np
        from sklearn.linear_model import LinearRegression
        import pretzel

        def priorities():
            # The nineteenth field, the seventeenth after the name, which may hold blanks.
            tasks = Path("/proc/self/task").iterdir()
            return [int((task / "stat").read_text().rpartition(")")[2].split()[16]) for task in tasks]

        base = os.getpriority(os.PRIO_PROCESS, 0)
        X = np.random.default_rng(0).normal(size=(1000, 3))
        runtime = pretzel.Runtime(executors=1)
        shared = runtime.register("shared", LinearRegression().fit(X, X[:, 0]))
        shared.submit(X).result()
        assert priorities().count(min(base + 10, 19)) == 1, priorities()
        own = runtime.register("own", shared.plan, reserve=pretzel.Reservation(workers=1))
        own.submit(X).result()
        try:
            os.setpriority(os.PRIO_PROCESS, 0, max(base - 10, -20))
            os.setpriority(os.PRIO_PROCESS, 0, base)
            expected = 2  # the worker, and the notifier that has set the result
        except PermissionError:
            expected = 0
        assert priorities().count(max(base - 10, -20)) == expected, priorities()
        assert os.getpriority(os.PRIO_PROCESS, 0) == base
        runtime.close()
    """)
    subprocess.run([sys.executable, "-c", code], check=True)
