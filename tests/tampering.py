r"""Fitted estimators whose attributes were tampered with, compiled and asked: the answers of their source, or an error.

``python -m tests.tampering --count 20000`` runs as many, in worker processes that are replaced when one of them crashes
or hangs, and prints the findings. `tests.test_tampered_models` runs a sample. Under the sanitizers, with a build
that was made with ``PRETZEL_SANITIZE=address,undefined``::

    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 \
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
    python -m tests.tampering --count 20000
"""

from __future__ import annotations

import argparse
import collections
import copy
import itertools
import json
import os
import queue
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tests import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

N_ROWS = 6
UNREAD = frozenset({"random_state", "verbose", "n_jobs", "max_iter", "tol", "copy", "n_iter_", "n_samples_seen_"})
"""Attributes that no method reads; tampering with them is no test."""
COMMON = 5
"""Mutations that every value has; they are tried less often than the others."""
GOOD = ("right", "refused", "refused with cause", "not made")
ODD = ("source crashes", "source hangs", "answers where the source raises")
"""Outcomes that are no faults, because the source gives no answer."""
KNOWN = (
    # Nothing says that a step reads tables: the request is taken for documents.
    (".n_features_in_: gone", "transform raises InputShapeError where the source answers"),
    (".n_features_in_: None", "transform raises InputShapeError where the source answers"),
    # Its requests are checked as those of every other step.
    ("FunctionTransformer().n_features_in_", "transform raises InputShapeError where the source answers"),
    ("FunctionTransformer().n_features_in_", "transform_one raises InputShapeError where the source answers"),
    # A row of a frame that was fitted is a dict, and without names nobody knows its columns.
    (".feature_names_in_: ", "transform_one raises InputTypeError where the source answers"),
    # scikit-learn's squares of such centres overflow.
    ("KMeans(n_clusters=4,n_init=1,random_state=0).cluster_centers_: one ", "transform differs"),
)
"""Parts of names and outcomes of differences that stay."""


class Junk:
    """An object that is nothing an estimator can use."""

    def __repr__(self) -> str:
        return "Junk()"


def is_fault(name: str, found: str) -> bool:
    """Whether an outcome must not be."""
    if found in GOOD or found.startswith(ODD):
        return False
    return not any(part in name and found.startswith(start) for part, start in KNOWN)


# -- places ----------------------------------------------------------------------------------------------------------

Steps = tuple[tuple[str, Any], ...]
"""Steps from an estimator to a value: ("attribute", name), ("item", key), ("state", key of a tree's state)."""


def is_tree(value: Any) -> bool:
    """Whether this is the compiled tree of scikit-learn."""
    return type(value).__name__ == "Tree" and hasattr(value, "__getstate__")


def has_parts(value: Any) -> bool:
    """Whether the attributes of an object are places, too."""
    module = type(value).__module__.partition(".")[0]
    return module == "sklearn" and hasattr(value, "__dict__")


def places(value: Any, path: Steps = (), depth: int = 0) -> Iterator[Steps]:
    """Paths to every value inside a fitted estimator."""
    if depth > 8:
        return
    steps: list[tuple[tuple[str, Any], Any]] = []
    if is_tree(value):
        state = value.__getstate__()
        steps = [(("state", name), None) for name in state["nodes"].dtype.names]
        steps += [(("state", name), None) for name in ("values", "node_count", "max_depth")]
    elif isinstance(value, dict):
        steps = [(("item", key), each) for key, each in itertools.islice(value.items(), 12)]
    elif isinstance(value, list | tuple) and not isinstance(value, str):
        steps = [(("item", i), each) for i, each in enumerate(value[:12])]
    elif isinstance(value, np.ndarray) and value.dtype == object:
        steps = [(("item", i), each) for i, each in enumerate(value.ravel()[:12]) if has_parts(each)]
    elif isinstance(value, np.ndarray) and value.dtype.names:
        steps = [(("field", name), None) for name in value.dtype.names]
    elif has_parts(value):
        steps = [(("attribute", name), each) for name, each in vars(value).items() if name not in UNREAD]
    elif hasattr(value, "nodes") and hasattr(value, "raw_left_cat_bitsets"):
        steps = [(("attribute", name), getattr(value, name)) for name in ("nodes", "raw_left_cat_bitsets")]
    if path:
        yield path
    for step, each in steps:
        yield from places(each, (*path, step), depth + 1)


def get(holder: Any, step: tuple[str, Any]) -> Any:
    """The value behind one step."""
    kind, key = step
    if kind == "attribute":
        return getattr(holder, key)
    if kind == "field":
        return holder[key]
    if kind == "state":
        state = holder.__getstate__()
        return state["nodes"][key] if key in state["nodes"].dtype.names else state[key]
    return holder.ravel()[key] if isinstance(holder, np.ndarray) else holder[key]


def put(holder: Any, step: tuple[str, Any], value: Any) -> Any:
    """``holder`` with another value behind one step; a new object where it cannot be changed."""
    kind, key = step
    if kind == "attribute":
        if isinstance(value, _Gone):
            delattr(holder, key)
        else:
            setattr(holder, key, value)
        return holder
    if kind == "state":
        made, arguments, state = holder.__reduce__()
        state = {**state, "nodes": state["nodes"].copy(), "values": state["values"].copy()}
        if key in state["nodes"].dtype.names:
            state["nodes"][key] = value
        else:
            state[key] = value
        tree = made(*arguments)
        tree.__setstate__(state)
        return tree
    if kind == "field":
        holder = holder.copy()
        holder[key] = value
        return holder
    if isinstance(holder, tuple):
        items = list(holder)
        items[key] = value
        return type(holder)(items) if type(holder) is tuple else tuple(items)
    if isinstance(holder, np.ndarray):
        holder = holder.copy()
        holder.ravel()[key] = value
        return holder
    if isinstance(value, _Gone):
        del holder[key]
    else:
        holder[key] = value
    return holder


def change(root: Any, path: Steps, mutate: Callable[[Any], Any]) -> Any:
    """``root`` with the value at ``path`` mutated."""
    if not path:
        return mutate(root)
    step, *rest = path
    return put(root, step, change(get(root, step), tuple(rest), mutate))


# -- mutations -------------------------------------------------------------------------------------------------------


class _Gone:
    """Takes the attribute away."""


def mutations(value: Any, rng: random.Random) -> dict[str, Callable[[Any], Any]]:
    """What can be done to a value, by name."""
    common: dict[str, Callable[[Any], Any]] = {
        "None": lambda _: None,
        "junk": lambda _: Junk(),
        "gone": lambda _: _Gone(),
        "text": lambda _: "junk",
        "empty list": lambda _: [],
    }
    if isinstance(value, np.ndarray):
        return {**common, **_of_arrays(value, rng)}
    if isinstance(value, bool | np.bool_):
        return {**common, "not": lambda v: not v, "two": lambda _: 2}
    if isinstance(value, int | float | np.integer | np.floating):
        numbers = (0, 1, -1, 2, 3.5, 1000, 2**31, 2**63, -(2**40), float("nan"), float("inf"), value + 1, value - 1)
        picked = rng.choice(numbers)
        return {**common, f"={picked}": lambda _: picked, f"= {picked}": lambda _: picked, "= array": lambda v: [v]}
    if isinstance(value, list | tuple):
        kind = type(value) if type(value) in (list, tuple) else tuple
        return {
            **common,
            "shorter": lambda v: kind(v[:-1]),
            "longer": lambda v: kind([*v, *v[-1:]]),
            "reversed": lambda v: kind(v[::-1]),
            "nothing": lambda _: kind(),
        }
    if isinstance(value, dict):
        return {
            **common,
            "shorter": lambda v: dict(list(v.items())[:-1]),
            "swapped": lambda v: dict(zip(v, list(v.values())[::-1], strict=True)),
            "nothing": lambda _: {},
            "one value": lambda v: dict.fromkeys(v, next(iter(v.values()), None)),
            "shifted": lambda v: {k: x + 1 if isinstance(x, int) else x for k, x in v.items()},
        }
    if sparse.issparse(value):
        return {**common, "dense": lambda v: v.toarray(), "shorter": lambda v: v[:, :-1]}
    return common


def _of_arrays(value: Any, rng: random.Random) -> dict[str, Callable[[Any], Any]]:
    def at(new: Any) -> Callable[[Any], Any]:
        position = rng.randrange(max(value.size, 1))

        def mutate(v: Any) -> Any:
            v = v.copy()
            if v.size:
                v.ravel()[position] = new
            return v

        return mutate

    found: dict[str, Callable[[Any], Any]] = {
        "shorter": lambda v: v[:-1].copy(),
        "much shorter": lambda v: v[:1].copy(),
        "longer": lambda v: np.concatenate([v, v[-1:]]),
        "much longer": lambda v: np.concatenate([v] * 40),
        "empty": lambda v: v[:0].copy(),
        "reversed": lambda v: v[::-1].copy(),
        "flat": lambda v: v.reshape(-1).copy(),
        "deeper": lambda v: v[None].copy(),
        "column": lambda v: v[..., None].copy(),
        "transposed": lambda v: v.T.copy(),
        "narrower": lambda v: v[..., :-1].copy(),
        "wider": lambda v: np.concatenate([v, v[..., -1:]], axis=-1),
        "scalar": lambda v: v.ravel()[0],
        "list": lambda v: v.tolist(),
        "object": lambda v: v.astype(object),
        "strings": lambda v: v.astype(str),
        "fortran": lambda v: np.asfortranarray(v),
        "strided": lambda v: np.repeat(v, 2, axis=0)[::2],
        "big endian": lambda v: v.astype(v.dtype.newbyteorder(">")),
    }
    if value.ndim == 0:
        found = {}
    if value.dtype.kind in "iu":
        for new in (0, 1, -1, -2, 5, 100, 10**6, 2**31 - 1, -(2**31)):
            found[f"one {new}"] = at(new)
        found["floats"] = lambda v: v.astype(np.float64)
        found["zeros"] = np.zeros_like
        found["plus one"] = lambda v: v + 1
        found["int8"] = lambda v: v.astype(np.int8)
    elif value.dtype.kind == "f":
        for new in (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, -1e308, 1e-320):
            found[f"one {new}"] = at(new)
        found["float32"] = lambda v: v.astype(np.float32)
        found["float16"] = lambda v: v.astype(np.float16)
        found["longdouble"] = lambda v: v.astype(np.longdouble)
        found["ints"] = lambda v: np.nan_to_num(v).astype(np.int64)
        found["negated"] = lambda v: -v
        found["complex"] = lambda v: v.astype(np.complex128)
        found["all nan"] = lambda v: np.full_like(v, np.nan)
        found["zeros"] = np.zeros_like
    elif value.dtype.kind == "b":
        found["not"] = np.logical_not
        found["ints"] = lambda v: v.astype(np.int64)
    elif value.dtype.kind in "OU":
        found["one text"] = at("zz")
        if value.dtype.kind == "O":
            found["one None"], found["one number"], found["one junk"] = at(None), at(3.5), at(Junk())
            found["one nan"] = at(float("nan"))
    return found


@dataclass(frozen=True)
class Tampered:
    """One change of one case."""

    index: int
    path: Steps
    mutation: str
    estimator: Any

    def __str__(self) -> str:
        steps = "".join(f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in self.path)
        return f"{cases.CASES[self.index].id}{steps}: {self.mutation}"


def tampered(number: int, seed: int) -> Tampered | None:
    """The ``number``-th tampered estimator of a seed; None where the change cannot be made."""
    rng = random.Random(f"{seed}/{number}")
    index = rng.randrange(len(cases.CASES))
    source = cases.fitted(index)
    path = _pick(_places_of(index), rng)
    value = source
    for step in path:
        value = get(value, step)
    changes = mutations(value, rng)
    names = list(changes)
    name = rng.choice(names[COMMON:] if rng.random() < 0.7 and len(names) > COMMON else names)
    try:
        return Tampered(index, path, name, change(copy.deepcopy(source), path, changes[name]))
    except Exception:
        return None  # NumPy or the compiled tree does not let it be made


_known: dict[int, list[Steps]] = {}


def _places_of(index: int) -> list[Steps]:
    if index not in _known:
        _known[index] = list(places(cases.fitted(index)))
    return _known[index]


def _pick(paths: list[Steps], rng: random.Random) -> Steps:
    """Fitted attributes most of the time: names with an underscore at an end, and what is inside them."""
    fitted = [path for path in paths if any(_is_fitted(step) for step in path)]
    return rng.choice(fitted if fitted and rng.random() < 0.9 else paths)


def _is_fitted(step: tuple[str, Any]) -> bool:
    return step[0] == "attribute" and (step[1].endswith("_") or step[1].startswith("_"))


# -- outcomes --------------------------------------------------------------------------------------------------------


def ask(model: Any, method: str, X: Any) -> Any:
    """The answer, or the exception."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return getattr(model, method)(X)
    except Exception as error:
        return error


def some_rows(data: str) -> Any:
    """A few rows of a case."""
    X = cases.rows(data)[1]
    return X.iloc[:N_ROWS] if hasattr(X, "iloc") else X[:N_ROWS]


def one_row(X: Any) -> Any:
    """The first row alone."""
    return X.iloc[:1] if hasattr(X, "iloc") else X[:1]


def as_row(X: Any) -> Any:
    """The first row as `*_one` takes it."""
    if hasattr(X, "iloc"):
        return X.iloc[0].to_dict()
    if sparse.issparse(X):
        return X[:1].toarray()[0]
    return X[0]


def outcome(case: Tampered, phase: Callable[[str], None] = lambda _: None) -> str:
    """ "right", "refused", or a finding."""
    import pretzel
    from pretzel.errors import CompileError, PretzelError
    from pretzel.oven.frontends.importer import METHODS
    from pretzel.store.object_store import ObjectStore

    phase("compile")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            plan = pretzel.compile(case.estimator, store=ObjectStore())
    except CompileError as error:
        return "refused" if type(error) is not CompileError or error.__cause__ is None else "refused with cause"
    except Exception as error:
        return f"compile raises {type(error).__name__}: {str(error)[:200]}"
    X = some_rows(cases.CASES[case.index].data)
    methods = [m for m in METHODS if callable(getattr(plan, m, None))]
    opaque = "; opaque" if "opaque" in plan.explain() else ""
    found = {}
    for method in methods:
        phase(f"ask {method}{opaque}")
        got = found[method] = ask(plan, method, X)
        if isinstance(got, Exception) and not isinstance(got, PretzelError) and not opaque:
            return f"{method} raises {type(got).__name__}: {str(got)[:200]}"
        alone = ask(plan, f"{method}_one", as_row(X))
        if isinstance(alone, Exception) and not isinstance(alone, PretzelError) and not opaque:
            return f"{method}_one raises {type(alone).__name__}: {str(alone)[:200]}"
        found[f"{method}_one"] = alone
    raised = ""
    for method in methods:
        phase(f"source {method}")
        want, got = ask(case.estimator, method, X), found[method]
        if isinstance(want, Exception) and isinstance(got, Exception):
            continue
        if isinstance(want, Exception):
            raised = raised or f"answers where the source raises: {method}: {type(want).__name__}: {str(want)[:100]}"
            continue
        if isinstance(got, Exception):
            return f"{method} raises {type(got).__name__} where the source answers: {str(got)[:200]}"
        if problem := different(want, got):
            return f"{method} differs: {problem}"
        alone, first = found[f"{method}_one"], ask(case.estimator, method, one_row(X))
        if isinstance(alone, Exception) and not isinstance(first, Exception):
            return f"{method}_one raises {type(alone).__name__} where the source answers: {str(alone)[:200]}"
    return raised or "right"


def different(want: Any, got: Any) -> str:
    """How two answers differ; empty: they do not."""
    from pretzel.verification.compare import compare

    if isinstance(want, np.ndarray) and isinstance(got, np.ndarray) and want.dtype.kind != got.dtype.kind:
        return f"dtype {want.dtype} became {got.dtype}"
    try:
        with np.errstate(all="ignore"):
            found = compare(want, got, exact=False)
    except Exception as error:
        try:
            compare(want, want, exact=False)
        except Exception:
            return ""  # the source's own answer is broken
        return f"cannot be compared: {type(error).__name__}: {error}"
    if found is None:
        return ""
    if isinstance(want, np.ndarray) and "f" in (want.dtype.kind, getattr(got, "dtype", want.dtype).kind):
        low = np.float32 in (want.dtype, getattr(got, "dtype", None)) or want.dtype == np.float16
        if low and want.shape == got.shape and np.allclose(want, got, rtol=1e-4, atol=1e-5, equal_nan=True):
            return ""
    return str(found)[:200]


# -- workers ---------------------------------------------------------------------------------------------------------


def serve(seed: int) -> None:
    """Read numbers from standard input; write phases and outcomes to standard output, one JSON list a line."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        number = int(line)
        case = tampered(number, seed)
        if case is None:
            out.write(json.dumps(["done", "", "not made"]) + "\n")
            continue
        out.write(json.dumps(["name", str(case)]) + "\n")
        found = outcome(case, lambda phase: out.write(json.dumps(["phase", phase]) + "\n") and None)
        out.write(json.dumps(["done", str(case), found]) + "\n")


class Worker:
    """A process that is asked for one outcome at a time and replaced where it ends or hangs."""

    def __init__(self, seed: int, timeout: float) -> None:
        self.seed, self.timeout = seed, timeout
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        import pretzel

        command = [sys.executable, "-m", "tests.tampering", "--serve", "--seed", str(self.seed)]
        path = [Path(pretzel.__file__).parent.parent, Path(__file__).parent.parent]  # the Pretzel of this process
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1"}
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            env={**environment, "OMP_NUM_THREADS": "1"},
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        return self.process

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    def ask(self, number: int) -> tuple[str, str]:
        """Name and outcome of a number."""
        process = self.process or self.start()
        assert process.stdin is not None
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        name, phase = f"number {number}", "making it"
        first = True
        end = time.monotonic() + self.timeout + 60.0
        while True:
            try:
                line = self.lines.get(timeout=max(end - time.monotonic(), 0.0))
            except queue.Empty:
                self.stop()
                return name, ("source hangs" if phase.startswith("source") else f"hangs: {phase}")
            if line is None:
                code = process.wait()
                said = self.tail()
                self.stop()
                return name, ("source crashes" if phase.startswith("source") else f"crashes ({code}): {phase} {said}")
            kind, *rest = json.loads(line)
            if kind == "name":
                name = rest[0]
            elif kind == "phase":
                phase = rest[0]
            else:
                return rest[0], rest[1]
            if first:
                first, end = False, time.monotonic() + self.timeout

    def tail(self) -> str:
        self.log.flush()
        self.log.seek(0)
        lines = [line.strip() for line in self.log.read().splitlines()]
        told = [line for line in lines if "ERROR: " in line or "runtime error" in line or line.startswith("#")]
        return " | ".join(told[:8])

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.log.close()


def run(numbers: list[int], seed: int, jobs: int, timeout: float, report: Callable[[int, str, str], None]) -> None:
    """Outcomes of all numbers."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work() -> None:
        worker = Worker(seed, timeout)
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                worker.stop()
                return
            report(number, *worker.ask(number))

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tampering", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for one estimator")
    parser.add_argument("--only", type=int, nargs="*", help="these numbers instead")
    parser.add_argument("--odd", action="store_true", help="print what is no fault, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.seed)
        return
    counts: collections.Counter[str] = collections.Counter()

    def report(number: int, name: str, found: str) -> None:
        counts[found.partition(":")[0]] += 1
        if is_fault(name, found) or (options.odd and found not in GOOD):
            print(f"{number}\t{name}\t{found}", flush=True)

    numbers = options.only or list(range(options.first, options.first + options.count))
    run(numbers, options.seed, options.jobs, options.timeout, report)
    for what, count in counts.most_common():
        print(f"{count:8d}  {what}")


if __name__ == "__main__":
    main()
