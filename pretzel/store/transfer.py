"""Copying between a store in a directory and one at a URL: only what is missing, names last."""

from __future__ import annotations

import contextlib
import tempfile
from functools import partial
from typing import TYPE_CHECKING

from pretzel.errors import CorruptStoreError, ModelNotFoundError, OptionError, RegistrationError, StoreError
from pretzel.store.directory import Directory
from pretzel.store.mapped_file import writing
from pretzel.store.mark import MARK, check_mark, mark_content
from pretzel.store.name_files import NameFiles, read_again
from pretzel.store.place import Place
from pretzel.store.remote import Copied, RemoteDirectory, check_object_file, check_plan_file, in_parallel
from pretzel.store.writer_lock import writer_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pretzel.store.name_files import Versions
    from pretzel.store.stored_plan import StoredPlan

    Check = Callable[[str, StoredPlan, StoredPlan], object]


def push(store: Directory, url: str, names: Iterable[str] | None = None, check: Check | None = None) -> Copied:
    """Copy what is missing to a URL, or has another size there, names last.

    Parameters
    ----------
    store : Directory
    url : str
        A store, or nothing yet.
    names : iterable of str, optional
        All by default. A name there has the versions that it has here afterwards; other names stay as they are.
    check : callable, optional
        ``check(name, old, new)`` raises if a default must not be replaced. With it, no version is lost there either.

    Raises
    ------
    CorruptStoreError
        A file here is not what its digest says; nothing is copied of it, and no name.
    """
    place, chosen = Place(url), _chosen(names)
    _files_in(place)  # raises before anything is written there
    with _writing(place), tempfile.TemporaryDirectory() as folder:
        there = _files_in(place)
        if MARK not in there:
            place.write(MARK, mark_content())
        allow = partial(_check_replaced, RemoteDirectory(place.url, folder), store, check)
        return read_again(partial(_versions, store, chosen), partial(_push, store, place, there, allow))


def _files_in(place: Place) -> dict[str, int]:
    """Bytes of all files of a store, or of what may become one.

    Raises
    ------
    StoreError
        It is neither, or a store of a later release of Pretzel.
    """
    there = place.sizes()
    if MARK in there:
        check_mark(place.read(MARK), place.url)
    elif any(file != "lock" and not file.startswith("aside/") for file in there):
        raise StoreError(f"{place.url} is no store, and not empty")
    return there


@contextlib.contextmanager
def _writing(place: Place) -> Iterator[None]:
    """Be the one writer of a store on a local disk, where others may publish and collect."""
    folder = place.folder
    if folder is None:
        yield
        return
    with contextlib.ExitStack() as held:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(writer_lock(folder / "lock"))
            if (folder / MARK).exists():
                NameFiles(folder).check_folder()
            (folder / "names").mkdir(exist_ok=True)
        yield


def _chosen(names: Iterable[str] | None) -> list[str] | None:
    """The names that are copied; None for all."""
    if isinstance(names, str):
        raise OptionError(f"names are several texts, as in names=[{names!r}], not one")
    return None if names is None else list(names)


def _versions(store: Directory, names: Iterable[str] | None) -> dict[str, Versions]:
    return {name: store.versions(name) for name in (store.names() if names is None else names)}


def _check_replaced(
    target: Directory, source: Directory, check: Check | None, versions: Mapping[str, Versions]
) -> None:
    """Raise if names of the target would lose versions, or if ``check`` raises for the plans that they mean."""
    if check is None:
        return
    for name, new in versions.items():
        try:
            old = target.versions(name)
            lost = old.lost_by(new)
            if lost:
                raise RegistrationError(
                    f"{target.where}: {name!r} has versions that {source.where} does not have: {', '.join(lost)}; pass "
                    "allow_changes=True to replace them"
                )
            digests = old.plans[old.default], new.plans[new.default]
            before = _plan_alone(target, digests[0])
        except (ModelNotFoundError, CorruptStoreError):  # it means nothing that callers would miss
            continue
        if digests[0] != digests[1]:
            check(name, before, _plan_alone(source, digests[1]))


def _plan_alone(store: Directory, digest: str) -> StoredPlan:
    """A plan file without its large arrays.

    Raises
    ------
    CorruptStoreError
        It is damaged or missing.
    """
    try:
        if isinstance(store, RemoteDirectory):
            store.fetch_plan(digest)
        return Directory.plan(store, digest)
    except FileNotFoundError as error:
        raise CorruptStoreError(f"{store.where} lacks {error.filename}") from error


def _push(
    store: Directory,
    place: Place,
    there: dict[str, int],
    allow: Callable[[Mapping[str, Versions]], None],
    versions: Mapping[str, Versions],
) -> Copied:
    """Copy what names need and is not ``there``, which gets the sizes of what is copied."""
    plans: dict[Path, Callable[[Path], None]] = {}
    objects: dict[Path, Callable[[Path], None]] = {}
    for digest in {digest for each in versions.values() for digest in each.plans.values()}:
        try:
            plan = store.plan(digest)
        except FileNotFoundError as error:
            raise CorruptStoreError(f"{store.where} lacks {error.filename}") from error
        plans[store.plan_path(digest)] = partial(check_plan_file, digest)
        for each, at in plan.large.items():
            objects[store.object_path(each.hex())] = partial(check_object_file, each, at)

    allow(versions)

    def send(path: Path, check: Callable[[Path], None]) -> int | None:
        file = path.relative_to(store.path).as_posix()
        try:
            size = path.stat().st_size
            if there.get(file) == size:
                return None
            check(path)
            place.put(file, path)
        except FileNotFoundError as error:
            raise CorruptStoreError(f"{store.where} lacks {path}") from error
        except CorruptStoreError as error:
            raise CorruptStoreError(f"{path} is damaged: {error}") from error
        there[file] = size
        return size

    copied = [*in_parallel(send, objects), *in_parallel(send, plans)]
    for name, found in versions.items():
        file = f"names/{NameFiles(store.path).path_of(name).name}"
        if file not in there or place.read(file) != found.content():
            place.write(file, found.content())
    return Copied(len(copied), sum(copied))


def pull(store: Directory, url: str, names: Iterable[str] | None = None, check: Check | None = None) -> Copied:
    """Copy what is missing or damaged here from a URL, names last.

    Parameters
    ----------
    store : Directory
    url : str
    names : iterable of str, optional
        All by default. A name here has the versions that it has there afterwards; other names stay as they are.
    check : callable, optional
        As of `push`, for what is here.

    Raises
    ------
    CorruptStoreError
        A file there is not what its digest says, or missing; the names here stay as they are.
    """
    if isinstance(store, RemoteDirectory):
        store.adopt()
    remote, chosen = RemoteDirectory(url, store.path), _chosen(names)
    return read_again(partial(_versions, remote, chosen), partial(_pull, store, remote, check))


def _pull(store: Directory, remote: RemoteDirectory, check: Check | None, versions: Mapping[str, Versions]) -> Copied:
    digests = {digest for each in versions.values() for digest in each.plans.values()}
    copied, verify = Copied(0, 0), True

    def fetch_and_check() -> None:
        try:
            fetch()
        except FileNotFoundError as error:
            if not remote.is_there(error):
                raise
            raise CorruptStoreError(f"{remote.where} lacks {error.filename}") from error
        _check_replaced(store, remote, check, versions)

    def fetch() -> None:
        nonlocal copied, verify
        found = remote.fetch_once(digests, verify=verify)
        copied, verify = Copied(copied.files + found.files, copied.bytes + found.bytes), False

    with contextlib.suppress(FileNotFoundError, FileExistsError):  # what arrives is collected here at the same time
        fetch()
    store.adopt(versions, fetch_and_check)  # what is missing still, while nothing is collected
    return copied
