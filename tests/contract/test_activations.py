"""Every activation: value and derivative against the formula in 60 digits, stability, kinks, names."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule._errors import InvalidParameterError
from chainrule.network import activation
from chainrule.network.activations import ALIASES, softmax

from .cases import ACTIVATION_CASES

each = pytest.mark.parametrize("case", ACTIVATION_CASES, ids=str)
POINTS = [-7.5, -3.0, -1.5, -0.999, -0.3, -1e-3, 1e-6, 1e-3, 0.25, 0.999, 1.5, 3.0, 7.5]
# Far tails, kinks, and numbers as small as a multiplication by a half or a slope leaves normal.
RANGE = np.concatenate([np.linspace(-1e4, 1e4, 20001), *[[-t, t] for t in (1e-300, 1e-150, 1e-30, 1e-9, 745.2)]])
RANGE32 = np.concatenate([np.linspace(-1e4, 1e4, 20001), *[[-t, t] for t in (1e-34, 1e-20, 1e-9, 88.8)]])


def slope(f, z, h=Decimal("1e-8")):
    """f'(z) by fourth-order central differences, in decimals: exact to about 1e-30."""
    return (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)


@each
def test_the_value_is_the_formula(case):
    g = activation(case.spec).g
    truth = [float(case.truth(Decimal(z))) for z in POINTS]
    np.testing.assert_allclose(g(np.array(POINTS)), truth, rtol=1e-13, atol=1e-17)


@each
def test_the_derivative_is_the_slope_of_the_formula(case):
    g_prime = activation(case.spec).g_prime
    truth = [float(slope(case.truth, Decimal(z))) for z in POINTS]
    np.testing.assert_allclose(g_prime(np.array(POINTS)), truth, rtol=1e-12, atol=1e-15)


@each
@settings(deadline=None, derandomize=True)
@given(z=st.floats(-30, 30))
def test_the_derivative_is_the_slope_of_the_value(case, z):
    if any(abs(z - jump) < 0.01 for jump in (*case.jumps, 0.0)):  # elu and selu bend at 0 without a jump
        return
    g, h = activation(case.spec), 1e-3
    values = g.g(z + h * np.array([-2.0, -1.0, 1.0, 2.0]))
    numeric = float(values @ [1, -8, 8, -1]) / (12 * h)
    scale = max(1.0, float(np.abs(values).max()))
    assert abs(float(g.g_prime(np.array([z]))[0]) - numeric) < 1e-11 * scale


@each
def test_the_derivative_at_a_jump_is_the_convention(case):
    for z, convention in case.jumps.items():
        assert activation(case.spec).g_prime(np.array([z]))[0] == pytest.approx(convention, rel=1e-15)


@each
@pytest.mark.parametrize(("dtype", "points"), [(np.float64, RANGE), (np.float32, RANGE32)], ids=["float64", "float32"])
def test_d17_stable_over_the_whole_range(case, dtype, points):
    g, Z = activation(case.spec), points.astype(dtype)
    if case.name == "exponential":  # infinite where the number is; everything else stays finite
        Z = Z[Z < 88]
    with np.errstate(all="raise"):
        A, dA = g.g(Z), g.g_prime(Z)
    assert A.dtype == dA.dtype == dtype
    assert np.isfinite(A).all()
    assert np.isfinite(dA).all()
    assert ((A == 0) | (np.abs(A) >= np.finfo(dtype).tiny)).all()  # SciPy's functions raise no flag for an underflow


@each
@settings(deadline=None, derandomize=True)
@given(z=st.floats(-1e4, 1e4).filter(lambda z: z == 0 or abs(z) > 1e-300))
def test_d17_no_floating_point_flag_anywhere(case, z):
    Z = np.array([[min(z, 700.0) if case.name == "exponential" else z]])
    with np.errstate(all="raise"):
        assert np.isfinite(activation(case.spec).g(Z)).all()
        assert np.isfinite(activation(case.spec).g_prime(Z)).all()


@each
def test_the_input_is_left_alone(case):
    Z = np.linspace(-3, 3, 13).reshape(1, -1)
    Z.flags.writeable = False
    g = activation(case.spec)
    g.g(Z)
    g.g_prime(Z)
    assert np.array_equal(Z, np.linspace(-3, 3, 13).reshape(1, -1))


def test_the_exponential_overflows_to_infinity_in_silence():
    with np.errstate(all="raise"):
        assert activation("exponential").g(np.array([1e4]))[0] == np.inf


def test_softmax_is_a_distribution_and_ignores_a_shift():
    Z = np.random.default_rng(0).normal(size=(4, 6))
    A = softmax(Z)
    np.testing.assert_allclose(A.sum(axis=0), 1, rtol=1e-15)
    np.testing.assert_allclose(A[0] / A[1], np.exp(Z[0] - Z[1]), rtol=1e-14)
    np.testing.assert_allclose(softmax(Z + 1000), A, rtol=1e-12)


@pytest.mark.parametrize("top", [1e4, np.inf])
def test_softmax_at_extreme_logits_is_one_hot(top):
    with np.errstate(all="raise"):
        A = softmax(np.array([[top], [0.0], [-top]]))
    np.testing.assert_allclose(A.ravel(), [1, 0, 0], atol=1e-300)


def test_the_source_tables_slip_about_relu():
    """The source prints relu's derivative as z if z > 0; at z = 2 the derivative is 1, not 2."""
    assert activation("relu").g_prime(np.array([2.0])).tolist() == [1.0]


@pytest.mark.parametrize(("alias", "name"), [("logistic", "sigmoid"), ("swish", "silu"), ("linear", "identity")])
def test_aliases(alias, name):
    assert ALIASES[alias] == name
    assert activation(alias).name == name


@each
def test_the_spec_leads_back(case):
    again = activation(activation(case.spec).spec)
    assert again.name == case.name
    assert dict(again.parameters) == case.parameters


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("sigmod", "Did you mean 'sigmoid'?"),
        ("wobble", "Valid are: 'identity'"),
        (("leaky_relu", {"negative_slop": 0.1}), "Did you mean 'negative_slope'?"),
        (("tanh", {"alpha": 1.0}), "It has no parameters"),
        (("tanh", 3), "a name or a pair"),
        (None, "a name or a pair"),
        (7, "a name or a pair"),
    ],
)
def test_a_wrong_spec_says_what_is_right(spec, hint):
    with pytest.raises(InvalidParameterError) as raised:
        activation(spec)
    assert hint in str(raised.value)


def test_output_only_activations_are_not_suggested():
    with pytest.raises(InvalidParameterError) as raised:
        activation("softmax")
    assert "'softmax'?" not in str(raised.value)
