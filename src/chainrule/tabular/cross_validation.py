"""k-fold cross-validation: train and test on each fold, then train the model itself on all rows.

A fold is trained and tested as any table is, with the test rows of the fold; nothing is learnt from them, not even the
encoding. The model itself is trained without test rows, so that no figure is its own: what is reported are the folds'.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule._json import plain
from chainrule.metrics import Figures
from chainrule.tabular.finished_folds import FinishedFolds
from chainrule.tabular.model import as_table
from chainrule.tabular.pipeline import Task, fingerprint_of, in_batches, shares_of, train_table
from chainrule.tabular.prepare import PreparedTable
from chainrule.tabular.train import Trained


@dataclass(frozen=True)
class Fold:
    """What came of one fold: how many rows were trained on and tested, the figures on these, what intervals cover."""

    rows: int
    test_rows: int
    figures: dict[str, Figures]
    covered: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class CrossValidation:
    """The figures of all folds.

    Attributes
    ----------
    folds : list of Fold

    Examples
    --------
    >>> of = [Fold(8, 2, {"network": {"accuracy": share}}) for share in (0.5, 1.0)]
    >>> CrossValidation(of).mean, round(CrossValidation(of).std["network"]["accuracy"], 4)
    ({'network': {'accuracy': 0.75}}, 0.3536)
    """

    folds: list[Fold]

    @property
    def mean(self) -> dict[str, Figures]:
        """The mean of each figure over the folds in which it is defined."""
        return self._over(np.mean, 1)

    @property
    def std(self) -> dict[str, Figures]:
        """The standard deviation of each figure over these folds, as of a sample (k - 1)."""
        return self._over(partial(np.std, ddof=1), 2)

    @property
    def covered(self) -> tuple[float, ...]:
        """The mean share of the rows inside their intervals, for each target; nothing without intervals."""
        return tuple(np.mean([fold.covered for fold in self.folds], axis=0).tolist())

    def _over(self, measure: Callable[[list[float]], Any], least: int) -> dict[str, Figures]:
        """Measure each figure where at least so many folds have it; else it is None, undefined."""

        def measured(model: str, name: str) -> float | None:
            values = [value for fold in self.folds if (value := fold.figures[model][name]) is not None]
            return float(measure(values)) if len(values) >= least else None

        with np.errstate(invalid="ignore"):  # a figure may be infinite
            return {
                model: {name: measured(model, name) for name in figures}
                for model, figures in self.folds[0].figures.items()
            }

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for the model's file and for JSON."""
        return {"folds": [asdict(fold) for fold in self.folds], "mean": self.mean, "std": self.std}


def cross_validate(
    task: Task,
    changes: Mapping[str, Any],
    k: int,
    *,
    seed: int = 0,
    memory: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    on_fold: Callable[[int, Fold], None] | None = None,
    **options: Any,
) -> tuple[Trained, PreparedTable]:
    """Test on k folds, and train on all rows.

    Parameters
    ----------
    task : Task
        Its `test` is 0, and it has no `test_source`: the folds are the test.
    changes : mapping of str to object
    k : int
        The number of folds, at least 2.
    seed : int, default 0
    memory : str, optional
    checkpoint : path-like, optional
        A folder for checkpoints, of each fold in a folder within: after a kill, the same call goes on from the last.
    on_fold : callable, optional
        Called with the number of each fold, from 0, and what came of it.
    **options
        All others of `train_table`, which is called for each fold and then for the model.

    Returns
    -------
    Trained
        The model, trained on all rows but those held out to stop early; the figures are the means over the folds.
    PreparedTable
        That of the model.

    Raises
    ------
    InvalidParameterError, and all that `train_table` raises.
    KeyboardInterrupt
        If a fold is interrupted.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.table import Column, Table
    >>> x = np.arange(200) % 10
    >>> task = Task(Table((Column("x", "number", x / 2), Column("y", "boolean", x > 4))), ["y"], test=0)
    >>> trained, prepared = cross_validate(task, {"hidden_layer_sizes": (4,), "max_iter": 5}, 4)
    >>> prepared.m, [fold["test_rows"] for fold in trained.model.training["cross_validation"]["folds"]]
    (200, [50, 50, 50, 50])
    """
    if isinstance(k, bool) or not hasattr(k, "__index__") or k < 2:
        raise InvalidParameterError(f"cross-validation takes at least 2 folds, a whole number; got {k!r}.")
    if task.test or task.test_source is not None:
        raise InvalidParameterError(
            "cross-validation tests on all rows: leave out the share of test rows or test table."
        )
    if checkpoint is None and not in_batches(task.source, memory):
        task = replace(task, source=as_table(task.source, options=task.read_options))  # read once
    common: dict[str, Any] = {"seed": seed, "memory": memory, **options}
    asked = fingerprint_of(task, shares_of(task, changes, seed)) if checkpoint is not None else {}
    own = {"changes": changes, "cv": int(k), "memory": memory, "intervals": task.intervals}
    finished = FinishedFolds(checkpoint, plain(asked | own))
    with finished.alone():
        found = CrossValidation(_folds(task, changes, int(k), finished, on_fold, common))
        trained, prepared = train_table(task, changes, checkpoint=checkpoint, **common)
        if trained.is_whole:
            finished.remove()
    record = trained.model.training | {"figures": found.mean, "cross_validation": found.to_dict()}
    if found.covered:
        record["covered"] = list(found.covered)
    model = replace(trained.model, training=record)
    return replace(trained, model=model, figures=found.mean, covered=found.covered), prepared


def _folds(
    task: Task,
    changes: Mapping[str, Any],
    k: int,
    finished: FinishedFolds,
    on_fold: Callable[[int, Fold], None] | None,
    common: Mapping[str, Any],
) -> list[Fold]:
    """Train and test the folds that are not done yet."""
    folds = [Fold(**done) for done in finished.read()]
    for number in range(k):
        if number == len(folds):
            fold = replace(task, fold=(number, k))
            trained, prepared = train_table(fold, changes, checkpoint=finished.of_fold(number), **common)
            if not trained.is_whole:
                raise KeyboardInterrupt  # also if only the comparison was ended
            folds.append(Fold(prepared.m, prepared.m_test, trained.figures, [*trained.covered]))
            finished.write([asdict(fold) for fold in folds])
        if on_fold is not None:
            on_fold(number, folds[number])
    return folds
