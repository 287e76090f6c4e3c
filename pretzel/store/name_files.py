"""Names of a store on disk: for each a file with its versions, of which one is the default."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote

from pretzel.errors import CorruptStoreError, ModelNotFoundError, RegistrationError, StoreError
from pretzel.options import check_option
from pretzel.store.digest import is_digest
from pretzel.store.files import plans_and_objects
from pretzel.store.mapped_file import reading
from pretzel.store.mark import MARK, NOT_AS_WRITTEN
from pretzel.store.plan_file import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Meaning = TypeVar("Meaning")
Result = TypeVar("Result")

LONGEST = 200
"""Characters of a name, once it is escaped for the file system."""

_VERSION = re.compile(r"v([1-9][0-9]{0,17})")


@dataclass(slots=True)
class Versions:
    """The versions of one name.

    Parameters
    ----------
    plans : dict of str to str
        Digest of the plan file of each version.
    default : str
        Label of the version that the name alone means.
    """

    plans: dict[str, str] = field(default_factory=dict)
    default: str = ""

    def next_label(self) -> str:
        """``"v1"``, ``"v2"``, ...: one more than the greatest so far."""
        numbers = [int(found[1]) for label in self.plans if (found := _VERSION.fullmatch(label))]
        return f"v{max(numbers, default=0) + 1}"

    def lost_by(self, new: Versions) -> list[str]:
        """Labels that would mean another plan, or none, with ``new`` versions in place of these.

        A number below the greatest there was removed there, and is not lost.
        """
        limit = int(new.next_label()[1:])
        numbers = {label: int(found[1]) for label in self.plans if (found := _VERSION.fullmatch(label))}
        gone = {label for label in self.plans if label not in new.plans and numbers.get(label, limit) >= limit}
        return [label for label, plan in self.plans.items() if label in gone or new.plans.get(label, plan) != plan]

    def content(self) -> bytes:
        """What the file of the name contains."""
        return json.dumps({"plans": self.plans, "default": self.default}).encode()


class NameFiles:
    """The files of all names.

    Parameters
    ----------
    path : path
        The store.
    """

    def __init__(self, path: Path) -> None:
        self.store, self.path = path, path / "names"

    def path_of(self, name: str) -> Path:
        """The file of a name, whether or not it is there.

        Raises
        ------
        OptionError, RegistrationError
            No model can have this name.
        """
        check_option("name", name, str)
        escaped = quote(name, safe=" ", errors="replace")
        if len(escaped) > LONGEST:
            length = f"{len(escaped)} characters once it is escaped for files, and {LONGEST} are possible"
            raise RegistrationError(f"a name that is too long for a store has {length}: {name!r:.300}")
        if not name or "@" in name or unquote(escaped) != name:
            raise RegistrationError(f"no name of a model in a store: {name!r:.300}")
        return self.path / f"{'%2E' + escaped[1:] if escaped[0] == '.' else escaped}.json"

    def files(self) -> list[tuple[str | None, Path]]:
        """All files, each with its name; None for a file that no name has.

        Raises
        ------
        CorruptStoreError
            Their folder is none, or missing although there are plans.
        StoreError
            The system cannot read it now.
        """
        self.check_folder()
        try:
            with reading(self.path):
                found = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return [(self.name_of(file), self.path / file) for file in found if file.endswith(".json")]

    def check_folder(self) -> None:
        """Raise if the folder of all names is missing, unless the store has no plans: a copy may leave it out then.

        Raises
        ------
        CorruptStoreError
        StoreError
            The store itself is not there: it was moved, or its disk is away.
        """
        if self.path.is_dir():
            return
        is_something = self.path.is_symlink() or self.path.exists()
        if is_something or plans_and_objects(self.store):
            what = "is no folder" if is_something else "is missing"
            raise CorruptStoreError(f"{self.path} {what}, and only its files tell which plans are needed: put it back")
        if not (self.store / MARK).exists():
            raise StoreError(f"{self.store} is no store: it has no {MARK}")

    def name_of(self, file: str) -> str | None:
        """The name whose file is called so, or None."""
        name = unquote(file.removesuffix(".json"))
        try:
            return name if self.path_of(name).name == file else None
        except RegistrationError:
            return None

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return sorted(name for name, _ in self.files() if name is not None)

    def versions(self, name: str) -> Versions:
        """The versions of a name.

        Raises
        ------
        ModelNotFoundError
            The store has no such name.
        CorruptStoreError
            Its file is damaged.
        """
        path = self.path_of(name)
        try:
            with reading(path):
                return versions_in(path.read_bytes(), path)
        except FileNotFoundError:
            self.check_folder()
            raise ModelNotFoundError(f"{self.store} has no model {name!r}") from None

    def named_versions(self, name: str | None, path: Path) -> Versions:
        """The versions of one of `files`.

        Raises
        ------
        CorruptStoreError
            Its file is damaged, one that no name has, or a link that leads nowhere.
        """
        if name is None:
            raise CorruptStoreError(f"{str(path)!r} is damaged: no model has a name that is written like this")
        try:
            return self.versions(name)
        except ModelNotFoundError as error:
            raise CorruptStoreError(f"{path} is damaged: no file is there") from error

    def remove(self, name: str) -> None:
        """Remove the file of a name, whatever it contains.

        Raises
        ------
        ModelNotFoundError
            The store has no such name.
        CorruptStoreError
            It is no file.
        """
        path = self.path_of(name)
        self.check_folder()
        try:
            with reading(path):
                path.unlink()
        except FileNotFoundError:
            raise ModelNotFoundError(f"{self.store} has no model {name!r}") from None
        sync_directory(self.path)

    def versions_or_none(self, name: str) -> Versions:
        """The versions of a name, which may be new."""
        self.check_folder()
        try:
            return self.versions(name)
        except ModelNotFoundError:
            return Versions()
        except CorruptStoreError as error:
            raise CorruptStoreError(
                f"{error}; put the file back, or remove {name!r}, which forgets its versions"
            ) from error


def versions_in(content: bytes, where: object) -> Versions:
    """What the file of a name says.

    Raises
    ------
    CorruptStoreError
        The file, which ``where`` names, is damaged.
    """
    try:
        data = json.loads(content)
        plans, default = data["plans"], data["default"]
        if type(plans) is not dict or default not in plans or not all(map(is_digest, plans.values())):
            raise ValueError(f"{default!r:.50} of {plans!r:.200}")
    except NOT_AS_WRITTEN as error:
        raise CorruptStoreError(f"{where} is damaged: {error}") from error
    return Versions(plans, default)


def read_again(meaning: Callable[[], Meaning], use: Callable[[Meaning], Result]) -> Result:
    """Use what a name means; if that fails because files are missing or damaged, use what the name means then.

    Readers take no lock, so that files may be collected between the reading of a name, which needs them, and their own:
    the name needs others then.

    Parameters
    ----------
    meaning : callable
        Reads the name.
    use : callable
        Is given what the name means. It maps everything that it needs.

    Raises
    ------
    CorruptStoreError
        What the name means cannot be used, and has not changed.
    """
    before = None
    while True:
        found = meaning()
        try:
            return use(found)
        except CorruptStoreError:
            if found == before:
                raise
            before = found
