"""The house: what an import costs, the sizes of files and functions, the command line's help, the version."""

import ast
import importlib.metadata
import json
import os
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from hypothesis import settings

import chainrule
from chainrule.cli import main
from chainrule.engine import info

from .patience import GIVE_UP

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "src").rglob("*.py"))
HEAVY = {"sklearn", "scipy", "duckdb", "sympy", "rich", "click", "safetensors", "narwhals", "pandas", "matplotlib"}


def modules_after(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a process has imported at its end."""
    ending = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", f"{code}\n{ending}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIVE_UP)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_import_chainrule_pulls_in_nothing_heavy():
    assert not modules_after("import chainrule") & (HEAVY | {"numpy"})


def test_help_pulls_in_click_alone():
    run = "from chainrule.cli import main; main(['--help'], standalone_mode=False)"
    assert modules_after(run) & (HEAVY | {"numpy"}) == {"click"}


def test_train_and_predict_do_not_import_scikit_learn(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i % 23},{'ab'[i % 2]}\n" for i in range(60)))
    code = """
import sys
from chainrule.cli import main
from chainrule.engine import info
table, model = sys.argv[1:]
main(["train", table, "-t", "y", "-m", model, "--quiet", "--hidden", "4", "--epochs", "2"], standalone_mode=False)
main(["predict", model, table], standalone_mode=False)
"""
    found = modules_after(code, str(tmp_path / "t.csv"), str(tmp_path / "m.safetensors"))
    assert not found & {"sklearn", "sympy", "pandas", "narwhals", "rich"}
    assert (tmp_path / "m.safetensors").exists()


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_short():
    bodies = [
        body_lines(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.median(bodies) <= 12
    assert statistics.quantiles(bodies, n=10)[-1] <= 30


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in main.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_and_every_option_has_help():
    assert set(commands()) >= {"train", "predict", "evaluate", "summary"}
    for name, command in commands().items():
        assert command.name == name
        assert command.help, name
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [option.name for option in options if not option.help] == [], name


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    if not text:
        pytest.skip("README.md is still empty")
    assert [name for name in commands() if f"chainrule {name}" not in text] == []


def test_the_version_is_stated_once_and_for_all():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chainrule.__version__ == project["version"] == importlib.metadata.version("chainrule")


def test_every_public_name_is_there():
    for name in chainrule.__all__:
        assert getattr(chainrule, name) is not None
    assert set(dir(chainrule)) >= set(chainrule.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        chainrule.nothing  # noqa: B018 - the access is the test


def run_version(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chainrule", "--version"]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=GIVE_UP)


def test_version_says_who_computes():
    shown, engine = run_version().stdout, info()
    assert f"chainrule {chainrule.__version__}\n{engine['engine']} engine" in shown
    assert (engine["instructions"] or "") in shown


@pytest.mark.skipif(info()["engine"] == "reference", reason="needs the native engine")
def test_version_with_unknown_instructions_is_one_line():
    result = run_version(CHAINRULE_INSTRUCTIONS="abacus")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: CHAINRULE_INSTRUCTIONS must be one of ")
    assert result.stderr.count("\n") == 1


def test_every_edit_of_a_trap_fits_the_code_and_names_tests_that_exist():
    """The edits are made in a run of their own, tests/mutation/traps.py; here they are only found."""
    traps = tomllib.loads((ROOT / "tests/mutation/traps.toml").read_text())
    edits = [edit for trap in traps.values() for edit in trap["edits"]]
    stale = [e["old"] for e in edits if (ROOT / "src/chainrule" / e["file"]).read_text().count(e["old"]) != 1]
    tests = [test.partition("[")[0].split("::") for edit in edits for test in edit["tests"]]
    missing = [test for test in tests if f"def {test[-1]}(" not in (ROOT / test[0]).read_text()]
    assert len(edits) > 100
    assert not stale
    assert not missing


def test_no_test_depends_on_how_fast_the_machine_is():
    """Hypothesis times examples and how they are made, but in the profile of conftest.py, and what replaces it."""
    assert settings.default.deadline is None
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        replaced = re.findall(r"suppress_health_check=\[.*?\]", text)
        assert all("HealthCheck.too_slow" in checks for checks in replaced if path.name != "test_house.py"), path
        assert not re.search(r"deadline=(\d|timedelta)", text), path
        assert not re.search(r"\btimeout=\d", text), f"{path}: wait with GIVE_UP of tests/patience.py"
