"""``python -m pretzel.calibration``: measure the cost coefficients of this machine, and keep them for all processes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pretzel.calibration.learn import as_header, calibrate
from pretzel.runtime.calibration_file import cache_file


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pretzel.calibration", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer models")
    parser.add_argument("--output", type=Path, help=f"file to write; {cache_file()} by default")
    parser.add_argument("--header", type=Path, help="also write the C++ header of the shipped coefficients")
    arguments = parser.parse_args()
    found = calibrate(quick=arguments.quick)
    path = found.save(arguments.output)
    if arguments.header:
        arguments.header.write_text(as_header(found))
    sys.stdout.write(f"{len(found.coefficients)} terms at {found.isa}: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
