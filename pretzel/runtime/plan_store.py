"""`PlanStore`: plans of many models in one directory, shared by all processes that open it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pretzel.errors import CorruptStoreError, ModelNotFoundError, OptionError
from pretzel.options import check_option
from pretzel.runtime.catalog_entry import check_word
from pretzel.runtime.outline import check_copied, check_default, check_promoted
from pretzel.runtime.prepare import compiled
from pretzel.runtime.saved import bytes_to_load, describe_with, plan_of
from pretzel.runtime.stored_estimators import NOBODY, Trust
from pretzel.store.object_store import ObjectStore, default_store
from pretzel.store.place import is_url
from pretzel.store.remote import open_store
from pretzel.store.transfer import pull, push

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pretzel.runtime.model import Plan
    from pretzel.store.fsck import Findings
    from pretzel.store.name_files import Versions
    from pretzel.store.remote import Copied
    from pretzel.store.stored_plan import StoredPlan


class PlanStore:
    """A store on disk: plans by name and version, in a directory that any number of processes read.

    Arrays that several plans need are there once. Processes map them read-only, so that they share their memory.
    Everything is published at once or not at all, and files never change. One process writes at a time; others that
    want to, wait. Reading takes no lock.

    Other programs may replace files of a store, and plan files that are loaded, only by renaming: a file that is
    shortened or overwritten in place (``cp`` over it, ``rsync --inplace``) changes below the processes that map it, and
    kills them or alters their answers.

    Parameters
    ----------
    path : str or path
        A directory; it is made if there is none, or if it is empty. Or a URL that fsspec knows (``"s3://..."``), where
        `push` has written: it is read only, and what is read is kept in a local directory.
    create : bool
        Whether the directory may be made.
    store : ObjectStore, optional
        Holds the arrays of loaded plans; the store of this process by default.
    cache : str or path, optional
        Directory that keeps what is read of a URL; by default one below ``$PRETZEL_CACHE``, or in the user's cache
        folder.

    Raises
    ------
    StoreError
        The directory is no store, and not empty; or there is no store at the URL.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import LinearRegression
    >>> import pretzel
    >>> models = pretzel.PlanStore(tempfile.mkdtemp())
    >>> models.publish("rent/de", LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]))
    'v1'
    >>> round(models.load("rent/de").predict_one((2.0,)), 6)
    5.0
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        store: ObjectStore | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        check_option("create", create, bool)
        check_option("store", store, ObjectStore | None)
        if cache is not None and not is_url(path):
            raise OptionError(f"cache is for stores at URLs, and {os.fspath(path)} is a directory")
        self.store = default_store() if store is None else store
        self._directory = open_store(path, create=create, cache=cache)
        self._salt = os.urandom(16)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the store at the same place, with the arrays in the store of that process."""
        path, is_remote = self._directory.path.absolute(), is_url(self._directory.where)
        return (
            partial(PlanStore, create=False, cache=path if is_remote else None),
            (self._directory.where if is_remote else path,),
        )

    def __contains__(self, target: object) -> bool:
        """Whether there is a model of that name, or a version ``"name@v2"``."""
        name, at, label = target.partition("@") if isinstance(target, str) else ("", "", "")
        try:
            return name in self.names() and (not at or label in self.versions(name).plans)
        except ModelNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        """Names of all models, sorted."""
        return iter(self.names())

    def __len__(self) -> int:
        """Number of models."""
        return len(self.names())

    def __bool__(self) -> bool:
        """True, also for a store without models."""
        return True

    def __repr__(self) -> str:
        return f"<pretzel.PlanStore of {len(self.names())} model(s) at {self._directory.where}>"

    def publish(
        self,
        name: str,
        model: Any,
        *,
        version: str | None = None,
        default: bool = True,
        keep: bool = True,
        allow_changes: bool = False,
        opaque: Literal["skops", "cloudpickle"] | None = None,
        **options: Any,
    ) -> str:
        """Write a model as the newest version of a name.

        Parameters
        ----------
        name : str
            Without "@"; "/" is fine.
        model : Plan or fitted estimator
        version : str, optional
            A label that the name does not have; ``"v1"``, ``"v2"``, ... by default.
        default : bool
            Whether the name alone means this version from now on. The first version is always the default.
        keep : bool
            Whether the versions so far stay.
        allow_changes : bool
            Whether the new default may take other columns, lack methods or be of another kind than the one before:
            runtimes that watch the store put it in its place.
        opaque : {"skops", "cloudpickle"}, optional
            Write also the estimators that steps without a native form call, as `Plan.save` does.
        **options
            Of `pretzel.compile`, for estimators.

        Returns
        -------
        str
            The label of the version.

        Raises
        ------
        CompileError
            As `pretzel.compile` raises it.
        SaveError
            As `Plan.save` raises it.
        RegistrationError
            The name has that version already, or is none; the model differs from the default that it would replace.
        """
        if version is not None:
            check_word(version, "version")
        plan = compiled(name, model, self.store, options)
        description, arrays = describe_with(plan, opaque)
        check = None if allow_changes else partial(check_default, self._directory, name, plan)
        return self._directory.publish(
            name, description, arrays, version=version, default=default, keep=keep, check=check
        )

    def load(
        self,
        name: str,
        version: str | None = None,
        *,
        trusted: Iterable[str | type] = (),
        allow_pickle: bool = False,
    ) -> Plan:
        """The plan of a name: of its default version, unless another is given.

        Parameters
        ----------
        name : str
            Also with a version, ``"name@v2"``.
        version : str, optional
        trusted : list of str or type
            Types whose objects may be made of a plan that was published with ``opaque="skops"``, as of `pretzel.load`.
        allow_pickle : bool
            Whether one that was published with ``opaque="cloudpickle"`` may be loaded. It may run any code.

        Raises
        ------
        ModelNotFoundError
            The store has no such name, or the name no such version.
        CorruptStoreError
            A file is damaged or missing.
        UntrustedError
            The plan holds estimators that are not trusted; its ``types`` names them.
        StoreError
            The system cannot read a file now, for want of descriptors, memory or permission.
        """
        trust = Trust.of(trusted, allow_pickle)
        name, version = _parts(name, version)
        return self._directory.use(name, version, lambda file: self.plan_of(file, name, trust))

    def open_plan(self, digest: str) -> StoredPlan:
        """The files of a plan, of one of `versions`.

        Raises
        ------
        CorruptStoreError
            It is damaged or missing.
        """
        try:
            return self._directory.plan(digest)
        except FileNotFoundError as error:
            raise self._missing(error) from error

    def fetch(self, digests: Iterable[str]) -> None:
        """Bring plans from a URL into the cache, so that `open_plan` reads local files only.

        Raises
        ------
        CorruptStoreError
            One is damaged or missing.
        """
        try:
            self._directory.fetch(digests)
        except FileNotFoundError as error:
            raise self._missing(error) from error

    def _missing(self, error: FileNotFoundError) -> CorruptStoreError:
        return CorruptStoreError(f"{self._directory.where}: {error.filename} is missing")

    def plan_of(self, file: StoredPlan, name: str, trust: Trust = NOBODY) -> Plan:
        """The plan of files that are open."""
        try:
            return plan_of(file, self.store, name, salt=self._salt, trust=trust)
        except CorruptStoreError:
            try:
                file_again = self._directory.repaired(file)
            except FileNotFoundError as error:
                raise self._missing(error) from error
            if file_again is None:
                raise
        return plan_of(file_again, self.store, name, salt=self._salt, trust=trust)

    def bytes_to_load(self, name: str, version: str | None = None) -> int:
        """Bytes that a plan will take once it is loaded, without the arrays that loaded plans hold already.

        Raises
        ------
        ModelNotFoundError
        CorruptStoreError
        """
        return self._directory.use(*_parts(name, version), self.bytes_of)

    def bytes_of(self, file: StoredPlan) -> int:
        """`bytes_to_load` of files that are open."""
        return bytes_to_load(file, self.store, self._salt)

    def state(self) -> object:
        """Another value whenever a name may have changed; None if that cannot be told."""
        return self._directory.state()

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return self._directory.names()

    def versions(self, name: str) -> Versions:
        """The versions of a name, and which is the default.

        Raises
        ------
        ModelNotFoundError
        """
        return self._directory.versions(name)

    def promote(self, name: str, version: str, *, allow_changes: bool = False) -> None:
        """Let a name mean another of its versions.

        Parameters
        ----------
        name, version : str
        allow_changes : bool
            As in `publish`.

        Raises
        ------
        ModelNotFoundError
        RegistrationError
            The version differs from the present default.
        """
        check = partial(check_promoted, self._directory, name, version)
        self._directory.promote(name, version, None if allow_changes else check)

    def remove(self, name: str, version: str | None = None) -> None:
        """Forget a name, even one whose file is damaged, or one of its versions that is not the default.

        `gc` frees what only that needed.

        Raises
        ------
        ModelNotFoundError
        RegistrationError
            The version is the default.
        """
        self._directory.remove(name, version)

    def gc(self) -> int:
        """Remove the files that no name needs; returns the bytes freed. Plans that are loaded keep what they mapped.

        Raises
        ------
        CorruptStoreError
            A name or a plan is damaged, so that the files that it needs are not known: nothing is removed.
        """
        return self._directory.gc()

    def fsck(self) -> Findings:
        """Read everything, compare it with the digests that name it, and report what is damaged or missing.

        A store that this process may only read is checked, too.
        """
        return self._directory.fsck()

    def push(self, url: str, names: Iterable[str] | None = None, *, allow_changes: bool = False) -> Copied:
        """Copy to a store at a URL what is missing there; names last, so that a reader sees whole plans only.

        What is there is compared by its size. Readers compare what they fetch with its digest, and name a file that is
        damaged: delete that one, and push again.

        Parameters
        ----------
        url : str
            That fsspec knows, such as ``"s3://bucket/models"``. It is a store, or nothing yet.
        names : iterable of str, optional
            All by default. They have the versions there that they have here; other names there stay.
        allow_changes : bool
            Whether a default there may be replaced as in `publish`, and versions that are not here may be lost.

        Returns
        -------
        Copied
            ``files`` and ``bytes``.

        Raises
        ------
        ModelNotFoundError, CorruptStoreError
        RegistrationError
            A default would be replaced by another kind of model, or versions be lost.
        """
        return push(self._directory, url, names, None if allow_changes else check_copied)

    def pull(self, url: str, names: Iterable[str] | None = None, *, allow_changes: bool = False) -> Copied:
        """Copy from a store at a URL what is missing or damaged here, compared with its digests; names last.

        Parameters
        ----------
        url : str
        names : iterable of str, optional
            All by default. They have the versions here that they have there; other names here stay.
        allow_changes : bool
            Whether a default here may be replaced as in `publish`, and versions that are not there may be lost.

        Returns
        -------
        Copied
            ``files`` and ``bytes``.

        Raises
        ------
        ModelNotFoundError, CorruptStoreError
        RegistrationError
            A default would be replaced by another kind of model, or versions be lost.
        """
        return pull(self._directory, url, names, None if allow_changes else check_copied)


def _parts(name: str, version: str | None) -> tuple[str, str | None]:
    """A name and a version, which may be given with the name."""
    if version is not None or not isinstance(name, str) or "@" not in name:
        return name, version
    name, _, label = name.partition("@")
    return name, label
