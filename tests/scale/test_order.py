"""An epoch visits every row once, in an order that nothing but seed, epoch and shard decides."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import ShuffledRows, quota


def numbered(m, weights=False):
    """Rows that say which they are, in X, Y and weights."""
    X = np.arange(m, dtype=np.float32)[:, None]
    return ArrayRows(Block(X, X + 0.5, X[:, 0] + 1.0 if weights else None))


def visited(shuffled, epoch, start=0, stop=None):
    block = shuffled.take(epoch, start, shuffled.m if stop is None else stop)
    np.testing.assert_array_equal(block.Y, block.X + 0.5)
    return block.X[:, 0].astype(int).tolist()


@given(m=st.integers(1, 60), block=st.integers(1, 9), window=st.integers(1, 5), seed=st.integers(0, 5), data=st.data())
def test_every_epoch_is_a_permutation_whatever_batches_it_is_taken_in(m, block, window, seed, data):
    rows = numbered(m)
    whole = [visited(ShuffledRows(rows, seed, block=block, window=window), epoch) for epoch in range(2)]
    assert sorted(whole[0]) == sorted(whole[1]) == list(range(m))
    cuts = sorted({0, m, *data.draw(st.lists(st.integers(0, m), max_size=4))})
    shuffled = ShuffledRows(rows, seed, block=block, window=window)
    for epoch in (1, 0):  # backward, too: there is no state
        batches = [visited(shuffled, epoch, *cut) for cut in pairwise(cuts)]
        assert [row for batch in batches for row in batch] == whole[epoch]


def test_epochs_seeds_and_shards_have_orders_of_their_own():
    rows = numbered(64)
    drawn = [
        visited(ShuffledRows(rows, seed, shard, block=8, window=2), epoch)
        for seed, shard, epoch in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    ]
    assert len({tuple(order) for order in drawn}) == 4


def test_rows_of_a_window_come_from_its_blocks_and_are_mixed():
    first = visited(ShuffledRows(numbered(64), 0, block=8, window=2), 0, 0, 16)
    assert len({row // 8 for row in first}) == 2
    assert [row // 8 for row in first[:8]] != [first[0] // 8] * 8


def test_unshuffled_rows_keep_the_order_of_the_table():
    shuffled = ShuffledRows(numbered(10, weights=True), 0, block=3, window=2, shuffle=False)
    assert visited(shuffled, 5) == list(range(10))
    np.testing.assert_array_equal(shuffled.take(0, 4, 9).weights, np.arange(5.0, 10.0))


def test_it_travels_to_other_processes_without_what_it_has_fetched():
    shuffled = ShuffledRows(numbered(20), 3, block=4, window=2)
    before = visited(shuffled, 0)
    assert visited(pickle.loads(pickle.dumps(shuffled)), 0) == before
    shuffled.close()
    assert visited(shuffled, 0) == before


class Broken:
    m = 8

    def read(self, start, stop):
        if stop > 4:
            raise OSError("the disk is gone")
        return numbered(8).read(start, stop)


def test_a_failure_of_the_reading_thread_is_heard():
    with pytest.raises(OSError, match="the disk is gone"):
        ShuffledRows(Broken(), 0, block=2, window=1).take(0, 0, 8)


@given(sizes=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any), batch=st.integers(1, 40))
def test_quotas_use_every_row_once_and_fill_every_batch_to_within_the_number_of_shards(sizes, batch):
    m = sum(sizes)
    steps = -(-m // batch)
    used = np.array([[quota(step, batch, size, m) for size in sizes] for step in range(steps + 1)])
    assert used[0].sum() == 0
    assert used[-1].tolist() == sizes
    assert (np.diff(used, axis=0) >= 0).all()
    taken = np.diff(used, axis=0).sum(axis=1)
    assert (np.abs(taken[:-1] - batch) < len(sizes)).all()
    if len(sizes) == 1:
        assert taken[:-1].tolist() == [batch] * (steps - 1)


@settings(deadline=None)
@given(m=st.integers(1, 60), block=st.integers(1, 9), window=st.integers(1, 5), data=st.data())
def test_the_window_at_a_place_holds_it(m, block, window, data):
    place, epoch = data.draw(st.integers(0, m - 1)), data.draw(st.integers(0, 2))
    shuffled = ShuffledRows(numbered(m), 0, block=block, window=window)
    first, rows = shuffled.window_at(epoch, place)
    assert first <= place < first + len(rows)
    assert visited(shuffled, epoch, first, first + len(rows)) == rows.X[:, 0].astype(int).tolist()
