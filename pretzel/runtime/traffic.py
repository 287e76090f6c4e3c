"""Calls of a runtime by model and by version, under a bounded number of labels, as sums that never fall.

Labels are names of registered models, never what a request asks for: a call to a version or an alias counts for the
model that it leads to. The first `MODELS` models have their own labels; all other models, and aliases of several
models, share the label `OTHER`. Of each model, the default version and the latest ones have their own labels.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel._native import call_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.catalog import Catalog
    from pretzel.runtime.exemplars import Exemplar
    from pretzel.runtime.handle import Model
    from pretzel.runtime.version import Version

MODELS = 100
"""Number of models that have their own labels, by default."""

VERSIONS = 10
"""Number of versions of a model that have their own labels."""

OTHER = "other"
"""Label of everything else."""

FAILED = ("rejected", "cancelled", "failed")
"""Outcomes of valid requests that were not answered."""


@dataclass(slots=True)
class Counts:
    """Calls of one method, with rows or with tables, or sums over methods.

    Parameters
    ----------
    endings : dict of str to int
    seconds : float
        Sum over the timed calls.
    buckets : list of int
    exemplars : dict of int to Exemplar
        By bucket, the latest.
    """

    endings: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(call_seconds()) + 1))
    exemplars: dict[int, Exemplar] = field(default_factory=dict)

    def add(self, other: Counts, times: int = 1) -> None:
        """Add other counts, so many times, and take over later exemplars."""
        for ending, count in other.endings.items():
            self.endings[ending] = self.endings.get(ending, 0) + times * count
        self.seconds += times * other.seconds
        self.buckets = [a + times * b for a, b in zip(self.buckets, other.buckets, strict=True)]
        for bucket, exemplar in other.exemplars.items():
            if bucket not in self.exemplars or self.exemplars[bucket].when < exemplar.when:
                self.exemplars[bucket] = exemplar


Key = tuple[str, str]
"""Label of a model, and method."""


class Traffic:
    """Calls by model.

    Parameters
    ----------
    catalog : Catalog
    models : int
        The first so many have labels of their own.
    """

    def __init__(self, catalog: Catalog, models: int) -> None:
        self._catalog = catalog
        self._models = models
        self._lock = threading.Lock()  # of two scrapes at once
        self._names: dict[Model, str] = {}  # labels of names, which never change
        self._labels: dict[Model, str] = {}  # of all handles, as of the latest scrape
        self._credited: dict[Model, dict[str, Counts]] = {}  # of each alias, what `_past` has
        self._past: dict[Key, Counts] = {}  # of handles that have gone, and of aliases, which may lead elsewhere later
        self._old_versions: dict[tuple[Model, str], dict[Key, int]] = {}  # counts that `_of_old_versions` has
        self._of_old_versions: dict[Model, dict[Key, int]] = {}

    def by_model(self) -> dict[Key, Counts]:
        """Calls by label and method, such as ``"predict"`` and ``"predict_one"``."""
        with self._lock:
            return self._by_model()

    def by_version(self) -> dict[tuple[str, str], dict[Key, int]]:
        """For each model with a label of its own, and each label of versions: calls by method and outcome.

        The outcome ``""`` stands for all calls, also those that are under way.
        """
        with self._lock:
            return self._by_version()

    def _by_model(self) -> dict[Key, Counts]:
        handles = self._catalog.handles()
        labels = self._label(handles)
        for handle in self._labels.keys() - set(handles):
            self._credit(handle, self._labels[handle])
            self._credited.pop(handle, None)
        self._labels = labels
        found: dict[Key, Counts] = {}
        for handle, label in labels.items():
            if handle in self._credited:
                self._credit(handle, label)
            for method, counts in _of(handle):
                if handle in self._credited:
                    counts = Counts(exemplars=counts.exemplars)
                found.setdefault((label, method), Counts()).add(counts)
        known = {OTHER, *labels.values()}
        self._past = {key: counts for key, counts in self._past.items() if key[0] in known}
        for key, counts in self._past.items():
            found.setdefault(key, Counts()).add(counts)
        return found

    def _label(self, handles: list[Model]) -> dict[Model, str]:
        """The label of each handle: of a name, a version or an alias."""
        models = {handle.name: handle for handle, _, _ in self._catalog.models()}
        self._names = {handle: label for handle, label in self._names.items() if models.get(handle.name) is handle}
        own = sum(label != OTHER for label in self._names.values())
        for name, handle in models.items():
            if handle not in self._names:
                self._names[handle] = name if own < self._models else OTHER
                own += self._names[handle] != OTHER
        labels = {name: self._names[handle] for name, handle in models.items()}
        aliases = dict(self._catalog.aliases())
        found = {}
        for handle in handles:
            if handle in aliases:
                self._credited.setdefault(handle, {})
                targets = {labels.get(target.partition("@")[0], OTHER) for target in aliases[handle]}
                found[handle] = targets.pop() if len(targets) == 1 else OTHER
            else:
                found[handle] = labels.get(handle.name.partition("@")[0], self._labels.get(handle, OTHER))
        return found

    def _credit(self, handle: Model, label: str) -> None:
        """Add to `_past` what the calls of a handle have grown by."""
        credited = self._credited.get(handle, {})
        for method, counts in _of(handle):
            past = self._past.setdefault((label, method), Counts())
            past.add(Counts(counts.endings, counts.seconds, counts.buckets))
            if method in credited:
                past.add(credited[method], -1)
            credited[method] = Counts(counts.endings, counts.seconds, counts.buckets)

    def _by_version(self) -> dict[tuple[str, str], dict[Key, int]]:
        models = self._catalog.models()
        self._label([])
        found: dict[tuple[str, str], dict[Key, int]] = {}
        present = set()
        for handle, default, versions in models:
            if self._names.get(handle, OTHER) == OTHER:
                continue
            latest = [version for version in versions if version.label != default]
            own = {version.label for version in latest[len(latest) - VERSIONS + 1 :]} | {default}
            for version in versions:
                key, counts = (handle, version.label), _of_version(version)
                present.add(key)
                if version.label in own:
                    found[handle.name, version.label] = counts
                    self._old_versions[key] = counts
                    continue
                old, sums = self._old_versions.get(key, {}), self._of_old_versions.setdefault(handle, {})
                for each, count in counts.items():
                    sums[each] = sums.get(each, 0) + max(count - old.get(each, 0), 0)
                self._old_versions[key] = counts
        self._old_versions = {key: counts for key, counts in self._old_versions.items() if key in present}
        registered = {handle for handle, _, _ in models}
        self._of_old_versions = {each: sums for each, sums in self._of_old_versions.items() if each in registered}
        found.update({(handle.name, OTHER): sums for handle, sums in self._of_old_versions.items()})
        return found


def _of(model: Model) -> Iterator[tuple[str, Counts]]:
    """Counts of a name, for each method with tables and with rows."""
    for method, endpoint in model.endpoints.items():
        rows, tables = endpoint.statistics()
        exemplars = dict(endpoint.exemplars or {})
        for name, counts, one in ((f"{method}_one", rows, True), (method, tables, False)):
            if any(counts[0].values()):
                traces = {bucket: each for (of_rows, bucket), each in exemplars.items() if of_rows is one}
                yield name, Counts(*counts, traces)


def _of_version(version: Version) -> dict[Key, int]:
    found = {(method, ""): calls for method, calls in version.method_calls().items() if calls}
    for method, failures in version.method_failures().items():
        found.update({(method, outcome): count for outcome, count in failures.items()})
    return found
