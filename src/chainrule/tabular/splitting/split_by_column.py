"""Split a table by the groups of a column, which stay together, or by a column's order in time.

The column and the target of all rows are in memory meanwhile: some 40 bytes a row, and 200 a group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from chainrule._errors import TableError
from chainrule.network.draws import generator
from chainrule.network.types import Array
from chainrule.table import Column, Target
from chainrule.table.batches import Batches
from chainrule.table.columns import spell
from chainrule.table.holdout import strata_of
from chainrule.tabular.splitting.groups import group_counts, group_folds, held_out_groups
from chainrule.tabular.splitting.shares import NO_TARGET, PARTS, TEST, TRAINING, UNUSED, Shares
from chainrule.tabular.splitting.time_order import last_rows, time_blocks

_DONE_WITH = {"training": "to train on", "validation": "to stop early", "test": "to test on"}


class Parts(NamedTuple):
    """The code of each row's part, and what was done, in words."""

    codes: Array
    notes: tuple[str, ...]


def by_groups(batches: Batches, target: Target, name: str, shares: Shares) -> Parts:
    """Split so that no group is in two parts."""
    codes, rows, column, y = _read_column(batches, target, name)
    groups, alone = _groups(column)
    counts = group_counts(groups, strata_of(len(y), **{"classes": None, "values": None} | target.strata(y)))
    parts = np.full(len(counts), TRAINING, np.uint8)
    too_large = counts.sum(axis=1) * (shares.fold or (0, 1))[1] > 1.5 * len(rows)  # for a fold
    if shares.fold is not None:
        fold, k = shares.fold
        _need(len(counts), k, name, f"{k} folds")
        parts[group_folds(counts, k, generator(shares.seed, "fold groups")) == fold] = TEST
    asked = [(purpose, share, code) for purpose, share, code in shares.drawn if share]
    for leave, (purpose, share, code) in zip(range(len(asked), 0, -1), asked, strict=True):
        left = np.flatnonzero(parts == TRAINING)
        _need(len(left), leave + 1, name, " and ".join(f"{part} rows" for part, *_ in [*asked[-leave:], ("training",)]))
        held_out = held_out_groups(counts[left], share, generator(shares.seed, f"{purpose} groups"), leave)
        parts[left[held_out.chosen]] = code
        if shares.fold is None and code == asked[0][-1]:
            too_large[left] = held_out.too_large
    codes[rows] = parts[groups]
    notes = _group_notes(name, parts, alone)
    if too_large.any():
        notes.append(_largest(column, groups, counts.sum(axis=1), too_large, shares))
    return Parts(codes, tuple(notes))


def _need(found: int, least: int, name: str, what: str) -> None:
    if found < least:
        raise TableError(
            f"{found:,} group{'s' * (found != 1)} of {name!r} {'are' if found != 1 else 'is'} too few for {what}: at "
            f"least {least} are needed. Split by another column, or hold less out."
        )


def _groups(column: Column) -> tuple[Array, int]:
    """Number the groups of a column's values; return the number of rows without a value, which are their own."""
    missing = column.missing
    groups = np.empty(len(missing), np.int64)
    different, groups[~missing] = np.unique(column.values[~missing], return_inverse=True)
    alone = int(missing.sum())
    groups[missing] = len(different) + np.arange(alone)
    return groups, alone


def _group_notes(name: str, parts: Array, alone: int) -> list[str]:
    """Say how many groups each part has, and which are single rows."""
    counted = {part: int(np.count_nonzero(parts == 1 + code)) for code, part in enumerate(PARTS)}
    said = ", ".join(f"{n:,} {_DONE_WITH[part]}" for part, n in counted.items() if n)
    notes = [f"split by {name}: {len(parts):,} groups, {said}; it is no feature"]
    if alone:
        notes.append(f"{alone:,} row{'s' * (alone > 1)} without a value of {name}, each a group of its own")
    return notes


def _largest(column: Column, groups: Array, sizes: Array, too_large: Array, shares: Shares) -> str:
    """Name the largest of the groups that are too large, and say what becomes of it."""
    largest = int(np.argmax(np.where(too_large, sizes, 0)))
    value = _spelled(column, column.values[np.argmax(groups == largest)])
    others = f", and so are {np.count_nonzero(too_large):,} groups in all" if np.count_nonzero(too_large) > 1 else ""
    fate = "too many to hold out: it is trained on" if shares.fold is None else "more than a fold: its fold is larger"
    return f"the group {value} has {sizes[largest]:,} of {sizes.sum():,} rows, {fate}{others}"


def by_time(batches: Batches, target: Target, name: str, shares: Shares) -> Parts:
    """Split so that validation rows are later than those to train on, and test rows later than these."""
    codes, rows, column, _ = _read_column(batches, target, name)
    if without := int(column.missing.sum()):
        first = batches.number_of(int(rows[np.argmax(column.missing)]))
        raise TableError(
            f"{without:,} row{'s lack' if without > 1 else ' lacks'} a value of {name!r}, the first is row {first:,}, "
            "counted from 0. Rows without a time cannot be split by it. Mend them, or leave them out."
        )
    times, parts = column.values, np.full(len(rows), TRAINING, np.uint8)
    if shares.fold is not None:
        fold, k = shares.fold
        first = 2 if shares.validation else 1  # times in the first block, some rows of which are validation rows
        _need_times(times, k + first, name, f"{k} folds, each after the rows it is trained on")
        begins = time_blocks(times, k + 1, first)
        parts[times >= begins[fold + 1]] = TEST
        if fold + 2 <= k:
            parts[times >= begins[fold + 2]] = UNUSED
    for purpose, share, code in shares.drawn:
        left = np.flatnonzero(parts == TRAINING)
        if share:
            _need_times(times[left], 2, name, f"{purpose} rows after those to train on")
            distinct = np.unique(times[left])
            parts[left[times[left] >= distinct[-last_rows(times[left], share)]]] = code
    codes[rows] = parts
    return Parts(codes, _time_notes(name, column, parts))


def _need_times(times: Array, least: int, name: str, what: str) -> None:
    found = len(np.unique(times))
    if found < least:
        raise TableError(
            f"{found:,} different value{'s' * (found != 1)} of {name!r} {'are' if found != 1 else 'is'} too few for "
            f"{what}: at least {least} are needed, for rows of one time stay together."
        )


def _time_notes(name: str, column: Column, parts: Array) -> tuple[str, ...]:
    """Say where the parts begin."""
    said = []
    for code, part in enumerate(PARTS[::-1]):
        of_part = parts == len(PARTS) - code
        if of_part.any() and part != "training":
            first = _spelled(column, column.values[of_part].min())
            said.append(f"{part}: from {first} on, {np.count_nonzero(of_part):,} rows")
    return (f"split by {name}: {'; '.join(said)}",) if said else ()


def _spelled(column: Column, value: Any) -> str:
    """Write a value of a column as a person would."""
    return column.levels[value] if column.levels else spell(value, column.kind)


def _read_column(batches: Batches, target: Target, name: str) -> tuple[Array, Array, Column, Array]:
    """Read the rows with a target value: return codes of no part for all rows; their numbers, a column and targets."""
    found, done = list[tuple[Array, Column, Array]](), 0
    for batch in batches.select(list(dict.fromkeys([name, *target.names]))):
        rows, column = np.flatnonzero(~target.missing(batch)), batch[name]
        if column.kind == "text" and not column.levels and batch.n_rows < batches.n_rows and not column.missing.all():
            raise TableError(
                f"Column {name!r} has {column.note}, so that rows cannot be split by it in batches: give it as "
                f"numbers, such as hash({name}) in a query, or allow the memory to read the table at once."
            )
        found.append((done + rows, column.take(rows), target.encode(batch, rows)))
        done += batch.n_rows
    numbers, columns, y = zip(*found, strict=True)
    values = np.concatenate([column.values for column in columns])
    codes = np.full(batches.n_rows, NO_TARGET, np.uint8)
    return codes, np.concatenate(numbers), replace(columns[0], values=values), np.concatenate(y)


def not_apart(batches: Batches, tested: Batches, shares: Shares) -> tuple[str, ...]:
    """Say what another table to test on has in common with the table to train on: groups, or times not after it."""
    name = shares.by if shares.by is not None else shares.time
    if name is None or name not in tested.names:
        return ()
    one, other = (each.select([str(name)]) for each in (batches, tested))
    headers = one.header.columns[0], other.header.columns[0]
    nameless = any(column.kind == "text" and not column.levels for column in headers)
    if nameless or headers[0].kind != headers[1].kind:
        return (f"{name} cannot be compared with that of {tested.source}: whether their rows are apart is not known",)
    if shares.by is not None:
        ours, theirs = _group_keys(one), _group_keys(other)
        shared = np.count_nonzero(np.isin(theirs, ours))
        return (f"{shared:,} of {len(theirs):,} groups of {tested.source} are trained on, too",) if shared else ()
    last = max(batch.columns[0].values[~batch.columns[0].missing].max() for batch in one)
    early = sum(int(np.count_nonzero(batch.columns[0].values <= last)) for batch in other)
    return (f"{early:,} rows of {tested.source} are not later than the last one trained on",) if early else ()


def _group_keys(column: Batches) -> Array:
    """Return a key of each group of a table of one column."""
    keys = [batch.take(~batch.columns[0].missing).row_keys() for batch in column]
    return np.unique(np.concatenate(keys))
