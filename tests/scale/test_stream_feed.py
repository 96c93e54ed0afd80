"""Training on rows read as they are needed is training on rows in memory, where the order is the same."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from chainrule.engine import choose
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stream_feed import StreamFeed

M, BATCH = 300, 32


@pytest.fixture(params=["reference", "auto"])
def runner(request, posed):
    return segment if request.param == "reference" else choose(architecture=posed[0])


@pytest.fixture(scope="module")
def posed():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(M, 6)).astype(np.float32)
    Y = (X[:, :1] + X[:, 1:2] ** 2 > 0.5).astype(np.float32)
    architecture = Architecture(
        (6, 8, 1), (activation("tanh"),), loss("binary_cross_entropy"), Penalty(1e-3), (0.0, 0.2)
    )
    return architecture, X, Y, draw.integers(1, 4, M).astype(float)


def training(posed, feed, validation=None):
    architecture = posed[0]
    plan = Plan(Adam(), BATCH, seed=3)
    steps = -(-M // BATCH)
    schedule = Schedule("constant", 1e-2, steps, steps * 4, M)
    stopping = Stopping(4, patience=np.inf, record_loss=True)
    parameters = initial_parameters(architecture, seed=3, dtype=np.dtype(np.float32))
    return Training(architecture, plan, feed, schedule, stopping, validation), initial_state(parameters, plan)


def without_seconds(history):
    return {name: values for name, values in history.columns.items() if name != "seconds"} | history.final


@pytest.mark.parametrize("weighted", [False, True])
def test_in_the_order_of_the_table_it_is_the_same_to_the_bit(posed, runner, weighted):
    _, X, Y, weights = posed
    given = weights if weighted else None
    relative = weights / weights.mean() if weighted else None
    rows = ArrayRows(Block(X, Y, relative))
    in_memory = InMemory(Examples(X.T, Y.T, given), runner, shuffle=False)
    streamed = StreamFeed(ShuffledRows(rows, seed=3, block=320, window=1, shuffle=False), runner)
    results = [train(*training(posed, feed, Validation(feed))) for feed in (in_memory, streamed)]
    (state, history), (other, another) = results
    np.testing.assert_array_equal(other.parameters.theta, state.parameters.theta)
    assert without_seconds(another) == without_seconds(history)


def test_engines_let_go_of_windows_that_have_passed(posed, runner):
    architecture, X, Y, _ = posed
    parameters = initial_parameters(architecture, seed=0, dtype=np.dtype(np.float32))
    window = Block(X.copy(), Y)
    alive = weakref.ref(window.X)
    start = initial_state(parameters, Plan(Adam(), BATCH))
    args = window.examples, np.arange(4 * BATCH), np.full(4, 1e-3)
    runner.mean_loss(architecture, parameters, args[0])
    runner.run_segment(architecture, Plan(Adam(), BATCH), start, *args)
    del window, args
    assert alive() is None


@pytest.mark.parametrize("window", [1, 2, 3])
def test_windows_of_any_size_give_the_same_steps(posed, runner, window):
    """In the order of the table only: a window's size is part of any other order."""
    _, X, Y, _ = posed
    thetas = []
    for size in (window, 5):
        rows = ShuffledRows(ArrayRows(Block(X, Y)), seed=3, block=64, window=size, shuffle=False)
        thetas.append(train(*training(posed, StreamFeed(rows, runner)))[0].parameters.theta)
    np.testing.assert_array_equal(*thetas)


def test_segments_may_end_anywhere(posed, runner):
    """The clock decides how many steps are taken at a time, so that they must not show."""
    _, X, Y, _ = posed
    feed = StreamFeed(ShuffledRows(ArrayRows(Block(X, Y)), seed=3, block=50, window=2), runner)
    build_training, start = training(posed, feed)
    rates = np.full(10, 1e-2)
    whole, totals = feed.take_steps(posed[0], build_training.plan, start, 0, rates)
    state, losses = start, []
    for first, stop in ((0, 1), (1, 6), (6, 10)):
        state, part = feed.take_steps(posed[0], build_training.plan, state, first, rates[first:stop])
        losses += part.losses
    np.testing.assert_array_equal(state.parameters.theta, whole.parameters.theta)
    assert tuple(losses) == totals.losses


def test_loss_and_gradient_are_those_of_all_rows(posed, runner):
    architecture, X, Y, weights = posed
    relative = weights / weights.mean()
    architecture = replace(architecture, dropout=(0.0, 0.0))
    parameters = initial_parameters(architecture, seed=1, dtype=np.dtype(np.float64))
    examples = Examples(X.astype(float).T, Y.astype(float).T, weights)
    rows = ArrayRows(Block(X.astype(float), Y.astype(float), relative))
    feed = StreamFeed(ShuffledRows(rows, seed=0, block=32, window=2), runner)
    expected = segment.mean_loss(architecture, parameters, examples)
    assert feed.mean_loss(architecture, parameters) == pytest.approx(expected, rel=1e-12)
    cost, gradient = segment.cost_and_gradient(architecture, parameters, examples)
    found, d = feed.cost_and_gradient(architecture, parameters)
    assert found == pytest.approx(cost, rel=1e-12)
    np.testing.assert_allclose(d, gradient, rtol=1e-10, atol=1e-14)
