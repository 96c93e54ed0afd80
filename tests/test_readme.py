"""The README's Python runs, and its transcript is what the command prints."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["judge", "estimator", "table", "columns", "textbook"])
def test_python_in_the_readme_runs(block):
    exec(compile(block, "README.md", "exec"), {})


def test_the_judge_says_what_the_readme_shows(capsys):
    exec(compile(BLOCKS[0], "README.md", "exec"), {})
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert shown[1] in capsys.readouterr().out


def test_the_story_of_the_most_copied_example():
    results = doctest.testfile(str(ROOT / "docs" / "most-copied-example.md"), module_relative=False)
    assert results.failed == 0
    assert results.attempted > 10


def test_the_transcript_is_what_train_prints(tmp_path):
    tables = [str(tmp_path / "digits.csv"), str(tmp_path / "new-digits.csv")]
    subprocess.run([sys.executable, str(ROOT / "examples" / "write_tables.py"), *tables], check=True)
    command = [sys.executable, "-m", "chainrule", "train", "digits.csv", "--target", "digit"]
    ran = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    transcript = re.search(r"```console\n\$ chainrule train digits.csv --target digit\n(.*?)\n\$ ", README, re.DOTALL)
    assert transcript is not None
    shown = [line for line in transcript[1].splitlines() if line and line != "..."]
    printed = ran.stdout.splitlines()
    # The figures may differ in their last digits on another processor; the words and the layout may not.
    strip = re.compile(r"[\d.,*]+")
    assert {strip.sub("#", line) for line in shown} <= {strip.sub("#", line) for line in printed}
