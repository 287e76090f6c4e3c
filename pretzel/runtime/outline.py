"""The description of a plan in its file, without loading the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pretzel.errors import CorruptStoreError, ModelNotFoundError
from pretzel.runtime.catalog_entry import check_changes
from pretzel.runtime.saved import name_in, source_of
from pretzel.runtime.stored_estimators import unread_estimators
from pretzel.store.plan_check import check_plan
from pretzel.store.plan_data import Links, from_data, most_columns

if TYPE_CHECKING:
    from pretzel.plan import PhysicalPlan
    from pretzel.runtime.model import Plan
    from pretzel.runtime.source import Source
    from pretzel.store.directory import Directory
    from pretzel.store.plan_file import PlanFile
    from pretzel.store.stored_plan import StoredPlan


@dataclass(frozen=True, slots=True)
class Outline:
    """The description of a plan in its file; neither arrays nor estimators are read.

    Parameters
    ----------
    name : str
    physical : PhysicalPlan
        Its opaque steps call nothing (`pretzel.runtime.stored_estimators.Unread`).
    source : Source or None
    """

    name: str
    physical: PhysicalPlan
    source: Source | None


def outline_of(file: PlanFile | StoredPlan) -> Outline:
    """The description of a plan in its file.

    Raises
    ------
    CorruptStoreError
        The file is damaged.
    """
    description = file.description
    try:
        links = Links(lambda digest: digest, unread_estimators(file), most=most_columns(file.sizes.values()))
        physical = from_data(description.get("plan"), links)
        check_plan(physical)
        return Outline(name_in(description), physical, source_of(description.get("source")))
    except CorruptStoreError as error:
        raise CorruptStoreError(f"{file.where}: {error}") from error


def check_copied(name: str, old: StoredPlan, new: StoredPlan) -> None:
    """Raise if callers of a default would notice that a copied plan answers; a damaged default has no callers."""
    try:
        before = outline_of(old)
    except CorruptStoreError:
        return
    check_changes(name, before, outline_of(new))


def check_default(store: Directory, name: str, new: Plan | Outline) -> None:
    """Raise if callers of the default would notice that another plan answers; a damaged default has none."""
    try:
        old = store.use(name, None, outline_of)
    except (ModelNotFoundError, CorruptStoreError):
        return
    check_changes(name, old, new)


def check_promoted(store: Directory, name: str, version: str) -> None:
    """`check_default` of a version of the same name."""
    check_default(store, name, store.use(name, version, outline_of))
