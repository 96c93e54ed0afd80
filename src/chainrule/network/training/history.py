"""The history of a training: numbers of every epoch, why it stopped, and the final losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StopReason(StrEnum):
    """Why training stopped."""

    MAX_ITER = "max_iter"
    NO_IMPROVEMENT = "no_improvement"
    CONVERGED = "converged"
    SMALLEST_RATE = "smallest_rate"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    CALLBACK = "callback"


@dataclass
class History(Mapping[str, list[float]]):
    """One list per quantity, one entry per epoch (per iteration for L-BFGS).

    Keys: `epoch`; `running_loss`, the data loss gathered while the weights were changing, with dropout; `penalty` and
    `running_total`; `learning_rate`, `gradient_norm` (of the last step; for L-BFGS in the units of `conditioning`),
    `seconds`; and on request, at fixed weights without dropout: `loss` on the training examples, `val_loss` and
    `val_score` on the validation examples.

    Attributes
    ----------
    final : dict
        `loss`, `penalty`, `total` (and `val_loss`) of the final weights, without dropout.
    best_epoch : int or None
        The epoch, counted from 1, whose weights were kept.
    stop_reason : StopReason or None
    stop_sentence : str
    stop_numbers : dict
        The numbers behind the sentence, such as `best_epoch`, `patience`, `tol` and `loss` (the best monitored one).
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    stop_reason: StopReason | None = None
    stop_sentence: str = ""
    stop_numbers: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        stopped = "" if self.stop_reason is None else f", stopped: {self.stop_reason.value}"
        return f"History({len(self.columns.get('epoch', ())):,} epochs{stopped})"

    def append(self, **values: float) -> None:
        """Record one epoch."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def stop(self, reason: StopReason, sentence: str, **numbers: float) -> None:
        """Record why training stopped."""
        self.stop_reason, self.stop_sentence, self.stop_numbers = reason, sentence, numbers

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain JSON values."""
        return {
            "epochs": self.columns,
            "final": self.final,
            "best_epoch": self.best_epoch,
            "stop_reason": None if self.stop_reason is None else self.stop_reason.value,
            "stop_sentence": self.stop_sentence,
            "stop_numbers": self.stop_numbers,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> History:
        """Restore what `to_dict` returned."""
        reason = data["stop_reason"]
        return cls(
            {name: list(values) for name, values in data["epochs"].items()},
            dict(data["final"]),
            data["best_epoch"],
            None if reason is None else StopReason(reason),
            data["stop_sentence"],
            dict(data.get("stop_numbers", {})),  # missing in the oldest files
        )

    def __getitem__(self, name: str) -> list[float]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)
