"""A segment in shards: against training in memory, and the same bits for any number of ranks."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.distributed.communicators.base import Communicator
from chainrule.distributed.reduction import TreeSum, run_of
from chainrule.distributed.sharded import LocalShards, Steps, check_batches, cut, run_shards
from chainrule.engine import choose
from chainrule.network.examples import Examples
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory

from ..patience import GIVE_UP
from .trainings import outcome, shards_of, start_of, training_of, undisturbed


class InThreads(Communicator):
    """Ranks that are threads of this process: what each sends lies on a table until the others have taken it."""

    def __init__(self, rank, size, table, barrier):
        self.rank, self.size, self.table, self.barrier = rank, size, table, barrier

    def exchange(self, outgoing, incoming):
        self.table[self.rank] = [part.copy() for part in outgoing]
        self.barrier.wait(timeout=GIVE_UP)
        for peer in range(self.size):
            if peer != self.rank:
                incoming[peer][:] = self.table[peer][self.rank]
        self.barrier.wait(timeout=GIVE_UP)


def in_threads(size, work):
    """What `work` returns on each of `size` ranks."""
    table, barrier, results = [None] * size, threading.Barrier(size), [None] * size

    def run(rank):
        results[rank] = work(InThreads(rank, size, table, barrier))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=GIVE_UP)
    return results


@pytest.mark.parametrize("length", [1, 7, 40_000])
@pytest.mark.parametrize("n_shards", [1, 2, 3, 8, 13])
def test_the_sum_has_the_same_bits_for_any_number_of_ranks_in_slices_and_whole(n_shards, length):
    """Numbers of very different size, whose sum depends on the order; the exact one is near."""
    draw = np.random.default_rng(length)
    vectors = draw.normal(size=(n_shards, length)) * 10.0 ** draw.integers(-8, 8, (n_shards, 1))

    def total(communicator):
        reduction = TreeSum(communicator, n_shards, length, np.dtype(np.float64))
        for _ in range(2):  # what one sum leaves behind does not enter the next
            for shard, vector in reduction.vectors.items():
                vector[:] = vectors[shard]
            result = reduction.total().copy()
        return result, reduction.in_slices

    ((alone, _),) = in_threads(1, total)
    np.testing.assert_allclose(alone, vectors.sum(axis=0), rtol=1e-12, atol=1e-12 * np.abs(vectors).max())
    for size in range(2, min(n_shards, 5) + 1):
        results = in_threads(size, total)
        assert [result.tobytes() for result, _ in results] == [alone.tobytes()] * size
        assert {in_slices for _, in_slices in results} == {size > 2 and length > 8192}


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_segment_comes_to_the_same_state_on_every_rank(engine, size):
    """Two steps in the middle of an epoch, one of them with the last, short batch."""
    runner = choose(engine)
    feed = LocalShards(shards_of(), runner)
    training = training_of(feed)
    first = -(-feed.m // 30) - 2
    steps = Steps(training.architecture, training.plan, start_of(training), feed.sizes, first, np.array([0.1, 0.05]))

    def run(communicator):
        shards = dict(enumerate(shards_of()))
        own = {shard: shards[shard] for shard in run_of(communicator.rank, size, len(shards))}
        return run_shards(steps, own, communicator, choose(engine))

    truth, totals = feed.run(steps)
    for state, their_totals in in_threads(size, run):
        assert state.parameters.theta.tobytes() == truth.parameters.theta.tobytes()
        assert (state.step, their_totals) == (2, totals)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("dropout", [(), (0.1, 0.2, 0.3)])
def test_one_shard_in_the_tables_order_is_training_in_memory(engine, dropout):
    (rows,) = shards_of((183,), shuffle=False)
    block, runner = rows.rows.read(0, 183), choose(engine)
    memory = InMemory(Examples(block.X.T, block.Y.T, block.weights), runner, shuffle=False)
    truth = outcome(training_of(memory, dropout=dropout))
    mine = outcome(training_of(LocalShards([rows], runner), dropout=dropout))
    np.testing.assert_allclose(np.frombuffer(mine[0][0]), np.frombuffer(truth[0][0]), rtol=1e-11, atol=1e-13)
    assert mine[1:3] == truth[1:3]
    for name, values in truth[3].items():
        np.testing.assert_allclose(mine[3][name], values, rtol=1e-11)


def test_all_rows_in_one_step_do_not_care_for_shards():
    """With one step an epoch the shards only change the order of the sum."""
    truth = outcome(training_of(LocalShards(shards_of((183,)), choose("native")), size=183))
    mine = outcome(training_of(LocalShards(shards_of(), choose("native")), size=183))
    np.testing.assert_allclose(np.frombuffer(mine[0][0]), np.frombuffer(truth[0][0]), rtol=1e-10, atol=1e-12)


def test_both_engines_agree():
    native, reference = undisturbed("native"), undisturbed("reference")
    np.testing.assert_allclose(np.frombuffer(native[0][0]), np.frombuffer(reference[0][0]), rtol=1e-10, atol=1e-13)


def test_the_rows_of_a_step_and_of_an_epoch():
    """At most one row for each shard apart from the batch size; all rows once in an epoch."""
    feed = LocalShards(shards_of(), choose("native"))
    training = training_of(feed)
    steps = Steps(training.architecture, training.plan, start_of(training), feed.sizes, 0, np.ones(1))
    rows = [steps.rows(step) for step in range(-(-feed.m // 30))]
    assert sum(rows) == feed.m
    assert all(abs(count - 30) < len(feed.sizes) for count in rows[:-1])
    assert min(rows) > 0


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_gradient_that_is_not_finite_is_named_with_its_step_and_layer(engine):
    shards = shards_of()
    shards[2].rows.block.X[:] = np.nan
    feed = LocalShards(shards, choose(engine))
    training = replace(training_of(feed, dropout=()), validation=None)
    with pytest.raises(DivergenceError, match="Z of layer 1 is not finite at step 1") as caught:
        outcome(training)
    assert (caught.value.step, caught.value.tensor, caught.value.layer) == (1, "Z", 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cutting_examples_into_shards(dtype):
    draw = np.random.default_rng(0)
    X, Y, weights = draw.normal(size=(3, 11)), draw.normal(size=(1, 11)), draw.uniform(1, 2, 11)
    rows = np.array([0, 2, 3, 5, 6, 8, 9])
    parts = cut(Examples(X, Y, weights, rows), 3, np.dtype(dtype))
    blocks = [part.read(0, part.m) for part in parts]
    assert [len(block) for block in blocks] == [2, 2, 3]
    np.testing.assert_array_equal(np.concatenate([block.X for block in blocks]), X.T[rows].astype(dtype))
    relative = np.concatenate([block.weights for block in blocks])
    np.testing.assert_allclose(relative, weights[rows] / weights[rows].mean(), rtol=1e-6)
    assert all(block.X.dtype == dtype and block.X.flags.c_contiguous for block in blocks)


def test_what_cannot_be_cut_is_refused():
    from scipy.sparse import csc_matrix

    with pytest.raises(InvalidParameterError, match="dense X"):
        cut(Examples(csc_matrix(np.eye(4)), np.ones((1, 4))), 2, np.dtype(float))
    with pytest.raises(InvalidParameterError, match="at most the 4 rows"):
        cut(Examples(np.eye(4), np.ones((1, 4))), 5, np.dtype(float))
    with pytest.raises(InvalidParameterError, match="batch_size=4 and shards=8"):
        check_batches(4, 8)


def test_the_cost_and_its_gradient_over_all_shards():
    feed = LocalShards(shards_of(), choose("native"))
    (rows,) = shards_of((183,))
    training = training_of(feed)
    parameters = start_of(training).parameters
    cost, d = feed.cost_and_gradient(training.architecture, parameters)
    truth = segment.cost_and_gradient(training.architecture, parameters, rows.rows.block.examples)
    assert cost == pytest.approx(truth[0], rel=1e-12)
    np.testing.assert_allclose(d, truth[1], rtol=1e-10, atol=1e-14)
