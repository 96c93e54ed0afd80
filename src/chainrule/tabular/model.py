"""`TableModel`: a network with everything it needs to predict from a raw table.

It does not need scikit-learn, so that the command line starts at once and stays small.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, TableError, TargetError, warn
from chainrule.files.records import TRAINING
from chainrule.files.shape import require
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.metrics import Figures
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
from chainrule.tabular.evaluation import Evaluation, RunningEvaluation
from chainrule.tabular.findings.drift import Drift, Profile
from chainrule.tabular.findings.finding import Finding
from chainrule.tabular.intervals import Intervals
from chainrule.tabular.thresholds import Chosen, Thresholds, chosen
from chainrule.tabular.weights import Weighed, row_weights, weighed


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
    intervals : Intervals, optional
        Those around predicted numbers.
    thresholds : Thresholds, optional
        What thresholds of two classes would do with the validation rows.
    """

    encoder: Encoder
    target: Target
    network: TrainedNetwork
    training: dict[str, Any] = field(default_factory=dict)
    format: TableFormat | None = None
    intervals: Intervals | None = None
    thresholds: Thresholds | None = None

    def __repr__(self) -> str:
        return f"TableModel({self.target!r}, {self.network!r})"

    @property
    def architecture(self) -> Architecture:
        """Widths, activations and loss."""
        return self.network.architecture

    @property
    def parameters(self) -> Parameters:
        """Weights, biases and embeddings."""
        return self.network.parameters

    @property
    def weight(self) -> str | None:
        """The column that held the weights of the training rows, if one did."""
        name: str | None = self.training.get("columns", {}).get("weight")
        return name

    def threshold(self, asked: str | float) -> Chosen:
        """Return a threshold for the probability of the second class: a number as it is, or chosen by a rule."""
        return chosen(asked, self.target, self.thresholds)

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

    def decided(self, answers: Array, threshold: float | None = None) -> Array:
        """Return the most probable class of each row, or its numbers.

        With a threshold it is the second class of two if its probability is at least that.
        """
        if threshold is not None:
            return np.array(self.target.classes)[(answers[:, 1] >= threshold).astype(np.intp)]
        if self.target.task == "classification":
            return np.array(self.target.classes)[answers.argmax(axis=1)]
        return answers[:, 0] if answers.shape[1] == 1 else answers

    def predict_proba(self, table: Any) -> Array:
        """Return the probability of each class (column, in the order of `target.classes`) for each row."""
        if self.target.task != "classification":
            raise InvalidParameterError("a regression model has no class probabilities; use predict.")
        return self.answers_of(self.read(table))

    def evaluate(self, table: Any) -> Figures:
        """Evaluate the model on a table with the target: accuracy, ROC AUC, log loss, ...; or RMSE, MAE, R², ...

        A figure that is undefined for these rows is None, such as the ROC AUC of rows of one class. Rows without a
        target value do not count; if every row lacks it, TargetError is raised.
        """
        return self.judge(OneBatch.of(self.read(table))).figures

    def judge(self, batches: Batches, threshold: float | None = None) -> Evaluation:
        """Evaluate the model on a table, batch by batch, with the column of weights of the training if it is there.

        Parameters
        ----------
        batches : Batches
        threshold : float, optional
            For two classes; by default the more probable one is predicted.

        Raises
        ------
        TableError, TargetError
            If columns are missing, or every row lacks a target value.
        """
        target, judged = self.target, RunningEvaluation(self.target.task, threshold)
        weight = self.weight if self.weight in batches.names else None
        found = Weighed(batches) if weight is None else weighed(batches, weight)
        counted, notes, drift = 0, dict[str, None](), self.drift()
        for batch in found.batches:
            rows = np.flatnonzero(~target.missing(batch))
            if len(rows):
                weights = None if weight is None else row_weights(batch, weight)[rows]
                answers, *ends = self._answers_and_ends(batch, rows)
                judged.add(target.encode(batch, rows), answers, ends, weights)
            drift.add(batch)
            counted += len(rows)
            notes |= dict.fromkeys(target.notes(batch))
        if not counted:
            raise TargetError(f"every row of {batches.source} lacks a value of {', '.join(target.names)}.")
        return Evaluation(
            source=batches.source,
            figures=judged.figures(),
            by_class=judged.by_class(),
            rows=counted,
            without_target=found.batches.n_rows - counted,
            notes=tuple(notes),
            findings=drift.findings(),
            zero_rows=found.zeros,
            weight=weight,
            covered=judged.covered,
            decisions=judged.decisions(),
        )

    def drift(self) -> Drift:
        """Return what compares a table, batch by batch, with the one that the model was trained on."""
        return Drift(map(Profile.from_dict, self.training.get("profiles", ())))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in the table that the model was trained on."""
        return tuple(map(Finding.from_dict, self.training.get("findings", ())))

    def predict_interval(self, table: Any) -> Array:
        """Return the lower and upper end for every row: (m, 2), or (m, k, 2) for several targets.

        Raises
        ------
        InvalidParameterError
            If the model was trained without intervals.
        """
        if self.intervals is None:
            raise InvalidParameterError(
                "the model has no intervals: train it with --intervals 0.9 (intervals=0.9 of TabularRegressor)."
            )
        ends = np.stack(self._answers_and_ends(self.read(table))[1:], axis=-1)
        return ends[:, 0] if ends.shape[1] == 1 else ends

    def _answers_and_ends(self, table: Table, rows: Array | None = None) -> list[Array]:
        """Return probabilities or numbers and, with intervals, their lower and upper ends, each (m, k)."""
        if self.target.task == "classification":
            return [self.answers_of(table, rows)]
        A = self._in_pieces(self.network.outputs, table, rows)
        ends = self.intervals.ends(A, self.target, self.architecture.loss) if self.intervals else ()
        return [self.target.to_units(A), *ends]

    def predictions(self, table: Table, threshold: float | None = None) -> Iterator[tuple[str, Array]]:
        """Yield the columns of `chainrule predict`: class and probabilities, or numbers with their intervals."""
        target = self.target
        if target.task == "classification":
            answers = self.answers_of(table)
            yield "prediction", self.decided(answers, threshold)
            yield from ((f"p_{name}", answers[:, k]) for k, name in enumerate(target.classes))
            return
        columns = dict(zip(("prediction", "lower", "upper"), self._answers_and_ends(table), strict=False))
        for k, name in enumerate(target.names):
            of_target = f"_{name}" if len(target.names) > 1 else ""
            yield from ((f"{column}{of_target}", numbers[:, k]) for column, numbers in columns.items())

    def answers_of(self, table: Table, rows: Array | None = None) -> Array:
        """Predict probabilities or numbers for rows of a table, which are encoded some at a time."""
        return self._in_pieces(self.answers, table, rows)

    def _in_pieces(self, function: Callable[[Array], Array], table: Table, rows: Array | None = None) -> Array:
        """Call a function with encoded rows, some at a time, and join the results."""
        rows = np.arange(table.n_rows) if rows is None else rows
        size = self.encoder.rows_at_once
        starts = range(0, max(len(rows), 1), size)
        return np.concatenate([function(self.encoder.transform(table, rows[i : i + size])) for i in starts])

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
        if self.intervals is not None:
            record["intervals"] = self.intervals.to_dict()
        if self.thresholds is not None:
            record["thresholds"] = self.thresholds.to_dict()
        return record, tensors_of(self.parameters)

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the model that `to_record` wrote."""
        if record["training"]:
            require(record["training"], TRAINING, "training")
        architecture = architecture_from(record["architecture"])
        encoder, target = Encoder.from_dict(record["encoder"]), Target.from_dict(record["target"])
        check_sense(encoder.blocks, target)
        intervals = Intervals.from_dict(record["intervals"]) if "intervals" in record else None
        if intervals is not None and len(intervals.margins) != (len(target.names) if not target.classes else 0):
            raise TableError("intervals need a target of numbers, and a margin for each.")
        thresholds = Thresholds.from_dict(record["thresholds"]) if "thresholds" in record else None
        if thresholds is not None and len(target.classes) != 2:
            raise TableError("thresholds need a target of two classes.")
        _check_ends(architecture, encoder, target)
        for profile in record["training"].get("profiles", ()):
            Profile.from_dict(profile)  # which checks it
        history = History.from_dict(record["training"]["history"]) if record["training"] else History()
        state = State(parameters_of(tensors, architecture), (), step=0, epoch=len(history.columns.get("epoch", [])))
        return cls(
            encoder,
            target,
            TrainedNetwork(architecture, state, history, seed=record["training"].get("seed")),
            record["training"],
            TableFormat.from_dict(record["reading"]) if "reading" in record else None,
            intervals,
            thresholds,
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
        if target.transform != "none":
            raise TableError("a classification target has no logarithm.")
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
