"""Open the table that a command reads: whole, or in batches if it would not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from chainrule.cli.terminal import say

if TYPE_CHECKING:
    from chainrule.table.batches import Batches
    from chainrule.table.table_format import TableFormat


@contextmanager
def opened(table: str, memory: str | None, what: str, known: TableFormat | None = None) -> Iterator[Batches]:
    """Open a table by its recorded format; on a terminal, show the progress of reading it in batches.

    Notes about the table, and values that do not fit, are said on standard error.
    """
    from chainrule.cli.progress import Reading
    from chainrule.outofcore.memory import Budget
    from chainrule.tabular.model import misfit_notes
    from chainrule.tabular.pipeline import in_batches, open_table

    batched, budget = in_batches(table, memory), Budget.asked(memory)
    with ExitStack() as stack:
        reading = stack.enter_context(closing(Reading(quiet=False, in_lines=False)))
        batches = stack.enter_context(open_table(table, batched=batched, budget=budget, known=known))
        for note in (*batches.notes, *misfit_notes(batches.header)):
            say(note, err=True)
        yield batches.watched(partial(reading, what)) if batched else batches
