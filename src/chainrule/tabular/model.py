"""`TableModel`: a network with everything it takes to predict from a raw table.

Nothing here needs scikit-learn, so that the command line starts at once and stays small.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, TableError, TargetError
from chainrule.engine import choose
from chainrule.files.records import TRAINING
from chainrule.files.shape import require
from chainrule.metrics import classification_figures, regression_figures
from chainrule.network.activations import sigmoid, softmax
from chainrule.network.architecture import Architecture
from chainrule.network.examples import CHUNK
from chainrule.network.parameters import Parameters
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of
from chainrule.network.types import Array
from chainrule.table import Encoder, Table, Target, from_frame, read_table
from chainrule.table.encoding.blocks import Block, Scaled
from chainrule.table.encoding.dates import DATE_PARTS


@dataclass(frozen=True)
class TableModel:
    """A trained network behind the encoding of its table, as `chainrule train` makes and saves it.

    `chainrule.load` returns one from a model file; tables may be files, queries, data frames or `Table`.

    Attributes
    ----------
    encoder : Encoder
        From columns to the network's inputs.
    target : Target
        What is predicted, and its classes or units.
    architecture : Architecture
    parameters : Parameters
    training : dict
        The record of the training: settings, figures, why it stopped.
    """

    encoder: Encoder
    target: Target
    architecture: Architecture
    parameters: Parameters
    training: dict[str, Any] = field(default_factory=dict)

    def predict(self, table: Any) -> Array:
        """Predict every row: class labels of shape (m,), or numbers (m,) or (m, k) in the units of the table.

        Parameters
        ----------
        table : Table, data frame, path or SQL query
            Columns in any order, others are ignored; a missing one raises TableError.
        """
        Z = self.logits(table)
        if self.target.task == "classification":
            return np.array(self.target.classes)[self._probabilities(Z).argmax(axis=1)]
        values = self.to_units(Z)
        return values[:, 0] if values.shape[1] == 1 else values

    def predict_proba(self, table: Any) -> Array:
        """The probability of each class (column, in the order of `target.classes`) for each row."""
        if self.target.task != "classification":
            raise InvalidParameterError("a regression model has no class probabilities; use predict.")
        return self._probabilities(self.logits(table))

    def evaluate(self, table: Any) -> dict[str, float]:
        """The figures on a table with the target: accuracy, log loss, ROC AUC; or RMSE, MAE, R².

        Rows without a target value do not count; TargetError where every row lacks it.
        """
        table = as_table(table)
        rows = np.flatnonzero(~self.target.missing(table))
        if not len(rows):
            raise TargetError(f"every row of {table.source} lacks a value of {', '.join(self.target.names)}.")
        return self.figures(self.encoder.transform(table, rows), self.target.encode(table, rows))

    def logits(self, table: Any) -> Array:
        """Z[L] of every row, (m, n[L])."""
        return self.logits_of(self.encoder.transform(as_table(table)))

    def logits_of(self, X: Array) -> Array:
        """Z[L] of encoded rows, in chunks."""
        engine, starts = choose(architecture=self.architecture), range(0, max(len(X), 1), CHUNK)
        parts = [engine.logits(self.architecture, self.parameters, X[i : i + CHUNK].T) for i in starts]
        return np.concatenate(parts, axis=1).T

    def figures(self, X: Array, y: Array) -> dict[str, float]:
        """The figures on encoded rows and their class codes or numbers."""
        judge = classification_figures if self.target.task == "classification" else regression_figures
        return judge(y, self.answers(X))

    def answers(self, X: Array) -> Array:
        """What the network says of encoded rows: the probability of each class, or numbers in the table's units."""
        Z = self.logits_of(X)
        return self._probabilities(Z) if self.target.task == "classification" else self.to_units(Z)

    def to_units(self, Z: Array) -> Array:
        """Turn logits into predictions in the units of the table."""
        return self.target.to_units(self.architecture.loss.output.g(Z).astype(np.float64))

    def _probabilities(self, Z: Array) -> Array:
        return np.hstack([sigmoid(-Z), sigmoid(Z)]) if Z.shape[1] == 1 else softmax(Z.T).T

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        record = {
            "encoder": self.encoder.to_dict(),
            "target": self.target.to_dict(),
            "architecture": architecture_record(self.architecture),
            "training": self.training,
        }
        return record, tensors_of(self.parameters)

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the model that `to_record` wrote."""
        if record["training"]:
            require(record["training"], TRAINING, "training")
        architecture = architecture_from(record["architecture"])
        encoder, target = Encoder.from_dict(record["encoder"]), Target.from_dict(record["target"])
        check_sense(encoder.blocks, target)
        _check_ends(architecture.widths, encoder, target)
        return cls(encoder, target, architecture, parameters_of(tensors, architecture), record["training"])


def check_sense(blocks: Sequence[Block], target: Target | None) -> None:
    """Raise TableError unless what a file says of columns and target, of which the shape is known, makes sense."""
    parts = ("value", "rank", *DATE_PARTS)
    for block in blocks:
        if isinstance(block, Scaled) and block.part not in parts:
            raise TableError(f"{block.part!r} is no part of a column: it must be one of {', '.join(parts)}.")
    if target is None:
        return
    if target.task == "classification":
        if len(target.names) != 1 or len(set(target.classes)) < max(2, len(target.classes)):
            raise TableError("a classification target needs one name, and two or more classes that differ.")
    elif not len(target.names) == len(target.centre) == len(target.scale):
        raise TableError("a regression target needs a centre and a scale for every name.")


def _check_ends(widths: tuple[int, ...], encoder: Encoder, target: Target) -> None:
    """Hold the network against what it reads and what it predicts; two classes share one output."""
    outputs = len(target.names) if target.task == "regression" else len(target.classes)
    needed = len(encoder.feature_names), 1 if len(target.classes) == 2 else outputs
    if (widths[0], widths[-1]) != needed:
        raise ShapeError(
            f"the table needs {needed[0]} inputs and {needed[1]} outputs, the network has widths {widths}."
        )


def as_table(source: Any) -> Table:
    """Take a Table as it is; read a path or a query; convert a data frame."""
    if isinstance(source, Table):
        return source
    return read_table(source) if isinstance(source, str | os.PathLike) else from_frame(source)
