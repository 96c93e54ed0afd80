"""The command line in this process and in one of its own, and small tables to give it."""

import csv
import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chainrule._errors import ChainruleWarning
from chainrule.cli import main

from ..patience import GIVE_UP

QUICK = ("--hidden", "4", "--epochs", "3")


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON object; NaN and Infinity are no JSON."""
        return json.loads(self.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))

    @property
    def error(self) -> str:
        """The one line on standard error that a bad input gets."""
        assert self.code == 2, self.stderr
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("Error: ")
        return lines[0].removeprefix("Error: ")


Chainrule = Callable[..., Outcome]


@pytest.fixture(scope="session")
def chainrule() -> Chainrule:
    """Run a command in this process. An exception that escapes a command fails the test: it would be a traceback."""

    def run(*arguments: object) -> Outcome:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ChainruleWarning)  # the command shows these; any other is an error here
            result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="chainrule")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def process() -> Chainrule:
    """Run a command in a process of its own; keywords go to `subprocess.run`."""

    def run(*arguments: object, **options: Any) -> Outcome:
        command = [sys.executable, "-m", "chainrule", *map(str, arguments)]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        result = subprocess.run(command, env=environment, timeout=GIVE_UP, check=False, **options)
        return Outcome(result.returncode, (result.stdout or b"").decode(), (result.stderr or b"").decode())

    return run


def flowers(m: int, seed: int) -> list[dict[str, Any]]:
    """Rows whose class depends on size and colour, and whose price is 3 size + 2 (colour is red)."""
    draw = random.Random(seed)
    rows = []
    for i in range(m):
        size, colour = round(draw.uniform(0, 10), 3), draw.choice(["red", "blue", "white"])
        kind = "big" if size > 6 else ("rose" if colour == "red" else "lily")
        rows.append(
            {
                "size": size if i % 11 else "",
                "colour": colour,
                "wild": draw.choice(["true", "false"]),
                "day": f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}",
                "grade": draw.choice(["1", "2", "3"]),
                "kind": kind,
                "price": round(3 * size + 2 * (colour == "red"), 3),
            }
        )
    return rows


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",", header: bool = True) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class Trained:
    """A model, and the tables it was trained and tested on."""

    model: Path
    table: Path
    test_table: Path
    report: Any


@pytest.fixture(scope="session")
def flower_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table to train on and one to test on."""
    folder = tmp_path_factory.mktemp("flowers")
    return write_csv(folder / "flowers.csv", flowers(150, 0)), write_csv(folder / "more.csv", flowers(60, 1))


def _trained(chainrule: Chainrule, files: tuple[Path, Path], folder: Path, *options: str) -> Trained:
    model = folder / "model.safetensors"
    outcome = chainrule("train", files[0], "--test-table", files[1], "-m", model, "--json", *QUICK, *options)
    assert outcome.code == 0, outcome.stderr
    return Trained(model, *files, outcome.json)


@pytest.fixture(scope="session")
def classes(chainrule: Chainrule, flower_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A classifier of three kinds of flowers."""
    return _trained(chainrule, flower_files, tmp_path_factory.mktemp("classes"), "-t", "kind", "--drop", "price")


@pytest.fixture(scope="session")
def numbers(chainrule: Chainrule, flower_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A regression of the flowers' price."""
    return _trained(chainrule, flower_files, tmp_path_factory.mktemp("numbers"), "-t", "price")
