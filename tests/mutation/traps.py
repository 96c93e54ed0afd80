"""Does a test notice when the rule against a known trap is broken? Every edit of `traps.toml` is made, one at a time.

    python tests/mutation/traps.py [TRAP...] [--jobs N]

A trap is a way in which libraries of this kind go wrong, known from their issues; the tests against it are called
`test_dNN_...`. `mutate.py` changes every sign of the equations; here whole rules are broken, in the small edits that
somebody might well make. Each edit is made in a copy of the package, which the tests named beside it import instead.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAPS = Path(__file__).with_name("traps.toml")
TIMEOUT = 300  # seconds for one test: a loop that no longer ends is noticed, too
PASSED, FAILED = 0, 1  # of pytest's exit codes; all others say that the tests were not run


# An editable installation puts a finder of the working tree before every path; run at the start of Python.
NOT_THE_WORKING_TREE = """\
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable")]
"""


@dataclass(frozen=True)
class Edit:
    """One way to break the rule of a trap, and the tests of which each must fail then."""

    trap: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, package: Path) -> None:
        """Make the edit in a copy of the package."""
        path = package / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise SystemExit(
                f"{self.trap}: {self.file} must hold this once, not {text.count(self.old)} times: {self.old}"
            )
        path.write_text(text.replace(self.old, self.new))


def edits(chosen: Sequence[str]) -> list[Edit]:
    """List the edits of the chosen traps, or of all."""
    table = tomllib.loads(TRAPS.read_text())
    if unknown := sorted(set(chosen) - set(table)):
        raise SystemExit(f"no such trap: {', '.join(unknown)}. There are {', '.join(table)}.")
    return [
        Edit(trap, **{**edit, "tests": tuple(edit["tests"])})
        for trap, entry in table.items()
        for edit in entry["edits"]
        if trap in chosen or not chosen
    ]


def outcomes(edit: Edit) -> list[str]:
    """Tell for each test of an edit what it raises, or that the edit survives it."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "chainrule"
        shutil.copytree(ROOT / "src" / "chainrule", package)
        edit.apply(package)
        (Path(folder) / "sitecustomize.py").write_text(NOT_THE_WORKING_TREE)
        return [_outcome(folder, test) for test in edit.tests]


def _outcome(folder: str, test: str) -> str:
    try:
        code, report = _pytest([test, "-x"], folder)
    except subprocess.TimeoutExpired:
        return "killed: never ends"
    if code not in (PASSED, FAILED):
        raise SystemExit(f"{test} could not be run:\n{report}")
    raised = re.search(r"^(?:FAILED|ERROR) .* - (.{1,60})", report, re.MULTILINE)
    return "SURVIVES" if code == PASSED else f"killed: {raised[1].replace('|', ' ') if raised else 'fails'}"


def _pytest(arguments: Sequence[str], folder: str | Path) -> tuple[int, str]:
    """Run tests on the package in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "1000"}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT * len(arguments)
    )
    return run.returncode, run.stdout + run.stderr


def main() -> int:
    """Break the rules asked for; 1 where a test does not notice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traps", nargs="*", metavar="TRAP", help="such as D8; by default all")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at the same time (default: 2)")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {arguments.jobs}.")

    found = edits(arguments.traps)
    tests = sorted({test for edit in found for test in edit.tests})
    code, report = _pytest([*tests, "-n", str(arguments.jobs)], ROOT / "src")
    if code != PASSED:
        raise SystemExit(f"{report}\nThe tests must pass where nothing is broken, and do not.")
    print("| trap | broken | test | result |\n| --- | --- | --- | --- |")
    survivors = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for edit, results in zip(found, pool.map(outcomes, found), strict=True):
            for test, result in zip(edit.tests, results, strict=True):
                print(f"| {edit.trap} | {edit.breaks} | {test.removeprefix('tests/')} | {result} |", flush=True)
            survivors += results.count("SURVIVES")
    print(f"\n{len(found)} edits, {sum(len(edit.tests) for edit in found)} tests asked, {survivors} survive.")
    return int(survivors > 0)


if __name__ == "__main__":
    raise SystemExit(main())
