"""The layers hold: who may import whom, how long files may be, which kernels exist for whom."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pretzel
from pretzel.oven.frontends.registry import registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pretzel"
NATIVE = PACKAGE / "_native"
NATIVE_ROOMS = ("core", "kernels", "trees", "text", "scheduler", "cost")  # know no Python; `bindings` does
FILES = sorted(PACKAGE.rglob("*.py"))
OPTIONAL = {
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "polars",
    "onnxruntime",
    "joblib",
    "threadpoolctl",
    "skops",
    "cloudpickle",
    "click",
    "mlflow",
    "ray",
    "pyspark",
    "apache_beam",
    "orjson",
    "uvicorn",
    "grpc",
    "google",
    "mlserver",
    "prometheus_client",
    "rich",
}

PLAN = {"plan", "program", "input_spec"}
"""A plan, and what it is made of."""

BELOW = {"errors", "schema", "options", "packed", "steps", "dates", *PLAN, "buffers", "store", "_native"}
"""What oven and runtime stand on; neither imports the other."""

LAYERS = {
    # what may be imported at run time, besides the module's own layer; `TYPE_CHECKING` imports are free
    "errors": set(),
    "schema": set(),
    "options": {"errors"},
    "examples": set(),
    "packed": {"errors"},
    "steps": set(),
    "dates": set(),
    "input_spec": {"schema"},
    "program": {"schema", "dates"},
    "plan": {"schema", "packed", "input_spec", "program"},
    "buffers": {"schema", "program"},
    "_native": {"errors", "buffers"},
    "store": {"errors", "schema", "options", "packed", "dates", *PLAN, "_native"},
    "oven": BELOW,
    "runtime": BELOW,
    # where oven and runtime meet
    "upgrade": {*PLAN, "store", "oven", "runtime"},
    "api": {"errors", "options", *PLAN, "store", "oven", "runtime", "upgrade"},
    "calibration": {"errors", "examples", "store", "api", "runtime", "_native"},
    "coverage": {"errors", "store", "oven", "runtime", "api"},
    "serving": {"errors", "schema", "options", "input_spec", "_native", "runtime"},
    "cli": {"errors", *PLAN, "store", "oven", "runtime", "api", "coverage", "verification", "serving"},
    "__main__": {"cli"},
    "integrations": {"errors", "input_spec", "api", "upgrade", "runtime", "serving"},
    "verification": {"errors", "schema", "options", "packed", *PLAN, "store", "oven", "runtime", "_native"},
}

LONGEST = {".py": 400, ".pyx": 600, ".pxi": 600, ".cpp": 500, ".h": 400}
LONGER: dict[str, int] = {}


def layer(path: Path) -> str:
    """First part of a path below the package, without suffix."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports when it runs, and whether inside a function."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if is_type_checking(child):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                found.extend((f"{child.module}.{alias.name}", inside) for alias in child.names)
            visit(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    visit(ast.parse(path.read_text()), False)
    return found


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def each(values: Iterable[Any]) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """One test for all values, which reports every value that fails: an item for each makes collecting slow."""

    def decorate(check: Callable[[Any], None]) -> Callable[[], None]:
        def test() -> None:
            faults = []
            for value in values:
                try:
                    check(value)
                except AssertionError as error:
                    faults.append(f"{named(value) if isinstance(value, Path) else value}: {error}")
            assert not faults, "\n".join(faults)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


BINDINGS = sorted(path for path in (NATIVE / "bindings").iterdir() if path.suffix in {".pyx", ".pxi", ".pxd"})


@each(BINDINGS)
def test_bindings_import_nothing_above_them(path):
    """Of Pretzel only the errors: the runtime registers what the bindings call."""
    pattern = r"^\s*(?:from\s+(pretzel[\w.]*)\s+c?import\s+([\w, *]+)|c?import\s+(pretzel[\w.]*))"
    for module, names, whole in re.findall(pattern, path.read_text(), re.M):
        for name in names.split(",") if module else [""]:
            full = f"{module}.{name.strip()}" if module else whole
            assert full.split(".")[1] in LAYERS["_native"] | {"_native"}, full


@each(FILES)
def test_layers(path):
    here = layer(path)
    if here == "__init__":
        return
    allowed = LAYERS[here] | {here}
    for module, _ in imports(path):
        if module.split(".")[0] != "pretzel":
            continue
        there = module.split(".")[1]
        assert there in allowed, f"{here} imports {module}"


@each(FILES)
def test_optional_libraries_are_imported_inside_functions(path):
    for module, inside in imports(path):
        allowed = {"click"} if layer(path) == "cli" and path.name != "__init__.py" else set()
        assert inside or module.split(".")[0] not in OPTIONAL - allowed, f"{module} at module level"


@each(sorted((PACKAGE / "oven" / "ir").glob("*.py")))
def test_the_ir_knows_nothing_else_of_the_oven(path):
    for module, _ in imports(path):
        if module.startswith("pretzel.oven."):
            assert module.split(".")[2] == "ir", module


@each(sorted((PACKAGE / "oven" / "frontends").rglob("*.py")))
def test_frontends_do_not_know_rules_or_passes(path):
    for module, _ in imports(path):
        if module.startswith("pretzel.oven."):
            assert module.split(".")[2] in ("ir", "frontends"), module


@each(sorted((PACKAGE / "oven" / "frontends").rglob("*.py")))
def test_private_attributes_of_estimators_are_read_in_one_folder(path):
    if path.parent.name == "compat":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
            assert ast.unparse(node.value) == "self", ast.unparse(node)


def test_the_tested_releases_of_scikit_learn_are_those_that_are_asked_for():
    from pretzel.oven.frontends.sklearn.compat import TESTED

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"scikit-learn{TESTED}" in extras["sklearn"]


@each([name for name in registered() if name.startswith("sklearn.")])
def test_the_full_name_of_an_estimator_leads_to_its_adapter(name):
    """`grep -rn sklearn.linear_model.Ridge` finds it; nothing is put together from parts."""
    folder = PACKAGE / "oven" / "frontends" / "sklearn"
    assert any(f'"{name}"' in path.read_text() for path in folder.glob("*.py"))


@each(sorted((PACKAGE / "oven" / "rules").glob("[a-z]*.py")))
def test_rules_know_the_ir_only(path):
    """Not each other, not the driver; what several share stands in a file with an underscore."""
    for module, _ in imports(path):
        if module.startswith("pretzel.oven."):
            part = module.split(".")[2]
            assert part == "ir" or module.startswith("pretzel.oven.rules._"), module


def test_every_rule_stands_in_a_file_of_its_name():
    from pretzel.oven.rules import RULES

    files = {path.stem for path in (PACKAGE / "oven" / "rules").glob("[a-z]*.py")}
    assert {rule.name for rule in RULES} == files
    for rule in RULES:
        assert rule.function.__module__ == f"pretzel.oven.rules.{rule.name}"
        assert rule.function.__doc__, rule.name
        assert rule.reason, rule.name


def native_includes(path: Path) -> list[str]:
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)


@each(sorted((NATIVE / "kernels").glob("*.cpp")))
def test_kernels_include_the_contract_and_headers_of_families(path):
    """Nothing of the executor, the plan or the registry; nothing of Python."""
    for header in native_includes(path):
        assert header not in {"core/executor.h", "core/plan.h"}, header
        assert (NATIVE / header).exists(), header


@each(sorted(path for room in NATIVE_ROOMS for path in (NATIVE / room).glob("*") if path.suffix in {".h", ".cpp"}))
def test_native_code_knows_no_python(path):
    headers = re.findall(r"^#include .*$", path.read_text(), re.M)
    assert not [header for header in headers if "Python.h" in header or "numpy" in header]


def registered_kernels() -> dict[str, str]:
    """Kernel -> file that registers it."""
    found = {}
    for path in (NATIVE / "kernels").glob("*.cpp"):
        for name in re.findall(r"^PRETZEL_KERNEL\((\w+),", path.read_text(), re.M):
            found[name] = path.stem
    return found


def node_classes() -> list[type]:
    """Every class of nodes."""
    from pretzel.oven.ir.graph import Node

    ir = importlib.import_module("pretzel.oven.ir")
    found: list[type] = []
    for module in pkgutil.iter_modules(ir.__path__):
        loaded = importlib.import_module(f"pretzel.oven.ir.{module.name}")
        found += [
            value
            for value in vars(loaded).values()
            if isinstance(value, type) and issubclass(value, Node) and value.__module__ == loaded.__name__
        ]
    return found


def test_every_kernel_has_a_node_and_every_node_a_kernel():
    from pretzel._native import kernels

    used = {cls.kernel for cls in node_classes() if cls.kernel}
    assert used == set(kernels()) == set(registered_kernels())


def test_a_node_and_its_kernel_stand_in_files_of_one_name():
    files = registered_kernels()
    for cls in node_classes():
        if cls.kernel:
            assert files[cls.kernel] == cls.__module__.rpartition(".")[2].lstrip("_"), cls


def test_every_computation_has_a_stable_name():
    """Digests are made of it, so it is the class's own, unlike any other, and has a version."""
    named = [cls for cls in node_classes() if cls.op]
    assert {cls.__name__ for cls in node_classes()} - {cls.__name__ for cls in named} == {
        "Node",
        "_Elementwise",
        "_OfQuantiles",
        "_Updates",
    }
    assert len({cls.op for cls in named}) == len(named)
    for cls in named:
        assert re.fullmatch(r"[a-z][a-z0-9_]*/[1-9][0-9]*", cls.op), cls


def test_every_kernel_file_has_an_operator_file():
    operators = {path.stem.lstrip("_") for path in (PACKAGE / "oven" / "ir").glob("*.py")}
    assert {path.stem for path in (NATIVE / "kernels").glob("*.cpp")} <= operators


def sources() -> list[Path]:
    return [path for path in PACKAGE.rglob("*") if path.suffix in LONGEST and "build" not in path.parts]


@each(sorted(sources()))
def test_files_are_short(path):
    """A file does one thing; the few that may be longer are listed with the date on which that was decided."""
    limit = LONGER.get(named(path), LONGEST[path.suffix])
    assert len(path.read_text().splitlines()) <= limit


def public(tree: ast.Module) -> list[ast.AST]:
    """Public functions, classes and their public methods."""
    found: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append(node)
            if isinstance(node, ast.ClassDef):
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)]
                found += [m for m in methods if not m.name.startswith("_")]
    return found


TRAITS = {
    "value_properties",
    "monotone",
    "as_affine",
    "as_replacement",
    "as_sparse",
    "mostly_zeros",
    "pick_outputs",
    "select_columns",
    "stack",
}
TRAITS |= {"in_float32", "move_edges", "rounds_inputs", "boundaries"}
INHERITED = {"schema", "params", "reference", "describe", "simplify", "limits", "passes"} | TRAITS  # documented once


@each(FILES)
def test_everything_public_is_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    for node in public(tree):
        adapter = any(ast.unparse(decorator).startswith("adapter(") for decorator in node.decorator_list)
        if adapter or (node.name in INHERITED and "oven" in path.parts):
            continue  # an adapter says it all with the names that it is registered for
        assert ast.get_docstring(node), f"{node.name} in line {node.lineno}"


def test_public_names():
    assert set(pretzel.__all__) == {
        "Batching",
        "Column",
        "Copied",
        "Coverage",
        "Findings",
        "InputSchema",
        "MethodCoverage",
        "ObjectStore",
        "OpaqueCall",
        "Output",
        "Plan",
        "PlanStore",
        "Reservation",
        "Runtime",
        "Versions",
        "calibrate",
        "compile",
        "coverage",
        "errors",
        "load",
        "verify",
    }
    for name in pretzel.__all__:
        assert getattr(pretzel, name) is not None
    assert {name for name in dir(pretzel) if not name.startswith("__")} == set(pretzel.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        pretzel.nothing  # noqa: B018


def test_every_error_is_a_pretzel_error_and_documented():
    from pretzel import errors

    for name, value in vars(errors).items():
        if isinstance(value, type):
            assert issubclass(value, errors.PretzelError | UserWarning), name
            assert value.__doc__, name
            assert name in errors.__doc__, name


@each(FILES)
def test_nothing_is_left_undone(path):
    text = path.read_text()
    for word in ("TODO", "FIXME", "XXX", "HACK", "print("):
        assert word not in text, word


def test_the_stub_of_the_extension_is_true():
    from pretzel import _native
    from pretzel._native import _core

    stub = ast.parse((NATIVE / "_core.pyi").read_text())
    described = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert set(described) == {name for name in vars(_native) if not name.startswith("_")} - {"annotations"}
    for name, node in described.items():
        members = (
            [m.name for m in node.body if isinstance(m, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else []
        )
        assert all(hasattr(getattr(_core, name), member) for member in members), name
