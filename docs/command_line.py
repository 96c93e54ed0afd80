"""Write docs/command-line.md from the commands' own help, or check that it is up to date."""

import sys
from pathlib import Path

import click

from chainrule.cli import main

PAGE = Path(__file__).with_name("command-line.md")


def page() -> str:
    """Return the page: every command with its help."""
    parts = ["# The command line\n\nWritten by `make docs` from the commands' own help.\n"]
    context = click.Context(main, info_name="chainrule", max_content_width=100)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        child = click.Context(command, info_name=name, parent=context, terminal_width=100, max_content_width=100)
        parts.append(f"## chainrule {name}\n\n```text\n{command.get_help(child)}\n```\n")
    return "\n".join(parts)


if "--check" in sys.argv:
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is out of date: run `make docs`.")
else:
    PAGE.write_text(page(), encoding="utf-8")
