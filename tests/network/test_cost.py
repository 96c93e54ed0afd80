"""The cost of a few examples by hand, and where a step stops because a number is none."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, Parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.penalties import Penalty
from chainrule.network.propagate import backward, forward
from chainrule.network.segment import Plan, cost_and_gradient, initial_state, mean_loss, run_segment

# z = 3 x + 1 at x = 1, 2, -1 is 4, 7, -2; the errors against y = 2, 8, -5 are 2, -1, 3; the losses 2, 0.5, 4.5.
LINE = Architecture((1, 1), (), loss("squared_error"), Penalty(0.4, 0.25))
THETA = Parameters(np.array([3.0, 1.0]), (1, 1))
X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[2.0, 8.0, -5.0]])
WEIGHTS = np.array([1.0, 4.0, 5.0])


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
