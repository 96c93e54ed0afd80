"""`check_derivative`: right derivatives pass, wrong ones get a counterexample, and kinks are named."""

import json
import math

import mpmath
import numpy as np
import pytest

from chainrule import check_derivative
from chainrule._errors import InvalidParameterError
from chainrule.network.activations import ACTIVATIONS
from chainrule.network.custom.formula import formula


def relu(z):
    return z if z > 0 else 0


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_has_a_right_derivative(name):
    check = check_derivative(name, name + "_prime")
    assert check.ok, str(check)
    assert check.points > 80
    assert check.jumps == ()


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("factor", [1.001, -1, 0, 2])
def test_every_activation_times_a_factor_is_wrong(name, factor):
    check = check_derivative(name, lambda z: factor * ACTIVATIONS[name][1](z))
    assert not check.ok
    point = check.counterexample
    assert point is not None
    assert point.stated == pytest.approx(factor * float(ACTIVATIONS[name][1](np.array([point.z]))[0]))
    assert point.numeric == pytest.approx(float(ACTIVATIONS[name][1](np.array([point.z]))[0]), rel=1e-8)


RIGHT = [
    (math.exp, math.exp),
    (math.log, lambda z: 1 / z),
    (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    (lambda z: z**5, lambda z: 5 * z**4),
    ("z^2", "2*z"),
    ("x*sigmoid(x)", "silu_prime(z)"),
    ("sigmoid", "a*(1-a)"),
    ("tanh", "1 - a^2"),
    ("1/z", "-1/z**2"),
    ("sqrt(z)", "0.5/sqrt(z)"),
    ("sin(50*z)", "50*cos(50*z)"),
    ("sin(1/z)", "-cos(1/z)/z**2"),
    ("exp(10*z)", "10*exp(10*z)"),
    ("z*1e-12", "1e-12"),
    ("z*1e12", "1e12"),
    ("3", "0"),
    ("log(1 + exp(z))", "1/(1 + exp(-z))"),
    (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    (lambda z: np.tanh(np.asarray(z, np.float32)), lambda z: 1 - np.tanh(z) ** 2),
]


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: str(case[0])[:20])
def test_right_derivatives_pass(case):
    check = check_derivative(*case)
    assert check.ok, str(check)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "softplus", "mish", "elu"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_precision_hides_a_wrong_derivative(name, dtype):
    """A float32 function may be too coarse to be told about, and then is not called right."""
    g, g_prime = ACTIVATIONS[name]
    for error in (1e-4, 1e-3, 1e-2) if dtype is np.float64 else (2e-3, 1e-2):
        for wrong in (lambda z, e=error: g_prime(z) * (1 + e), lambda z, e=error: g_prime(z) * (1 + e * np.sin(3 * z))):
            assert not check_derivative(lambda z: g(np.asarray(z, dtype)), wrong).ok
    right = check_derivative(lambda z: g(np.asarray(z, dtype)), g_prime)
    assert right.ok or (right.verdict == "not checked" and "let it return float64" in str(right))


def test_functions_in_half_precision_are_refused():
    for g, g_prime in ((relu_of_halves, relu), (np.tanh, relu_of_halves)):
        with pytest.raises(InvalidParameterError, match="float16, whose three digits hide what is wrong"):
            check_derivative(g, g_prime)


def relu_of_halves(z):
    return np.maximum(np.asarray(z, np.float16), 0)


def test_slopes_are_those_of_forty_digits():
    mpmath.mp.dps = 40
    for z in (-3.0, -0.5, 0.25, 2.0, 7.0):
        check = check_derivative("sigmoid(z)*z^3", "0", points=[z])
        slope = mpmath.diff(lambda x: x**3 / (1 + mpmath.exp(-x)), z)
        assert check.worst is not None
        assert check.worst.numeric == pytest.approx(float(slope), rel=1e-9)


def test_the_slip_in_the_sources_table():
    for g, g_prime in ((relu, relu), ("relu", "relu"), ("relu", "z if z > 0 else 0")):
        check = check_derivative(g, g_prime)
        assert check.verdict == "wrong"
        point = check.counterexample
        assert point is not None
        assert (point.z, point.stated) == (2, 2)
        assert point.numeric == pytest.approx(1)
        assert "at z = 2 stated 2, numeric 1" in str(check)
        assert "itself, not its derivative" in str(check)


def test_kinks_are_located_and_named():
    check = check_derivative(relu, lambda z: float(z > 0))
    assert "kink at z = 0: slope 0 from the left, 1 from the right; g' says 0: fine, it lies between" in str(check)
    check = check_derivative("max(0.3, z)", "1 if z > 0.3 else 0")
    assert check.ok
    assert [kink.z for kink in check.kinks] == pytest.approx([0.3], abs=1e-6)
    check = check_derivative("hard_tanh", "hard_tanh_prime")
    assert [(kink.z, kink.left, kink.right) for kink in check.kinks] == [
        (-1, 0, pytest.approx(1)),
        (1, pytest.approx(1), 0),
    ]


def test_what_is_said_at_a_kink_must_lie_between():
    assert check_derivative("abs", "sign").ok
    assert not check_derivative("abs", "z/abs(z)").ok  # NaN at 0
    check = check_derivative("relu", lambda z: np.where(z == 0, 7.0, z > 0))
    assert not check.ok
    assert "does not lie between" in str(check)


def test_breaks_are_named():
    check = check_derivative(lambda z: 1.0 if z > 0.3 else 0.0, lambda z: 0.0)
    assert check.jumps == pytest.approx([0.3], abs=1e-6)
    assert "not continuous" in str(check)
    assert 0 in check_derivative("1/z", "-1/z**2").jumps


def test_a_derivative_of_a_is_recognised():
    check = check_derivative("sigmoid", lambda a: a * (1 - a))
    assert check.verdict == "of a"
    assert not check.ok
    assert "right as a function of a = g(z), not of z" in str(check)
    assert check_derivative("relu", lambda a: (a > 0) * 1.0).ok  # right either way


def test_what_a_wrong_derivative_looks_like():
    assert "wrong sign" in str(check_derivative("sin(z)", "-cos(z)"))
    assert "2 times" in str(check_derivative("tanh", lambda z: 2 * (1 - np.tanh(z) ** 2)))


def test_overflow_is_named_and_not_held_against_the_derivative():
    check = check_derivative(math.exp, math.exp)
    assert check.ok
    assert "g is not finite at z = 800 and above." in check.notes
    check = check_derivative(lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2)
    assert "g' is not finite at z = -800 and below." in check.notes


def test_points_of_ones_own():
    assert check_derivative("relu", "z", points=[1.0]).ok  # right there
    assert not check_derivative("relu", "z", points=[1.0, 3.0]).ok
    for points in ([], [np.nan], ["a"]):
        with pytest.raises(InvalidParameterError, match="points"):
            check_derivative("relu", "z", points=points)


def test_plain_data_is_strict_json():
    check = check_derivative("abs", "z/abs(z)")
    record = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    assert record["ok"] is False
    assert record["kinks"] == [{"z": 0.0, "left": -1.0, "right": pytest.approx(1), "stated": None}]


def test_what_is_drawn_follows_the_seed():
    assert str(check_derivative("tanh", "z", seed=1)) == str(check_derivative("tanh", "z", seed=1))
    with pytest.raises(InvalidParameterError, match="seed"):
        check_derivative("tanh", "z", seed=-1)


def slope_of_tanh(z):
    return 1 - np.tanh(z) ** 2


NOT_BY_ELEMENT = {
    "sum": lambda z: np.sum(slope_of_tanh(z)),
    "mean": lambda z: np.mean(slope_of_tanh(z)),
    "largest": lambda z: np.max(slope_of_tanh(z)),
    "sum with its axes": lambda z: np.sum(slope_of_tanh(z), keepdims=True),
    "mean in the shape": lambda z: np.full(np.shape(z), np.mean(slope_of_tanh(z))),
    "along the examples": lambda z: slope_of_tanh(z).sum(axis=-1, keepdims=True) if np.ndim(z) else slope_of_tanh(z),
    "all or nothing": lambda z: slope_of_tanh(z) * (1 if np.all(z > 0) or np.ndim(z) == 0 else 0),
    "first": lambda z: slope_of_tanh(np.ravel(z)[0]),
    "Jacobian": lambda z: np.diag(slope_of_tanh(z)) if np.ndim(z) == 1 else slope_of_tanh(z),
    "of a list only": lambda z: slope_of_tanh(z) if np.ndim(z) < 2 else np.ones_like(z),
    "of a row only": lambda z: slope_of_tanh(z) if len(np.atleast_2d(z)) == 1 else np.ones_like(z),
    "of numbers only": lambda z: slope_of_tanh(z) if np.ndim(z) == 0 else 1.0,
    "of arrays nothing": lambda z: None if np.ndim(z) else slope_of_tanh(z),
    "transposed": lambda z: slope_of_tanh(z).T,
    "in one row": lambda z: np.ravel(slope_of_tanh(z)) if np.ndim(z) else slope_of_tanh(z),
    "only of arrays": lambda z: z.sum() * 0 + z[...].max() + slope_of_tanh(z),
}


@pytest.mark.parametrize("g_prime", NOT_BY_ELEMENT.values(), ids=list(NOT_BY_ELEMENT))
def test_what_mixes_the_entries_of_an_array_is_refused(g_prime):
    """Of single numbers each is right; a network gives arrays."""
    with pytest.raises(InvalidParameterError, match=r"g_prime .* must work element by element"):
        check_derivative(np.tanh, g_prime)
    with pytest.raises(InvalidParameterError, match=r"g .* must work element by element"):
        check_derivative(g_prime, "0")


def test_integers_of_vectorize_are_refused():
    """Its type is that of the first value: 0 of z = -3, and 0.27 becomes 0."""
    with pytest.raises(InvalidParameterError, match=r"at z = 0\.272727 it returns 0\.272727, but 0 within an array"):
        check_derivative(np.vectorize(relu), "1 if z > 0 else 0")


class Masked:
    """The slope of ReLU as many write it, which takes arrays only."""

    def __call__(self, z):
        slope = z.copy()
        slope[z > 0] = 1
        slope[z <= 0] = 0
        return slope


def by_loops(z):
    """The same, and only of two axes."""
    n, m = z.shape
    return [[float(z[i, k] > 0) for k in range(m)] for i in range(n)]


@pytest.mark.parametrize(
    ("g", "g_prime"),
    [
        (lambda z: 3 * z, lambda z: 3),
        (lambda z: 3 * z, lambda z: [3.0]),
        (lambda z: 3, lambda z: 0.0),
        (math.tanh, lambda z: 1 / math.cosh(min(z, 300)) ** 2 if z > 0 else 1 / math.cosh(max(z, -300)) ** 2),
        (relu, lambda z: 1 if z > 0 else 0),
        ("relu", Masked()),
        ("relu", by_loops),
        (lambda z: np.array([math.atan(v) for v in z]), lambda z: [1 / (1 + v * v) for v in z]),
        (np.vectorize(relu, otypes=[float]), np.vectorize(lambda z: float(z > 0))),
        (lambda z: np.tanh(z).reshape(np.shape(z)), lambda z: slope_of_tanh(np.atleast_1d(z)).reshape(np.shape(z))),
    ],
)
def test_however_a_right_function_is_written_it_passes(g, g_prime):
    check = check_derivative(g, g_prime)
    assert check.ok, str(check)


@pytest.mark.parametrize(
    ("g", "words"),
    [
        (lambda z: np.exp(z) / np.exp(z).sum(), "element by element"),
        (lambda: 1, "must take a number"),
        (lambda z: "a", "must take a number"),
        (3, "got 3"),
        ("__import__('os').system('ls')", "cannot be read"),
        ("z.real", "not allowed"),
        ("(lambda: 1)()", "not allowed"),
        ("[z for z in z]", "not"),
        ("sigmod(z)", "Did you mean 'sigmoid'"),
        ("sigmoid * 2", r"give it an argument, sigmoid\(z\)"),
        ("z * y", "'y' is not known"),
        ("z + x", "one variable"),
        ("max(z)", "two arguments"),
        ("z +", "cannot be read"),
        ("", "cannot be read"),
        ("z" * 501, "at most 500"),
        ("'a' * 3", "not allowed"),
        ("True", "not allowed"),
        ("1j * z", "not allowed"),
        ("(" * 240 + "z" + ")" * 240, "cannot be read"),
    ],
)
def test_what_is_no_function_is_refused(g, words):
    with pytest.raises(InvalidParameterError, match=words):
        check_derivative(g, "z")


def test_formulas_are_numbers_as_python_would_have_them():
    z = np.linspace(-2, 2, 9)
    for text in ("z**2 - 3*z/2 + 1", "(1 if z > 0.5 else -z) * 2", "-z**2", "2**z", "(z > 0) * z", "abs(z) + pi - e"):
        function = formula(text, ("z",))
        names = {"abs": abs, "pi": math.pi, "e": math.e}
        assert function(z) == pytest.approx([eval(text, names | {"z": value}) for value in z])
