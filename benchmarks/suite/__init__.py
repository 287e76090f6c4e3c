"""Benchmarks for asv: ``asv run --config benchmarks/asv.conf.json``.

The checkout goes behind everything else on the path, so that `benchmarks` is found and `pretzel` is the installed one.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
