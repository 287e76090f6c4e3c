"""What a process that embeds Pretzel may expect: imports, threads, forks, and memory that stays where it was.

Whatever is counted is counted in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import pretzel

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and preloads a library")
ALLOCATOR = pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="memory is counted with the system's allocator")

ZOO = """
import gc, os, sys, threading
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
import pretzel
from pretzel import examples

texts = examples.texts(200)
numbers, target = examples.regression(200, 6)
frame = examples.table(200, missing=0.0)[["city", "age", "pay"]]
y = target > 0

vectorizers = make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer(ngram_range=(1, 2)))
columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city"]))
SOURCES = {
    "texts": (make_pipeline(vectorizers, LogisticRegression()).fit(texts, y), texts[3], texts),
    "linear": (make_pipeline(StandardScaler(), Ridge()).fit(numbers, y), tuple(numbers[3].tolist()), numbers),
    "forest": (RandomForestRegressor(20, max_depth=5).fit(numbers, y), numbers[3], numbers),
    "table": (make_pipeline(columns, LogisticRegression()).fit(frame, y), frame.iloc[3].to_dict(), frame),
}
runtime = pretzel.Runtime()
MODELS = {name: runtime.register(name, source, strict=True) for name, (source, _, _) in SOURCES.items()}
"""


def child(code: str, **environment: str) -> str:
    """Run code in another process; returns what it prints.

    Raises
    ------
    AssertionError
        It failed; with its traceback.
    """
    # The parent's pretzel, whether installed or not, found as the parent found it.
    where = str(Path(pretzel.__file__).parent.parent)
    variables = {**os.environ, "PYTHONPATH": where, **environment}
    code = f"import sys\nsys.path.insert(0, {where!r})\n{textwrap.dedent(code)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_is_cheap() -> None:
    """Nothing but the standard library until something is used; then NumPy and the extension."""
    loaded = child(
        """
        import sys
        import pretzel
        print("numpy" in sys.modules)
        pretzel.Runtime, pretzel.Plan, pretzel.ObjectStore, pretzel.compile, pretzel.errors
        pretzel.Runtime().stats()
        others = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
        print(sorted(name for name in others if not name.startswith(("_", "sitecustomize", "cython_runtime"))))
        print(any(name.startswith("pretzel.oven") for name in sys.modules))
        """
    )
    assert loaded.splitlines() == ["False", "['numpy', 'pretzel']", "False"]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has the GIL anyway")
def test_importing_does_not_bring_the_gil_back() -> None:
    assert child("import pretzel._native; print(sys._is_gil_enabled())", PYTHON_GIL="") == "False\n"


@LINUX
def test_starts_no_thread_and_changes_no_setting() -> None:
    """Long calls wake workers, and on a machine under load short ones are learned to be long: here none is."""
    child(
        """
from pretzel.runtime import prepare
prepare.LONG_CALLS["auto"] = 3600.0
"""
        + ZOO
        + """
def state():
    import locale, signal, warnings
    return (len(os.listdir("/proc/self/task")), threading.active_count(), dict(os.environ), sys.getswitchinterval(),
            sys.getrecursionlimit(), gc.get_threshold(), gc.isenabled(), locale.setlocale(locale.LC_ALL), os.getcwd(),
            str(np.geterr()), [signal.getsignal(s) for s in signal.valid_signals()], len(warnings.filters),
            os.sched_getaffinity(0), len(os.listdir("/proc/self/fd")))

before = state()
for name, (source, row, X) in SOURCES.items():
    plan = pretzel.compile(source)
    plan.predict(X), plan.predict_one(row), plan.explain()
    MODELS[name].predict(X), MODELS[name].predict_one(row)
runtime.stats()
assert state() == before, (before, state())
"""
    )


def test_process_ends_in_silence() -> None:
    """With models in cycles, in other modules, and in threads that nobody waits for."""
    noise = child(
        ZOO
        + """
import builtins, json, time
sys.stderr = sys.__stderr__ = sys.stdout
os.dup2(1, 2)
cycle = [pretzel.compile(source) for source, _, _ in SOURCES.values()]
cycle.append(cycle)
builtins.kept, json.kept = pretzel.compile(SOURCES["linear"][0]), runtime
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""
    )
    assert noise == ""


COUNTER = """
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
static atomic_long count;

long allocations(void) { return count; }
void* malloc(size_t size) { count++; return __libc_malloc(size); }
void* calloc(size_t n, size_t size) { count++; return __libc_calloc(n, size); }
void* realloc(void* p, size_t size) { count++; return __libc_realloc(p, size); }
void* memalign(size_t alignment, size_t size) { count++; return __libc_memalign(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) { count++; return __libc_memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  count++;
  *out = __libc_memalign(alignment, size);
  return *out == NULL ? 12 : 0;
}
"""


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that counts every allocation of the process in which it is preloaded."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the counter with")
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.c").write_text(COUNTER)
    library = folder / "counter.so"
    command = [compiler, "-shared", "-fPIC", "-O1", str(folder / "counter.c"), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"the counter cannot be built here: {done.stderr[:200]}")
    return library


@LINUX
@ALLOCATOR
def test_no_heap_allocation_besides_the_result(counter: Path) -> None:
    """100,000 calls of each model for one row; the C heap is asked for nothing, Python's blocks stay as many."""
    counts = child(
        ZOO
        + f"""
import ctypes
allocations = ctypes.CDLL({str(counter)!r}).allocations
allocations.restype = ctypes.c_long
probe = allocations()
np.empty(10_000)
assert allocations() > probe, "the counter does not count"
for name, (source, row, X) in SOURCES.items():
    for call in (MODELS[name].predict_one, pretzel.compile(source).predict_one):
        for _ in range(1000):
            call(row)
        turns = [None] * 100_000
        gc.collect()
        blocks, heap = sys.getallocatedblocks(), allocations()
        for _ in turns:
            call(row)
        heap = allocations() - heap
        print(name, heap, sys.getallocatedblocks() - blocks)
""",
        LD_PRELOAD=str(counter),
    )
    for line in counts.splitlines():
        name, heap, blocks = line.split()
        assert int(heap) <= 2, f"{name}: {heap} allocations in 100,000 calls"
        assert abs(int(blocks)) <= 5, f"{name}: {blocks} blocks more than before"


@LINUX
@ALLOCATOR
def test_memory_is_flat_over_a_million_calls() -> None:
    """One-row calls, with errors and tables in between, and models that come and go."""
    child(
        ZOO
        + """
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def work(turns):
    for name, (_, row, X) in SOURCES.items():
        call = MODELS[name].predict_one
        for _ in range(turns):
            call(row)
        for _ in range(turns // 1000):
            MODELS[name].predict(X)
            try:
                call(None)
            except ValueError:
                pass
    for name in SOURCES:
        runtime.register(name, SOURCES[name][0])

work(10_000)
gc.collect()
before, held = resident(), runtime.stats()["unique_bytes"]
work(250_000)
gc.collect()
assert runtime.stats()["unique_bytes"] == held
assert resident() - before < 1 << 20, (before, resident())
"""
    )


@LINUX
def test_working_memory_returns_with_its_thread() -> None:
    child(
        ZOO
        + """
import time
from concurrent.futures import ThreadPoolExecutor
MODELS["texts"].predict_one(texts[0])
before = runtime.stats()["arena_bytes"]
assert 0 < before <= 8 << 20
with ThreadPoolExecutor(8) as pool:
    list(pool.map(MODELS["texts"].predict_one, texts))
    assert runtime.stats()["arena_bytes"] > before
deadline = time.monotonic() + 10  # the system ends threads a little later than Python
while runtime.stats()["arena_bytes"] > before and time.monotonic() < deadline:
    time.sleep(0.01)
assert runtime.stats()["arena_bytes"] == before
# A request far larger than any before it does not keep its memory either.
MODELS["texts"].predict_one("word " * 4_000_000)
assert runtime.stats()["arena_bytes"] <= 16 << 20, runtime.stats()["arena_bytes"]
"""
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_of_a_fork_answer() -> None:
    """Fifty children, forked from a process that has used its models; some use a fresh thread, all register."""
    child(
        ZOO
        + """
expected = {name: [MODELS[name].predict_one(row), MODELS[name].predict(X).tolist()]
            for name, (_, row, X) in SOURCES.items()}

def serve(number):
    for name, (source, row, X) in SOURCES.items():
        assert MODELS[name].predict_one(row) == expected[name][0]
        assert MODELS[name].predict(X).tolist() == expected[name][1]
    runtime.register("linear", SOURCES["table"][0], allow_changes=True)
    assert MODELS["linear"].predict_one(SOURCES["table"][1]) == expected["table"][0]
    runtime.close()

for number in range(50):
    pid = os.fork()
    if pid == 0:
        try:
            if number % 2:
                serve(number)
            else:
                thread = threading.Thread(target=serve, args=(number,))
                thread.start()
                thread.join()
            os._exit(0 if len(runtime) == 0 else 2)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
assert MODELS["linear"].predict_one(SOURCES["linear"][1]) == expected["linear"][0]
"""
    )
