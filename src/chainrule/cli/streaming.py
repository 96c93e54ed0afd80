"""Whether a table is read whole or in batches, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.table.reading.batches import Batches


def in_batches(table: str, memory: str | None) -> bool:
    """Say whether a table is to be read in batches: on request, or where it would fill the memory."""
    from chainrule.outofcore.memory import Budget
    from chainrule.table.reading.size import memory_needed

    return memory is not None or memory_needed(table) > Budget.asked(None).rows


@contextmanager
def opened(table: str, memory: str | None, what: str) -> Iterator[Batches]:
    """Open a table in batches that suit the memory; a terminal shows how far it is read, and what for."""
    from chainrule.cli.progress import Reading
    from chainrule.outofcore.memory import Budget
    from chainrule.table.reading.batches import open_batches

    budget = Budget.asked(memory)
    with (
        closing(Reading(quiet=False, in_lines=False)) as reading,
        open_batches(table, batch_bytes=budget.batch, memory=budget.reader) as batches,
    ):
        yield replace(batches, on_read=partial(reading, what))
