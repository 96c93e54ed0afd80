"""Whether a table is read whole or in pieces, and how large they are."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.table.pieces import Pieces


def in_pieces(table: str, memory: str | None) -> bool:
    """Say whether a table is to be read in pieces: on request, or where it would fill the memory."""
    from chainrule.scale.memory import Budget
    from chainrule.table.extent import memory_needed

    return memory is not None or memory_needed(table) > Budget.asked(None).rows


def opened(table: str, memory: str | None) -> AbstractContextManager[Pieces]:
    """Open a table in pieces that suit the memory."""
    from chainrule.scale.memory import Budget
    from chainrule.table.pieces import open_pieces

    budget = Budget.asked(memory)
    return open_pieces(table, piece_bytes=budget.piece, memory=budget.reader)
