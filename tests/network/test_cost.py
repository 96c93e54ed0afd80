"""The cost of a few examples by hand, and where a step stops because a number is none."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, Dense, Network, Parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.penalties import Penalty
from chainrule.network.propagate import backward, forward
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.early_stopping import Patience, select_weights
from chainrule.network.training.feed import InMemory
from chainrule.network.training.history import History
from chainrule.network.training.segment import Plan, cost_and_gradient, initial_state, mean_loss, run_segment
from chainrule.network.training.setup import Stopping, Training, all_logits

# z = 3 x + 1 at x = 1, 2, -1 is 4, 7, -2; the errors against y = 2, 8, -5 are 2, -1, 3; the losses 2, 0.5, 4.5.
LINE = Architecture((1, 1), (), loss("squared_error"), Penalty(0.4, 0.25))
THETA = Parameters(np.array([3.0, 1.0]), (1, 1))
X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[2.0, 8.0, -5.0]])
WEIGHTS = np.array([1.0, 4.0, 5.0])
T_GOOD_AND_BAD = (np.array([3.0, 0.0]), np.array([3.0, 50.0]))


def test_the_mean_loss_is_without_the_penalty():
    assert mean_loss(LINE, THETA, Examples(X, Y)) == pytest.approx(7 / 3, rel=1e-15)
    assert mean_loss(LINE, THETA, Examples(X, Y, WEIGHTS)) == pytest.approx((2 + 4 * 0.5 + 5 * 4.5) / 10, rel=1e-15)


def test_the_smooth_cost_has_the_squares_of_the_penalty_alone():
    """0.4 three quarters L2: 0.3 / 2 times 9; the gradient gains 0.3 times 3, the bias nothing."""
    cost, d = cost_and_gradient(LINE, THETA, Examples(X, Y))
    assert cost == pytest.approx(7 / 3 + 1.35, rel=1e-15)
    np.testing.assert_allclose(d, [(2 - 2 - 3) / 3 + 0.9, 4 / 3], rtol=1e-14)
    cost, d = cost_and_gradient(LINE, THETA, Examples(X, Y, WEIGHTS))
    assert cost == pytest.approx(2.65 + 1.35, rel=1e-15)
    np.testing.assert_allclose(d, [(2 - 8 - 15) / 10 + 0.9, (2 - 4 + 15) / 10], rtol=1e-14)


PENALTY = 0.4 * (0.25 * 3 + 0.75 / 2 * 9)


def line(**penalty):
    net = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", **penalty)
    return net.set_parameters([np.array([[3.0]])], [np.array([[1.0]])])


def test_the_cost_of_a_network_has_the_whole_penalty():
    assert line(alpha=0.4, l1_ratio=0.25).cost(X, Y) == pytest.approx(7 / 3 + PENALTY, rel=1e-15)


@pytest.mark.parametrize(("l1_ratio", "expected"), [(0.0, 3 - 0.1 * (-1 + 1.2)), (0.25, 3 - 0.1 * (-1 + 0.9) - 0.01)])
def test_a_step_of_a_network_has_it_too(l1_ratio, expected):
    """dW is -1 and db 4/3; L2 joins dW, L1 is a step of rate l1 towards 0 afterwards; the bias has neither."""
    net = line(alpha=0.4, l1_ratio=l1_ratio)
    net.step(net.backward(net.forward(X), Y), learning_rate=0.1)
    assert net.W[1].item() == pytest.approx(expected, rel=1e-14)
    assert net.b[1].item() == pytest.approx(1 - 0.4 / 3, rel=1e-14)


def training(examples):
    return Training(LINE, Plan(), InMemory(examples, segment), Schedule("constant", 0.1, 1, 1, examples.m), Stopping())


def test_the_cost_of_a_training_has_the_whole_penalty():
    state = initial_state(THETA, Plan())
    assert training(Examples(X, Y)).cost(state) == pytest.approx(7 / 3 + PENALTY, rel=1e-15)


@pytest.mark.parametrize("last_is_better", [True, False])
def test_of_the_best_and_the_last_weights_the_better_are_kept(last_is_better):
    """A running loss is measured while weights change: its best epoch may be worse than the last one in truth."""
    good, bad = (replace(initial_state(THETA, Plan()), parameters=replace(THETA, theta=t)) for t in T_GOOD_AND_BAD)
    first, last = (replace(state, epoch=e) for e, state in enumerate((bad, good) if last_is_better else (good, bad), 1))
    patience, history = Patience(Stopping()), History()
    assert patience.best_epoch is None
    patience.observe(1.0, first)
    patience.observe(2.0, last)
    assert patience.best_epoch == 1
    state = select_weights(training(Examples(X, Y)), patience, last, history)
    assert np.array_equal(state.parameters.theta, T_GOOD_AND_BAD[0])
    assert (state.epoch, history.best_epoch) == (2, 2 if last_is_better else 1)


def test_all_logits_are_those_of_every_chunk():
    rng = np.random.default_rng(0)
    X, W, b = rng.normal(size=(3, 5000)), rng.normal(size=(2, 3)), rng.normal(size=(2, 1))
    architecture = Architecture((3, 2), (), loss("squared_error"))
    parameters = Parameters(np.concatenate([W.ravel(), b.ravel()]), (3, 2))
    Z = all_logits(architecture, parameters, Examples(X, np.zeros((2, 5000))), segment)
    np.testing.assert_allclose(Z, W @ X + b, rtol=1e-12, atol=1e-14)


def test_a_fit_without_validation_leaves_its_last_weights():
    """The rate is too large, so that the first weights are the best: the three plain steps are what was asked for."""
    fitted, stepped = line(), line()
    fitted.fit(X, Y, epochs=3, learning_rate=1.5)
    for _ in range(3):
        stepped.step(stepped.backward(stepped.forward(X), Y), learning_rate=1.5)
    np.testing.assert_allclose(fitted.parameters.theta, stepped.parameters.theta, rtol=1e-12)


def test_the_last_rate_of_a_fit_knows_of_short_batches():
    """Ten examples by fours are three steps an epoch, twelve in all: the last one is at 11/12 of half a cosine."""
    net, rng = line(), np.random.default_rng(0)
    history = net.fit(
        rng.normal(size=(1, 10)), rng.normal(size=(1, 10)), epochs=4, batch_size=4, learning_rate=0.2, schedule="cosine"
    )
    assert history["learning_rate"][-1] == pytest.approx(0.1 * (1 + np.cos(np.pi * 11 / 12)), rel=1e-12)


def test_layer_zero_has_no_derivatives():
    gradients = backward(LINE, THETA, forward(LINE, THETA, X), Y)
    assert [part[0] for part in (gradients.dZ, gradients.dA, gradients.dW, gradients.db)] == [None] * 4


def test_adam_under_a_gradient_that_stays_moves_by_the_rate_at_every_step():
    """Both means are then unbiased at every t, so m_hat / √v_hat is 1; it is not where t does not count."""
    plan = Plan(Adam(epsilon=0.0), batch_size=3)
    far = Examples(X, np.full((1, 3), -1e6))
    start = initial_state(THETA, plan)
    line = replace(LINE, loss=loss("absolute_error"), penalty=Penalty())
    state, _ = run_segment(line, plan, start, far, np.tile(np.arange(3), 7), np.full(7, 0.01))
    np.testing.assert_allclose(THETA.theta - state.parameters.theta, [0.07, 0.07], rtol=1e-9)


@pytest.mark.parametrize(
    ("pair", "x", "y", "tensor"),
    [(loss("squared_error"), 0.0, 1e25, "the loss"), (loss("huber", delta=100.0), 1e37, 1e35, "dW")],
    ids=["the loss alone", "the gradient alone"],
)
def test_d9_a_loss_or_a_gradient_alone_that_is_not_finite_stops_the_step(pair, x, y, tensor):
    """In float32 r² / 2 overflows where r does not, and dZ Aᵀ, here 100 x, where the loss, here 100 y, does not."""
    examples, plan = Examples(np.array([[x]], np.float32), np.array([[y]], np.float32)), Plan(batch_size=1)
    start = initial_state(Parameters(np.zeros(2, np.float32), (1, 1)), plan)
    with pytest.raises(DivergenceError) as raised:
        run_segment(replace(LINE, loss=pair), plan, start, examples, np.arange(1), np.array([0.1]))
    assert raised.value.tensor == tensor
