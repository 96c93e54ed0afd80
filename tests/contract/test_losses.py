"""Every loss: value and derivative against formulas, finite differences, scikit-learn, each other; extreme logits."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    log_loss,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_tweedie_deviance,
)

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.network import Dense, Network
from chainrule.network.losses import loss, natural

from .cases import LOSS_CASES, LOSSES_AND_OUTPUTS

each = pytest.mark.parametrize("case", LOSS_CASES, ids=str)
of_one_output = pytest.mark.parametrize("case", [case for case in LOSS_CASES if case.truth], ids=str)
with_outputs = pytest.mark.parametrize(("case", "n"), LOSSES_AND_OUTPUTS, ids=str)


def drawn(case, n, m=40, seed=0):
    """Logits and targets, none near a kink."""
    rng = np.random.default_rng(seed)
    Z, Y = 1.5 * rng.normal(size=(n, m)), case.targets(rng, n, m)
    if case.kinks is not None:
        keep = (case.kinks(case.loss.output.g(Z), Y) > 0.01).all(axis=0)
        Z, Y = Z[:, keep], Y[:, keep]
    assert Z.shape[1] > 30
    return Z, Y


def slopes(per_example, Z, h=1e-3):
    """dL/dZ of every example by fourth-order central differences, shape (n, m)."""
    numeric = np.empty_like(Z)
    for k in range(len(Z)):
        step = h * np.eye(len(Z))[:, [k]]
        values = [per_example(Z + t * step) for t in (-2, -1, 1, 2)]
        numeric[k] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return numeric


@of_one_output
def test_the_value_is_the_formula(case):
    Z, Y = drawn(case, 1)
    truth = [float(case.truth(Decimal(z), Decimal(y))) for z, y in zip(Z[0].tolist(), Y[0].tolist(), strict=True)]
    np.testing.assert_allclose(case.loss.per_example(Z, Y), truth, rtol=1e-11, atol=1e-14)


@with_outputs
def test_d1_dZ_is_the_derivative_of_the_loss_of_an_example(case, n):
    Z, Y = drawn(case, n)
    numeric = slopes(lambda Z: case.loss.per_example(Z, Y), Z)
    np.testing.assert_allclose(case.loss.dZ(Z, Y), numeric, rtol=1e-8, atol=1e-9)


@of_one_output
def test_the_loss_of_an_example_is_the_mean_over_its_outputs(case):
    Z, Y = drawn(case, 3)
    alone = [case.loss.per_example(Z[[k]], Y[[k]]) for k in range(3)]
    np.testing.assert_allclose(case.loss.per_example(Z, Y), np.mean(alone, axis=0), rtol=1e-12)


@with_outputs
def test_float32_stays_float32_and_agrees(case, n):
    Z, Y = drawn(case, n)
    Z32, Y32 = Z.astype(np.float32), Y.astype(np.float32)
    value, dZ = case.loss.per_example(Z32, Y32), case.loss.dZ(Z32, Y32)
    assert value.dtype == dZ.dtype == np.float32
    np.testing.assert_allclose(value, case.loss.per_example(Z, Y), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(dZ, case.loss.dZ(Z, Y), rtol=2e-4, atol=2e-5)


@each
def test_the_inputs_are_left_alone(case):
    Z, Y = drawn(case, 2)
    before = Z.copy(), Y.copy()
    Z.flags.writeable = Y.flags.writeable = False
    case.loss.per_example(Z, Y)
    case.loss.dZ(Z, Y)
    assert np.array_equal(Z, before[0])
    assert np.array_equal(Y, before[1])


@pytest.mark.parametrize("case", [c for c in LOSS_CASES if c.target in ("real", "positive")], ids=str)
def test_a_perfect_prediction_costs_nothing_and_is_a_minimum(case):
    Y = np.array([[0.3, 1.0, 2.5]])
    Z = np.log(Y) if case.target == "positive" else Y
    np.testing.assert_allclose(case.loss.per_example(Z, Y), 0, atol=1e-15)
    np.testing.assert_allclose(case.loss.dZ(Z, Y), 0, atol=1e-14)
    for nudge in (-0.1, 0.1):
        assert (case.loss.per_example(Z + nudge, Y) > 1e-3).all()


@pytest.mark.parametrize("name", ["poisson", "tweedie"])
def test_counts_are_costed_as_deviances_that_vanish_at_the_target(name):
    Y = np.array([[1.0, 4.0, 9.0]])
    np.testing.assert_allclose(loss(name).per_example(np.log(Y), Y), 0, atol=1e-14)
    np.testing.assert_allclose(loss(name).dZ(np.log(Y), Y), 0, atol=1e-13)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_focal", "hinge"])
def test_a_sure_and_right_class_costs_nothing(name):
    Z, Y = np.array([[800.0, -800.0]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(loss(name).per_example(Z, Y), 0, atol=1e-300)
    np.testing.assert_allclose(loss(name).dZ(Z, Y), 0, atol=1e-300)


def test_two_class_softmax_is_the_sigmoid():
    z, y = np.linspace(-5, 5, 11)[None, :], (np.arange(11) % 2.0)[None, :]
    two, onehot = np.concatenate([0 * z, z]), np.concatenate([1 - y, y])
    for binary, categorical in (
        ("binary_cross_entropy", "categorical_cross_entropy"),
        ("binary_focal", "categorical_focal"),
    ):
        one, both = loss(binary), loss(categorical)
        np.testing.assert_allclose(both.per_example(two, onehot), one.per_example(z, y), rtol=1e-10)
        np.testing.assert_allclose(both.dZ(two, onehot)[[1]], one.dZ(z, y), rtol=1e-10)
        np.testing.assert_allclose(both.output.g(two)[[1]], one.output.g(z), rtol=1e-13)


@pytest.mark.parametrize(
    ("focal", "entropy"),
    [("binary_focal", "binary_cross_entropy"), ("categorical_focal", "categorical_cross_entropy")],
)
def test_focal_without_focus_is_cross_entropy(focal, entropy):
    case = next(case for case in LOSS_CASES if case.name == entropy)
    Z, Y = drawn(case, 3)
    np.testing.assert_allclose(loss(focal, gamma=0).per_example(Z, Y), loss(entropy).per_example(Z, Y), rtol=1e-12)
    np.testing.assert_allclose(loss(focal, gamma=0).dZ(Z, Y), loss(entropy).dZ(Z, Y), rtol=1e-12)


@pytest.mark.parametrize(("power", "name"), [(1, "poisson"), (2, "gamma")])
def test_tweedie_has_poisson_and_gamma_at_its_ends(power, name):
    Z, Y = np.linspace(-2, 2, 9)[None, :], np.linspace(0.1, 5, 9)[None, :]
    for near in (power, power + 1e-7 * (1 if power == 1 else -1)):  # the ends, and the general formula next to them
        np.testing.assert_allclose(
            loss("tweedie", power=near).per_example(Z, Y), loss(name).per_example(Z, Y), atol=1e-5
        )
        np.testing.assert_allclose(loss("tweedie", power=near).dZ(Z, Y), loss(name).dZ(Z, Y), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "deviance"),
    [
        ("poisson", {}, mean_poisson_deviance),
        ("gamma", {}, mean_gamma_deviance),
        ("tweedie", {}, lambda y, a: mean_tweedie_deviance(y, a, power=1.5)),
        ("tweedie", {"power": 1.2}, lambda y, a: mean_tweedie_deviance(y, a, power=1.2)),
        ("tweedie", {"power": 3.0}, lambda y, a: mean_tweedie_deviance(y, a, power=3)),
        ("squared_error", {}, lambda y, a: np.mean((y - np.log(a)) ** 2)),
        ("quantile", {"quantile": 0.9}, lambda y, a: 2 * mean_pinball_loss(y, np.log(a), alpha=0.9)),
    ],
)
def test_half_the_deviance_of_scikit_learn(name, parameters, deviance):
    rng = np.random.default_rng(3)
    z, y = rng.normal(size=50), rng.gamma(2.0, size=50) + 0.01
    ours = loss(name, **parameters).per_example(z[None, :], y[None, :]).mean()
    assert ours == pytest.approx(deviance(y, np.exp(z)) / 2, rel=1e-12)


def test_the_log_loss_of_scikit_learn():
    rng = np.random.default_rng(4)
    Z, labels = rng.normal(size=(4, 60)), rng.integers(0, 4, 60)
    pair = loss("categorical_cross_entropy")
    ours = pair.per_example(Z, np.eye(4)[:, labels]).mean()
    assert ours == pytest.approx(log_loss(labels, pair.output.g(Z).T, labels=range(4)), rel=1e-12)


def test_smoothed_labels_are_soft_targets():
    Z, Y = np.array([[0.7, -2.0], [0.1, 0.4], [-1.0, 3.0]]), np.eye(3)[:, [0, 2]]
    smooth = loss("categorical_cross_entropy", label_smoothing=0.3)
    soft = Y * 0.7 + 0.1
    log_a = Z - np.log(np.exp(Z).sum(axis=0))
    np.testing.assert_allclose(smooth.per_example(Z, Y), -(soft * log_a).sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(smooth.dZ(Z, Y), np.exp(log_a) - soft, rtol=1e-13)


@settings(deadline=None, derandomize=True)
@given(z=st.floats(-1e4, 1e4), y=st.sampled_from([0.0, 1.0]))
def test_d15_cross_entropy_neither_saturates_nor_overflows(z, y):
    value = float(loss("binary_cross_entropy").per_example(np.array([[z]]), np.array([[y]]))[0])
    wrong_by = -z if y else z
    truth = max(wrong_by, 0) + float(Decimal(1 + Decimal(-abs(z)).exp()).ln())
    assert value == pytest.approx(truth, rel=1e-14, abs=1e-50)  # the truth has 60 digits after the 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_d15_cross_entropy_far_out(dtype):
    binary, categorical = loss("binary_cross_entropy"), loss("categorical_cross_entropy")
    Z, Y = np.array([[1000.0, -1000.0, 1e4]], dtype), np.array([[0.0, 1.0, 0.0]], dtype)
    assert binary.per_example(Z, Y).tolist() == [1000, 1000, 1e4]
    assert binary.dZ(Z, Y).tolist() == [[1, -1, 1]]
    two = np.concatenate([Z, 0 * Z])
    onehot = np.concatenate([Y, 1 - Y])
    assert categorical.per_example(two, onehot).tolist() == [1000, 1000, 1e4]


ENDS = [-np.inf, -1e4, -200.0, 200.0, 1e4, np.inf]


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", ENDS)
@pytest.mark.parametrize("y", [0.0, 1.0, 4.0])
def test_d15_extreme_logits_never_make_a_nan(case, dtype, z, y):
    pair = case.loss
    if not pair.is_valid(np.array([y])).all():
        return
    Z, Y = np.array([[z]], dtype), np.array([[y]], dtype)
    if pair.sums_outputs:
        Z, Y = np.array([[z], [0.0]], dtype), np.array([[y], [1 - y]], dtype)
    with np.errstate(over="ignore", divide="ignore"):
        value, dZ = pair.per_example(Z, Y), pair.dZ(Z, Y)
    assert not np.isnan(value).any()
    assert not np.isnan(dZ).any()
    assert (value > -1e-12).all()  # a loss is never negative, however extreme


@pytest.mark.parametrize(
    ("name", "z", "y", "expected"),
    [
        ("binary_cross_entropy", np.inf, 1.0, 0.0),
        ("binary_cross_entropy", -np.inf, 1.0, np.inf),
        ("binary_cross_entropy", -np.inf, 0.0, 0.0),
        ("binary_cross_entropy", np.inf, 0.0, np.inf),
        ("hinge", np.inf, 0.0, np.inf),
        ("poisson", -np.inf, 0.0, 0.0),
        ("poisson", -np.inf, 2.0, np.inf),
        ("poisson", np.inf, 2.0, np.inf),
        ("gamma", np.inf, 2.0, np.inf),
        ("gamma", -np.inf, 2.0, np.inf),
        ("tweedie", -np.inf, 0.0, 0.0),
        ("tweedie", -1e4, 0.0, 0.0),
        ("tweedie", -1e4, 1.0, np.inf),
        ("squared_error", np.inf, 0.0, np.inf),
        ("log_cosh", -np.inf, 0.0, np.inf),
    ],
)
def test_d15_an_infinite_logit_costs_nothing_or_infinity(name, z, y, expected):
    with np.errstate(over="ignore"):
        value = float(loss(name).per_example(np.array([[z]]), np.array([[y]]))[0])
    assert value == pytest.approx(expected, abs=1e-150)


@pytest.mark.parametrize("name", ["categorical_cross_entropy", "categorical_focal"])
def test_d15_an_infinite_logit_among_classes(name):
    Z = np.array([[np.inf, np.inf, -np.inf], [0.0, 0.0, 0.0]])
    Y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    np.testing.assert_allclose(loss(name).per_example(Z, Y), [0, np.inf, 0], atol=1e-300)
    np.testing.assert_allclose(loss(name).dZ(Z, Y), [[0, 1, 0], [0, -1, 0]], atol=1e-300)


@pytest.mark.parametrize("K", [2, 3, 10])
def test_an_ignorant_network_costs_log_K(K):
    X, Y = np.random.default_rng(0).normal(size=(5, 7)), np.eye(K)[:, np.arange(7) % K]
    net = Network(
        [Dense(4, "tanh"), Dense(K, "softmax")],
        n_inputs=5,
        loss="categorical_cross_entropy",
        kernel_initializer="zeros",
    )
    assert net.cost(X, Y) == pytest.approx(np.log(K), rel=1e-15)


def test_an_ignorant_binary_network_costs_log_2():
    net = Network([Dense(3, "relu"), Dense(1, "sigmoid")], n_inputs=2, kernel_initializer="zeros")
    assert net.cost(np.ones((2, 3)), np.array([[0.0, 1.0, 1.0]])) == pytest.approx(np.log(2), rel=1e-15)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("binary_cross_entropy", 2.0),
        ("binary_cross_entropy", -0.5),
        ("categorical_cross_entropy", np.nan),
        ("hinge", -1.0),
        ("squared_error", np.nan),
        ("absolute_error", np.inf),
        ("poisson", -1.0),
        ("poisson", np.inf),
        ("gamma", 0.0),
        ("gamma", np.inf),
        ("tweedie", -0.1),
    ],
)
def test_a_target_outside_the_domain_is_named(name, bad):
    with pytest.raises(TargetError, match=r"targets must be .*, got") as raised:
        loss(name).check_target(np.array([[1.0, bad]]))
    assert str(bad) in str(raised.value)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy", "binary_focal", "hinge"])
def test_zero_and_one_are_targets(name):
    loss(name).check_target(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize(("power", "fine"), [(1.5, True), (2.0, False), (3.0, False)])
def test_tweedie_takes_zeros_below_power_two_only(power, fine):
    pair, Y = loss("tweedie", power=power), np.array([[0.0, 1.0]])
    if fine:
        pair.check_target(Y)
        return
    with pytest.raises(TargetError, match="above 0"):
        pair.check_target(Y)


@pytest.mark.parametrize(
    ("name", "parameters", "hint"),
    [
        ("squared_eror", {}, "Did you mean 'squared_error'?"),
        ("huber", {"delt": 1.0}, "Did you mean 'delta'?"),
        ("squared_error", {"delta": 1.0}, "It has no parameters"),
        ("huber", {"delta": 0.0}, "delta must be above 0"),
        ("quantile", {"quantile": 1.0}, "between 0 and 1"),
        ("binary_focal", {"gamma": -1.0}, "at least 0"),
        ("tweedie", {"power": 0.5}, "at least 1"),
        ("binary_cross_entropy", {"label_smoothing": 1.0}, "below 1"),
        ("huber", {"delta": np.nan}, "above 0"),
    ],
)
def test_a_wrong_parameter_says_what_is_right(name, parameters, hint):
    with pytest.raises(InvalidParameterError) as raised:
        loss(name, **parameters)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("name", "output"), [("binary_cross_entropy", "tanh"), ("poisson", "identity"), ("squared_error", "softmax")]
)
def test_an_output_that_does_not_fit_is_refused(name, output):
    with pytest.raises(InvalidParameterError, match=r"needs the output activation|softmax is the output"):
        loss(name, output=output)


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "softplus", ("leaky_relu", {"negative_slope": 0.3})])
@pytest.mark.parametrize("name", ["squared_error", "huber", "log_cosh"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_loss_on_predictions_behind_another_output(name, output, n):
    rng = np.random.default_rng(5)
    Z, Y = rng.normal(size=(n, 20)), rng.normal(size=(n, 20))
    pair = loss(name, output=output)
    np.testing.assert_allclose(pair.per_example(Z, Y), loss(name).per_example(pair.output.g(Z), Y), rtol=1e-15)
    np.testing.assert_allclose(pair.dZ(Z, Y), slopes(lambda Z: pair.per_example(Z, Y), Z, h=1e-4), atol=1e-9)


def test_a_pair_is_natural_where_nothing_is_put_between():
    assert natural(loss("squared_error"))
    assert natural(loss("binary_focal", output="sigmoid"))
    assert not natural(loss("squared_error", output="sigmoid"))


@pytest.mark.parametrize(
    ("name", "z", "y", "convention"),
    [
        ("hinge", 1.0, 1.0, 0.0),
        ("hinge", -1.0, 0.0, 0.0),
        ("absolute_error", 2.0, 2.0, 0.0),
        ("quantile", 2.0, 2.0, 0.0),
    ],
)
def test_dZ_at_a_kink_is_the_convention(name, z, y, convention):
    assert loss(name).dZ(np.array([[z]]), np.array([[y]])).tolist() == [[convention]]


def test_the_pair_is_named():
    assert loss("categorical_cross_entropy").pair == "softmax + categorical_cross_entropy"
    assert loss("squared_error", output="sigmoid").pair == "sigmoid + squared_error"
    assert loss("pinball").name == "quantile"
