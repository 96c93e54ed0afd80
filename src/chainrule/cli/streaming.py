"""Whether a table is read whole or in pieces, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.table.pieces import Pieces


def in_pieces(table: str, memory: str | None) -> bool:
    """Say whether a table is to be read in pieces: on request, or where it would fill the memory."""
    from chainrule.scale.memory import Budget
    from chainrule.table.extent import memory_needed

    return memory is not None or memory_needed(table) > Budget.asked(None).rows


@contextmanager
def opened(table: str, memory: str | None, what: str) -> Iterator[Pieces]:
    """Open a table in pieces that suit the memory; a terminal shows how far it is read, and what for."""
    from chainrule.cli.progress import Reading
    from chainrule.scale.memory import Budget
    from chainrule.table.pieces import open_pieces

    budget = Budget.asked(memory)
    with (
        closing(Reading(quiet=False, in_lines=False)) as reading,
        open_pieces(table, piece_bytes=budget.piece, memory=budget.reader) as pieces,
    ):
        yield replace(pieces, on_read=partial(reading, what))
