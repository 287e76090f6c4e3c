"""Every example in README, the pages of `docs/` and docstrings runs as it stands."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import pretzel
import pretzel.errors
from tests.documents import examples, run

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md")
INTERNALS = sorted(path.relative_to(ROOT) for path in (ROOT / "docs" / "internals").glob("*.md"))
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "docs").rglob("*.md")
    if "auto_gallery" not in path.parts and any(examples(path))
)


@pytest.mark.parametrize("document", ["README.md", *PAGES])
def test_documents(document, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where examples write
    if document.endswith("watching.md"):  # which sets the tracer provider, as a process can only once
        trace = pytest.importorskip("opentelemetry.trace")
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())
    assert run(ROOT / document) > 0
    assert "Error" not in capsys.readouterr().err


def test_every_error_is_explained():
    """The page has a section for each exception, with what to do."""
    errors = {name for name, each in vars(pretzel.errors).items() if isinstance(each, type)} - {"PretzelError"}
    sections = re.findall(r"^### (\w+)$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.M)
    assert {*sections} == errors


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "reference" / "index.md").read_text()
    listed = re.findall(r"^   ~?([\w.]+)$", text, re.M) + re.findall(
        r"^\.\. autoclass:: pretzel\.([\w.]+)$", text, re.M
    )
    assert {*pretzel.__all__} - {"errors"} <= {*listed}
    assert len(listed) == len({*listed})
    engines = {"integrations.ray_serve.deployment", "integrations.spark.scored", "integrations.beam.model_handler"}
    assert {"serving.app", "serving.grpc.server", "serving.logs.JsonFormatter", *engines} <= {*listed}


LINKING = sorted(
    [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
    + [
        path
        for path in (ROOT / "docs").rglob("*.md")
        if "auto_gallery" not in path.parts and "generated" not in path.parts
    ]
)


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)


def _anchors(path: Path) -> set[str]:
    """What GitHub and MyST make of headings, and what `(name)=` says."""
    headings = re.findall(r"^#+ +(.+)$", _prose(path), re.M)
    names = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return names | set(re.findall(r"^\(([\w-]+)\)=$", path.read_text(), re.M))


@pytest.mark.parametrize("document", [str(path.relative_to(ROOT)) for path in LINKING])
def test_links_lead_somewhere(document):
    """Files and headings; pages that Sphinx makes, by what they are made of. Links to other sites need a network."""
    path = ROOT / document
    for target in re.findall(r"\]\(<?([^)\s>]+)>?\)", _prose(path)):
        if re.match(r"\w+:", target):
            continue
        place, _, anchor = target.partition("#")
        found = path if not place else (path.parent / place).resolve()
        if "auto_gallery" in found.parts:
            found = ROOT / "docs" / "gallery" / ("GALLERY_HEADER" if found.stem == "index" else found.stem)
            assert found.with_suffix(".py").exists() or found.with_suffix(".rst").exists(), target
            continue
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


def test_docstrings():
    tried = 0
    for module in pkgutil.walk_packages(pretzel.__path__, "pretzel."):
        if module.name == "pretzel._native._core":
            continue
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        tried += result.attempted
    assert tried > 0


@pytest.mark.parametrize("document", [*DOCUMENTS, *map(str, INTERNALS)])
def test_files_that_are_named_exist(document):
    """Paths in back-quotes, with or without the package in front."""
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(), flags=re.M | re.S)
    for path in re.findall(r"`([\w/]+(?:/|\.(?:py|pyx|pxi|h|cpp)))`", text):
        assert (ROOT / path).exists() or (ROOT / "pretzel" / path).exists(), path
