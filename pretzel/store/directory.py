"""A store on disk: plans of many models in one directory, which any number of processes map and one writes at a time.

::

    pretzel.json            marks the directory, with the version of its format
    lock                    held by the writer, whom it names
    names/<name>.json       versions of one model and which is the default; replaced at once
    plans/ab/<digest>.pretzel   a plan file (`pretzel.store.plan_file`), with the small arrays of the plan
    objects/ab/<digest>.arrow   a large array, which any number of plans name
    aside/                  files that are being written

Files are never changed: they are written aside, flushed to the disk and renamed. A name refers to a plan only when all
of the plan is there, so that a reader sees a whole plan or none, and a writer that is killed leaves a store that opens.
"""

from __future__ import annotations

import contextlib
import os
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CorruptStoreError, ModelNotFoundError, RegistrationError, StoreError
from pretzel.store.arrow_file import Location, array_file, location_in, mapped
from pretzel.store.digest import DIGEST
from pretzel.store.files import left_aside, plans_and_objects
from pretzel.store.fsck import check_store
from pretzel.store.mapped_file import reading, writing
from pretzel.store.mark import MARK, check_mark, mark_content
from pretzel.store.name_files import NameFiles, Versions, read_again
from pretzel.store.plan_file import open_plan_file, plan_file, write_aside
from pretzel.store.stored_plan import StoredPlan
from pretzel.store.writer_lock import reader_lock, writer_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from pretzel.store.fsck import Findings
    from pretzel.store.name_files import Result

    Array = npt.NDArray[Any]

LARGE = 1 << 14
"""An array of at least so many bytes has its own file; smaller ones are in the file of their plan."""

_COARSE = 2 * 10**9  # nanoseconds
_ROOMS = ("names", "plans", "objects", "aside")


class Directory:
    """A store on disk.

    Parameters
    ----------
    path : str or path
    create : bool
        Make the directory where there is none. Otherwise it must be a store.

    Raises
    ------
    StoreError
        The directory is no store, or one of a later release of Pretzel.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = False) -> None:
        self.path = Path(path).absolute()
        self.where = os.fspath(path)
        self._names = NameFiles(self.path)
        mark = self.path / MARK
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.where} is no store, but a file")
        if create and not mark.exists():
            with writing(self.path):
                self._create()
        try:
            with reading(mark):
                check_mark(mark.read_bytes(), self.where)
        except FileNotFoundError:
            raise StoreError(f"{self.where} is no store: it has no {MARK}") from None

    def _create(self) -> None:
        others = self.path.iterdir() if self.path.exists() else ()
        if not all(map(_is_begun, others)) and not (self.path / MARK).exists():
            raise StoreError(
                f"{self.where} is no store, and not empty: give an empty directory, or one that is not there"
            )
        for room in _ROOMS:
            (self.path / room).mkdir(parents=True, exist_ok=True)
        with writer_lock(self.path / "lock"):
            self._write(self.path / MARK, mark_content())

    # -- reading -----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return self._names.names()

    def state(self) -> object:
        """Another value whenever a name may have changed; None soon after a change, for clocks of files are coarse."""
        self._names.check_folder()
        changed = (self.path / "names").stat().st_mtime_ns
        return changed if abs(time.time_ns() - changed) > _COARSE else None

    def versions(self, name: str) -> Versions:
        """The versions of a name.

        Raises
        ------
        ModelNotFoundError
            The store has no such name.
        """
        return self._names.versions(name)

    def open(self, name: str, version: str | None = None) -> StoredPlan:
        """The plan file of a name, as `use` finds it. Its large arrays may be collected before they are mapped."""
        return self.use(name, version, lambda plan: plan)

    def use(self, name: str, version: str | None, read: Callable[[StoredPlan], Result]) -> Result:
        """What ``read`` makes of the plan of a name: of its default version, unless another is given.

        It is called again if files were collected in the meantime, because the name means another plan.

        Raises
        ------
        ModelNotFoundError
            The store has no such name, or the name no such version.
        CorruptStoreError
            A file is damaged or missing.
        """

        def meaning() -> str:
            versions = self.versions(name)
            digest = versions.plans.get(versions.default if version is None else version)
            if digest is None:
                raise ModelNotFoundError(f"{self.where}: {name!r} has no version {version!r}, only {[*versions.plans]}")
            return digest

        def opened(digest: str) -> Result:
            try:
                plan = self.plan(digest)
            except FileNotFoundError as error:
                raise CorruptStoreError(f"{self.where}: {name!r} needs {error.filename}, which is missing") from error
            return read(plan)

        return read_again(meaning, opened)

    def plan(self, digest: str) -> StoredPlan:
        """The plan file of that digest."""
        path = self.plan_path(digest)
        with reading(path):
            return StoredPlan(open_plan_file(path), self.object_path)

    def fetch(self, digests: Iterable[str]) -> object:
        """Bring plans to this machine, where those of a directory are."""

    def repaired(self, plan: StoredPlan) -> StoredPlan | None:
        """A damaged plan, if its files could be fetched again."""

    # -- writing -----------------------------------------------------------------------------------------------------

    def publish(
        self,
        name: str,
        description: Mapping[str, Any],
        arrays: Mapping[bytes, Array],
        *,
        version: str | None = None,
        default: bool = True,
        keep: bool = True,
        check: Callable[[], object] | None = None,
    ) -> str:
        """Write a plan and let a name mean it, as `PlanStore.publish` says. Nothing is changed if this fails.

        Parameters
        ----------
        name : str
        description : mapping
        arrays : mapping of bytes to ndarray
            By digest of their contents.
        version, default, keep
            As of `PlanStore.publish`.
        check : callable, optional
            Raises if the plan must not be the default. The writer calls it while it holds the lock.

        Returns
        -------
        str
            The label of the version.

        Raises
        ------
        RegistrationError
            The name has that version already, or is none.
        """
        path = self._names.path_of(name)
        small = {digest: array for digest, array in arrays.items() if array.nbytes < LARGE}
        with self._writing():
            versions = self._names.versions_or_none(name)
            label = version or versions.next_label()
            if label in versions.plans:
                raise RegistrationError(f"{self.path}: '{name}@{label}' is there already; give another version")
            others = versions.plans if keep else {}
            chosen = label if default or versions.default not in others else versions.default
            if check is not None and chosen == label:
                check()
            large = {digest: self._put(digest, array) for digest, array in arrays.items() if digest not in small}
            index = {digest.hex(): [at.offset, at.dtype, list(at.shape)] for digest, at in large.items()}
            contents = plan_file({**description, "large": index}, small)
            digest = blake2b(contents, digest_size=DIGEST).hexdigest()
            self._put_plan(digest, contents)
            self._write(path, Versions({**others, label: digest}, chosen).content())
        return label

    def adopt(self, names: Mapping[str, Versions], fetch: Callable[[], object]) -> None:
        """Let names have other versions, whose plans ``fetch`` brings here; nothing is collected in the meantime."""
        paths = {self._names.path_of(name): versions for name, versions in names.items()}
        with self._writing():
            self._names.check_folder()
            fetch()
            for path, versions in paths.items():
                self._write(path, versions.content())

    def promote(self, name: str, version: str, check: Callable[[], object] | None = None) -> None:
        """Let a name mean another of its versions; ``check`` is as of `publish`.

        Raises
        ------
        ModelNotFoundError
        """
        with self._writing():
            versions = self.versions(name)
            if version not in versions.plans:
                raise ModelNotFoundError(f"{self.path}: {name!r} has no version {version!r}, only {[*versions.plans]}")
            if check is not None:
                check()
            self._write(self._names.path_of(name), Versions(versions.plans, version).content())

    def remove(self, name: str, version: str | None = None) -> None:
        """Forget a name, even a damaged one, or one of its versions that is not the default.

        `gc` frees what only that needed.

        Raises
        ------
        ModelNotFoundError
        RegistrationError
            The version is the default.
        """
        with self._writing():
            if version is None:
                self._names.remove(name)
                return
            versions = self.versions(name)
            if version not in versions.plans:
                raise ModelNotFoundError(f"{self.path}: {name!r} has no version {version!r}, only {[*versions.plans]}")
            if version == versions.default:
                raise RegistrationError(f"{self.path}: {version!r} is the default of {name!r}; promote another first")
            del versions.plans[version]
            self._write(self._names.path_of(name), versions.content())

    def gc(self) -> int:
        """Remove the files that no name needs, and what writers that died left aside; returns the bytes freed.

        Readers keep what they have mapped.
        """
        freed = 0
        with self._writing():
            needed = self._needed()
            for path in [*plans_and_objects(self.path), *left_aside(self.path)]:
                if path not in needed:
                    with contextlib.suppress(FileNotFoundError):  # a pull, which takes no lock, has renamed it
                        size = path.stat().st_size
                        path.unlink()
                        freed += size
        return freed

    def fsck(self) -> Findings:
        """Read everything, and compare it with the digests that name it.

        A store that this process may only read is checked, too.
        """
        with reading(self.path / "lock"), reader_lock(self.path / "lock"):
            return check_store(self, self._names)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the one writer.

        Raises
        ------
        StoreError
            A file cannot be written, for want of room or permission.
        """
        with writing(self.path), writer_lock(self.path / "lock"):
            yield

    # -- files -------------------------------------------------------------------------------------------------------

    def plan_path(self, digest: str) -> Path:
        """The file of a plan."""
        return self.path / "plans" / digest[:2] / f"{digest}.pretzel"

    def object_path(self, digest: str) -> Path:
        """The file of a large array."""
        return self.path / "objects" / digest[:2] / f"{digest}.arrow"

    def _needed(self) -> set[Path]:
        """Files that some name needs.

        Raises
        ------
        CorruptStoreError
            A name or a plan cannot be read, so that the files that it needs are not known.
        """
        needed: set[Path] = set()
        for name, file in self._names.files():
            try:
                for digest in self._names.named_versions(name, file).plans.values():
                    path = self.plan_path(digest)
                    if path in needed:
                        continue
                    try:
                        needed |= {path, *(self.object_path(each.hex()) for each in self.plan(digest).large)}
                    except FileNotFoundError as error:
                        raise CorruptStoreError(f"{self.path}: {name!r} needs {path}, which is missing") from error
            except CorruptStoreError as error:
                what = f"delete {str(file)!r}" if name is None else f"remove {name!r}"
                raise CorruptStoreError(
                    f"{error}; nothing is collected, because it may need any file: put back what is damaged, or {what}"
                ) from error
        return needed

    def _put(self, digest: bytes, array: Array) -> Location:
        """Where a large array lies in its file, which is written if it is not there, or damaged."""
        path = self.object_path(digest.hex())
        with contextlib.suppress(FileNotFoundError, CorruptStoreError):
            location = location_in(path)
            if _same(mapped(path, location), array):
                return location
        contents, location = array_file(array)
        self._write(path, contents)
        return location

    def _put_plan(self, digest: str, contents: bytes) -> None:
        """Write a plan file if it is not there, or damaged."""
        path = self.plan_path(digest)
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == contents:
                return
        self._write(path, contents)

    def _write(self, path: Path, contents: Any) -> None:
        for directory in (path.parent, aside := self.path / "aside"):
            directory.mkdir(parents=True, exist_ok=True)
        write_aside(path, contents, aside)


def _same(found: Array, array: Array) -> bool:
    """Whether two arrays are equal bit by bit."""
    if (found.dtype, found.shape) != (array.dtype, array.shape):
        return False
    ours, theirs = (np.ascontiguousarray(each).reshape(-1).view(np.uint8) for each in (array, found))
    return np.array_equal(ours, theirs)


def _is_begun(path: Path) -> bool:
    """Whether a path may belong to a store that was only begun, because the mark of a store is written last."""
    return path.name == "lock" or (
        path.name in _ROOMS and path.is_dir() and (path.name == "aside" or not any(path.iterdir()))
    )
