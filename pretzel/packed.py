"""Plain data that is rarely read."""

from __future__ import annotations

import json
import zlib
from typing import Any

from pretzel.errors import CorruptStoreError

LARGEST, MOST_COMPRESSED = 1 << 24, 100
"""Bytes that data may have once it is unpacked, or the part of these that it is compressed to."""

STRUCTURE: dict[Any, Any] = {"nodes": [(str, [int], dict)], "outputs": {str: int}}
"""Form of `pretzel.plan.StoredGraph.structure`: operator, inputs and values of nodes, node of each output."""

NAMES_OUT: dict[Any, Any] = {"names": [str]}
"""Form of `names_out` of `pretzel.plan.MethodPlan` and `pretzel.plan.PhysicalPlan`."""

COLUMNS: dict[Any, Any] = {
    "groups": [
        {
            "kind": str,
            "dtype": str,
            "nullable": bool | None,
            "rejects_unknown": bool,
            "categories": list | None,
        }
    ],
    "runs": [(int, int)],
}
"""Form of `pretzel.plan.PhysicalPlan.columns`: groups of columns that are alike, and runs of columns of one group.

The dtype of texts that are dates is their format, which begins with a per cent sign or holds one.
"""

_SHOWN = {"nodes": [{"id": int, "op": str, "inputs": [int], "schema": str, "origin": str}], "methods": {str: int}}

REPORT: dict[Any, Any] = {
    "logical": _SHOWN,
    "optimized": _SHOWN,
    "rules": [{"rule": str, "before": str, "after": str, "origin": str, "seconds": float | None}],
    "options": {str: object},
    "seconds": float | None,
}
"""Form of `pretzel.plan.PhysicalPlan.report`; files hold no times, so that one model is always the same file."""


class Packed:
    """Plain data that is rarely read, kept as compressed JSON: unpacked, the report of a small model outweighs it."""

    __slots__ = ("__weakref__", "_packed")

    def __init__(self, data: dict[str, Any]) -> None:
        self._packed = zlib.compress(json.dumps(data).encode(), level=1)

    @classmethod
    def of(cls, content: bytes) -> Packed:
        """The packed data that has this content."""
        packed = cls.__new__(cls)
        packed._packed = content
        return packed

    @property
    def content(self) -> bytes:
        """The compressed data."""
        return self._packed

    def unpack(self, form: dict[Any, Any]) -> dict[str, Any]:
        """The data, as a new object.

        Parameters
        ----------
        form : dict
            What the data must look like: a dict of forms by key, or by `str` for any keys, a list of the one form of
            all items, a tuple of the form of each item, or a type.

        Raises
        ------
        CorruptStoreError
            The data comes from a damaged file.
        """
        most = max(LARGEST, MOST_COMPRESSED * len(self._packed))
        try:
            text = zlib.decompressobj().decompress(self._packed, most + 1)
            data: dict[str, Any] = json.loads(text) if len(text) <= most else {}
            if _has_form(data, form):
                return data
        except (ValueError, RecursionError, zlib.error) as error:
            raise CorruptStoreError(f"packed data of a plan is damaged: {error}") from error
        raise CorruptStoreError(f"packed data of a plan is damaged: {text[:100]!r}")


def _has_form(data: Any, form: Any) -> bool:
    if isinstance(form, dict):
        if type(data) is not dict:
            return False
        if str in form:
            return all(_has_form(each, form[str]) for each in data.values())
        return data.keys() == form.keys() and all(_has_form(data[key], form[key]) for key in form)
    if isinstance(form, list):
        return type(data) is list and all(_has_form(each, form[0]) for each in data)
    if isinstance(form, tuple):
        return type(data) is list and len(data) == len(form) and all(map(_has_form, data, form))
    return isinstance(data, form)
