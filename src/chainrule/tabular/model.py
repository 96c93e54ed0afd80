"""`TableModel`: a network with everything it needs to predict from a raw table.

It does not need scikit-learn, so that the command line starts at once and stays small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, TableError, TargetError, warn
from chainrule.files.records import TRAINING
from chainrule.files.shape import require
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.metrics import running_figures
from chainrule.network.activations import sigmoid, softmax
from chainrule.network.architecture import Architecture
from chainrule.network.parameters import Parameters
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of
from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.types import Array
from chainrule.table import Encoder, Table, Target, from_frame, read_table
from chainrule.table.batches import Batches, OneBatch
from chainrule.table.encoding.blocks import Block, Scaled
from chainrule.table.encoding.date_parts import DATE_PARTS
from chainrule.table.table_format import ReadOptions, TableFormat


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on a table, with notes.

    Attributes
    ----------
    source : str
    figures : dict of str to float
    rows, without_target : int
        The number of rows that count, and of those that lack a target value.
    notes : tuple of str
    """

    source: str
    figures: dict[str, float]
    rows: int
    without_target: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TableModel:
    """A trained network with the encoding of its table, as `chainrule train` makes and saves it.

    `chainrule.load` returns a tabular estimator, whose `model_` it is. Tables may be files, queries, data frames or
    `Table`.

    Attributes
    ----------
    encoder : Encoder
        Encodes columns as the network's inputs.
    target : Target
        The target columns, with their classes or units.
    network : TrainedNetwork
        Its `architecture` and `parameters` are also the model's.
    training : dict
        The record of the training: settings, figures, stop reason.
    format : TableFormat, optional
        How tables are read: as the one that it was trained on. Models of earlier versions have none, and each table is
        understood anew.
    """

    encoder: Encoder
    target: Target
    network: TrainedNetwork
    training: dict[str, Any] = field(default_factory=dict)
    format: TableFormat | None = None

    @property
    def architecture(self) -> Architecture:
        """Widths, activations and loss."""
        return self.network.architecture

    @property
    def parameters(self) -> Parameters:
        """Weights, biases and embeddings."""
        return self.network.parameters

    def read(self, source: Any) -> Table:
        """Read a table by the recorded format; a warning counts the values that do not have it and are missing."""
        table = as_table(source, self.format)
        for note in () if table is source else misfit_notes(table):
            warn(note)
        return table

    def predict(self, table: Any) -> Array:
        """Predict every row: class labels of shape (m,), or numbers (m,) or (m, k) in the units of the table.

        Parameters
        ----------
        table : Table, data frame, path or SQL query
            Columns in any order, others are ignored; a missing one raises TableError.
        """
        return self.decided(self.answers_of(self.read(table)))

    def decided(self, answers: Array) -> Array:
        """Return the most probable class of each row, or its numbers."""
        if self.target.task == "classification":
            return np.array(self.target.classes)[answers.argmax(axis=1)]
        return answers[:, 0] if answers.shape[1] == 1 else answers

    def predict_proba(self, table: Any) -> Array:
        """Return the probability of each class (column, in the order of `target.classes`) for each row."""
        if self.target.task != "classification":
            raise InvalidParameterError("a regression model has no class probabilities; use predict.")
        return self.answers_of(self.read(table))

    def evaluate(self, table: Any) -> dict[str, float]:
        """Evaluate the model on a table with the target: accuracy, log loss, ROC AUC; or RMSE, MAE, R².

        Rows without a target value do not count; if every row lacks it, TargetError is raised.
        """
        return self.judge(OneBatch.of(self.read(table))).figures

    def judge(self, batches: Batches) -> Evaluation:
        """Evaluate the model on a table, batch by batch.

        Raises
        ------
        TableError, TargetError
            If columns are missing, or every row lacks a target value.
        """
        target, figures = self.target, running_figures(self.target.task)
        counted, notes = 0, dict[str, None]()
        for batch in batches:
            rows = np.flatnonzero(~target.missing(batch))
            if len(rows):
                figures.add(target.encode(batch, rows), self.answers_of(batch, rows))
            counted += len(rows)
            notes |= dict.fromkeys(target.notes(batch))
        if not counted:
            raise TargetError(f"every row of {batches.source} lacks a value of {', '.join(target.names)}.")
        return Evaluation(batches.source, figures.figures(), counted, batches.n_rows - counted, tuple(notes))

    def predictions(self, table: Table) -> Iterator[tuple[str, Array]]:
        """Yield the columns that `chainrule predict` writes: the prediction and the class probabilities, or numbers."""
        answers, target = self.answers_of(table), self.target
        if target.task == "classification":
            yield "prediction", self.decided(answers)
            yield from ((f"p_{name}", answers[:, k]) for k, name in enumerate(target.classes))
        elif answers.shape[1] == 1:
            yield "prediction", self.decided(answers)
        else:
            yield from ((f"prediction_{name}", answers[:, k]) for k, name in enumerate(target.names))

    def answers_of(self, table: Table, rows: Array | None = None) -> Array:
        """Predict probabilities or numbers for rows of a table, which are encoded some at a time."""
        rows = np.arange(table.n_rows) if rows is None else rows
        size = self.encoder.rows_at_once
        starts = range(0, max(len(rows), 1), size)
        return np.concatenate([self.answers(self.encoder.transform(table, rows[i : i + size])) for i in starts])

    def logits(self, table: Any) -> Array:
        """Return Z[L] of every row, (m, n[L])."""
        return self.network.logits(self.encoder.transform(self.read(table)))

    def answers(self, X: Array) -> Array:
        """Predict for encoded rows: the probability of each class, or numbers in the table's units."""
        if self.target.task == "regression":
            return self.target.to_units(self.network.outputs(X))
        Z = self.network.logits(X)
        return np.hstack([sigmoid(-Z), sigmoid(Z)]) if Z.shape[1] == 1 else softmax(Z.T).T

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        record = {
            "encoder": self.encoder.to_dict(),
            "target": self.target.to_dict(),
            "architecture": architecture_record(self.architecture),
            "training": self.training,
            **({} if self.format is None else {"reading": self.format.to_dict()}),
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
        _check_ends(architecture, encoder, target)
        history = History.from_dict(record["training"]["history"]) if record["training"] else History()
        state = State(parameters_of(tensors, architecture), (), step=0, epoch=len(history.columns.get("epoch", [])))
        return cls(
            encoder,
            target,
            TrainedNetwork(architecture, state, history, seed=record["training"].get("seed")),
            record["training"],
            TableFormat.from_dict(record["reading"]) if "reading" in record else None,
        )


def check_sense(blocks: Sequence[Block], target: Target | None) -> None:
    """Raise TableError unless a file's record of columns and target, whose shape is checked already, makes sense."""
    parts = ("value", "rank", *DATE_PARTS)
    for block in blocks:
        if isinstance(block, Scaled) and block.part not in parts:
            raise TableError(f"{block.part!r} is not a part of a column: it must be one of {', '.join(parts)}.")
    if target is None:
        return
    if target.task == "classification":
        if len(target.names) != 1 or len(set(target.classes)) < max(2, len(target.classes)):
            raise TableError("a classification target needs one name, and two or more classes that differ.")
    elif not len(target.names) == len(target.centre) == len(target.scale):
        raise TableError("a regression target needs a centre and a scale for every name.")


def _check_ends(architecture: Architecture, encoder: Encoder, target: Target) -> None:
    """Check the network's inputs and outputs against encoder and target; two classes share one output."""
    needed = len(encoder.feature_names), target.n_outputs, encoder.embeddings
    if (architecture.n_columns, architecture.widths[-1], architecture.embeddings) != needed:
        raise ShapeError(
            f"the table needs {needed[0]} inputs and {needed[1]} outputs, the network has widths {architecture.widths}."
        )


def as_table(source: Any, known: TableFormat | None = None, options: ReadOptions | None = None) -> Table:
    """Return a Table as it is; read a path or a query; convert a data frame, by a recorded format if there is one."""
    if isinstance(source, Table):
        return source
    read = read_table if isinstance(source, str | os.PathLike) else from_frame
    return read(source, known=known, options=options)


def misfit_notes(table: Table) -> Iterator[str]:
    """Yield for each column the number of values that do not have its format, with the first of them."""
    return (f"{table.source}, column {column.name!r}: {column.note}" for column in table.columns if column.misfits)
