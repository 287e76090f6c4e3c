"""``python -m pretzel``: the command line."""

from __future__ import annotations

import sys

from pretzel.cli import main

if __name__ == "__main__":
    sys.exit(main())
