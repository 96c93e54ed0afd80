"""Parity with PyTorch in float64 through the estimators: class weights, the base rate, a standardised target."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor

torch = pytest.importorskip("torch", reason="PyTorch is an oracle only: make test-oracles")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:.*max_iter")]

draw = np.random.default_rng(0)
X = draw.normal(size=(80, 4))
CODES = np.digitize(X[:, 0] + 0.3 * draw.normal(size=80), [-1.2, 0.4])
NUMBERS = 4000 + 300 * X[:, 0] * X[:, 1] + draw.normal(size=80)
TRAINING = {"solver": "gradient_descent", "learning_rate_init": 0.5, "alpha": 0.0, "tol": 0.0}
TRAINING |= {"n_iter_no_change": np.inf, "restore_best_weights": False, "random_state": 0}


def twin(model):
    """The network of an estimator in PyTorch, with its weights and biases."""
    layers = []
    for coef, intercept in zip(model.coefs_, model.intercepts_, strict=True):
        linear = torch.nn.Linear(*coef.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(coef.T.copy()), torch.tensor(intercept.copy())
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def train(net, cost, steps):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        cost(net(torch.tensor(X))).backward()
        optimizer.step()


def assert_same(model, net):
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    for coef, intercept, layer in zip(model.coefs_, model.intercepts_, linear, strict=True):
        np.testing.assert_allclose(coef.T, layer.weight.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(intercept, layer.bias.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5, 2: 1.0}], ids=["balanced", "dict"])
def test_fifty_steps_with_class_weights(class_weight, engine):
    """PyTorch's mean over weighted rows divides by the sum of their weights, as J does."""
    kind = {"activation": "tanh", "class_weight": class_weight, "engine": engine, **TRAINING}
    begun = MLPClassifier((5,), max_iter=1, **kind | {"learning_rate_init": 1e-300}).fit(X, CODES)
    net = twin(begun)
    cross_entropy = torch.nn.CrossEntropyLoss(weight=torch.tensor(begun.class_weight_))
    train(net, lambda Z: cross_entropy(Z, torch.tensor(CODES)), 50)
    assert_same(MLPClassifier((5,), max_iter=50, **kind).fit(X, CODES), net)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_fifty_steps_with_a_standardised_target(engine):
    kind = {"activation": "tanh", "standardize_target": True, "engine": engine, **TRAINING}
    net = twin(MLPRegressor((5,), max_iter=1, **kind | {"learning_rate_init": 1e-300}).fit(X, NUMBERS))
    z = torch.tensor((NUMBERS - NUMBERS.mean()) / NUMBERS.std())[:, None]
    train(net, lambda Z: ((Z - z) ** 2).mean() / 2, 50)
    model = MLPRegressor((5,), max_iter=50, **kind).fit(X, NUMBERS)
    assert_same(model, net)
    with torch.no_grad():
        expected = NUMBERS.mean() + NUMBERS.std() * net(torch.tensor(X)).numpy()[:, 0]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)
