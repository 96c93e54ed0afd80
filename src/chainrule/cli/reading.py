"""Open the table that a command reads: whole, or in batches if it would not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.table.batches import Batches


@contextmanager
def opened(table: str, memory: str | None, what: str) -> Iterator[Batches]:
    """Open a table; on a terminal, show the progress of reading it in batches."""
    from chainrule.cli.progress import Reading
    from chainrule.outofcore.memory import Budget
    from chainrule.tabular.pipeline import in_batches, open_table

    batched = in_batches(table, memory)
    with (
        closing(Reading(quiet=False, in_lines=False)) as reading,
        open_table(table, batched=batched, budget=Budget.asked(memory)) as batches,
    ):
        yield batches.watched(partial(reading, what)) if batched else batches
