"""Plan files that releases of Pretzel have written, with what they answer. scikit-learn is not imported here.

``python -m tests.store.corpus_files`` asks every file, in a process in which scikit-learn cannot be imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pretzel
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import FORMAT

CORPUS = Path(__file__).parent / "corpus"
NEWEST = f"{FORMAT}-{pretzel.__version__}"
UNKNOWN = ("sklearn", "pandas", "pyarrow")


def asked(request: dict[str, Any]) -> Any:
    """A request as a plan takes it."""
    rows, dtype = request["rows"], request["dtype"]
    return rows if dtype is None else np.array(rows, dtype=dtype)


def plain(answer: Any) -> list[dict[str, Any]]:
    """An answer as JSON has it; numbers of JSON have all bits."""
    if isinstance(answer, list):
        return [each for one in answer for each in plain(one)]
    array = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    return [{"dtype": array.dtype.str, "shape": list(array.shape), "values": array.ravel().tolist()}]


def answers(plan: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What each method answers."""
    return {method: plain(getattr(plan, method)(asked(request))) for method in sorted(plan.methods)}


class Nothing:
    """Finds no package that a plan does not need."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in UNKNOWN:
            raise ModuleNotFoundError(name)


def main() -> None:
    """Ask every file of every release; numbers are equal to the bit."""
    asked_files = 0
    for path in sorted(CORPUS.glob("*/*.pretzel")):
        plan = pretzel.load(path, store=ObjectStore())
        for request in json.loads(path.with_suffix(".json").read_text()):
            found = json.loads(json.dumps(answers(plan, request)))
            assert found == request["answers"], f"{path}: {request['dtype']}"
        asked_files += 1
    assert not {*UNKNOWN} & {*sys.modules}
    print(asked_files)


if __name__ == "__main__":
    sys.meta_path.insert(0, Nothing())  # type: ignore[arg-type]
    main()
