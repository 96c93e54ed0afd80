"""Changing the import is enough: the parameters, defaults and attributes of scikit-learn's MLP, and its steps."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import neural_network

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

PAIRS = [(MLPClassifier, neural_network.MLPClassifier), (MLPRegressor, neural_network.MLPRegressor)]
ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
X = np.random.default_rng(0).normal(size=(60, 3))
Y = {MLPClassifier: (X[:, 0] > 0).astype(int), MLPRegressor: X[:, 0] - X[:, 1]}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_every_parameter_of_scikit_learn_has_its_default(ours, theirs):
    expected = theirs().get_params()
    assert {name: ours().get_params().get(name, "missing") for name in expected} == expected


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d43_only_the_first_parameter_is_positional(kind):
    parameters = list(inspect.signature(kind).parameters.values())
    assert parameters[0].name == ("alpha" if kind in (LinearClassifier, LinearRegressor) else "hidden_layer_sizes")
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters[1:])


@pytest.mark.parametrize("sizes", [(50,), [50], 50, np.array([50]), (np.int64(50),)], ids=str)
def test_d43_hidden_layer_sizes_come_first(sizes):
    model = MLPRegressor(sizes, max_iter=1).fit(X, Y[MLPRegressor])
    assert [W.shape for W in model.coefs_] == [(3, 50), (50, 1)]


def test_d43_a_loss_in_the_first_place_is_refused():
    with pytest.raises(ValueError, match=r"'hidden_layer_sizes' parameter of MLPRegressor .* Got 'poisson'"):
        MLPRegressor("poisson").fit(X, Y[MLPRegressor])
    with pytest.raises(ValueError, match=r"'loss' parameter of MLPRegressor .* Got \(50,\)"):
        MLPRegressor(loss=(50,)).fit(X, Y[MLPRegressor])
    with pytest.raises(TypeError, match="positional"):
        MLPRegressor("poisson", (50,))
    with pytest.raises(TypeError, match="positional"):
        MLPClassifier().partial_fit(X, Y[MLPClassifier], [0, 1])


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"solver": "sgd"}], ids=str)
def test_every_fitted_attribute_of_scikit_learn_is_there(ours, theirs, settings):
    settings = {"hidden_layer_sizes": (7, 4), "max_iter": 4, "random_state": 0} | settings
    old, new = theirs(**settings).fit(X, Y[ours]), ours(**settings).fit(X, Y[ours])
    attributes = [name for name in vars(old) if name.endswith("_") and not name.startswith("_")]
    assert [name for name in attributes if not hasattr(new, name)] == []
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(new, name) == getattr(old, name), name
    assert [W.shape for W in new.coefs_] == [W.shape for W in old.coefs_]
    assert [b.shape for b in new.intercepts_] == [b.shape for b in old.intercepts_]
    if settings.get("solver") != "lbfgs":
        assert new.t_ == old.t_
        assert len(new.loss_curve_) == len(old.loss_curve_) == 4
        assert (new.validation_scores_ is None) == (old.validation_scores_ is None)
        assert new.best_loss_ is None if old.best_loss_ is None else new.best_loss_ == min(new.loss_curve_)


@pytest.mark.parametrize(("targets", "output"), [(2, "logistic"), (3, "softmax")])
def test_names_of_the_output_activation(targets, output):
    y = np.arange(60) % targets
    assert MLPClassifier((3,), max_iter=1).fit(X, y).out_activation_ == output


def test_t_counts_the_rows_seen():
    model = MLPRegressor((3,), random_state=0)
    model.partial_fit(X[:10], Y[MLPRegressor][:10]).partial_fit(X, Y[MLPRegressor])
    assert (model.t_, model.n_iter_) == (70, 2)
    weights = np.repeat([1.0, 0.0], 30)
    assert MLPRegressor((3,), max_iter=2).fit(X, Y[MLPRegressor], weights).t_ == 60


def test_warm_start_counts_on_like_scikit_learn():
    settings = {"hidden_layer_sizes": (4,), "max_iter": 3, "warm_start": True, "random_state": 0}
    for model in (MLPClassifier(**settings), neural_network.MLPClassifier(**settings)):
        model.fit(X, Y[MLPClassifier]).fit(X, Y[MLPClassifier])
        assert (model.t_, len(model.loss_curve_)) == (360, 6)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_full_batch_steps_are_scikit_learns(ours, theirs, activation):
    """From equal weights, plain gradient descent with alpha_scaling="batch" takes the very same steps."""
    settings = {"hidden_layer_sizes": (6, 4), "activation": activation, "solver": "sgd", "momentum": 0.0, "alpha": 2.0}
    settings |= {"batch_size": 60, "learning_rate_init": 0.1, "random_state": 0, "nesterovs_momentum": False}
    y = Y[ours]
    classes = {"classes": [0, 1]} if ours is MLPClassifier else {}
    new = ours(alpha_scaling="batch", **settings).partial_fit(X, y, **classes)
    old = theirs(**settings).partial_fit(X, y, **classes)
    for target, source in zip(old.coefs_ + old.intercepts_, new.coefs_ + new.intercepts_, strict=True):
        target[...] = source
    for _ in range(10):
        new.partial_fit(X, y)
        old.partial_fit(X, y)
    for a, b in zip(new.coefs_ + new.intercepts_, old.coefs_ + old.intercepts_, strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    expected = old.predict_proba(X) if ours is MLPClassifier else old.predict(X)
    assert_allclose(new.predict_proba(X) if ours is MLPClassifier else new.predict(X), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_docstring_names_every_parameter(kind):
    documented = kind.__doc__.split("Attributes")[0]
    assert [name for name in kind().get_params() if name not in documented] == []
    assert "{" + "settings}" not in kind.__doc__
    assert "{linear}" not in kind.__doc__
