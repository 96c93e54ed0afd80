"""The examples of docs/many-networks.md run."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "many-networks.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["fit_many", "ensemble", "search"])
def test_the_example_runs(block, capsys):
    exec(compile(block, "many-networks.md", "exec"), {})
    assert capsys.readouterr().out
