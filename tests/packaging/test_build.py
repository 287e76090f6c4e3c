"""The incremental build repeats what changed and nothing else."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SETUP = Path(__file__).resolve().parents[2] / "setup.py"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    pytest.importorskip("setuptools")
    spec = importlib.util.spec_from_file_location("pretzel_setup", SETUP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pretzel_setup"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def copy_step(build: ModuleType, folder: Path, *flags: str) -> object:
    """Step that copies a file and lists a header in its depfile."""
    source, target, depfile = folder / "a.cpp", folder / "out" / "a.o", folder / "out" / "a.d"
    code = (
        f"import pathlib, shutil; shutil.copy({str(source)!r}, {str(target)!r});"
        f"pathlib.Path({str(depfile)!r}).write_text('a.o: {source} \\\\\\n  {folder / 'a.h'}\\n')"
    )
    command = (sys.executable, "-c", code, *flags)
    return build.Step(target, command, (source,), depfile, command)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.cpp", "a.h"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1, 1))
    return tmp_path


def test_a_finished_step_is_not_repeated(build: ModuleType, folder: Path) -> None:
    step = copy_step(build, folder)
    assert step.stale()
    step.run()
    assert not step.stale()


@pytest.mark.parametrize("name", ["a.cpp", "a.h"])
def test_sources_and_headers_are_tracked(build: ModuleType, folder: Path, name: str) -> None:
    step = copy_step(build, folder)
    step.run()
    os.utime(folder / name, (2**32, 2**32))
    assert step.stale()


def test_a_header_that_is_gone_counts_as_changed(build: ModuleType, folder: Path) -> None:
    step = copy_step(build, folder)
    step.run()
    (folder / "a.h").unlink()
    assert step.stale()


def test_another_command_line_rebuilds(build: ModuleType, folder: Path) -> None:
    copy_step(build, folder).run()
    assert copy_step(build, folder, "-O0").stale()


def test_another_list_of_objects_links_again(build: ModuleType, folder: Path) -> None:
    one, two = folder / "a.cpp", folder / "a.h"
    link = build.link_step([one], folder / "a.so")
    link.target.write_text("linked")
    link.record.write_text("\n".join(link.identity))
    assert not link.stale()
    assert build.link_step([one, two], folder / "a.so").stale()


def test_a_failed_step_leaves_nothing_behind(build: ModuleType, folder: Path) -> None:
    target = folder / "out" / "b.o"
    code = f"import pathlib, sys; pathlib.Path({str(target)!r}).write_text('half'); sys.exit('broken')"
    step = build.Step(target, (sys.executable, "-c", code), (), None, ("x",))
    with pytest.raises(SystemExit, match="broken"):
        step.run()
    assert not target.exists()
    assert step.stale()


def test_baseline_objects_come_first(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(SETUP.parent)
    names = [step.target.name for step in build.compile_steps(tmp_path / "_core.cpp", tmp_path)]
    levels = [int(name[-3]) if ".isa" in name else 0 for name in names]
    assert levels == sorted(levels)
    assert set(levels) == set(range(len(build.instruction_sets())))


def test_depfiles_with_continued_lines_and_spaces(build: ModuleType, tmp_path: Path) -> None:
    depfile = tmp_path / "a.d"
    depfile.write_text("a.o: one.h \\\n  with\\ space.h\n")
    assert build.read_depfile(depfile) == [Path("one.h"), Path("with space.h")]
