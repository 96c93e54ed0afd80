"""Shuffle rows that do not all fit into memory, in windows.

Blocks of neighbouring rows are put in a random order; then the rows of a few blocks, a window, are shuffled together.
Both draws are pure functions of seed, epoch and shard, so training can start at any position of any epoch. Rows are
read block by block; a thread fetches the next window while the engine works on the current one.
"""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from chainrule.network.draws import generator
from chainrule.network.types import Array
from chainrule.outofcore.rows import Block, Rows


def quota(step: int, batch_size: int, m_shard: int, m: int) -> int:
    """Return the number of a shard's rows that the first `step` steps of an epoch use.

    Every step takes rows from every shard in proportion to its size; with one shard these are consecutive
    mini-batches.

    Examples
    --------
    >>> [quota(step, 4, 10, 10) for step in range(4)]  # all rows in one shard: 4, 4 and 2
    [0, 4, 8, 10]
    >>> [quota(step, 4, m_shard, 10) for m_shard in (3, 7) for step in range(4)]
    [0, 1, 2, 3, 0, 2, 5, 7]
    """
    return min(m_shard, step * batch_size * m_shard // m)


class _Order(NamedTuple):
    """An epoch's order: the blocks' numbers, and the positions where windows begin, with the end of the last."""

    blocks: Array
    borders: list[int]


class ShuffledRows:
    """The rows of a shard in the shuffled order of each epoch.

    Parameters
    ----------
    rows : Rows
    seed : int
    shard : int, default 0
        The shard's number, which is part of the seed of its order.
    block : int, default 4096
        Number of rows that are read together.
    window : int, default 64
        Number of blocks that are shuffled together; twice as many are in memory.
    shuffle : bool, default True
        False visits the rows in the order of the table.

    Examples
    --------
    >>> from chainrule.outofcore.rows import ArrayRows
    >>> numbers = np.arange(8.0)[:, None]
    >>> shuffled = ShuffledRows(ArrayRows(Block(numbers, numbers)), seed=0, block=2, window=2)
    >>> sorted(shuffled.take(epoch=0, start=0, stop=8).Y.ravel().tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """

    def __init__(
        self, rows: Rows, seed: int, shard: int = 0, *, block: int = 4096, window: int = 64, shuffle: bool = True
    ) -> None:
        self.rows, self.seed, self.shard = rows, seed, shard
        self.block, self.window, self.shuffle = block, window, shuffle
        self._pool: ThreadPoolExecutor | None = None
        self._fetched: dict[tuple[int, int], Future[Block]] = {}
        self._orders: dict[int, _Order] = {}  # of this epoch and the next

    @property
    def m(self) -> int:
        """The number of rows of an epoch."""
        return self.rows.m

    def take(self, epoch: int, start: int, stop: int) -> Block:
        """Return the rows at positions `start` to `stop` of an epoch's order; fast if positions increase."""
        parts = []
        for number, (first, end) in enumerate(pairwise(self._order(epoch).borders)):
            if first < stop and start < end:
                parts.append(self._window(epoch, number)[max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else joined(parts or [self.rows.read(0, 0)])

    def window_at(self, epoch: int, place: int) -> tuple[int, Block]:
        """Return the window that contains a position of an epoch's order: its first position, and its rows."""
        borders = self._order(epoch).borders
        number = bisect_right(borders, place) - 1
        return borders[number], self._window(epoch, number)

    def close(self) -> None:
        """Free the memory and the thread."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._fetched = None, {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pool": None, "_fetched": {}}

    def _order(self, epoch: int) -> _Order:
        if epoch not in self._orders:
            blocks = np.arange(-(-self.m // self.block))
            if self.shuffle:
                blocks = generator(self.seed, f"blocks of shard {self.shard}", epoch).permutation(blocks)
            ends = [0, *np.cumsum(self._sizes(blocks)).tolist()]
            orders = {**self._orders, epoch: _Order(blocks, [*ends[: -1 : self.window], ends[-1]])}
            self._orders = dict(list(orders.items())[-2:])
        return self._orders[epoch]

    def _sizes(self, blocks: Array) -> Array:
        return np.minimum(self.m - blocks * self.block, self.block)

    def _window(self, epoch: int, number: int) -> Block:
        """Return a window, and start to fetch the next one."""
        last = len(self._order(epoch).borders) - 2
        after = (epoch, number + 1) if number < last else (epoch + 1, 0)
        wanted = {key: self._fetched.get(key) for key in ((epoch, number), after)}
        self._fetched = {key: self._begin(*key) if future is None else future for key, future in wanted.items()}
        return self._fetched[epoch, number].result()

    def _begin(self, epoch: int, number: int) -> Future[Block]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="next window")
        blocks = self._order(epoch).blocks[number * self.window : (number + 1) * self.window]
        return self._pool.submit(self._fetch, epoch, number, blocks)

    def _fetch(self, epoch: int, number: int, blocks: Array) -> Block:
        """Read a window, each row directly to its shuffled position."""
        places = np.arange(int(self._sizes(blocks).sum()))
        if self.shuffle:
            draw = generator(self.seed, f"window {number} of shard {self.shard}", epoch)
            places = draw.permutation(places)
        window, done = _like(self.rows.read(0, 0), len(places)), 0
        for block in blocks.tolist():
            part = self.rows.read(block * self.block, min((block + 1) * self.block, self.m))
            to = places[done : done + len(part)]
            window.X[to], window.Y[to] = part.X, part.Y
            for room, values in ((window.weights, part.weights), (window.numbers, part.numbers)):
                if room is not None:
                    room[to] = values
            done += len(part)
        return window


def joined(parts: list[Block]) -> Block:
    """Concatenate blocks."""
    weights = [part.weights for part in parts if part.weights is not None]
    numbers = [part.numbers for part in parts if part.numbers is not None]
    X, Y = np.concatenate([part.X for part in parts]), np.concatenate([part.Y for part in parts])
    return Block(X, Y, np.concatenate(weights) if weights else None, np.concatenate(numbers) if numbers else None)


def _like(sample: Block, rows: int) -> Block:
    """Return an uninitialised block of the given number of rows."""
    X, Y = (np.empty((rows, *array.shape[1:]), array.dtype) for array in (sample.X, sample.Y))
    weights, numbers = (None if of is None else np.empty(rows, of.dtype) for of in (sample.weights, sample.numbers))
    return Block(X, Y, weights, numbers)
