"""Activations of the user's own: trained as if they were the library's, and checked first."""

import numpy as np
import pytest

from chainrule import Dense, MLPRegressor, Network, derive, gradcheck, trace
from chainrule._errors import ChainruleError, InvalidParameterError
from chainrule.network.activations import ACTIVATIONS

from .custom_functions import QUICK, X, Y, silu, silu_prime

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The native engine:chainrule._errors.ChainruleWarning"),
]


class Tanh:
    """Goes back by what it came to, A."""

    def forward(self, Z):
        return np.tanh(Z)

    def backward(self, Z, A, dA):
        return dA * (1 - A**2)


SAME = {
    "a formula": ("z * sigmoid(z)", "silu"),
    "a pair of formulas": (("z * sigmoid(z)", "sigmoid(z) * (1 + z * (1 - sigmoid(z)))"), "silu"),
    "a formula by name": (("formula", {"g": "z * sigmoid(z)"}), "silu"),
    "a pair of functions": ((silu, silu_prime), "silu"),
    "an object": (Tanh(), "tanh"),
    "NumPy's functions": ((np.tanh, lambda Z: 1 - np.tanh(Z) ** 2), "tanh"),
    "a list of both": ([(silu, silu_prime), "tanh(z)"], ["silu", "tanh"]),
    "an alias": ("swish", "silu"),
    "another alias": ("logistic", "sigmoid"),
    "a third alias": ("linear", "identity"),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_own_activation_trains_as_the_librarys_does(name, solver):
    own, known = SAME[name]
    models = [
        MLPRegressor((6, 4), activation=g, solver=solver, kernel_initializer="glorot_uniform", **QUICK).fit(X, Y)
        for g in (own, known)
    ]
    a, b = (model.predict(X) for model in models)
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_a_network_takes_them_too():
    nets = [Network([Dense(4, g), Dense(1, g)], n_inputs=3, loss="squared_error") for g in ("z * tanh(z)", Tanh())]
    for net in nets:
        assert gradcheck(net, X.T, Y[None]).ok


@pytest.mark.parametrize("g", ["z * sigmoid(z)", (silu, silu_prime), Tanh()], ids=["formula", "functions", "object"])
def test_float32_stays_float32(g):
    model = MLPRegressor((4,), activation=g, **QUICK).fit(X.astype(np.float32), Y)
    assert {array.dtype for array in (*model.coefs_, *model.intercepts_)} == {np.dtype(np.float32)}


def half(Z):
    return 0.5 * np.ones_like(Z)


class Mixing(Tanh):
    """Its backward mixes the examples."""

    def backward(self, Z, A, dA):
        return dA * (1 - A**2) + dA.mean()


def writes(Z):
    Z[Z < 0] = 0
    return Z


WRONG = {
    "sign": ((np.sin, lambda Z: -np.cos(Z)), "at z = 2 it says 0.416147, the slope is -0.416147"),
    "of relu": (("max(z, 0)", "max(z, 0)"), "at z = 2 it says 2, the slope is 1"),
    "of a": (("tanh(z)", "1 - z**2"), "right as a function of a = g"),
    "at a kink": ((np.abs, lambda Z: np.where(Z == 0, 5.0, np.sign(Z)).astype(Z.dtype)), "at the kink z = 0 it says 5"),
    "constant": ((silu, half), "has a wrong derivative: at z = 2"),
    "not finite": ("sqrt(z)", "must be finite for ordinary arguments"),
    "float64": ((lambda Z: np.tanh(Z.astype(float)), half), "must keep the type of its argument: of float32"),
    "neighbours": ((lambda Z: Z - Z.mean(), np.ones_like), "whatever the neighbours"),
    "shape": ((np.sum, np.ones_like), r"must return an array of shape \(2, 201\), got \(\)"),
    "writing": ((writes, lambda Z: (Z > 0).astype(Z.dtype)), "must not write into its argument"),
    "mean in the shape": ((silu, lambda Z: np.full_like(Z, silu_prime(Z).mean())), "whatever the neighbours"),
    "along a unit": ((silu, lambda Z: silu_prime(Z).mean(axis=1, keepdims=True) + 0 * Z), "whatever the neighbours"),
    "of one row": ((silu, lambda Z: silu_prime(Z) if len(Z) == 1 else np.ones_like(Z)), "whatever the neighbours"),
    "of one number": ((silu, lambda Z: silu_prime(Z) if Z.size == 1 else np.ones_like(Z)), "whatever the neighbours"),
    "sum": ((silu, lambda Z: silu_prime(Z).sum()), r"must return an array of shape \(2, 201\), got \(\)"),
    "mixing": (Mixing(), "backward of activation 'own Mixing' must be dA times"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_wrong_activation_is_refused_with_a_counterexample(name, method):
    g, words = WRONG[name]
    with pytest.raises(ChainruleError, match=words):
        getattr(MLPRegressor((3,), activation=g, **QUICK), method)(X, Y)


def test_the_check_can_be_switched_off():
    model = MLPRegressor((3,), activation=(np.sin, lambda Z: -np.cos(Z)), check_derivatives=False, **QUICK).fit(X, Y)
    assert not gradcheck(model, X, Y).ok


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exponential"}))
def test_every_activation_of_the_library_passes_as_ones_own(name):
    MLPRegressor((3,), activation=ACTIVATIONS[name], **QUICK).fit(X, Y)


@pytest.mark.parametrize(
    ("g", "words"),
    [
        ("zz * 2 + z", "'zz' is not known"),
        ("z * sigmod(z)", "'sigmod' is not a function known here. Did you mean 'sigmoid'"),
        ("leaky relu", "Did you mean 'leaky_relu'"),
        (("formula", {"g": "z", "gprime": "1"}), "no parameter 'gprime'. Did you mean 'g_prime'"),
        (("formula", {}), "activation must be a name"),
        (("formula", {"g": 5}), "text of at most 500 characters, got int"),
        (Tanh, "activation must be a name"),
        ([silu, silu_prime], "activation must be"),
        ([silu], "a pair of functions"),
    ],
    ids=range(9),
)
def test_what_is_no_activation_says_what_is(g, words):
    with pytest.raises(InvalidParameterError, match=words):
        MLPRegressor((3,), activation=g, **QUICK).fit(X, Y)


def test_trace_and_derive_show_formulas_and_say_no_to_functions():
    model = MLPRegressor((3,), activation="z * tanh(z)", **QUICK).fit(X, Y)
    assert "tanh" in derive(trace=trace(model, X[:2], Y[:2])).to_text()
    assert "formula (g z * tanh(z))" in trace(model, X[:2], Y[:2]).to_text()
    model = MLPRegressor((3,), activation=(silu, silu_prime), **QUICK).fit(X, Y)
    assert "own silu" in trace(model, X[:2], Y[:2]).to_text()
    with pytest.raises(InvalidParameterError, match="'own silu' is a function, which cannot be derived in symbols"):
        derive(trace=trace(model, X[:2], Y[:2]))


def test_gradcheck_finds_the_kinks_of_an_own_activation():
    def ramp(Z):
        return np.clip(Z, -0.5, 1.5)

    def ramp_prime(Z):
        return ((Z > -0.5) & (Z < 1.5)).astype(Z.dtype)

    model = MLPRegressor((40,), activation=(ramp, ramp_prime), **QUICK).fit(X, Y)
    check = gradcheck(model, X, Y)
    assert check.ok, str(check)
