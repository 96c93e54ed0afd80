"""Who may import whom: the table of ARCHITECTURE.md, from which the rule is read, holds."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "chainrule"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES}
MOST_FILES = 20

# Each row of the table in which packages stand, the uppermost first; a row imports from itself and from those below.
ROWS = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
RANK = {name: rank for rank, row in enumerate(ROWS) for name in re.findall(r"\w+", row)} | {"__main__": -1}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules a file imports, and whether it does so inside a function."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield (module if module in MODULES else node.module), id(node) in inside


def place(path: Path) -> str:
    """The package of a file, or the name of a module at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def third_party(path: Path) -> Iterator[tuple[str, bool]]:
    return ((module.partition(".")[0], inside) for module, inside in imports(path))


def test_the_table_names_every_package_once():
    assert {place(path) for path in FILES} - {"__init__"} == set(RANK)
    assert len(re.findall(r"`\w+`", " ".join(ROWS))) == len(RANK) - 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_the_table(path):
    here = place(path)
    if here == "__init__":
        return  # the public names, each imported on first use
    for module, _ in imports(path):
        first, _, rest = module.partition(".")
        if first != "chainrule":
            continue
        there = rest.partition(".")[0]
        assert there in RANK, f"{here} imports {module}"
        assert there == here or RANK[there] > RANK[here], f"{here} must not import {module}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {}
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if not module.endswith("__init__"):  # public names, imported on first use
            graph[module] = {other for other, _ in imports(path) if other.startswith("chainrule.") and other != module}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_no_folder_has_too_many_files():
    count = {
        str(folder.relative_to(PACKAGE)): sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        for folder in {path.parent for path in FILES}
    }
    assert {folder: n for folder, n in count.items() if n > MOST_FILES} == {}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if place(path) in {"network", "formula"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_network_is_numpy_only(path):
    for module, inside in third_party(path):
        allowed = {"chainrule", "numpy", *sys.stdlib_module_names} | ({"scipy"} if inside else set())
        assert module in allowed, f"{path.name} imports {module}{'' if inside else ' at its top'}"


def test_libraries_have_one_home():
    for path in FILES:
        found = {module for module, _ in third_party(path)}
        assert "sklearn" not in found or place(path) in {"estimator", "many"}, path
        assert "duckdb" not in found or place(path) == "table", path
        assert "safetensors" not in found or place(path) == "files", path
        assert not {"click", "rich"} & found or place(path) == "cli", path
