"""Who may import whom: the arrows of the design run one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "chainrule"

# Leftmost first; a package imports from itself and from places further right only.
ORDER = [
    {"__main__"},
    {"cli", "studio", "lab", "callbacks"},
    {"storage", "convert", "many", "derivation"},
    {"estimator"},
    {"report"},
    {"scale"},
    {"table", "engine", "slopes"},
    {"files"},
    {"network"},
    {"_errors", "_json", "_lazy"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))

# The table model and what it needs start at once: scikit-learn alone would take longer than a prediction.
WITHOUT_SKLEARN = {"fitting.py", "settings.py", "table_model.py", "table_task.py", "table_training.py", "recipe.py"}
WITHOUT_SKLEARN |= {"large_table.py", "stream_preparing.py", "stream_training.py", "prepared_record.py", "keeping.py"}
WITHOUT_SKLEARN |= {"elsewhere.py", "posing.py", "spooling.py"}


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
            if node.module == "chainrule":
                yield from ((f"chainrule.{alias.name}", id(node) in inside) for alias in node.names)
            else:
                yield node.module, id(node) in inside


def place(path: Path) -> str:
    """The package of a file, or the name of a module at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def third_party(path: Path) -> Iterator[tuple[str, bool]]:
    return ((module.partition(".")[0], inside) for module, inside in imports(path))


def test_every_package_has_its_place():
    assert {place(path) for path in FILES} - {"__init__"} <= set(RANK)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_to_the_right(path):
    here = place(path)
    if here == "__init__":
        return  # the public names, each imported on first use
    for module, _ in imports(path):
        first, _, rest = module.partition(".")
        if first != "chainrule" or rest == "__version__":
            continue
        there = rest.partition(".")[0]
        assert there in RANK, f"{here} imports {module}"
        assert there == here or RANK[there] > RANK[here], f"{here} must not import {module}"


@pytest.mark.parametrize("path", [path for path in FILES if place(path) == "network"], ids=lambda path: path.name)
def test_the_network_is_numpy_only(path):
    import sys

    for module, inside in third_party(path):
        allowed = {"chainrule", "numpy", *sys.stdlib_module_names} | ({"scipy"} if inside else set())
        assert module in allowed, f"{path.name} imports {module}{'' if inside else ' at its top'}"


def test_libraries_have_one_home():
    for path in FILES:
        found = {module for module, _ in third_party(path)}
        with_sklearn = place(path) == "many" or (place(path) == "estimator" and path.name not in WITHOUT_SKLEARN)
        assert "sklearn" not in found or with_sklearn, path
        assert "duckdb" not in found or place(path) == "table", path
        assert "safetensors" not in found or place(path) == "files", path
        assert not {"click", "rich"} & found or place(path) == "cli", path
