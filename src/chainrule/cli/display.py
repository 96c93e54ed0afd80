"""What the commands show: tables of columns and figures, and the progress of training."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from chainrule._json import plain

if TYPE_CHECKING:
    from chainrule.network.progress import Progress

_HIGHER_IS_BETTER = {"accuracy", "roc_auc", "r2"}


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Set rows of cells in columns; those numbered in `right` are set flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = [
        [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)


def figures_table(figures: dict[str, dict[str, float]], title: str = "on the test rows") -> str:
    """One row per model, one column per figure; of several models, the best of each column is marked by a star."""
    names = list(next(iter(figures.values())))
    rows = [[title, *(name.replace("_", " ") for name in names)]]
    best = {name: _best(name, [row[name] for row in figures.values()]) for name in names if len(figures) > 1}
    for model, row in figures.items():
        rows.append([model, *(f"{number(row[name])}{'*' if row[name] == best.get(name) else ' '}" for name in names)])
    return aligned(rows, right=range(1, len(names) + 1))


def _best(name: str, values: list[float]) -> float:
    finite = [value for value in values if not math.isnan(value)]
    if not finite:
        return math.nan
    return max(finite) if name in _HIGHER_IS_BETTER else min(finite)


def number(value: float) -> str:
    """Four significant digits, thousands apart."""
    if not math.isfinite(value):
        return str(value)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:z,.{min(digits, 4 if abs(value) < 1 else digits)}f}"


def strict_json(data: Any) -> str:
    """Write JSON that every reader takes: what is not finite is null."""
    return json.dumps(plain(data), indent=2)


class Reporter:
    """Shows the progress of training on standard error: a bar on a terminal, else one line per epoch."""

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
        """Show what an epoch measured."""
        if self.bar is not None:
            self._move(progress, progress.epoch)
        elif not self.quiet:
            click.echo(f"epoch {progress.epoch}/{progress.max_epochs}  {self._figures(progress)}", err=True)

    def on_compare(self) -> None:
        """Say what goes on after the last epoch."""
        self.close()
        if not self.quiet:
            click.echo("training the linear model, to compare", err=True)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()

    def _move(self, progress: Progress, done: float) -> None:
        bar, task = self.bar, self.bar.task_ids[0]
        figures = self._figures(progress).replace("validation", "val").replace("  ", " ")  # 80 columns are few
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
