"""A writer that is killed at random points, or ends at each of its system calls, while a reader loads everything.

``python -m tests.store.kill_writer 500`` kills as many writers and prints what was published, read and collected.
``tests.store.test_kill_writer`` kills a few, and lets a writer end before and after every call that changes the disk.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import pretzel
from pretzel.errors import ModelNotFoundError
from pretzel.store.object_store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = 3
WIDTH = 3000  # columns: the weights are a file of their own
CALLS = ("open", "write", "fsync", "ftruncate", "replace", "mkdir", "unlink", "close")


def plan_of(number: int) -> Any:
    """A plan that answers its number to a row of ones; half of its parameters are those of its neighbour."""
    from sklearn.linear_model import LinearRegression

    model = LinearRegression()
    model.coef_ = np.arange(WIDTH, dtype=float) % (2 + number // 2 % 50)
    model.intercept_ = number - model.coef_.sum()
    model.n_features_in_ = WIDTH
    return pretzel.compile(model, store=ObjectStore())


def published(store: pretzel.PlanStore) -> dict[str, str]:
    """Each version of each name with the plan file that it means."""
    return {f"{name}@{label}": digest for name in store.names() for label, digest in store.versions(name).plans.items()}


def check_answers(store: pretzel.PlanStore) -> int:
    """Load every version that a name has, which may be gone by then; how many answered."""
    answered = 0
    for each in published_now(store):
        name, _, label = each.partition("@")
        try:
            plan = store.load(name, label)
        except ModelNotFoundError:
            continue
        answer, expected = plan.predict_one(np.ones(WIDTH)), int(label[1:])
        assert abs(answer - expected) < 1e-6, f"{each} answers {answer}"
        answered += 1
    return answered


def published_now(store: pretzel.PlanStore) -> list[str]:
    """Each version of each name, while a writer may remove some."""
    found = []
    for name in store.names():
        try:
            found += [f"{name}@{label}" for label in store.versions(name).plans]
        except ModelNotFoundError:  # removed since
            continue
    return found


def steps(store: pretzel.PlanStore, first: int, rng: random.Random) -> Any:
    """Publish, promote, remove and collect without end; says before and after each step what it does."""
    for number in itertools.count(first):
        name, label = f"m{number % NAMES}", f"n{number}"
        keep = rng.random() < 0.7
        plan = plan_of(number)
        yield f"publishing {name}@{label} {int(keep)}"
        store.publish(name, plan, version=label, keep=keep, default=rng.random() < 0.5)
        yield f"published {name}@{label}"
        versions = store.versions(name)
        if rng.random() < 0.4:
            store.promote(name, rng.choice([*versions.plans]))
        others = [each for each in store.versions(name).plans if each != store.versions(name).default]
        if others and rng.random() < 0.4:
            lost = rng.choice(others)
            yield f"removing {name}@{lost}"
            store.remove(name, lost)
        if rng.random() < 0.05:
            yield f"removing {name}"
            store.remove(name)
        if rng.random() < 0.4:
            store.gc()


def write(path: str, first: int, seed: int) -> None:
    """Write until killed; standard output says what is done."""
    store = pretzel.PlanStore(path, store=ObjectStore())
    for line in steps(store, first, random.Random(seed)):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def read(path: str) -> None:
    """Load everything until standard input ends; prints how often and how many plans."""
    import threading

    done = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
    rounds = answered = 0
    print("ready", flush=True)
    while not done.is_set() or not rounds:
        answered += check_answers(pretzel.PlanStore(path, create=False, store=ObjectStore()))
        rounds += 1
    print(rounds, answered)


@dataclass
class Kept:
    """What the store must have, by what the writers said."""

    sure: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    newest: int = -1

    def hear(self, lines: list[str]) -> None:
        """Take what one writer said, of which the last line may be half done."""
        for line in lines:
            what, _, rest = line.partition(" ")
            each = rest.partition(" ")[0]
            name = each.partition("@")[0]
            if what == "publishing":
                self.newest = max(self.newest, int(each.partition("@n")[2]))
                self.maybe.add(each)
                if rest.endswith(" 0"):
                    self._forget(lambda other, name=name: other.startswith(f"{name}@"))
            elif what == "published":
                self.sure.add(each)
            elif what == "removing":
                self._forget(lambda other, each=each: other == each or other.startswith(f"{each}@"))

    def _forget(self, is_gone: Callable[[str], bool]) -> None:
        gone = {each for each in self.sure if is_gone(each)}
        self.sure -= gone
        self.maybe |= gone

    def check(self, found: set[str]) -> None:
        """Compare with what is there, which is sure from now on."""
        assert self.sure <= found, f"lost: {sorted(self.sure - found)}"
        assert found <= self.sure | self.maybe, f"came back: {sorted(found - self.sure - self.maybe)}"
        self.sure, self.maybe = set(found), set()


def kill_writers(path: Path, kills: int, seed: int = 0, longest: float = 0.25) -> dict[str, int]:
    """Kill writers one after the other, and check the store after each."""
    rng, kept = random.Random(seed), Kept()
    pretzel.PlanStore(path).publish("m0", plan_of(0), version="n0")  # imports what the writers, which are forked, need
    kept.hear(["publishing m0@n0 1", "published m0@n0"])
    base = [sys.executable, "-m", "tests.store.kill_writer", "--path", str(path)]
    reader = subprocess.Popen([*base, "--read"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    counts = {"kills": 0, "steps": 0, "aside": 0, "unused": 0, "plans": 0}
    for number in range(kills):
        counts["steps"] += _kill_one(path, kept, seed * 100_003 + number, rng.random() * longest)
        store = pretzel.PlanStore(path, create=False, store=ObjectStore())
        counts["aside"] += len(os.listdir(path / "aside"))
        kept.check(set(published(store)))
        check_answers(store)
        found = store.fsck()
        assert found.ok, found.faults
        counts["unused"] += found.unused
        counts["kills"] += 1
        assert reader.poll() is None, "the reader failed"
    counts["plans"] = len(kept.sure)
    store.gc()
    assert store.fsck().unused == 0
    assert os.listdir(path / "aside") == []
    out, _ = reader.communicate(timeout=60)
    assert reader.returncode == 0, "the reader failed"
    counts["reader_rounds"], counts["reader_loads"] = map(int, out.split())
    return counts


def _kill_one(path: Path, kept: Kept, seed: int, seconds: float) -> int:
    receives, sends = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(sends, 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        try:
            write(str(path), kept.newest + 1, seed)
        finally:
            os._exit(1)
    os.close(sends)
    with os.fdopen(receives) as lines:
        said = [lines.readline().rstrip()]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        said += lines.read().splitlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the writer failed: {status}"
    kept.hear(said)
    return len(said)


# -- at each system call ---------------------------------------------------------------------------------------------


def end_at(call: int, act: Callable[[], None], *, after: bool) -> bool:
    """Run ``act`` in a child that ends before or after its n-th call of those in `CALLS`; whether it got so far."""
    child = os.fork()
    if child == 0:
        remaining = [call]

        def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
            def count(*arguments: Any, **options: Any) -> Any:
                remaining[0] -= 1
                if remaining[0] == 0 and not after:
                    os._exit(9)
                try:
                    return original(*arguments, **options)
                finally:
                    if remaining[0] == 0:
                        os._exit(9)

            return count

        try:
            for name in CALLS:
                setattr(os, name, wrapped(getattr(os, name)))
            os.fdopen = _unbuffered  # type: ignore[assignment]
            act()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) in (0, 9), f"the writer failed: {status}"
    return os.WEXITSTATUS(status) == 9


class _Unbuffered:
    """A file that writes halves with `os.write`, so that a writer may end within a file."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __enter__(self) -> _Unbuffered:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)

    def fileno(self) -> int:
        """The descriptor."""
        return self.handle

    def flush(self) -> None:
        """Nothing is buffered."""

    def write(self, contents: Any) -> None:
        """Two halves, each written whole."""
        data = bytes(contents)
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            while part:
                part = part[os.write(self.handle, part) :]


def _unbuffered(handle: int, mode: str) -> _Unbuffered:
    assert mode == "wb"
    return _Unbuffered(handle)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.store.kill_writer", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("kills", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        for what, count in kill_writers(Path(folder) / "store", options.kills, options.seed).items():
            print(f"{count:8d}  {what.replace('_', ' ')}")


if __name__ == "__main__":
    main()
