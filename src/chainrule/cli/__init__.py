"""The command line: thin commands over the library, whose modules are imported only when a command runs."""

from __future__ import annotations

import importlib
from typing import Any

import click

from chainrule._version import __version__
from chainrule.cli.guard import errors_in_one_line, guarded
from chainrule.cli.interruptions import interruptible
from chainrule.cli.terminal import say

# The one-line help of each command is here, so that `chainrule --help` imports no command.
_COMMANDS = {
    "train": ("chainrule.cli.train", "Train a network on a table, test it, and save it."),
    "predict": ("chainrule.cli.predict", "Predict every row of a table with a saved model."),
    "evaluate": ("chainrule.cli.evaluate", "Test a saved model on a table that has the target."),
    "summary": ("chainrule.cli.summary", "Show what a saved model is: layers, columns, training."),
    "trace": ("chainrule.cli.trace", "Show every number of one pass through a saved model, forward and back."),
    "derive": ("chainrule.cli.derive", "Derive backpropagation for a network, step by step."),
    "check": ("chainrule.cli.check", "Check the derivatives in a Python file."),
}


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with interruptible():
            return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with errors_in_one_line():
            return super().make_context(*args, **kwargs)

    @guarded  # while a command's module is imported, too
    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@guarded
def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version and the compute backend."""
    if not asked or context.resilient_parsing:
        return
    from chainrule.engine import info  # imports NumPy, which --help does not need

    engine = info()
    built = f" ({engine['instructions']}, {engine['compiler']})" if engine["instructions"] else ""
    say(f"chainrule {__version__}\n{engine['engine']} engine{built}, up to {engine['threads']} threads")
    context.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def main() -> None:
    """Feed-forward neural networks whose every gradient is written out.

    \b
    chainrule train penguins.csv --target species
    chainrule predict model.safetensors new-penguins.csv -o predictions.csv
    """
