"""A checkpoint: all that a training needs to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.network.training.segment import State, Totals


@dataclass(frozen=True)
class Checkpoint:
    """A training between two segments.

    Attributes
    ----------
    state : State
    best : State, optional
        The state of the best epoch so far.
    epochs : dict of list
        The columns of the history: one entry for every epoch that has ended.
    totals : Totals
        Of the steps already taken in the epoch that is under way.
    """

    state: State
    best: State | None = None
    epochs: dict[str, list[float]] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
