"""The built wheel: its tags, its files, the systems that it runs on, and an environment that has only NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import pretzel

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

OLDEST = (2, 28)
"""The release of glibc that published wheels are built on (``[tool.cibuildwheel]``: manylinux_2_28)."""

RENAMED = {"fstat64", "pthread_mutex_trylock", "stat64", "lstat64", "pthread_create", "pthread_join", "dlsym"}
"""Functions that newer releases of glibc have under a newer version; older ones have them, too."""

CHOSEN_BY_LIBSTDCXX = {"__libc_single_threaded", "pthread_cond_clockwait"}
"""What headers of libstdc++ call where the glibc beneath has it, and do without elsewhere."""

MATHEMATICS = {"exp", "exp2", "log", "log2", "pow"}
"""Functions of libm that got a new version in 2.29, without the error handling of SVID."""

ALLOWED = RENAMED | CHOSEN_BY_LIBSTDCXX | MATHEMATICS


@pytest.fixture(scope="module")
def wheel() -> Path:
    found = sorted((ROOT / "build" / "wheel").glob("pretzel_serving-*.whl"))
    if not found and not os.environ.get("PRETZEL_TEST_INSTALLED"):
        pytest.skip("`make install` builds the wheel")
    (path,) = found
    return path


@pytest.fixture
def extension(wheel: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".so"))
        return Path(archive.extract(name, tmp_path))


def test_tags_are_those_of_this_interpreter(wheel: Path) -> None:
    """The extension uses more than the stable ABI has; free-threaded builds have an ABI of their own."""
    tags = pytest.importorskip("packaging.tags")
    utils = pytest.importorskip("packaging.utils")
    _, _, build, found = utils.parse_wheel_filename(wheel.name)
    assert not build
    assert found == {next(tags.cpython_tags(platforms=[found_platform(wheel)]))}
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/WHEEL"))
        assert "Root-Is-Purelib: false" in archive.read(name).decode()


def found_platform(wheel: Path) -> str:
    return wheel.stem.rpartition("-")[2]


def test_the_wheel_has_the_package_and_no_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pretzel").rglob("*.py")}
    others = {"pretzel/py.typed", "pretzel/_native/_core.pyi"}
    others |= {str(path.relative_to(ROOT)) for path in (ROOT / "pretzel" / "serving" / "grpc").glob("*.proto")}
    (extension,) = {*names} - modules - others
    assert extension.startswith("pretzel/_native/_core.")
    assert modules | others < {*names}
    assert wheel.stat().st_size < 5_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="manylinux is of Linux")
def test_the_extension_needs_no_system_newer_than_its_compiler_does(extension: Path) -> None:
    """Built on glibc 2.28, the same sources need nothing newer."""
    elffile = pytest.importorskip("elftools.elf.elffile")
    newer = set()
    with extension.open("rb") as file:
        elf = elffile.ELFFile(file)
        needs, versions = elf.get_section_by_name(".gnu.version_r"), elf.get_section_by_name(".gnu.version")
        for i, symbol in enumerate(elf.get_section_by_name(".dynsym").iter_symbols()):
            index = versions.get_symbol(i)["ndx"]
            if symbol["st_shndx"] != "SHN_UNDEF" or not isinstance(index, int):
                continue
            library, release = needs.get_version(index)[1].name.split("_")
            if library == "GLIBC" and tuple(map(int, release.split(".")))[:2] > OLDEST:
                newer.add(symbol.name)
    assert newer <= ALLOWED


@pytest.mark.skipif(sys.platform != "linux", reason="manylinux is of Linux")
def test_auditwheel_finds_no_library_that_systems_lack(wheel: Path) -> None:
    pytest.importorskip("auditwheel")
    command = [sys.executable, "-m", "auditwheel", "show", "--json", str(wheel)]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert shown["overall_tag"].startswith("manylinux_2_")
    assert not shown["external_libs"]
    assert not shown["unsupported_isa"]


def test_it_answers_where_only_numpy_is_installed(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-compile", str(wheel)]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(install, env=alone, check=True, timeout=280)
    command = [str(python), "-I", str(HERE / "empty_environment.py")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 100


def test_the_source_distribution_has_whatever_a_build_reads(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    if not (ROOT / ".git").exists():
        pytest.skip("asks git which files are sources")
    code = "from setuptools.build_meta import build_sdist; import sys; print(build_sdist(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    name = done.stdout.split()[-1]
    with tarfile.open(tmp_path / name) as archive:
        found = {path.partition("/")[2] for path in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sources = {path for path in listed.splitlines() if not path.startswith(".")}
    assert sources - found == set()
    assert f"{pretzel.__version__}.tar.gz" in name
