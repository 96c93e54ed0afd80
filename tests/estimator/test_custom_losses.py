"""Losses of the user's own: trained as if they were the library's, and checked first."""

import numpy as np
import pytest

from chainrule import Dense, LinearRegressor, MLPClassifier, MLPRegressor, Network, gradcheck, save, trace
from chainrule._errors import ChainruleError, InvalidParameterError, ModelFileError
from chainrule.network import loss as named_loss

from .custom_functions import QUICK, THREE, Squared, X, Y

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The native engine:chainrule._errors.ChainruleWarning"),
]


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


class MeanGradient(Squared):
    """Takes the mean of the batch's slopes, which one example alone does not show."""

    def gradient(self, y, z):
        return np.full_like(z, super().gradient(y, z).mean())


class DividedByBatch(Squared):
    """Divides by the number of examples, as the network does already."""

    def gradient(self, y, z):
        return super().gradient(y, z) / len(y)


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
        (MeanGradient(), "gradient of 'own MeanGradient' must be the same whatever the neighbours"),
        (DividedByBatch(), "gradient of 'own DividedByBatch' must be the same whatever the neighbours"),
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


@pytest.mark.parametrize("own", [MeanGradient(), DividedByBatch(), OfTheBatch()], ids=lambda own: type(own).__name__)
def test_one_example_is_enough_to_refuse_it(own):
    with pytest.raises(InvalidParameterError, match="whatever the neighbours"):
        MLPRegressor((3,), loss=own, **QUICK).partial_fit(X[:1], Y[:1])


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
