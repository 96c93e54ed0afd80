"""θ and its views: which is where, and which shapes chain."""

import numpy as np
import pytest

from chainrule._errors import ShapeError
from chainrule.network.parameters import Parameters, flatten, n_parameters, n_weights, parameters_from

WIDTHS = (2, 3, 1)
W, B = (
    [np.arange(6.0).reshape(3, 2), np.array([[6.0, 7.0, 8.0]])],
    [np.array([[9.0], [10.0], [11.0]]), np.array([[12.0]])],
)


def test_all_weights_stand_before_all_biases():
    parameters = parameters_from(W, B)
    assert parameters.theta.tolist() == list(range(13))
    assert parameters.widths == WIDTHS
    assert parameters.weights == slice(0, 9)
    assert (n_weights(WIDTHS), n_parameters(WIDTHS)) == (9, 13)


def test_the_views_are_the_layers():
    parameters = Parameters(flatten(W, B), WIDTHS)
    for l in (1, 2):
        assert np.array_equal(parameters.W[l], W[l - 1])
        assert np.array_equal(parameters.b[l], B[l - 1])
    assert parameters.W[0].size == parameters.b[0].size == 0
    parameters.b[2][0, 0] = -1.0
    assert parameters.theta[12] == -1.0


@pytest.mark.parametrize(
    ("weights", "biases", "words"),
    [
        ([], [], "one or more matrices"),
        (W, B[:1], "one b for each"),
        ([W[0][0], W[1]], B, "one or more matrices"),
        ([W[0], np.ones((1, 2))], B, r"W\[2\] must have shape"),
        (W, [np.ones((2, 1)), B[1]], r"b\[1\] 3 entries"),
    ],
    ids=["none", "a bias too few", "a vector", "a width that does not chain", "a bias of the wrong size"],
)
def test_what_does_not_chain_is_refused(weights, biases, words):
    with pytest.raises(ShapeError, match=words):
        parameters_from(weights, biases)
