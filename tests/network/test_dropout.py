"""Inverted dropout: rates, scaling, purity, and what it does to values and gradients."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from chainrule._errors import InvalidParameterError
from chainrule.network import Architecture, Dense, Network, activation, initial_parameters, loss
from chainrule.network.draws import random_words
from chainrule.network.dropout import drop, dropout_masks
from chainrule.network.parameters import flatten
from chainrule.network.propagate import backward, forward

KEYS = np.arange(2000, dtype=np.uint64)


def masks_of(rates, widths, keys=KEYS, seed=0, step=0, dtype="f8"):
    return dropout_masks(rates, widths, keys, seed=seed, step=step, dtype=np.dtype(dtype))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_the_rate_is_reached_and_the_mean_kept(rate):
    (mask,) = masks_of([rate], [50])
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert (mask == 0).mean() == pytest.approx(rate, abs=4 * deviation)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / (1 - rate)], rtol=1e-15)
    assert mask.mean() == pytest.approx(1, abs=4 * deviation / (1 - rate))


def test_a_unit_is_removed_whose_word_is_below_the_rate():
    """Of the 2^32 words the first rate 2^32 remove; the rate is chosen so that the limit is one of the words drawn."""
    words = random_words(0, 0, 0, KEYS, 4)
    limit = int(words[2, 77])
    (mask,) = masks_of([limit / 2**32], [4])
    assert mask[2, 77] != 0
    assert np.array_equal(mask != 0, words >= limit)


def test_no_rate_no_mask():
    masks = masks_of([0.0, 0.5, 0.0], [3, 4, 5])
    assert masks[0] is None
    assert masks[1].shape == (4, 2000)
    assert masks[2] is None


def test_the_dtype_is_the_one_asked_for():
    assert masks_of([0.5], [3], dtype="f4")[0].dtype == np.float32
    assert np.array_equal(masks_of([0.5], [3], dtype="f4")[0], masks_of([0.5], [3])[0])


def test_a_mask_is_a_pure_function_of_seed_step_layer_row_and_unit():
    (mask,) = masks_of([0.5], [6])
    order = np.random.default_rng(0).permutation(2000)
    assert np.array_equal(masks_of([0.5], [6], KEYS[order])[0], mask[:, order])  # of the row, not its place
    assert np.array_equal(masks_of([0.5], [6], KEYS[10:20])[0], mask[:, 10:20])  # not of the batch
    assert np.array_equal(masks_of([0.5], [9])[0][:6], mask)  # not of the layer's width
    second = masks_of([0.5, 0.5], [6, 6])[1]
    for other in (masks_of([0.5], [6], seed=1)[0], masks_of([0.5], [6], step=1)[0], second):
        assert 0.45 < (other == mask).mean() < 0.55  # independent of it


def test_a_higher_rate_only_removes_more():
    light, heavy = masks_of([0.2], [20])[0] > 0, masks_of([0.6], [20])[0] > 0
    assert (light | ~heavy).all()


def test_drop_keeps_a_sparse_input_sparse():
    A = sparse.csc_array(np.arange(6.0).reshape(2, 3))
    mask = np.array([[0.0, 2, 2], [2, 0, 2]])
    dropped = drop(A, mask)
    assert dropped.format == "csc"
    assert np.array_equal(dropped.toarray(), A.toarray() * mask)
    assert drop(A, None) is A


def trained(**dropout):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(5, 40)), rng.integers(0, 2, (1, 40)).astype(float)
    layers = [Dense(6, "relu", dropout=dropout.get("hidden", 0.0)), Dense(1, "sigmoid")]
    net = Network(layers, n_inputs=5, dropout_input=dropout.get("inputs", 0.0))
    history = net.fit(X, Y, epochs=5, batch_size=7, learning_rate=0.1)
    return net.parameters.theta, history, net, X, Y


def test_p_zero_is_no_dropout_bit_for_bit():
    """Against an architecture that does not know of dropout at all."""
    theta, _, net, X, Y = trained(hidden=0.0, inputs=0.0)
    plain = Network([Dense(6, "relu"), Dense(1, "sigmoid")], n_inputs=5)
    plain.architecture = Architecture((5, 6, 1), net.architecture.hidden, net.architecture.loss)
    plain.fit(X, Y, epochs=5, batch_size=7, learning_rate=0.1)
    assert plain.architecture.dropout == ()
    assert np.array_equal(theta, plain.parameters.theta)
    assert not np.array_equal(theta, trained(hidden=0.3)[0])
    assert not np.array_equal(theta, trained(inputs=0.3)[0])


def test_dropout_is_off_outside_of_training():
    _, history, net, X, Y = trained(hidden=0.5)
    Z = net.W[2] @ np.maximum(net.W[1] @ X + net.b[1], 0) + net.b[2]
    np.testing.assert_allclose(net.predict(X), 1 / (1 + np.exp(-Z)), rtol=1e-12)
    assert history.final["loss"] == pytest.approx(np.mean(np.logaddexp(0, Z) - Y * Z), rel=1e-12)
    assert history["running_loss"][-1] != history.final["loss"]


def test_values_and_gradients_are_right_on_average_over_all_masks():
    """For a linear network: the mean over all 2^k masks, weighted by their probability, is the net without dropout."""
    rng = np.random.default_rng(0)
    rate, X, Y = 0.3, rng.normal(size=(3, 2)), rng.normal(size=(1, 2))
    architecture = Architecture((3, 1), (), loss("squared_error"), dropout=(rate,))
    parameters = initial_parameters(architecture, seed=0)
    Z, gradient_of_Z = 0.0, 0.0
    for kept in itertools.product([0, 1], repeat=6):
        probability = np.prod([1 - rate if k else rate for k in kept])
        pass_ = forward(architecture, parameters, X, [np.reshape(kept, (3, 2)) / (1 - rate)])
        gradients = backward(architecture, parameters, pass_, Y)
        Z = Z + probability * pass_.Z[1]
        gradient_of_Z = gradient_of_Z + probability * pass_.A[0] @ np.ones((2, 1))
        assert np.array_equal(pass_.A[0] == 0, np.reshape(kept, (3, 2)) == 0)
        assert not gradients.dW[1][0, (np.reshape(kept, (3, 2)) == 0).all(axis=1)].any()
    np.testing.assert_allclose(Z, forward(architecture, parameters, X).Z[1], rtol=1e-13)
    np.testing.assert_allclose(gradient_of_Z, X.sum(axis=1, keepdims=True), rtol=1e-13)


def test_the_gradient_of_a_loss_linear_in_its_output_is_unbiased():
    """dW[2] under dropout, averaged over many steps' masks, is dW[2] without; |r| is linear where r keeps its sign."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(4, 3)), np.full((1, 3), -50.0)
    architecture = Architecture((4, 5, 1), (activation("tanh"),), loss("absolute_error"), dropout=(0.0, 0.4))
    parameters = initial_parameters(architecture, seed=0)
    keys, total = np.arange(3, dtype=np.uint64), 0.0
    for step in range(4000):
        masks = dropout_masks(architecture.dropout, (4, 5, 1), keys, seed=0, step=step, dtype=np.dtype("f8"))
        gradients = backward(architecture, parameters, forward(architecture, parameters, X, masks), Y)
        total = total + flatten(gradients.dW[1:], gradients.db[1:])
    plain = backward(architecture, parameters, forward(architecture, parameters, X), Y)
    np.testing.assert_allclose(total / 4000, flatten(plain.dW[1:], plain.db[1:]), atol=0.03)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, np.nan])
def test_a_rate_outside_zero_to_one_is_refused(rate):
    with pytest.raises(InvalidParameterError, match="at least 0 and below 1"):
        Network([Dense(2, dropout=rate), Dense(1, "sigmoid")], n_inputs=2)
