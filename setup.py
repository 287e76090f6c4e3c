"""Builds the one extension module: every source once, every kernel once per instruction-set level.

distutils knows neither "the same source with other flags" nor headers, so `build_ext` is replaced by a small build
that runs in parallel and repeats only what changed: a source, a header (from the compiler's depfiles), the command
line or the list of objects. Everything generated lies below ``build/``.

``PRETZEL_WERROR=1`` makes warnings errors, as our own builds do: a compiler newer than ours must not break an
installation. ``PRETZEL_SANITIZE=address,undefined`` or ``thread`` builds with these sanitizers. ``CXX``, ``CPPFLAGS``,
``CXXFLAGS`` and ``LDFLAGS`` are honoured.
"""

from __future__ import annotations

import concurrent.futures
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("pretzel/_native")
ROOMS = ("core", "cost", "scheduler")  # compiled once, for the baseline; kernels are compiled once per instruction set
LANGUAGE = ["-std=c++20", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-fvisibility=hidden", "-pthread"]
GENERATED = ["-Wall", "-Wno-psabi", "-Wno-unused-function"]  # Cython's output is not ours to mend
X86_LEVELS = [
    ["-march=x86-64-v2"],
    ["-march=x86-64-v3"],
    ["-march=x86-64-v4", "-mprefer-vector-width=512"],
]


def instruction_sets() -> list[list[str]]:
    """Compiler flags of each level that kernels are built for; the first is the baseline of everything else."""
    return X86_LEVELS if platform.machine().lower() in {"x86_64", "amd64"} else [[]]


def strict() -> list[str]:
    """Warning flags of our own sources."""
    errors = ["-Werror"] if os.environ.get("PRETZEL_WERROR", "0") not in ("", "0") else []
    return ["-Wall", "-Wextra", *errors, "-Wno-psabi"]


def sanitizer() -> str:
    """Value of ``-fsanitize=``, or nothing."""
    return os.environ.get("PRETZEL_SANITIZE", "").strip()


def compiler() -> list[str]:
    """The C++ compiler: $CXX, else the one Python was built with, else the system's."""
    for command in (os.environ.get("CXX"), sysconfig.get_config_var("CXX"), "c++", "g++", "clang++"):
        words = shlex.split(command or "")
        if words and shutil.which(words[0]):
            return words
    raise SystemExit("pretzel: no C++ compiler found; install g++ (11 or newer) or clang++, or set CXX")


def common_flags() -> list[str]:
    """Flags of every compilation."""
    flags = [*LANGUAGE]
    if sanitizer():
        flags += ["-g", "-O1", "-fno-omit-frame-pointer", f"-fsanitize={sanitizer()}", "-fno-sanitize-recover=all"]
        flags += ["-fno-sanitize=nonnull-attribute"]  # copying no bytes from nowhere is harmless
    else:
        flags += ["-DNDEBUG"]
    return [*flags, *shlex.split(os.environ.get("CPPFLAGS", "")), *shlex.split(os.environ.get("CXXFLAGS", ""))]


@dataclass(frozen=True)
class Step:
    """One command that makes one file.

    Parameters
    ----------
    target : Path
        File made.
    command : tuple of str
        What is run.
    inputs : tuple of Path
        Files it is known to read.
    depfile : Path, optional
        Where the command lists the files that it read in fact.
    identity : tuple of str
        What must stay equal for the target to stay valid: the command without paths of throw-away environments.
    """

    target: Path
    command: tuple[str, ...]
    inputs: tuple[Path, ...]
    depfile: Path | None
    identity: tuple[str, ...]

    @property
    def record(self) -> Path:
        """File that keeps the identity of the last successful run."""
        return self.target.with_name(self.target.name + ".cmd")

    def stale(self) -> bool:
        """Whether the target must be made again."""
        if not self.target.exists() or not self.record.exists():
            return True
        if self.record.read_text() != "\n".join(self.identity):
            return True
        made = self.target.stat().st_mtime_ns
        read = [*self.inputs, *(read_depfile(self.depfile) if self.depfile else [])]
        return any(not path.exists() or path.stat().st_mtime_ns > made for path in read)

    def run(self) -> None:
        """Make the target, or remove what a failed command left of it."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.record.unlink(missing_ok=True)
        done = subprocess.run(self.command, capture_output=True, text=True)
        if done.returncode != 0:
            self.target.unlink(missing_ok=True)
            raise SystemExit(f"{shlex.join(self.command)}\n{done.stdout}{done.stderr}")
        if done.stderr.strip():
            print(done.stderr, file=sys.stderr)
        self.record.write_text("\n".join(self.identity))


def read_depfile(path: Path) -> list[Path]:
    """Prerequisites of a Make rule as compilers and Cython write it; a missing file counts as one that changed."""
    if not path.exists():
        return [path]
    rule = path.read_text().replace("\\\n", " ")
    words = rule.partition(": ")[2].replace("\\ ", "\0").split()
    return [Path(word.replace("\0", " ")) for word in words]


def cython_step(pyx: Path, build: Path) -> Step:
    """Translate the bindings to C++ below ``build``."""
    import Cython

    target = build / pyx.with_suffix(".cpp").name
    module = ["--module-name", "pretzel._native._core", "-I", str(pyx.parent)]
    arguments = ["-3", "--cplus", "--depfile", *module, str(pyx), "-o", str(target)]
    return Step(
        target=target,
        command=(sys.executable, "-m", "cython", *arguments),
        inputs=(pyx,),
        depfile=target.with_name(target.name + ".dep"),
        identity=(Cython.__version__, *arguments),
    )


def compile_step(source: Path, target: Path, flags: list[str]) -> Step:
    """Compile one C++ file."""
    depfile = target.with_suffix(".d")
    command = [*compiler(), *common_flags(), *flags, "-MMD", "-MF", str(depfile), "-c", str(source), "-o", str(target)]
    return Step(target, tuple(command), (source,), depfile, tuple(command))


def compile_steps(bindings: Path, build: Path) -> list[Step]:
    """All compilations in link order: baseline first, so that inline functions that the linker folds are baseline."""
    import numpy

    levels = instruction_sets()
    include = [f"-I{NATIVE}"]
    python = [f"-I{sysconfig.get_path('include')}", f"-I{numpy.get_include()}"]
    steps = [compile_step(bindings, build / "_core.o", [*GENERATED, *include, *python, *levels[0]])]
    for room in ROOMS:
        for source in sorted((NATIVE / room).glob("*.cpp")):
            steps.append(compile_step(source, build / room / f"{source.stem}.o", [*strict(), *include, *levels[0]]))
    for level, isa in enumerate(levels):
        for source in sorted((NATIVE / "kernels").glob("*.cpp")):
            flags = [*strict(), *include, *isa, f"-DPRETZEL_ISA={level}"]
            steps.append(compile_step(source, build / "kernels" / f"{source.stem}.isa{level}.o", flags))
    return steps


def link_step(objects: list[Path], target: Path) -> Step:
    """Link the extension module."""
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    command = [*compiler(), *shared, "-pthread", *map(str, objects), "-o", str(target)]
    if sanitizer():
        command.append(f"-fsanitize={sanitizer()}")
    command += shlex.split(os.environ.get("LDFLAGS", ""))
    return Step(target, tuple(command), tuple(objects), None, tuple(command))


class BuildNative(build_ext):
    """`build_ext` with parallel, incremental compilation and several instruction sets."""

    def build_extension(self, ext: Extension) -> None:
        """Translate, compile and link what is not up to date."""
        folder = "native-" + sanitizer().replace(",", "-") if sanitizer() else "native"
        build = Path(self.build_temp) / folder
        translate = cython_step(Path(ext.sources[0]), build)
        compilations = compile_steps(translate.target, build)
        self._run([translate])
        self._run(compilations)
        module = Path(self.get_ext_fullpath(ext.name))
        link = link_step([step.target for step in compilations], build / module.name)
        self._run([link])
        # Linked aside and copied: whatever lies in build_lib ends up in the wheel.
        module.parent.mkdir(parents=True, exist_ok=True)
        self.copy_file(str(link.target), str(module))

    def _run(self, steps: list[Step]) -> None:
        stale = [step for step in steps if self.force or step.stale()]
        jobs = self.parallel if isinstance(self.parallel, int) and self.parallel > 1 else os.cpu_count()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for step, future in [(step, pool.submit(step.run)) for step in stale]:
                future.result()
                print(f"built {step.target}", flush=True)


if __name__ == "__main__":
    setup(
        ext_modules=[Extension("pretzel._native._core", [str(NATIVE / "bindings" / "_core.pyx")])],
        cmdclass={"build_ext": BuildNative},
    )
