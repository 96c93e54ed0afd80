"""Learned features: the hidden layers' activations as a transformer's output."""

import copy

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import InvalidParameterError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(50, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def model():
    return MLPClassifier((7, 5), activation=["tanh", "relu"], max_iter=5, random_state=0).fit(X, Y)


def test_each_layer_is_its_activation(model):
    first = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    second = np.maximum(0, first @ model.coefs_[1] + model.intercepts_[1])
    for layer in (1, -2):
        assert_allclose(model.transform(X, layer=layer), first, rtol=1e-12)
    for layer in (2, -1):
        assert_allclose(model.transform(X, layer=layer), second, rtol=1e-12, atol=1e-15)
    assert (model.transform(X) == model.transform(X, layer=-1)).all()
    assert (model.transform(X, layer="all") == np.hstack([model.transform(X, layer=l) for l in (1, 2)])).all()
    logits = model.transform(X) @ model.coefs_[2] + model.intercepts_[2]
    assert_allclose(logits[:, 0], model.decision_function(X), rtol=1e-12)


@pytest.mark.parametrize("layer", [0, 3, -3, "first", None, 1.5])
def test_layers_there_are_not(model, layer):
    with pytest.raises(InvalidParameterError, match=r"layer must be 1 to 2, -1 to -2, or 'all'; got"):
        model.transform(X, layer=layer)


def test_dropout_is_off():
    model = MLPRegressor((7,), dropout=0.9, max_iter=2, random_state=0).fit(X, Y)
    assert_allclose(model.transform(X), np.maximum(0, X @ model.coefs_[0] + model.intercepts_[0]), rtol=1e-12)


def test_long_and_sparse_tables(model):
    table = np.tile(X, (200, 1))
    assert_allclose(model.transform(table), np.tile(model.transform(X), (200, 1)), rtol=1e-12, atol=1e-14)
    assert_allclose(model.transform(sparse.csc_array(X)), model.transform(X), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_without_hidden_layers_there_is_nothing_to_transform(kind):
    assert hasattr(kind(), "transform")
    assert not hasattr(kind(()), "transform")
    assert not hasattr(kind((), max_iter=2).fit(X, Y), "transform")


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_linear_models_are_no_transformers(kind):
    assert not hasattr(kind(), "transform")


def test_names_of_the_features(model):
    assert model.get_feature_names_out().tolist() == [f"mlpclassifier{i}" for i in range(5)]


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container):
    model = MLPRegressor((3,), max_iter=2).set_output(transform=container).fit(X, Y)
    frame = model.transform(X)
    assert type(frame).__module__.startswith(container)
    assert list(frame.columns) == ["mlpregressor0", "mlpregressor1", "mlpregressor2"]


@pytest.mark.parametrize("layer", [1, -2, "all"])
def test_a_data_frame_of_another_layer_would_have_the_names_of_the_last(model, layer):
    frames = copy.deepcopy(model).set_output(transform="pandas")
    with pytest.raises(InvalidParameterError, match="names for the last hidden layer only, not for layer="):
        frames.transform(X, layer=layer)
    with sklearn.config_context(transform_output="polars"), pytest.raises(InvalidParameterError, match="last hidden"):
        model.transform(X, layer=layer)
    assert list(frames.transform(X, layer=2).columns) == model.get_feature_names_out().tolist()
    assert (frames.set_output(transform="default").transform(X, layer=layer) == model.transform(X, layer=layer)).all()


def test_fit_transform_is_fit_and_transform():
    model = MLPClassifier((3,), max_iter=3, random_state=0)
    assert (model.fit_transform(X, Y) == model.fit(X, Y).transform(X)).all()


def test_features_in_a_pipeline():
    pipeline = make_pipeline(
        StandardScaler(), MLPClassifier((12,), solver="lbfgs", max_iter=200, random_state=0), LogisticRegression()
    )
    assert pipeline.fit(X, Y).score(X, Y) > 0.95
    assert LogisticRegression().fit(X, Y).score(X, Y) < 0.8
    assert len(pipeline[:-1].get_feature_names_out()) == 12


def test_unfitted():
    with pytest.raises(NotFittedError):
        MLPClassifier().transform(X)
    with pytest.raises(NotFittedError):
        MLPClassifier().get_feature_names_out()
