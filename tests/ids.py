"""Names of cases that are the same in every process, because several share the tests."""

from __future__ import annotations

import re


def stable_id(value: object) -> str:
    """A value as text, without the addresses of functions in it."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
