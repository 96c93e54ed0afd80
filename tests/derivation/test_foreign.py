"""Models of scikit-learn, PyTorch and Keras: the same prediction, the same cost, and their own gradients checked."""

import importlib.util
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import LOSS_FUNCTIONS
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import gradcheck, trace
from chainrule._errors import ChainruleError, InvalidParameterError, ShapeError, TargetError
from chainrule.derivation.models.as_problem import problem_of

from ..patience import GIVE_UP

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(40, 3))
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def fitted(kind, y, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that three iterations are few
        return kind(hidden_layer_sizes=(5, 4), max_iter=3, random_state=0, **settings).fit(X, y)


def own_cost(model, y, sample_weight=None):
    """J by scikit-learn's own loss functions, its penalty added as its own code adds it."""
    name = "binary_log_loss" if getattr(model, "out_activation_", "") == "logistic" else model.loss
    extra = {} if sample_weight is None else {"sample_weight": sample_weight}
    loss = LOSS_FUNCTIONS[name](y, model._forward_pass_fast(X), **extra)
    total = len(X) if sample_weight is None else sample_weight.sum()
    return loss + model.alpha / 2 * sum(np.sum(W**2) for W in model.coefs_) / total


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["two", "three", "labels", "words"])
def test_scikit_learns_classifier_passes(activation, kind):
    y = {
        "two": DRAW.integers(2, size=40),
        "three": DRAW.integers(3, size=40),
        "labels": DRAW.integers(2, size=(40, 3)),
        "words": np.array(["rose", "lily", "oak"])[DRAW.integers(3, size=40)],
    }[kind]
    model = fitted(MLPClassifier, y, activation=activation, alpha=0.3)
    check = gradcheck(model, X, y)
    assert check.ok, str(check)
    assert {row.verdict for row in check.rows} <= {"ok", "at a kink"}
    probabilities = model.predict_proba(X)
    A = trace(model, X, y).A[-1].T
    assert np.allclose(A, probabilities[:, 1:] if kind == "two" else probabilities, atol=1e-12)
    encoded = model._label_binarizer.transform(y)
    assert problem_of(model, X, y).cost() == pytest.approx(own_cost(model, encoded), rel=1e-10)


def has_slip(k):
    """Whether the installed scikit-learn's squared loss is a mean over outputs whose gradient is of the sum."""
    model = fitted(MLPRegressor, np.ones((40, k)) * X[:, :1], alpha=0.0)
    problem = problem_of(model, X, X[:, [0] * k])
    assert problem.gradient is not None
    b_last = problem.gradient(problem)[-k:]
    return not np.allclose(b_last, (model.predict(X) - X[:, [0] * k]).mean(axis=0) / k)


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_scikit_learns_known_slip_is_found(outputs):
    """Its squared loss is the mean over the outputs, its gradient that of their sum: too large by their number."""
    y = DRAW.normal(size=(40, outputs))
    y = y[:, 0] if outputs == 1 else y
    model = fitted(MLPRegressor, y, alpha=0.0)
    check = gradcheck(model, X, y)
    assert problem_of(model, X, y).cost() == pytest.approx(own_cost(model, y.reshape(40, -1)), rel=1e-12)
    if outputs == 1 or not has_slip(outputs):
        assert check.ok
        return
    assert not check.ok
    assert [row.verdict for row in check.rows] == ["wrong"] * 6
    assert [row.ratio for row in check.rows] == pytest.approx([outputs] * 6, rel=1e-6)
    assert f"every gradient is {outputs} times" in str(check)


def test_scikit_learns_poisson_regression_passes():
    pytest.importorskip("sklearn", "1.7")
    y = DRAW.poisson(2, size=(40, 2)).astype(float)
    model = fitted(MLPRegressor, y, loss="poisson", alpha=0.1)
    assert gradcheck(model, X, y).ok
    assert problem_of(model, X, y).cost() == pytest.approx(own_cost(model, y), rel=1e-10)


def test_weights_of_examples_go_into_scikit_learns_penalty():
    pytest.importorskip("sklearn", "1.7")
    y, weights = DRAW.integers(2, size=40), DRAW.gamma(1, size=40) * 7
    model = fitted(MLPClassifier, y, alpha=2.0)
    check = gradcheck(model, X, y, sample_weight=weights)
    assert check.ok, str(check)
    cost = problem_of(model, X, y, sample_weight=weights).cost()
    assert cost == pytest.approx(own_cost(model, y[:, None], weights), rel=1e-10)


def test_the_model_is_left_as_it_is():
    y = DRAW.integers(3, size=40)
    model = fitted(MLPClassifier, y)
    before = [W.copy() for W in model.coefs_]
    gradcheck(model, X, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.coefs_, strict=True))
    assert model.alpha == 1e-4


def test_what_is_refused_of_scikit_learn():
    y = DRAW.integers(3, size=40)
    model = fitted(MLPClassifier, y)
    with pytest.raises(InvalidParameterError, match="LogisticRegression"):
        gradcheck(LogisticRegression(), X, y)
    with pytest.raises(InvalidParameterError, match="last step"):
        gradcheck(make_pipeline(StandardScaler(), model), X, y)
    with pytest.raises(InvalidParameterError, match="fit it first"):
        gradcheck(MLPClassifier(), X, y)
    with pytest.raises(InvalidParameterError, match="has its own"):
        gradcheck(model, X, y, loss="hinge")
    with pytest.raises(TargetError, match="class 3"):
        gradcheck(model, X, y + 1)
    with pytest.raises(ShapeError, match="3 columns"):
        gradcheck(model, X[:, :2], y)
    with pytest.raises(ShapeError, match="as many rows"):
        gradcheck(model, X, y[:-1])
    with pytest.raises(ShapeError, match="numbers"):
        gradcheck(model, [["a", "b", "c"]], y[:1])
    with pytest.raises(ChainruleError, match="finite"):
        gradcheck(model, np.where(X > 2, np.nan, X) * np.nan, y)
    with pytest.raises(TargetError, match="numbers"):
        gradcheck(fitted(MLPRegressor, X[:, 0]), X, ["a"] * 40)


def test_other_libraries_are_not_imported():
    assert importlib.util.find_spec("sklearn")
    import subprocess
    import sys

    code = (
        "import sys; from chainrule import Dense, Network, gradcheck;"
        "gradcheck(Network([Dense(1, 'sigmoid')], n_inputs=1), [[1.0]], [[1.0]]);"
        "print(*{'sklearn', 'torch', 'keras', 'sympy', 'rich', 'pandas'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=GIVE_UP)
    assert shown.stdout.strip() == ""
