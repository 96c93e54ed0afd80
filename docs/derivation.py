"""Write docs/derivation.md, the derivation of the source's own network, or check that it is up to date."""

import sys
from pathlib import Path

from chainrule import derive

PAGE = Path(__file__).with_name("derivation.md")
COMMAND = "chainrule derive --layers 2,16,1 --activation tanh --output sigmoid --loss binary_cross_entropy"
NOTE = f"""\
Written by `make docs`; the same page comes from

    {COMMAND} --detail element -o derivation.md

for this network, the one of the source, and for any other. Each step names the section of the source that says it.
"""


def page() -> str:
    """Return the page: the command that made it, and the derivation."""
    derivation = derive((2, 16, 1), "tanh", "sigmoid", "binary_cross_entropy", detail="element")
    heading, _, rest = derivation.to_markdown().partition("\n\n")
    return f"{heading}\n\n{NOTE}\n{rest}"


if "--check" in sys.argv:
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is out of date: run `make docs`.")
else:
    PAGE.write_text(page(), encoding="utf-8")
