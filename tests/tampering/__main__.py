"""The command line; see the package."""

from __future__ import annotations

import argparse
import collections
import os

import tests.tampering
from tests.tampering.outcomes import GOOD, is_fault
from tests.tampering.workers import run, serve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tampering", description=(tests.tampering.__doc__ or "").partition("\n")[0]
    )
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
