"""What a run is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.cases import CASES, Work

ROUNDS, SHORT_ROUNDS = 7, 3


@dataclass(frozen=True)
class Plan:
    """The networks, the peers (chainrule first), and how long to measure."""

    cases: tuple[str, ...]
    peers: list[str]
    data: Path
    rounds: int = ROUNDS

    @property
    def works(self) -> list[Work]:
        return [work for name, work in CASES.items() if name in self.cases]
