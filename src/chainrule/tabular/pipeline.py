"""From a source of any size to a trained model: open it, prepare it or resume from a checkpoint, train.

This module decides whether a table's rows are in memory or on disk. Only their order in an epoch differs: rows on disk
are shuffled in windows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from chainrule._errors import TableError
from chainrule._json import plain
from chainrule._version import __version__
from chainrule.checkpoints.run_folder import Workplace, places, workplace
from chainrule.distributed.distribution import Distribution, on_root
from chainrule.fit.objective import Objective
from chainrule.fit.parameters import Settings
from chainrule.network.training.history import StopReason
from chainrule.network.training.hooks import Progress
from chainrule.outofcore.memory import Budget
from chainrule.table import Table
from chainrule.table.batches import Batches, OneBatch
from chainrule.table.reading.as_parquet import fingerprint
from chainrule.table.reading.batches import open_batches
from chainrule.table.reading.inputs import check_outputs, is_source
from chainrule.table.reading.size import memory_needed
from chainrule.table.table_format import ReadOptions, TableFormat
from chainrule.tabular.intervals import require_validation
from chainrule.tabular.model import as_table
from chainrule.tabular.prepare import Overrides, PreparedTable, prepare
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.recipe import recipe
from chainrule.tabular.splitting.shares import Shares
from chainrule.tabular.train import Trained, train, window_of


class Listener(Protocol):
    """The callbacks of `train_table`."""

    def on_segment(self, progress: Progress) -> None:
        """Called after each segment."""

    def on_epoch(self, progress: Progress) -> None:
        """Called after each epoch."""

    def on_compare(self) -> None:
        """Called before the linear model is trained."""


@dataclass(frozen=True)
class Task:
    """A table to train on, and how.

    Attributes
    ----------
    source : Table, data frame, str, path-like, Arrow or Dask
    targets : sequence of str or int
        The columns to predict, by name or position; none for an image set, whose target is "label".
    overrides : Overrides
    objective : Objective
    test : float, default 0.2
        The share of rows to test on, unless `test_source` is given.
    test_source : optional
        Another table to test on.
    strict : bool, default False
        Refuse rows without a target value, instead of leaving them out.
    split_by, split_time : str or int, optional
        The column whose groups stay together, or whose order is kept, as `by` and `time` of `Shares`.
    fold : tuple of int, optional
        Test on this fold, as `fold` of `Shares`.
    intervals : float, optional
        The share that intervals around predicted numbers are to cover.
    options : ReadOptions
        What is said about the format of the table, and not found.
    """

    source: Any
    targets: Sequence[str | int]
    overrides: Overrides = field(default_factory=Overrides)
    objective: Objective = field(default_factory=Objective)
    test: float = 0.2
    test_source: Any = None
    strict: bool = False
    split_by: str | int | None = None
    split_time: str | int | None = None
    fold: tuple[int, int] | None = None
    intervals: float | None = None
    options: ReadOptions = field(default_factory=ReadOptions)

    @property
    def read_options(self) -> ReadOptions:
        """What is said about the format, with the columns to take as numbers."""
        return replace(self.options, numeric=self.overrides.numeric)


def in_batches(source: Any, memory: str | None = None) -> bool:
    """Say whether to read a table in batches: on request, or if it would not fit into memory."""
    if isinstance(source, Table):
        return False
    if memory is not None:
        return True
    if isinstance(source, str | os.PathLike):
        return memory_needed(source) > Budget.asked(None).rows
    return is_source(source)


@contextmanager
def open_table(
    source: Any,
    *,
    batched: bool,
    budget: Budget,
    known: TableFormat | None = None,
    options: ReadOptions | None = None,
) -> Iterator[Batches]:
    """Open a table: in batches, or in memory as a single batch; by a recorded format if there is one.

    Raises
    ------
    TableError
    """
    if not batched:
        yield OneBatch.of(as_table(source, known, options))
        return
    with open_batches(source, batch_bytes=budget.batch, memory=budget.reader, known=known, options=options) as batches:
        yield batches


def train_table(
    task: Task,
    changes: Mapping[str, Any],
    *,
    seed: int = 0,
    memory: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
    compare_on: str = "test",
    announce: Callable[[PreparedTable, Settings], Listener] | None = None,
    on_read: Callable[[str, int, int], None] | None = None,
) -> tuple[Trained, PreparedTable]:
    """Train on a table, which may be larger than memory.

    Parameters
    ----------
    task : Task
    changes : mapping of str to object
        Fields of `Settings` that replace those of the `recipe`.
    seed : int, default 0
        Seed of the split and of every random draw.
    memory : str, optional
        Most memory to use, such as "2GB": the table is read in batches, and its encoded rows are on disk. By default
        the size of the table decides.
    checkpoint : path-like, optional
        A folder for checkpoints: after a kill, the same call resumes from the last one. It is emptied when training
        ends, but not after Ctrl-C, an error or a kill. Encoded rows are then on disk, too.
    distribution : Distribution, optional
        Where to train the network, if not on this machine. Workers that can read the table's Parquet files read their
        rows from there into memory.
    compare_on : {"test", "validation"}, default "test"
        The rows on which network and baselines are compared.
    announce : callable, optional
        Called with the prepared rows and the settings before training; returns the callbacks.
    on_read : callable, optional
        Called while the table is prepared, with the name of the step, the number of rows done and the total.

    Returns
    -------
    Trained
        Its `model` predicts from tables.
    PreparedTable
        The schema, the target and the encoder; rows on disk are deleted.

    Raises
    ------
    TableError, TargetError, InvalidParameterError, CheckpointError, ClusterError, DivergenceError

    Examples
    --------
    >>> query = "SELECT i % 10 AS x, i % 10 > 4 AS y FROM range(2000) t(i)"
    >>> trained, prepared = train_table(Task(query, ["y"], test=0), {"hidden_layer_sizes": (4,), "max_iter": 20})
    >>> prepared.m, trained.model.predict("SELECT 2 AS x UNION ALL SELECT 7").tolist()
    (2000, [False, True])
    """
    budget, shares = Budget.asked(memory), shares_of(task, changes, seed)
    is_root = distribution is None or distribution.is_root
    if task.intervals is not None:
        require_validation(shares.validation)
    if checkpoint is not None and is_root:
        check_outputs({"the checkpoint": places(checkpoint)}, [task.source, task.test_source])

    def on_disk() -> bool:
        return checkpoint is not None or in_batches(task.source, memory)

    batched = on_root(distribution, on_disk)
    with _workplace(checkpoint, distribution) as place:
        asked = plain(fingerprint_of(task, shares)) if place.checkpoint else {}

        def prepared_table() -> PreparedTable:
            restored = load_prepared(place.rows, asked) if place.checkpoint else None
            return restored or _prepared(task, shares, budget, place, asked, batched, on_read)

        # Every rank prepares rows in memory for itself; the root rank prepares rows on disk for all.
        prepared = on_root(distribution, prepared_table) if batched else prepared_table()
        settings = recipe(prepared.m, **changes)
        hooks = {} if announce is None else _hooks(announce(prepared, settings))
        file = None
        if place.checkpoint:
            order = {"order": window_of(prepared, budget), "shards": distribution and distribution.shards}
            file = place.file(plain(asked | order | {"settings": vars(settings)}))
        place.keep = file is not None
        trained = train(
            prepared,
            settings,
            seed=seed,
            budget=budget,
            compare_on=compare_on,
            intervals=task.intervals,
            checkpoint=file,
            distribution=distribution,
            **hooks,
        )
        place.keep = file is not None and trained.model.network.history.stop_reason == StopReason.INTERRUPTED
    return trained, prepared


@contextmanager
def _workplace(checkpoint: str | os.PathLike[str] | None, distribution: Distribution | None) -> Iterator[Workplace]:
    """Open the folder for checkpoints on the root rank, which alone uses it, and a temporary one on the others."""
    with ExitStack() as stack:
        opened: list[Workplace] = []
        on_root(distribution, lambda: opened.append(stack.enter_context(workplace(checkpoint))))
        yield opened[0] if opened else stack.enter_context(workplace(None))


def _hooks(listener: Listener) -> dict[str, Any]:
    return {name: getattr(listener, name) for name in ("on_segment", "on_epoch", "on_compare")}


def _prepared(
    task: Task,
    shares: Shares,
    budget: Budget,
    place: Workplace,
    asked: dict[str, Any],
    batched: bool,
    on_read: Callable[[str, int, int], None] | None,
) -> PreparedTable:
    with ExitStack() as stack:

        def opened(source: Any, known: TableFormat | None = None) -> Batches:
            table = open_table(source, batched=batched, budget=budget, known=known, options=task.read_options)
            return stack.enter_context(table)

        batches = opened(task.source)
        prepared = prepare(
            batches,
            _targets(batches.header, task.targets),
            place.rows if batched else None,
            overrides=task.overrides,
            objective=task.objective,
            shares=shares,
            test_batches=None if task.test_source is None else opened(task.test_source, batches.header.format),
            strict=task.strict,
            on_read=on_read if batched else None,
        )
    if place.checkpoint:
        save_prepared(prepared, place.rows, asked)
    return prepared


def _targets(header: Table, given: Sequence[str | int]) -> Sequence[str | int]:
    if given:
        return given
    if any(column.kind == "pixel" for column in header.columns):
        return ("label",)
    raise TableError(f"say what to predict: --target NAME. The columns are {', '.join(header.names)}.")


def shares_of(task: Task, changes: Mapping[str, Any], seed: int) -> Shares:
    """Return the shares that a task asks for."""
    drafted = recipe(1, **changes)
    held_out = drafted.validation_fraction if drafted.early_stopping else 0.0
    return Shares(task.test, held_out, seed, task.split_by, task.split_time, task.fold)


def fingerprint_of(task: Task, shares: Shares) -> dict[str, Any]:
    """Return what must be the same for a training to be resumed."""
    return {
        "table": fingerprint(task.source),
        "test_table": None if task.test_source is None else fingerprint(task.test_source),
        "target": task.targets,
        "columns": asdict(task.overrides),
        "objective": task.objective.to_dict(),
        "shares": asdict(shares),
        "strict": task.strict,
        "reading": asdict(task.options),
        "version": __version__,
    }
