"""Some thousands of hostile formulas, model files and tables; `make fuzz` tries a hundred thousand of each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("kind", "count"), [("formulas", 2000), ("models", 2000), ("tables", 250)])
def test_nothing_but_typed_errors(kind, count):
    """A table takes as long as ten of the others: DuckDB is started for each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", kind, str(count)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found = json.loads(done.stdout)
    assert found["failed"] == 0
    assert count / 20 < found["taken"] < count * 0.95  # right ones and wrong ones among them
