"""One round of a search: evaluate every candidate on every split, except those already known, while time remains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from chainrule.many.evaluation import Evaluation, Outcome
from chainrule.many.search_record import SearchRecord
from chainrule.many.work import Run


@dataclass
class Evaluator:
    """Evaluates the candidates of a round in a worker pool, until a deadline.

    Attributes
    ----------
    run : Run
        Of a worker pool.
    n_splits : int
    deadline : float
        By the clock of `time.monotonic`; no evaluation starts later.
    record : SearchRecord, optional
    verbose : bool
    known : dict
        Outcomes by iteration, candidate and split.
    """

    run: Run
    n_splits: int
    deadline: float
    record: SearchRecord | None
    verbose: bool
    known: dict[tuple[int, int, int], Outcome] = field(default_factory=dict)

    def outcomes(
        self, iteration: int, candidates: Sequence[dict[str, Any]], share: float | None
    ) -> list[list[Outcome]]:
        """Return the outcomes of each candidate: fewer than there are splits if the time ran out."""
        tasks = [
            Evaluation(iteration, candidate, split, parameters, share)
            for candidate, parameters in enumerate(candidates)
            for split in range(self.n_splits)
        ]
        if self.record is not None:
            self.known |= self.record.finished(tasks)
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
    """The results of a search: a row for each candidate of each round that was evaluated on all splits.

    `n_candidates` and `amounts` tell of each round how many candidates it had, and how much of the resource.
    """

    n_splits: int
    candidates: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)
    resources: list[int | None] = field(default_factory=list)
    n_candidates: list[int] = field(default_factory=list)
    amounts: list[int | None] = field(default_factory=list)
    last_whole: int = 0
    stop_sentence: str = ""

    def add(
        self, iteration: int, amount: int | None, candidates: Sequence[dict[str, Any]], each: Sequence[list[Outcome]]
    ) -> int:
        """Add a round, and return how many of its candidates were evaluated on all splits."""
        whole = [number for number, outcomes in enumerate(each) if len(outcomes) == self.n_splits]
        self.candidates += [candidates[number] for number in whole]
        self.outcomes += [outcome for number in whole for outcome in each[number]]
        self.iterations += [iteration] * len(whole)
        self.resources += [amount] * len(whole)
        self.n_candidates.append(len(candidates))
        self.amounts.append(amount)
        return len(whole)
