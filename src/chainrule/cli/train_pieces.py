"""`chainrule train` on a table that is not to be held in memory."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from chainrule.cli.display import Reporter
    from chainrule.estimator.settings import Settings
    from chainrule.estimator.stream_preparing import About, PreparedPieces
    from chainrule.estimator.table_training import Overrides, Trained
    from chainrule.scale.parts import Shares
    from chainrule.scale.workplace import Workplace


def train_in_pieces(
    table: str,
    given: dict[str, Any],
    overrides: Overrides,
    options: dict[str, Any],
    seed: int,
    announce: Callable[[PreparedPieces, About, Settings], Reporter],
) -> tuple[Trained, PreparedPieces]:
    """Prepare and train, or go on from the checkpoint; `announce` is told what was understood, and gives the reporter.

    The workplace stays as it is where training did not come to an end: after Ctrl-C, an error or a kill.
    """
    from chainrule.estimator.recipe import recipe
    from chainrule.estimator.stream_training import train_pieces, window_of
    from chainrule.network.history import StopReason
    from chainrule.scale.memory import Budget
    from chainrule.scale.workplace import workplace

    budget, shares = Budget.asked(options["memory"]), _shares(given, options["test"], seed)
    with workplace(options["checkpoint"]) as place:
        fingerprint = _fingerprint(table, overrides, options, shares) if place.checkpoint else {}
        prepared = _prepared(table, overrides, options, shares, place, fingerprint)
        settings = recipe(prepared.m, **given)
        order = window_of(prepared, budget)
        file = place.file(_plain(fingerprint | {"settings": vars(settings), "order": order}))
        place.keep = file is not None
        with closing(announce(prepared, prepared.about, settings)) as reporter:
            trained = train_pieces(
                prepared,
                settings,
                budget,
                seed=seed,
                on_segment=reporter.on_segment,
                on_epoch=reporter.on_epoch,
                on_compare=reporter.on_compare,
                checkpoint=file,
            )
        place.keep = file is not None and trained.fitted.history.stop_reason == StopReason.INTERRUPTED
    return trained, prepared


def _shares(given: dict[str, Any], test: float, seed: int) -> Shares:
    from chainrule.estimator.recipe import recipe
    from chainrule.scale.parts import Shares

    settings = recipe(1, **given)
    return Shares(test, settings.validation_fraction if settings.early_stopping else 0.0, seed)


def _prepared(
    table: str,
    overrides: Overrides,
    options: dict[str, Any],
    shares: Shares,
    place: Workplace,
    fingerprint: dict[str, Any],
) -> PreparedPieces:
    """Take the encoded rows of an earlier start, or make them."""
    import click

    from chainrule._errors import TableError
    from chainrule.cli.streaming import opened
    from chainrule.estimator.prepared_record import load_prepared, save_prepared
    from chainrule.estimator.stream_preparing import prepare_pieces

    earlier = load_prepared(place.rows, fingerprint)
    if earlier is not None:
        click.echo(f"going on from {place.rows.parent}", err=True)
        return earlier
    with ExitStack() as stack:
        pieces, other = stack.enter_context(opened(table, options["memory"])), options["test_table"]
        if not options["target"]:
            raise TableError(f"say what to predict: --target NAME. The columns are {', '.join(pieces.names)}.")
        prepared = prepare_pieces(
            pieces,
            options["target"],
            place.rows,
            overrides=overrides,
            shares=shares,
            test_pieces=stack.enter_context(opened(other, options["memory"])) if other else None,
            strict=options["strict"],
        )
    if place.checkpoint:
        save_prepared(prepared, place.rows, fingerprint)
    return prepared


def _fingerprint(table: str, overrides: Overrides, options: dict[str, Any], shares: Shares) -> dict[str, Any]:
    """What must be the same for a training to go on where it was."""
    from chainrule import __version__
    from chainrule.table.as_parquet import fingerprint

    other = options["test_table"]
    parts = {
        "table": fingerprint(table),
        "test_table": fingerprint(other) if other else None,
        "target": list(options["target"]),
        "columns": asdict(overrides),
        "shares": asdict(shares),
        "strict": options["strict"],
        "version": __version__,
    }
    return _plain(parts)


def _plain(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """Return a fingerprint in the types that JSON gives back, to be held against one from a file."""
    plain: dict[str, Any] = json.loads(json.dumps(fingerprint))
    return plain
