"""A trained network: it predicts, training continues from it, and it serialises as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.engine import choose
from chainrule.fit.build_network import architecture_of, drawn_state, optimizer_of
from chainrule.fit.parameters import Settings
from chainrule.network.architecture import Architecture
from chainrule.network.examples import CHUNK, Examples
from chainrule.network.losses import Loss
from chainrule.network.optimizers import initial_slots
from chainrule.network.parameters import Parameters
from chainrule.network.propagate import forward
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of
from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training, all_logits
from chainrule.network.types import Array

_NO_BATCH = 1  # without rows there is no batch size to scale a penalty by


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork:
    """A network with the state and the history of its training.

    Attributes
    ----------
    architecture : Architecture
    state : State
        Weights, the optimiser's state, steps and epochs.
    history : History
    optimizer : str
        The optimiser whose state it is.
    seed : int, optional
        Seed of initial weights, row orders and dropout masks; the oldest files do not have it.
    rows_seen : int
        The number of rows seen in all epochs.
    """

    architecture: Architecture
    state: State
    history: History
    optimizer: str = ""
    seed: int | None = None
    rows_seen: int = 0

    @classmethod
    def of(cls, training: Training, state: State, history: History, rows: int, earlier: Self | None = None) -> Self:
        """Return the result of a training with `rows` rows per epoch, appended to the history of `earlier`."""
        epochs, seen = state.epoch, 0
        if earlier is not None:
            epochs, seen, columns = epochs - earlier.state.epoch, earlier.rows_seen, earlier.history.columns
            later = {name: columns.get(name, []) + values for name, values in history.columns.items()}
            history = replace(history, columns=later)
        plan = training.plan
        return cls(training.architecture, state, history, plan.optimizer.name, plan.seed, seen + epochs * rows)

    @classmethod
    def untrained(cls, settings: Settings, n_inputs: int, n_outputs: int, loss: Loss, seed: int) -> Self:
        """Draw the weights of a network that has seen no rows."""
        architecture = architecture_of(settings, n_inputs, n_outputs, loss, _NO_BATCH)
        state = drawn_state(settings, architecture, seed, np.dtype(np.float64))
        history = History(final=dict.fromkeys(("loss", "penalty", "total"), float("nan")))
        return cls(architecture, state, history, optimizer_of(settings).name, seed)

    def __repr__(self) -> str:
        return f"TrainedNetwork({'-'.join(map(str, self.architecture.widths))}, {self.state.epoch} epochs)"

    @property
    def parameters(self) -> Parameters:
        """Weights, biases and embeddings."""
        return self.state.parameters

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the outputs predict; empty if they predict none."""
        return tuple(self.architecture.loss.parameters.get("quantiles", ()))

    @property
    def is_untrained(self) -> bool:
        """Whether its weights are still the initial ones."""
        return not (self.state.epoch or self.state.step)

    def state_for(self, settings: Settings, n_inputs: int, n_outputs: int) -> State:
        """Return the state to continue from, if the layers are unchanged; a new optimiser gets a new state."""
        old = (self.architecture.n_columns, *self.architecture.widths[1:])
        new = (n_inputs, *settings.hidden, n_outputs)
        if old != new:
            raise InvalidParameterError(
                f"training cannot continue: the layers have widths {old}, now {new} are asked for. "
                "Set warm_start=False or keep the parameters."
            )
        state, optimizer = self.state, optimizer_of(settings)
        if optimizer.name != self.optimizer or len(state.slots) != len(optimizer.slot_names):
            return replace(state, slots=initial_slots(optimizer, state.parameters.theta), step=0)
        return state

    def rows_at_a_time(self, memory: float) -> int:
        """Return how many rows with their Z and A fit into `memory` bytes, at most `CHUNK`."""
        widths = self.architecture.widths
        bytes_of_row = self.parameters.theta.itemsize * (widths[0] + 2 * sum(widths[1:]))
        return int(min(max(memory / bytes_of_row, 1), CHUNK))

    def logits(
        self, X: Any, *, engine: str = "auto", n_threads: int | None = None, memory: float = float("inf")
    ) -> Array:
        """Return Z[L] of encoded rows, or of an iterator of them: (m, n[L]), computed within `memory` bytes."""
        if isinstance(X, Iterator):
            parts = [self.logits(part, engine=engine, n_threads=n_threads, memory=memory) for part in X]
            return np.concatenate(parts)
        runner, size = choose(engine, n_threads, self.architecture), self.rows_at_a_time(memory)
        return all_logits(self.architecture, self.parameters, _rows(X), runner, size).T

    def outputs(self, X: Any, **how: Any) -> Array:
        """Return A[L] of encoded rows: (m, n[L]), float64; the arguments are those of `logits`."""
        return self.architecture.loss.output.g(self.logits(X, **how).T).T.astype(np.float64)

    def activations(self, X: Any, layers: Sequence[int], memory: float) -> Array:
        """Return A[l] of some hidden layers, stacked side by side."""
        parts = []
        for columns, _, _ in _rows(X).chunks(self.parameters.theta.dtype, self.rows_at_a_time(memory)):
            A = forward(self.architecture, self.parameters, columns).A
            parts.append(np.vstack([A[l] for l in layers]).T)
        return np.concatenate(parts)

    def compact(self) -> Self:
        """Drop what only training needs: the optimiser's state and the history of the epochs."""
        return replace(self, state=replace(self.state, slots=()), history=replace(self.history, columns={}))

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors; the optimiser's state is left out."""
        record = {
            "fitted": ({} if self.seed is None else {"_seed": self.seed}) | {"t_": self.rows_seen},
            "architecture": architecture_record(self.architecture),
            "history": self.history.to_dict(),
            "epochs": self.state.epoch,
        }
        return record, tensors_of(self.parameters)

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the network that `to_record` described, with a new optimiser state."""
        architecture, fitted = architecture_from(record["architecture"]), record["fitted"]
        state = State(parameters_of(tensors, architecture), (), step=0, epoch=record["epochs"])
        history = History.from_dict(record["history"])
        return cls(architecture, state, history, seed=fitted.get("_seed"), rows_seen=fitted.get("t_", 0))


def _rows(X: Any) -> Examples:
    """Return rows without targets."""
    return Examples(X.T, np.empty((0, X.shape[0])))
