"""Two steps of every optimiser by hand, with constants so large that none of them can be left out unseen."""

import numpy as np
import pytest

from chainrule.network.optimizers import Adagrad, Adam, GradientDescent, Momentum, NAdam, Nesterov, RMSprop

# Gradients 2 and -4, rate 0.1: the moves, and the gains, which are the rate over what divides the gradient.
# Adam with beta_1 = beta_2 = 0.5: m is 1, then 0.5 - 2 = -1.5, over 1 - 0.25; v is 2, then 1 + 8 = 9, over 0.75.
# NAdam: m as in Adam; mu_t = 0.5 (1 - 0.96^(0.004 t) / 2).
M1, M2, M3 = (0.5 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2, 3))
NADAM = (
    M2 * 1 / (1 - M1 * M2) + (1 - M1) * 2 / (1 - M1),
    M3 * -1.5 / (1 - M1 * M2 * M3) + (1 - M2) * -4 / (1 - M1 * M2),
)
TWO_STEPS = [
    (GradientDescent(), (0.2, -0.4), (0.1, 0.1)),
    (Momentum(0.75), (0.2, 0.1 * (1.5 - 4)), (0.4, 0.4)),
    (Nesterov(0.75), (0.1 * (2 + 0.75 * 2), 0.1 * (-4 + 0.75 * -2.5)), (0.4, 0.4)),
    (RMSprop(0.75, 0.5), (0.2 / 1.5, -0.4 / (4.75**0.5 + 0.5)), (0.1 / 1.5, 0.1 / (4.75**0.5 + 0.5))),
    (Adagrad(0.5), (0.2 / 2.5, -0.4 / (20**0.5 + 0.5)), (0.1 / 2.5, 0.1 / (20**0.5 + 0.5))),
    (Adam(0.5, 0.5, 0.5), (0.2 / 2.5, -0.2 / (12**0.5 + 0.5)), (0.1 / 2.5, 0.1 / (12**0.5 + 0.5))),
    (
        NAdam(0.5, 0.5, 0.5),
        (0.1 * NADAM[0] / 2.5, 0.1 * NADAM[1] / (12**0.5 + 0.5)),
        (0.1 / 2.5, 0.1 / (12**0.5 + 0.5)),
    ),
]


@pytest.mark.parametrize(("optimizer", "moves", "gains"), TWO_STEPS, ids=lambda value: getattr(value, "name", ""))
def test_two_steps_by_hand(optimizer, moves, gains):
    slots = tuple(np.zeros(1) for _ in optimizer.slot_names)
    for t, (d, expected_move, expected_gain) in enumerate(zip((2.0, -4.0), moves, gains, strict=True), start=1):
        slots, move, gain = optimizer.update(slots, np.array([d]), 0.1, t)
        np.testing.assert_allclose(move, [expected_move], rtol=1e-14)
        np.testing.assert_allclose(gain, expected_gain, rtol=1e-14)


def test_nadam_late_in_training_looks_up_its_constants():
    """At step 1000 with a gradient of 1 from the start on both means are 1, so the move is rate (ahead + now)."""
    optimizer, slots = NAdam(epsilon=0.0), (np.zeros(1), np.zeros(1))
    for t in range(1, 1001):
        slots, move, _ = optimizer.update(slots, np.ones(1), 0.1, t)
    mu = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in range(1, 1002)]
    products = np.cumprod(mu)
    ahead, now = mu[1000] * (1 - 0.9**1000) / (1 - products[1000]), (1 - mu[999]) / (1 - products[999])
    np.testing.assert_allclose(move, [0.1 * (ahead + now)], rtol=1e-12)
