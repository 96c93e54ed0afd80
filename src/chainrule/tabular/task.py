"""What training on a table comes to, wherever its rows are: what it was found to be, and the network that suits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule._errors import TargetError
from chainrule._version import __version__
from chainrule.fit.build_network import architecture_of, batch_size_of
from chainrule.fit.parameters import Settings
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.network.architecture import Architecture
from chainrule.network.losses import Loss, loss
from chainrule.network.training.history import History, StopReason
from chainrule.network.types import Array
from chainrule.table import Encoder, Schema, Target
from chainrule.tabular.model import TableModel


@dataclass(frozen=True)
class Overrides:
    """What the user says about columns, against what is inferred."""

    drop: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    task: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Understood(ABC):
    """What a table was found to be: all there is to show before training."""

    schema: Schema
    target: Target
    encoder: Encoder
    notes: tuple[str, ...] = ()
    dropped_rows: int = 0

    @property
    @abstractmethod
    def m(self) -> int:
        """How many rows there are to train on, those to be held out to stop early among them."""

    @property
    @abstractmethod
    def m_test(self) -> int:
        """How many rows there are to test on."""


@dataclass(frozen=True)
class Trained:
    """The model, and its figures on the test rows beside those of the baselines."""

    model: TableModel
    fitted: TrainedNetwork
    figures: dict[str, dict[str, float]] = field(default_factory=dict)


def check_complete(names: Sequence[str], missing: int) -> None:
    """Refuse rows without a target value."""
    if missing:
        raise TargetError(f"{missing:,} rows lack a value of {', '.join(names)}. Mend them, or leave out --strict.")


def training_record(
    understood: Understood, settings: Settings, seed: int, seconds: float, history: History
) -> dict[str, Any]:
    """What a model file says about its training."""
    return {
        "chainrule": __version__,
        "rows": understood.m,
        "test_rows": understood.m_test,
        "seed": seed,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(settings).items() if value != getattr(Settings(), name)},
        "history": history.to_dict(),
    }


def network_targets(target: Target, y: Array) -> Array:
    """What the network learns, of shape (m, n[L]): 0/1 or one-hot columns, or numbers in standard deviations."""
    if target.task == "regression":
        return target.standardise(y)
    return (y == 1)[:, None] if n_outputs(target) == 1 else y[:, None] == np.arange(len(target.classes))


def n_outputs(target: Target) -> int:
    """How many outputs the network has: two classes share one."""
    if target.task == "regression":
        return len(target.names)
    return 1 if len(target.classes) == 2 else len(target.classes)


def loss_of(target: Target) -> Loss:
    """The loss that fits the target."""
    if target.task == "regression":
        return loss("squared_error")
    return loss("binary_cross_entropy" if len(target.classes) == 2 else "categorical_cross_entropy")


def architecture(understood: Understood, settings: Settings) -> Architecture:
    """The network that `train` would train."""
    target, batch_size = understood.target, batch_size_of(settings, understood.m)
    inputs = len(understood.encoder.feature_names)
    return architecture_of(settings, inputs, n_outputs(target), loss_of(target), batch_size)


def table_model(understood: Understood, network: TrainedNetwork, record: dict[str, Any]) -> TableModel:
    """Put the trained network behind the encoding of its table."""
    return TableModel(understood.encoder, understood.target, network.architecture, network.parameters, record)


def linear_settings(settings: Settings, history: History) -> Settings:
    """The same training without hidden layers: f(x) = wᵀx + b. It ends soon after Ctrl-C, and never by raising late."""
    changed = {"hidden_layer_sizes": (), "activation": "relu", "dropout": 0.0, "dropout_input": 0.0, "verbose": False}
    changed |= {"kernel_initializer": "zeros", "on_divergence": "warn"}
    if history.stop_reason == StopReason.INTERRUPTED:
        changed["max_iter"] = max(1, len(history.columns.get("epoch", [])))
    return Settings(**(vars(settings) | changed))
