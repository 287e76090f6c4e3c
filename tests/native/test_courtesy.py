"""Which threads the system is to prefer, and what workers do for the others."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

import pretzel

NUMBERS = np.random.default_rng(0).normal(size=(3000, 8))
FOREST = RandomForestRegressor(30, max_depth=8, random_state=0).fit(NUMBERS[:500], NUMBERS[:500, 0])


def test_workers_that_offer_their_core_get_it_back():
    """Systems make who yields wait for a whole round of the others, and neighbours may never sleep."""

    def seconds():
        start = time.perf_counter()
        for answer in [model.submit(NUMBERS) for _ in range(200)]:  # thousands of offers
            answer.result(60)
        return time.perf_counter() - start

    burn = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    with pretzel.Runtime() as runtime:
        model = runtime.register("forest", FOREST)
        alone = seconds()
        busy = [subprocess.Popen(burn, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)]
        try:
            for each in busy:
                assert each.stdout.readline()
            beside = seconds()
        finally:
            for each in busy:
                each.kill()
                each.communicate()
    assert beside < 20 * alone + 1  # ten times by their priority, more than forty where every offer is made


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_the_system_is_told_which_workers_go_first():
    """Those of a runtime behind the threads that ask, those of a reservation before them, if the process may say so."""
    code = textwrap.dedent("""
        import os, time
        from pathlib import Path
        import numpy as np
        from sklearn.linear_model import LinearRegression
        import pretzel

        def priorities():
            # The nineteenth field, the seventeenth after the name; it may hold blanks.
            tasks = Path("/proc/self/task").iterdir()
            return sorted(int((task / "stat").read_text().rpartition(")")[2].split()[16]) for task in tasks)

        base = os.getpriority(os.PRIO_PROCESS, 0)
        X = np.random.default_rng(0).normal(size=(1000, 3))
        runtime = pretzel.Runtime(executors=1)
        shared = runtime.register("shared", LinearRegression().fit(X, X[:, 0]))
        before = priorities()
        shared.submit(X).result()
        assert max(priorities()) == min(base + 10, 19), priorities()
        own = runtime.register("own", shared.plan, reserve=pretzel.Reservation(workers=2))
        own.submit(X).result()
        try:
            os.setpriority(os.PRIO_PROCESS, 0, max(base - 10, -20))
            os.setpriority(os.PRIO_PROCESS, 0, base)
            expected = 3  # two workers and who hands over their answers
        except PermissionError:
            expected = 0
        deadline = time.monotonic() + 10.0
        while priorities().count(max(base - 10, -20)) != expected and time.monotonic() < deadline:
            time.sleep(0.01)
        assert priorities().count(max(base - 10, -20)) == expected, priorities()
        assert os.getpriority(os.PRIO_PROCESS, 0) == base
        runtime.close()
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not tell threads their cores")
def test_workers_that_meet_on_a_core_may_use_all_of_them_afterwards():
    """They leave it by telling the system which cores are left, for a moment."""
    code = textwrap.dedent("""
        import os
        import numpy as np
        from sklearn.ensemble import RandomForestRegressor
        import pretzel

        def threads():
            return set(map(int, os.listdir("/proc/self/task")))

        cores = os.sched_getaffinity(0)
        X = np.random.default_rng(0).normal(size=(3000, 8))
        runtime = pretzel.Runtime(executors=2)
        model = runtime.register("forest", RandomForestRegressor(30, random_state=0).fit(X[:300], X[:300, 0]))
        before = threads()
        model.submit(X).result()
        workers = threads() - before
        for allowed in ({min(cores)}, cores):
            for thread in workers:
                os.sched_setaffinity(thread, allowed)
            answers = [model.submit(X) for _ in range(20)]
            for answer in answers:
                answer.result(60)
            assert [os.sched_getaffinity(thread) for thread in workers] == [allowed] * len(workers)
        runtime.close()
    """)
    subprocess.run([sys.executable, "-c", code], check=True)
