"""Training on a table of any size, from its source to a model: prepare it, or go on from a checkpoint, and train."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from chainrule._errors import TableError
from chainrule._json import plain
from chainrule._version import __version__
from chainrule.checkpoints.run_folder import Workplace, places, workplace
from chainrule.distributed.distribution import Distribution
from chainrule.fit.parameters import Settings
from chainrule.network.training.history import StopReason
from chainrule.network.training.hooks import Progress
from chainrule.outofcore.memory import Budget
from chainrule.table.reading.as_parquet import fingerprint
from chainrule.table.reading.batches import Batches, open_batches
from chainrule.table.reading.inputs import check_outputs
from chainrule.tabular.prepare import OnRead, PreparedPieces, prepare_batches
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.recipe import recipe
from chainrule.tabular.split import Shares
from chainrule.tabular.task import Overrides, Trained
from chainrule.tabular.train import train_batches, window_of


class Listener(Protocol):
    """Who is told how training goes on."""

    def on_segment(self, progress: Progress) -> None:
        """Hear of a segment's end."""

    def on_epoch(self, progress: Progress) -> None:
        """Hear of an epoch's end."""

    def on_compare(self) -> None:
        """Hear that the linear model is trained now."""


@dataclass(frozen=True)
class LargeTable:
    """A table to train on, and what is asked of it.

    Attributes
    ----------
    source : str, path-like, Arrow or Dask
        What `open_batches` takes.
    targets : sequence of str or int
        The columns to predict, by name or number.
    overrides : Overrides
    test : float, default 0.2
        The share of rows to test on, unless `test_source` is given.
    test_source : optional
        Another table to test on.
    strict : bool, default False
        Refuse rows without a target value, instead of leaving them out.
    """

    source: Any
    targets: Sequence[str | int]
    overrides: Overrides = field(default_factory=Overrides)
    test: float = 0.2
    test_source: Any = None
    strict: bool = False


def train_on(
    table: LargeTable,
    changes: Mapping[str, Any],
    *,
    seed: int = 0,
    memory: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
    announce: Callable[[PreparedPieces, Settings], Listener] | None = None,
    on_read: OnRead | None = None,
) -> tuple[Trained, PreparedPieces]:
    """Train on a table that need not fit into memory.

    Parameters
    ----------
    table : LargeTable
    changes : mapping of str to object
        Fields of `Settings` that are not to be those of the `recipe`.
    seed : int, default 0
        Of the split and every random draw.
    memory : str, optional
        The most to take, such as "2GB"; by default a quarter of the machine's.
    checkpoint : path-like, optional
        A folder for checkpoints: after a kill, the same call goes on from the last one. It is emptied when training has
        come to its end, and not after Ctrl-C, an error or a kill.
    distribution : Distribution, optional
        Where to train the network, if not on this machine. Workers that can read the table's Parquet files read their
        rows there, and have them in memory.
    announce : callable, optional
        Told of the prepared rows and the settings before training; returns who is to be told of the rest.
    on_read : callable, optional
        Told, while the table is prepared, what is done with it, on how many rows by now, and of how many.

    Returns
    -------
    Trained
        Its `model` predicts from tables.
    PreparedPieces
        What was understood; its rows are gone.

    Raises
    ------
    TableError, TargetError, InvalidParameterError, CheckpointError, ClusterError, DivergenceError

    Examples
    --------
    >>> query = "SELECT i % 10 AS x, i % 10 > 4 AS y FROM range(2000) t(i)"
    >>> trained, prepared = train_on(LargeTable(query, ["y"], test=0), {"hidden_layer_sizes": (4,), "max_iter": 20})
    >>> prepared.m, trained.model.predict("SELECT 2 AS x UNION ALL SELECT 7").tolist()
    (2000, [False, True])
    """
    budget, drafted = Budget.asked(memory), recipe(1, **changes)
    shares = Shares(table.test, drafted.validation_fraction if drafted.early_stopping else 0.0, seed)
    is_root = distribution is None or distribution.is_root
    if checkpoint is not None and is_root:
        check_outputs({"the checkpoint": places(checkpoint)}, [table.source, table.test_source])
    with workplace(checkpoint if is_root else None) as place:
        asked = plain(_fingerprint(table, shares)) if place.checkpoint else {}

        def prepare() -> PreparedPieces:
            return load_prepared(place.rows, asked) or _prepared(table, shares, budget, place, asked, on_read)

        prepared = prepare() if distribution is None else distribution.broadcast(prepare)
        settings = recipe(prepared.m, **changes)
        hooks = {} if announce is None else _hooks(announce(prepared, settings))
        order = {"order": window_of(prepared, budget), "shards": None if distribution is None else distribution.shards}
        file = place.file(plain(asked | order | {"settings": vars(settings)}))
        place.keep = file is not None
        trained = train_batches(
            prepared, settings, budget, seed=seed, checkpoint=file, distribution=distribution, **hooks
        )
        place.keep = file is not None and trained.fitted.history.stop_reason == StopReason.INTERRUPTED
    return trained, prepared


def _hooks(listener: Listener) -> dict[str, Any]:
    return {name: getattr(listener, name) for name in ("on_segment", "on_epoch", "on_compare")}


def _prepared(
    table: LargeTable,
    shares: Shares,
    budget: Budget,
    place: Workplace,
    asked: dict[str, Any],
    on_read: OnRead | None,
) -> PreparedPieces:
    with ExitStack() as stack:

        def opened(source: Any) -> Batches:
            return stack.enter_context(open_batches(source, batch_bytes=budget.batch, memory=budget.reader))

        batches = opened(table.source)
        if not table.targets:
            raise TableError(f"say what to predict: --target NAME. The columns are {', '.join(batches.names)}.")
        prepared = prepare_batches(
            batches,
            table.targets,
            place.rows,
            overrides=table.overrides,
            shares=shares,
            test_batches=None if table.test_source is None else opened(table.test_source),
            strict=table.strict,
            on_read=on_read,
        )
    if place.checkpoint:
        save_prepared(prepared, place.rows, asked)
    return prepared


def _fingerprint(table: LargeTable, shares: Shares) -> dict[str, Any]:
    """What must be the same for a training to go on where it was."""
    return {
        "table": fingerprint(table.source),
        "test_table": None if table.test_source is None else fingerprint(table.test_source),
        "target": table.targets,
        "columns": asdict(table.overrides),
        "shares": asdict(shares),
        "strict": table.strict,
        "version": __version__,
    }
