"""Activations, losses and initialisers of the user's own: trained as if they were the library's, and checked first."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from chainrule import (
    Dense,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    Network,
    derive,
    gradcheck,
    load,
    save,
    trace,
)
from chainrule._errors import ChainruleError, InvalidParameterError, ModelFileError, ShapeError
from chainrule.network import loss as named_loss
from chainrule.network.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore:The native engine:chainrule._errors.ChainruleWarning")]

X = np.random.default_rng(0).normal(size=(50, 3))
Y = X[:, 0] ** 2 - X[:, 1]
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
QUICK = {"max_iter": 10, "random_state": 0, "engine": "reference"}
FROM_ZERO = QUICK | {"early_stopping": True, "bias_initializer": "zeros"}  # a loss of one's own has no base rate


def silu(Z):
    return Z / (1 + np.exp(-Z))


def silu_prime(Z):
    s = 1 / (1 + np.exp(-Z))
    return s * (1 + Z * (1 - s))


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
        (Tanh, "activation must be a name"),
        ([silu, silu_prime], "activation must be"),
        ([silu], "a pair of functions"),
    ],
    ids=range(8),
)
def test_what_is_no_activation_says_what_is(g, words):
    with pytest.raises(InvalidParameterError, match=words):
        MLPRegressor((3,), activation=g, **QUICK).fit(X, Y)


def test_clone_pickle_and_the_model_file(tmp_path):
    for g in (
        "z * tanh(z)",
        ("z * tanh(z)", "tanh(z) + z * tanh_prime(z)"),
        [("z**2 / (1 + z**2)", "2*z / (1 + z**2)**2")],
    ):
        model = MLPRegressor((3,), activation=g, **QUICK).fit(X, Y)
        assert clone(model).activation == g
        save(model, tmp_path / "m.safetensors")
        again = load(tmp_path / "m.safetensors")
        assert np.array_equal(again.predict(X), model.predict(X))
        assert np.array_equal(clone(again).fit(X, Y).predict(X), model.predict(X))
    model = MLPRegressor((3,), activation=[(silu, silu_prime)], loss=Squared(), **QUICK).fit(X, Y)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"activation": (silu, silu_prime)}, "'own silu' is made of functions"),
        ({"kernel_initializer": lambda shape, rng: np.ones(shape)}, r"set_params\(kernel_initializer='zeros'\)"),
    ],
    ids=["activation", "initializer"],
)
def test_what_a_file_cannot_hold_is_said(tmp_path, settings, words):
    with pytest.raises(ModelFileError, match=words):
        save(MLPRegressor((3,), **settings, **QUICK).fit(X, Y), tmp_path / "m.safetensors")


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


class Squared:
    """Half the mean of squares over the outputs, as "squared_error"."""

    def loss(self, y, z):
        return ((z - y) ** 2).mean(axis=1) / 2

    def gradient(self, y, z):
        return (z - y) / z.shape[1]

    def inverse_link(self, z):
        return z


class Absolute(Squared):
    """With a kink."""

    def loss(self, y, z):
        return np.abs(z - y).mean(axis=1)

    def gradient(self, y, z):
        return np.sign(z - y) / z.shape[1]


class CrossEntropy:
    """Binary, or one for each label."""

    def loss(self, y, z):
        return (np.logaddexp(0, z) - y * z).mean(axis=1)

    def gradient(self, y, z):
        return (1 / (1 + np.exp(-z)) - y) / z.shape[1]

    def inverse_link(self, z):
        return 1 / (1 + np.exp(-z))


class Categorical:
    """Cross-entropy behind a softmax."""

    def loss(self, y, z):
        return np.log(np.exp(z).sum(axis=1)) - (y * z).sum(axis=1)

    def inverse_link(self, z):
        e = np.exp(z)
        return e / e.sum(axis=1, keepdims=True)

    def gradient(self, y, z):
        return self.inverse_link(z) - y


@pytest.mark.parametrize("y", [Y, np.column_stack([Y, X])], ids=["one output", "four outputs"])
@pytest.mark.parametrize(
    ("own", "known"), [(Squared(), "squared_error"), (Absolute(), "absolute_error")], ids=["", "kink"]
)
def test_an_own_loss_for_numbers_trains_as_the_librarys_does(own, known, y):
    a, b = (
        MLPRegressor((5,), loss=loss, bias_initializer="zeros", early_stopping=True, **QUICK).fit(X, y)
        for loss in (own, known)
    )
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-9)
    np.testing.assert_allclose(a.validation_scores_, b.validation_scores_, rtol=1e-9)
    assert a.loss_ == pytest.approx(b.loss_, rel=1e-12)
    assert gradcheck(a, X, y).ok


@pytest.mark.parametrize(
    ("own", "y"),
    [(CrossEntropy(), Y > 0), (Categorical(), THREE), (CrossEntropy(), np.column_stack([Y > 0, X[:, 0] > 0]))],
    ids=["two classes", "three classes", "labels"],
)
def test_an_own_loss_for_classes_trains_as_the_librarys_does(own, y):
    y = y.astype(int)
    a, b = (
        MLPClassifier((5,), loss=loss, bias_initializer="zeros", early_stopping=True, **QUICK).fit(X, y)
        for loss in (own, "log_loss")
    )
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-8)
    np.testing.assert_allclose(a.predict_log_proba(X), b.predict_log_proba(X), rtol=1e-8)
    assert np.array_equal(a.predict(X), b.predict(X))
    assert a.validation_scores_ == b.validation_scores_
    assert gradcheck(a, X, y).ok


def test_one_class_alone_has_probability_one():
    model = MLPClassifier((3,), loss=CrossEntropy(), **QUICK).fit(X, np.full(50, 7))
    assert set(model.predict(X)) == {7}
    assert (model.predict_proba(X) == 1).all()


class WrongGradient(Squared):
    """Forgets the square's derivative."""

    def gradient(self, y, z):
        return (z - y) * 2


class OfTheBatch(Squared):
    """Takes the mean of the batch."""

    def loss(self, y, z):
        return super().loss(y, z) - super().loss(y, z).mean()


class Scalar(Squared):
    """Returns the mean."""

    def loss(self, y, z):
        return np.float64(0)


class Widens(Squared):
    """Makes float64."""

    def gradient(self, y, z):
        return super().gradient(y, z).astype(np.float64)


class Unbounded(Squared):
    """The logarithm of what may be negative."""

    def inverse_link(self, z):
        with np.errstate(invalid="ignore"):
            return np.log(z)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (WrongGradient(), "loss 'own WrongGradient' has a wrong gradient: at z = "),
        (OfTheBatch(), "loss of 'own OfTheBatch' must be the same whatever the neighbours"),
        (Scalar(), r"loss\(y, z\) must return an array of shape \(12,\), got \(\)"),
        (Widens(), "gradient of 'own Widens' must keep the type"),
        (Unbounded(), "inverse_link of 'own Unbounded' must be finite"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
def test_a_wrong_loss_is_refused(kind, own, words):
    with pytest.raises(ChainruleError, match=words):
        kind(loss=own, max_iter=2).fit(X, Y)


def test_a_classifier_needs_probabilities():
    model = MLPClassifier((3,), loss=Squared(), **QUICK).fit(X, Y > 0)
    with pytest.raises(InvalidParameterError, match="inverse_link of Squared must return probabilities"):
        model.predict(X)


def test_what_own_losses_cannot_do_is_said(tmp_path):
    model = MLPRegressor((3,), loss=Squared(), **QUICK).fit(X, Y)
    with pytest.raises(ModelFileError, match="the loss 'own Squared' is made of functions"):
        save(model, tmp_path / "m.safetensors")
    with pytest.raises(InvalidParameterError, match="gradcheck checks such a model"):
        trace(model, X, Y)
    for wrong in (Squared, 3, object()):
        with pytest.raises(InvalidParameterError, match="'loss' parameter of MLPRegressor"):
            MLPRegressor(loss=wrong).fit(X, Y)
        with pytest.raises(InvalidParameterError, match="loss must be a name, or an object"):
            Network([Dense(1)], n_inputs=3, loss=wrong)


def test_an_own_loss_in_a_network():
    net = Network([Dense(4, "tanh"), Dense(2)], n_inputs=3, loss=Squared())
    assert net.predict(X.T).shape == (2, 50)
    assert net.architecture.loss.per_example(X.T, X.T * 0).tolist() == pytest.approx(
        named_loss("squared_error").per_example(X.T, X.T * 0).tolist()
    )


def test_initializers_see_what_coefs_show():
    shapes = []

    def own(shape, rng):
        shapes.append(shape)
        return rng.normal(size=shape)

    model = MLPRegressor((5, 4), kernel_initializer=own, bias_initializer=own, random_state=1).initialize(3)
    assert shapes == [(3, 5), (5,), (5, 4), (4,), (4, 1), (1,)]
    assert [coef.shape for coef in model.coefs_] == [shape for shape in shapes if len(shape) == 2]
    again = MLPRegressor((5, 4), kernel_initializer=own, bias_initializer=own, random_state=1).initialize(3)
    assert np.array_equal(model.coefs_[0], again.coefs_[0])
    assert model.intercepts_[0].all()


def test_an_initializer_per_layer():
    layers = ["ones", ("constant", {"value": 2.0}), lambda shape, rng: np.arange(4.0).reshape(shape)]
    model = MLPRegressor((5, 4), kernel_initializer=layers, bias_initializer="ones").initialize(3)
    assert [coef.ravel()[-1] for coef in model.coefs_] == [1, 2, 3]
    assert model.intercepts_[2].tolist() == [1]


@pytest.mark.parametrize(("name", "shape"), [("kernel_initializer", r"\(3, 5\)"), ("bias_initializer", r"\(5,\)")])
def test_an_initializer_of_another_shape(name, shape):
    with pytest.raises(ShapeError, match=f"{name} must return an array of shape {shape}, got"):
        MLPRegressor((5,), **{name: lambda shape, rng: np.zeros((7, 7))}).initialize(3)
