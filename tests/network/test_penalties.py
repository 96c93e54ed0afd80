"""The penalty by hand: its value, its gradient, the L1 step, and which strengths are allowed."""

import numpy as np
import pytest

from chainrule._errors import InvalidParameterError
from chainrule.network.penalties import Penalty, soft_threshold


def test_the_value_is_the_elastic_net_by_hand():
    """alpha 0.6, a quarter of it L1: 0.15 (3 + 4 + 1) + 0.45 / 2 (9 + 16 + 1)."""
    W = [np.array([[3.0, -4.0]]), np.array([[1.0]])]
    assert Penalty(0.6, 0.25).value(W) == pytest.approx(1.2 + 5.85, rel=1e-15)
    assert Penalty(0.6, 1.0).value(W) == pytest.approx(4.8, rel=1e-15)
    assert Penalty(0.6, 0.0).value(W) == pytest.approx(7.8, rel=1e-15)
    assert Penalty().value(W) == 0.0


def test_the_smooth_gradient_is_that_of_the_squares_alone():
    np.testing.assert_allclose(Penalty(0.6, 0.25).smooth_gradient(np.array([2.0, -3.0])), [0.9, -1.35], rtol=1e-15)


def test_soft_thresholding_moves_towards_zero_and_stops_there():
    W, thresholds = np.array([-3.0, -0.5, 0.0, 0.5, 3.0]), np.array([1.0, 1.0, 1.0, 0.125, 0.5])
    assert soft_threshold(W, thresholds).tolist() == [-2.0, 0.0, 0.0, 0.375, 2.5]


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.0, 1.0), (1e9, 0.5)])
def test_the_ends_of_the_ranges_are_allowed(alpha, l1_ratio):
    assert Penalty(alpha, l1_ratio).l1 == alpha * l1_ratio


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(-1e-9, 0.5), (0.1, -1e-9), (0.1, 1.001), (np.nan, 0), (1, np.nan)])
def test_what_is_no_penalty_is_refused(alpha, l1_ratio):
    with pytest.raises(InvalidParameterError, match="alpha must be at least 0 and l1_ratio between 0 and 1"):
        Penalty(alpha, l1_ratio)
