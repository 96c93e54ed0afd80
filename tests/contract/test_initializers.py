"""Every initialiser: moments against the fans (D34), purity, and equal draws in both precisions (D16)."""

import numpy as np
import pytest

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.draws import generator
from chainrule.network.initializers import INITIALIZERS, initial_weights

from .cases import ACTIVATION_CASES, INITIALIZER_CASES

NORMAL = [name for name in INITIALIZERS if name.endswith("normal") and not name.startswith("truncated")]
each = pytest.mark.parametrize("name", INITIALIZERS)


def drawn(name, n=200, p=300, seed=0, layer=1, activation="tanh"):
    return initial_weights(name, n, p, activation=activation, seed=seed, layer=layer)


@each
def test_d34_mean_and_variance_follow_the_fans(name):
    W, variance = drawn(name), INITIALIZER_CASES[name]
    assert W.shape == (200, 300)
    assert W.dtype == np.float64
    assert abs(W.mean() - (name == "ones")) <= 4 * np.sqrt(variance / W.size)
    assert W.var() == pytest.approx(variance, rel=0.03)  # 60,000 draws: five standard errors


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name.endswith("uniform")])
def test_d34_a_uniform_draw_fills_its_interval(name):
    W, limit = drawn(name), np.sqrt(3 * INITIALIZER_CASES[name])
    assert np.abs(W).max() < limit
    assert np.abs(W).max() > 0.999 * limit
    np.testing.assert_allclose(np.quantile(W, [0.25, 0.5, 0.75]), [-limit / 2, 0, limit / 2], atol=0.02 * limit)


@pytest.mark.parametrize("name", NORMAL)
def test_a_normal_draw_has_normal_tails(name):
    W = drawn(name) / np.sqrt(INITIALIZER_CASES[name])
    assert (np.abs(W) > 2).mean() == pytest.approx(0.0455, abs=0.005)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6), (1, 4)], ids=str)
def test_orthogonal_rows_or_columns(shape):
    W = drawn("orthogonal", *shape)
    gram = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6)], ids=str)
def test_an_orthogonal_draw_is_the_gram_schmidt_basis_of_a_normal_one(shape):
    """The basis is the only one that makes the coefficients triangular with a positive diagonal."""
    W = drawn("orthogonal", *shape)
    Q = W if shape[0] >= shape[1] else W.T
    R = Q.T @ generator(0, "initial weights", 1).standard_normal(Q.shape)
    np.testing.assert_allclose(np.tril(R, -1), 0, atol=1e-14)
    assert (np.diag(R) > 0).all()


def test_orthogonal_draws_favour_no_sign():
    """Without the correction by the signs of R, the diagonal of Q is mostly of one sign."""
    signs = [np.sign(drawn("orthogonal", 3, 3, seed=seed)[0, 0]) for seed in range(300)]
    assert abs(np.mean(signs)) < 0.2


@each
def test_a_draw_is_a_pure_function_of_seed_and_layer(name):
    W = drawn(name, seed=5, layer=2)
    np.random.default_rng(0).normal(size=100)  # other randomness does not matter
    assert np.array_equal(W, drawn(name, seed=5, layer=2))
    if name not in ("constant", "ones", "zeros"):
        assert not np.array_equal(W, drawn(name, seed=6, layer=2))
        assert not np.array_equal(W, drawn(name, seed=5, layer=3))


@each
def test_d16_float32_and_float64_start_from_the_same_draws(name):
    architecture = Architecture((7, 5, 3), (activation("relu"),), loss("squared_error"))
    theta = [
        initial_parameters(architecture, seed=1, kernel_initializer=name, dtype=dtype).theta
        for dtype in (np.float64, np.float32)
    ]
    assert theta[1].dtype == np.float32
    assert np.array_equal(theta[0].astype(np.float32), theta[1])


def test_d34_biases_start_at_zero():
    architecture = Architecture((7, 5, 3), (activation("relu"),), loss("squared_error"))
    parameters = initial_parameters(architecture, seed=1)
    assert not np.concatenate(parameters.b[1:]).any()
    assert all(parameters.W[l].all() for l in (1, 2))


def test_no_two_tensors_share_their_draws():
    """The first normal draw of every W[l] and b[l], the fans taken out, is a number of its own."""
    architecture = Architecture((4, 3, 3, 2), (activation("tanh"),) * 2, loss("squared_error"))
    parameters = initial_parameters(
        architecture, seed=0, kernel_initializer="lecun_normal", bias_initializer="lecun_normal"
    )
    draws = [w[0, 0] * np.sqrt(w.shape[1]) for w in (*parameters.W[1:], *parameters.b[1:])]
    assert np.unique(np.round(draws, 12)).size == 6


@pytest.mark.parametrize("name", sorted({case.name for case in ACTIVATION_CASES}))
def test_auto_suits_the_activation(name):
    suited = "lecun_normal" if name == "selu" else "glorot_uniform"
    assert np.array_equal(drawn("auto", activation=name), drawn(suited))


def test_a_mistyped_name_is_mended():
    with pytest.raises(InvalidParameterError, match="Did you mean 'he_normal'"):
        drawn("he_norml")


@pytest.mark.parametrize(
    ("spec", "mean", "deviation", "reach"),
    [
        (("random_normal", {"mean": 3.0, "stddev": 0.5}), 3.0, 0.5, 10),
        (("random_uniform", {"minval": 1.0, "maxval": 2.0}), 1.5, 12**-0.5, 0.5),
        (("truncated_normal", {"mean": -1.0, "stddev": 2.0}), -1.0, 2 * 0.8796256610342398, 4.0),
        (("constant", {"value": 0.25}), 0.25, 0.0, 0.0),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_parameters_set_the_moments(spec, mean, deviation, reach):
    W = drawn(spec)
    assert W.mean() == pytest.approx(mean, abs=4 * deviation / np.sqrt(W.size) + 1e-12)
    assert W.std() == pytest.approx(deviation, rel=0.02, abs=1e-12)
    assert np.abs(W - mean).max() <= reach


def test_gain_stretches_an_orthogonal_draw():
    assert np.array_equal(drawn(("orthogonal", {"gain": 2.0})), 2 * drawn("orthogonal"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (("truncated_normal", {"stdev": 0.1}), "Did you mean 'stddev'"),
        (("zeros", {"value": 1.0}), "It has no parameters"),
        (("he_uniform", {"scheme": "lecun"}), "It has no parameters"),
        (("random_normal", {"stddev": -1.0}), "a stddev at least 0; got -1.0"),
        (("constant", {"value": np.nan}), "must be a finite number"),
        (("constant", {"value": "1"}), "must be a finite number"),
        (("random_uniform", {"minval": 1.0}), "minval must not be above maxval"),
        (3, "initializer 3 is not known"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(spec, words):
    with pytest.raises(InvalidParameterError, match=words):
        drawn(spec)


def test_a_function_of_ones_own_gets_shape_and_generator():
    W = drawn(lambda shape, rng: rng.standard_normal(shape), 3, 2, seed=4, layer=5)
    assert np.array_equal(W, generator(4, "initial weights", 5).standard_normal((3, 2)))
    with pytest.raises(ShapeError, match=r"shape \(3, 2\), got \(2, 3\)"):
        drawn(lambda shape, rng: np.zeros(shape[::-1]), 3, 2)
    with pytest.raises(InvalidParameterError, match="finite"):
        drawn(lambda shape, rng: np.full(shape, np.inf), 3, 2)


def test_a_list_has_one_for_each_layer():
    architecture = Architecture((4, 3, 2), (activation("tanh"),), loss("squared_error"))
    parameters = initial_parameters(architecture, seed=0, kernel_initializer=["ones", ("constant", {"value": 2.0})])
    assert (parameters.W[1] == 1).all()
    assert (parameters.W[2] == 2).all()
    with pytest.raises(
        InvalidParameterError, match="bias_initializer must be one for all layers or a list of 2, got 3"
    ):
        initial_parameters(architecture, seed=0, bias_initializer=["zeros"] * 3)
