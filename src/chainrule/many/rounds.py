"""One round of a search: every candidate on every split, as far as it is not known already, and as time allows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from chainrule.many.crews import Run
from chainrule.many.evaluation import Evaluation, Outcome
from chainrule.many.search_record import SearchRecord


@dataclass
class Evaluator:
    """Who evaluates, until when, and what is known.

    Attributes
    ----------
    run : Run
        Of a crew.
    n_splits : int
    deadline : float
        On the clock of `time.monotonic`; later no evaluation is handed out.
    record : SearchRecord, optional
    verbose : bool
    known : dict
        Outcomes by the place of the evaluation.
    """

    run: Run
    n_splits: int
    deadline: float
    record: SearchRecord | None
    verbose: bool
    known: dict[tuple[int, int, int], Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.record is not None:
            self.known = self.record.finished()

    def outcomes(
        self, iteration: int, candidates: Sequence[dict[str, Any]], share: float | None
    ) -> list[list[Outcome]]:
        """Return the outcomes of each candidate, fewer than there are splits where the time was up."""
        tasks = [
            Evaluation(iteration, candidate, split, parameters, share)
            for candidate, parameters in enumerate(candidates)
            for split in range(self.n_splits)
        ]
        unknown = [task for task in tasks if task.place not in self.known]
        if self.verbose:
            print(f"{len(candidates)} candidates, {self.n_splits} splits: {len(unknown)} evaluations are to be done")
        in_time = takewhile(lambda _: time.monotonic() < self.deadline, unknown)
        for done, (number, outcome) in enumerate(self.run(in_time), 1):
            self._keep(unknown[number], outcome)
            if self.verbose:
                print(f"[{done}/{len(unknown)}] {unknown[number]}: {outcome['test_scores']}")
        places = [
            [(iteration, candidate, split) for split in range(self.n_splits)] for candidate in range(len(candidates))
        ]
        return [[self.known[place] for place in each if place in self.known] for each in places]

    def _keep(self, task: Evaluation, outcome: Outcome) -> None:
        self.known[task.place] = outcome
        if self.record is not None:
            self.record.add(task, outcome)


@dataclass
class Found:
    """What a search has found: a row for each candidate of each round that was evaluated on all splits."""

    n_splits: int
    candidates: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)
    resources: list[int | None] = field(default_factory=list)
    last_whole: int = 0
    stop_sentence: str = ""

    def add(
        self, iteration: int, amount: int | None, candidates: Sequence[dict[str, Any]], each: Sequence[list[Outcome]]
    ) -> int:
        """Take in a round, and return how many of its candidates are whole."""
        whole = [number for number, outcomes in enumerate(each) if len(outcomes) == self.n_splits]
        self.candidates += [candidates[number] for number in whole]
        self.outcomes += [outcome for number in whole for outcome in each[number]]
        self.iterations += [iteration] * len(whole)
        self.resources += [amount] * len(whole)
        return len(whole)
