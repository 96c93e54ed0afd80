"""Logits, probabilities and their logarithms: consistent with each other, and finite far out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.metrics import log_loss

from chainrule import LinearClassifier, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
CODES = np.arange(90) % 3
TARGETS = {"two classes": CODES == 0, "three classes": CODES, "multilabel": np.eye(3, dtype=int)[CODES]}
KINDS = [MLPClassifier((5,), max_iter=20, random_state=0), LinearClassifier()]


def _fitted(kind, y, **settings):
    return type(kind)(**kind.get_params() | settings).fit(X, y)


@pytest.mark.parametrize("kind", KINDS, ids=["mlp", "linear"])
@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_two_classes(kind, loss):
    model = _fitted(kind, CODES == 0, loss=loss)
    z = model.decision_function(X)
    assert z.shape == (90,)
    assert_allclose(model.predict_proba(X), np.column_stack([expit(-z), expit(z)]), rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), np.column_stack([log_expit(-z), log_expit(z)]), rtol=1e-12)
    assert (model.predict(X) == (z > 0)).all()


@pytest.mark.parametrize("kind", KINDS, ids=["mlp", "linear"])
@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_three_classes(kind, loss):
    model = _fitted(kind, CODES, loss=loss)
    z = model.decision_function(X)
    assert z.shape == (90, 3)
    assert_allclose(model.predict_proba(X), softmax(z, axis=1), rtol=1e-12)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), log_softmax(z, axis=1), rtol=1e-12)
    assert (model.predict(X) == z.argmax(axis=1)).all()


@pytest.mark.parametrize("kind", KINDS, ids=["mlp", "linear"])
def test_multilabel(kind):
    model = _fitted(kind, TARGETS["multilabel"])
    z = model.decision_function(X)
    assert_allclose(model.predict_proba(X), expit(z), rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), log_expit(z), rtol=1e-12)
    assert (model.predict(X) == (z > 0)).all()


def _scaled(model, factor):
    """The same model with logits so many times larger: its weights are views of the fitted ones."""
    for part in (model.coefs_[-1], model.intercepts_[-1]):
        part *= factor
    return model


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_d18_log_probabilities_are_finite_for_huge_logits(y, dtype):
    model = _scaled(LinearClassifier().fit(X.astype(dtype), y), 1e6)
    z = model.decision_function(X.astype(dtype))
    assert np.abs(z).max() > 1e4
    log_probability = model.predict_log_proba(X.astype(dtype))
    assert np.isfinite(log_probability).all()
    assert log_probability.min() < -1e4
    assert model.predict_proba(X.astype(dtype)).min() < 1e-37


def test_d15_the_loss_of_huge_logits_is_not_clipped():
    """In scikit-learn it ends at 36."""
    model = _scaled(LinearClassifier(max_iter=50).fit(X, CODES == 0), 1e6)
    z, s = model.decision_function(X), np.where(CODES == 0, 1, -1)
    assert model.data_loss(X, CODES == 0) == pytest.approx(np.maximum(0, -s * z).mean(), rel=1e-6)
    assert model.data_loss(X, CODES == 0) > 1000


def test_d17_no_overflow_warnings_for_huge_logits():
    model = _scaled(LinearClassifier().fit(X, CODES), 1e300)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("kind", KINDS, ids=["mlp", "linear"])
def test_hinge_has_logits_but_no_probabilities(kind, y):
    model = _fitted(kind, y, loss="hinge")
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(X)
    z = model.decision_function(X)
    assert (model.predict(X) == (z.argmax(axis=1) if y is CODES else z > 0)).all()
    terms = np.maximum(0, 1 - np.where(np.eye(3)[CODES] if z.ndim == 2 else y, 1, -1) * z)
    assert model.data_loss(X, y) == pytest.approx(terms.mean(), rel=1e-9)


def test_the_data_loss_is_scikit_learns_log_loss():
    for y in (CODES == 0, CODES):
        model = LinearClassifier().fit(X, y)
        assert model.data_loss(X, y) == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-9)


def test_label_smoothing_bounds_the_logits_at_the_smoothed_odds():
    """With a column for each class the best probability of the true class is 1 - s + s / K."""
    onehot = np.eye(3)[CODES]
    model = LinearClassifier(0.0, label_smoothing=0.3).fit(onehot, CODES)
    assert_allclose(model.predict_proba(onehot)[np.arange(90), CODES], 0.8, atol=1e-3)
    binary = LinearClassifier(0.0, label_smoothing=0.3).fit(onehot[:, :1], CODES == 0)
    assert_allclose(binary.predict_proba(onehot[:, :1]).max(axis=1), 0.85, atol=1e-3)


def test_focal_loss_is_a_weighted_log_loss():
    for y in (CODES == 0, CODES):
        model = LinearClassifier(loss="focal", gamma=2.0).fit(X, y)
        p = model.predict_proba(X)[np.arange(90), y.astype(int)]
        assert model.data_loss(X, y) == pytest.approx(np.mean(-((1 - p) ** 2) * np.log(p)), rel=1e-9)
        plain, zero = LinearClassifier().fit(X, y), LinearClassifier(loss="focal", gamma=0.0).fit(X, y)
        assert_allclose(zero.predict_proba(X), plain.predict_proba(X), atol=1e-4)


def test_initial_loss_of_zero_weights_is_log_k():
    still = {"kernel_initializer": "zeros", "solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1}
    model = MLPClassifier((), bias_initializer="zeros", **still)
    assert model.fit(X, CODES).history_.final["loss"] == pytest.approx(np.log(3), rel=1e-12)
    assert model.fit(X, CODES == 0).history_.final["loss"] == pytest.approx(np.log(2), rel=1e-12)
