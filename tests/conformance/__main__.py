"""``python -m tests.conformance``: the table of the conformance run."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
import warnings
from dataclasses import asdict
from pathlib import Path

from tests.conformance.run import Selection, run
from tests.conformance.table import differences, summary


def main() -> int:
    """Run the selected cases and print the table; 1 if one differs without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--estimator", default="", help="only those whose name contains this text")
    parser.add_argument("--form", default="", help="only forms of request whose name contains this text")
    parser.add_argument("--sample", type=int, help="draw so many cases of each estimator")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--workers", type=int, help="processes at a time; as many as processors by default")
    parser.add_argument("--details", action="store_true", help="print every case that differs")
    parser.add_argument("--json", type=Path, help="write every case to this file, one a line")
    options = parser.parse_args()
    started = time.monotonic()
    warnings.simplefilter("ignore")
    selection = Selection(options.estimator, options.form, options.sample, options.seed)
    cases = []
    with options.json.open("w") if options.json else contextlib.nullcontext() as file:
        for case in run(selection, options.workers):
            cases.append(case)
            if file is not None:
                file.write(json.dumps(asdict(case)) + "\n")
    print(summary(cases))
    if options.details:
        print("\n".join(differences(cases)))
    print(f"{time.monotonic() - started:.0f} seconds")
    return 0 if not differences(cases) else 1


if __name__ == "__main__":
    raise SystemExit(main())
