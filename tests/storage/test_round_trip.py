"""What is saved comes back: parameters, labels, features, history, and predictions to the bit."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import chainrule
from chainrule import Dense, LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Network, load, save
from chainrule._errors import ModelFileError
from chainrule.table import from_frame

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(50, 3))
CODES = np.arange(50) % 3
LABELS = {
    "text": np.array(["a", "bb", "ü"])[CODES],
    "objects": np.array(["a", "bb", "ü"], dtype=object)[CODES],
    "int": np.array([-1, 0, 7])[CODES],
    "bool": CODES == 1,
    "float": np.array([0.5, 1.5, 2.5])[CODES].astype(str),
    "int8": CODES.astype(np.int8),
}


def again(model, tmp_path):
    save(model, tmp_path / "m.safetensors")
    return load(tmp_path / "m.safetensors")


def same(a, b) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_classifiers(tmp_path, kind, labels, dtype):
    rows = X.astype(dtype)
    model = kind(max_iter=3, random_state=0).fit(rows, LABELS[labels])
    loaded = again(model, tmp_path)
    assert type(loaded) is kind
    assert same(loaded.predict_proba(rows), model.predict_proba(rows))
    assert same(loaded.decision_function(rows), model.decision_function(rows))
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()
    assert type(loaded.predict(rows)[0]) is type(model.predict(rows)[0])


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
@pytest.mark.parametrize("y", [X[:, 0], X[:, :2]], ids=["one", "two"])
def test_regressors(tmp_path, kind, y):
    model = kind(max_iter=3, random_state=0, loss="huber").fit(X, y)
    assert same(again(model, tmp_path).predict(X), model.predict(X))


def test_multilabel(tmp_path):
    Y = (X > 0).astype(int)
    model = MLPClassifier((4,), max_iter=3, random_state=0).fit(X, Y)
    loaded = again(model, tmp_path)
    assert same(loaded.predict(X), model.predict(X))
    assert same(loaded.predict_proba(X), model.predict_proba(X))


def test_everything_else_about_an_estimator(tmp_path):
    parameters = {
        "hidden_layer_sizes": (5, 4),
        "activation": ["tanh", ("leaky_relu", {"negative_slope": 0.2})],
        "dropout": [0.1, 0.0],
        "max_iter": 4,
        "n_iter_no_change": np.inf,
        "early_stopping": True,
        "random_state": 3,
        "l1_ratio": 0.5,
    }
    frame = pd.DataFrame(X, columns=["a", "b", "ç"])
    model = MLPRegressor(**parameters).fit(frame, X[:, 0])
    loaded = again(model, tmp_path)
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    assert loaded.feature_names_in_.tolist() == ["a", "b", "ç"]
    assert same(loaded.transform(frame), model.transform(frame))
    for name in ("n_features_in_", "n_iter_", "n_layers_", "n_outputs_", "loss_", "loss_curve_", "best_loss_", "t_"):
        assert getattr(loaded, name) == getattr(model, name), name
    for W, V in zip(loaded.coefs_, model.coefs_, strict=True):
        assert same(W, V)


def test_numpy_s_numbers_as_parameters(tmp_path):
    model = MLPClassifier((np.int64(4),), max_iter=np.int64(2), alpha=np.float32(0.5), random_state=0).fit(X, CODES)
    loaded = again(model, tmp_path)
    assert loaded.get_params() == model.get_params()
    assert same(loaded.predict_proba(X), model.predict_proba(X))


def test_a_loaded_estimator_can_go_on(tmp_path):
    loaded = again(MLPClassifier((4,), max_iter=2, random_state=0).fit(X, CODES), tmp_path)
    before = loaded.coefs_[0].copy()
    loaded.partial_fit(X, CODES)
    assert loaded.n_iter_ == 3
    assert not np.array_equal(before, loaded.coefs_[0])


def test_table_model(tmp_path, table_model, frame):
    loaded = again(table_model, tmp_path)
    assert same(loaded.predict_proba(frame), table_model.predict_proba(frame))
    assert loaded.predict(frame).tolist() == table_model.predict(frame).tolist()
    loaded = loaded.model_
    assert (loaded.encoder, loaded.target) == (table_model.encoder, table_model.target)
    assert loaded.training == json.loads(json.dumps(table_model.training))  # tuples come back as lists
    assert loaded.training["chainrule"] == chainrule.__version__


def test_the_same_model_gives_the_same_bytes(tmp_path, table_model):
    save(table_model, tmp_path / "1")
    save(table_model, tmp_path / "2")
    save(load(tmp_path / "1"), tmp_path / "3")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


@pytest.mark.parametrize(
    "thing",
    [{"a": 1}, Network([Dense(1, "sigmoid")], n_inputs=2), LogisticRegression(), from_frame({"x": [1.0, 2.0]}), None],
    ids=["dict", "Network", "LogisticRegression", "Table", "None"],
)
def test_what_cannot_be_saved(tmp_path, thing):
    with pytest.raises(ModelFileError, match=f"a {type(thing).__name__} cannot be saved.*MLPClassifier"):
        save(thing, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_an_unfitted_estimator_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save(MLPClassifier(), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_are_no_plain_values_cannot_be_saved(tmp_path):
    model = LinearRegressor(max_iter=2, random_state=np.random.RandomState(0)).fit(X, X[:, 0])
    with pytest.raises(ModelFileError, match="RandomState"):
        save(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
