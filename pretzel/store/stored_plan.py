"""A plan of a store on disk, whose large arrays have their own files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pretzel.errors import CorruptStoreError, StoreError
from pretzel.store.arrow_file import mapped
from pretzel.store.digest import digest_of_memory
from pretzel.store.mapped_file import reading
from pretzel.store.plan_file import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from pretzel.store.plan_file import PlanFile

    Array = npt.NDArray[Any]


class StoredPlan:
    """A plan in a store: its plan file, and its large arrays beside.

    Parameters
    ----------
    file : PlanFile
    path_of : callable
        The file of a large array, given its digest in hexadecimal digits.
    """

    def __init__(self, file: PlanFile, path_of: Callable[[str], Path]) -> None:
        self.file, self._path_of = file, path_of
        self._mapped: dict[bytes, Array] = {}
        self.where = file.where
        self.description, self.description_bytes = file.description, file.description_bytes
        self.large = file.index("large")
        self.padding = file.padding + 3 * PAGE * len(self.large)  # with what Arrow writes around each

    @property
    def sizes(self) -> dict[bytes, int]:
        """Bytes of each array."""
        return {**self.file.sizes, **{digest: at.nbytes for digest, at in self.large.items()}}

    @property
    def digests(self) -> list[bytes]:
        """All arrays of the plan."""
        return [*self.file.locations, *self.large]

    def location_of(self, digest: bytes) -> str:
        """Tells arrays apart that have one digest, because two plans name other parts of one file."""
        return str(self.large.get(digest, ""))

    def map_large(self) -> None:
        """Map the large arrays, so that they stay when their files are removed. `array` tells of damaged ones.

        Raises
        ------
        FileNotFoundError
        """
        for digest, location in self.large.items():
            with contextlib.suppress(StoreError, ValueError), reading(path := self._path_of(digest.hex())):
                self._mapped[digest] = mapped(path, location)

    def array(self, digest: bytes) -> Array:
        """The array of a digest, mapped. A small one is compared with its digest, because plans share what they load.

        Raises
        ------
        CorruptStoreError
            It is not there, or damaged.
        StoreError
            The system cannot read it now.
        """
        location = self.large.get(digest)
        if location is None:
            small = self.file.array(digest)
            if digest_of_memory(small) != digest:
                raise CorruptStoreError(f"{self.where}: the object {digest.hex()} is damaged")
            return small
        if digest in self._mapped:
            return self._mapped[digest]
        path = self._path_of(digest.hex())
        try:
            with reading(path):
                return mapped(path, location)
        except (FileNotFoundError, ValueError) as error:
            raise CorruptStoreError(f"{self.where}: the object {digest.hex()} cannot be read: {error}") from error
