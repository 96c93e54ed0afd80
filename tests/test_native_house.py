"""The native engine's house: no Python in the core, one importer, and no code of one instruction set in another."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "cpp").glob("*.?pp"))
BINDINGS = sorted((ROOT / "cpp" / "bindings").glob("*.?pp"))
OBJECTS = sorted((ROOT / "build" / "native").glob("CMakeFiles/isa_*.dir/cpp/isa.cpp.o"))


def test_the_core_knows_no_python():
    assert len(CORE) > 10
    for path in CORE:
        included = [line for line in path.read_text().splitlines() if line.startswith("#include")]
        assert not [line for line in included if "Python" in line or "nanobind" in line or "bindings" in line], (
            path.name
        )


def test_files_are_short():
    sizes = {path.name: len(path.read_text().splitlines()) for path in (*CORE, *BINDINGS)}
    assert {name: size for name, size in sizes.items() if size > 200} == {}


def test_two_modules_import_the_compiled_one():
    importers = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if any("_native" in f"{module}.{name}".split(".") for name in names):
                importers.append(path.name)
    assert importers == ["arguments.py", "native.py"]


@pytest.mark.skipif(not OBJECTS or shutil.which("nm") is None, reason="needs the objects of `make native`, and nm")
@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.parts[-3])
def test_an_instruction_set_keeps_its_code_to_itself(path):
    """A weak symbol outside its namespace would be merged with the others', and might not run on this machine."""
    name = path.parts[-3].removeprefix("isa_").removesuffix(".dir")
    listing = subprocess.run(["nm", "-C", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    symbols = [line.split(maxsplit=2) for line in listing.splitlines()]
    shared = [symbol for _, kind, symbol in symbols if kind in "WVuT"]
    assert len(shared) > 50
    assert [symbol for symbol in shared if f"chainrule::{name}::" not in symbol] == []
