"""Show the progress of reading and training on standard error."""

from __future__ import annotations

import math
import sys
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from chainrule.cli.terminal import say

if TYPE_CHECKING:
    from chainrule.network.training.hooks import Progress


class Reporter:
    """Shows the progress of training: a bar on a terminal, else one line per epoch."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: Any = None
        if not quiet and sys.stderr.isatty():
            self.bar = _bar()

    def on_segment(self, progress: Progress) -> None:
        """Move the bar within an epoch."""
        if self.bar is not None:
            self._move(progress, progress.epoch + progress.examples_done / progress.examples)

    def on_epoch(self, progress: Progress) -> None:
        """Show the figures of an epoch."""
        if self.bar is not None:
            self._move(progress, progress.epoch)
        elif not self.quiet:
            say(f"epoch {progress.epoch}/{progress.max_epochs}  {self._figures(progress)}", err=True)

    def on_compare(self) -> None:
        """Say that the linear model is trained."""
        self.close()
        if not self.quiet:
            say("training the linear model, to compare", err=True)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.stop()

    def _move(self, progress: Progress, done: float) -> None:
        bar, task = self.bar, self.bar.task_ids[0]
        figures = self._figures(progress).replace("validation", "val").replace("  ", " ")  # to fit 80 columns
        text = f"epoch {math.ceil(done) or 1}/{progress.max_epochs} {figures}"
        bar.update(task, completed=done, total=progress.max_epochs, figures=text)

    def _figures(self, progress: Progress) -> str:
        history = progress.history
        parts = []
        for key, name in (("running_loss", "loss"), ("val_loss", "validation"), ("learning_rate", "rate")):
            if history.columns.get(key):
                parts.append(f"{name} {history[key][-1]:.4g}")
        seconds = history.columns.get("seconds")
        if seconds:
            speed = progress.examples / seconds[-1]
            parts.append(f"{speed / 1000:,.0f}k rows/s" if speed >= 10_000 else f"{speed:,.0f} rows/s")
        return "  ".join(parts)


class Reading:
    """Shows the progress of reading a table in batches: a bar on a terminal, else a line for each pass.

    Parameters
    ----------
    quiet : bool
    in_lines : bool, default True
        Whether to print lines if there is no terminal.
    """

    def __init__(self, quiet: bool, *, in_lines: bool = True) -> None:
        self.quiet = quiet
        self.bar: Any = None
        self.on_terminal = not quiet and sys.stderr.isatty()
        self.in_lines = in_lines and not quiet and not self.on_terminal

    def begin(self, source: str) -> None:
        """Name the table before its rows are counted."""
        if not self.quiet:
            say(f"reading {shorten(source, 60, placeholder=' ...')} in batches", err=True)

    def __call__(self, what: str, done: int, rows: int) -> None:
        """Show a step, the number of rows done and the total."""
        if self.on_terminal:
            self.bar = self.bar or _bar()
            text = f"{what} row {done:,} of {rows:,}"
            self.bar.update(self.bar.task_ids[0], completed=done, total=rows, figures=text)
        elif self.in_lines and not done:
            say(f"{what} {rows:,} rows", err=True)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    bar = Progress(
        BarColumn(bar_width=8),
        TimeRemainingColumn(compact=True, table_column=Column(min_width=5)),
        TextColumn("left  {task.fields[figures]}", table_column=Column(no_wrap=True)),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("", total=1, figures="starting")
    bar.start()
    return bar
