"""Hostile files that are well formed: each is a ModelFileError or a model that predicts, in little memory."""

import json
import resource

import numpy as np
import pytest

from chainrule import LinearClassifier, MLPClassifier, MLPRegressor, load, save
from chainrule._errors import ModelFileError
from chainrule.table import from_frame

from .conftest import read_raw, write_raw

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")


X = np.random.default_rng(0).normal(size=(40, 3))


@pytest.fixture(scope="session")
def regressor(tmp_path_factory):
    path = tmp_path_factory.mktemp("regressor") / "m"
    save(MLPRegressor((3,), max_iter=2, random_state=0).fit(X, X[:, 0]), path)
    return read_raw(path)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "m"
    save(MLPClassifier((3,), max_iter=2, random_state=0).fit(X, np.array(["a", "b", "c"])[np.arange(40) % 3]), path)
    return read_raw(path)


def with_parameter(name, value):
    return lambda record: record["parameters"].update({name: value})


def with_formula(text, **more):
    return lambda record: record["architecture"].update(activations=[["formula", {"g": text, **more}]])


def in_architecture(**changes):
    return lambda record: record["architecture"].update(changes)


HOSTILE = {
    "threads that are a dict": with_parameter("n_threads", {"a": 1}),
    "threads that are true": with_parameter("n_threads", True),
    "an unknown engine": with_parameter("engine", "abacus"),
    "an alpha below 0": with_parameter("alpha", -1),
    "an infinite learning rate": with_parameter("learning_rate_init", float("inf")),
    "a quantile of text": with_parameter("quantile", "0.5"),
    "hidden layers as text": with_parameter("hidden_layer_sizes", ["3"]),
    "an unknown activation": with_parameter("activation", ["rebu"]),
    "a parameter that is none": with_parameter("colour", "red"),
    "columns that are not there": with_parameter("scale", True),
    "a billion inputs": in_architecture(widths=[10**9, 3, 1]),
    "a billion inputs, said twice": lambda record: (
        record["architecture"].update(widths=[10**9, 3, 1]),
        record["fitted"].update(n_features_in_=10**9),
    ),
    "no units": in_architecture(widths=[3, 0, 1]),
    "half a unit": in_architecture(widths=[3, 1.5, 1]),
    "true units": in_architecture(widths=[3, True, 1]),
    "an embedding of 10^15 levels": in_architecture(embeddings=[{"column": 0, "levels": 10**15, "size": 1}]),
    "an embedding of 2^24 levels": in_architecture(embeddings=[{"column": 0, "levels": 2**24, "size": 1}]),
    "a dropout of 2": in_architecture(dropout=[2, 0]),
    "a penalty of text": in_architecture(penalty={"alpha": "1", "l1_ratio": 0}),
    "a loss parameter of text": in_architecture(loss={"name": "huber", "parameters": {"delta": "1"}}),
    "a slope of text": in_architecture(activations=[["leaky_relu", {"negative_slope": "steep"}]]),
    "a slope that is infinite": in_architecture(activations=[["leaky_relu", {"negative_slope": float("inf")}]]),
    "a formula that is a number": with_formula(7),
    "a product of 250": with_formula("z*" * 249 + "z"),
    "400 signs": with_formula("-" * 400 + "z"),
    "200 parentheses": with_formula("(" * 240 + "z" + ")" * 240),
    "a function of a thousand": with_formula("exp(" * 120 + "z" + ")" * 120),
    "an attribute": with_formula("z.real"),
    "an import": with_formula("__import__('os').getcwd()"),
    "a long slope": with_formula("z", g_prime="1" * 501),
    "epochs of text": lambda record: record["history"].update(epochs={"running_total": ["a"]}),
    "a final loss of text": lambda record: record["history"].update(final={"total": "low"}),
    "an unknown reason": lambda record: record["history"].update(stop_reason="tired"),
    "features that are half": lambda record: record["fitted"].update(n_features_in_=3.0),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_regressors(regressor, tmp_path, change):
    record, tensors = json.loads(json.dumps(regressor[0])), regressor[1]
    change(record)
    with pytest.raises(ModelFileError, match="damaged"):
        load(write_raw(tmp_path / "m", record, tensors))


def labels(dtype, *values):
    return {"classes_": {"dtype": dtype, "values": list(values)}}


@pytest.mark.parametrize(
    "arrays",
    [
        labels("M8[ns]", 1, 2, 3),
        labels("V8", 1, 2, 3),
        labels("<U3", 1, 2, 3),
        labels("<f8", "a", "b", "c"),
        labels("<f8", 1, 2, float("nan")),
        labels("<i8", 10**30, 1, 2),
        labels("object", "a", "b", "a"),
        labels("<U1", "a", "b"),
        labels("<U1", "a", "b", ["c"]),
        labels("no type", "a", "b", "c"),
        labels("<U1", "a", "b", "c") | {"class_weight_": {"dtype": "<f8", "values": [1, 2]}},
        labels("<U1", "a", "b", "c") | {"feature_names_in_": {"dtype": "object", "values": ["x"]}},
        {},
    ],
    ids=str,
)
def test_hostile_labels(classifier, tmp_path, arrays):
    record, tensors = classifier
    with pytest.raises(ModelFileError, match="damaged"):
        load(write_raw(tmp_path / "m", record | {"arrays": arrays}, tensors))


def test_a_type_of_labels_is_no_wider_than_labels_are(classifier, tmp_path):
    record, tensors = classifier
    wide = labels("<U8000000", "a", "b", "c")
    loaded = load(write_raw(tmp_path / "m", record | {"arrays": wide}, tensors))
    assert loaded.classes_.tolist() == ["a", "b", "c"]
    assert loaded.classes_.nbytes < 20_000
    assert loaded.predict(np.ones((1000, 3))).nbytes < 10_000_000


def test_formulas_of_files_that_are_odd_but_right(regressor, tmp_path):
    record, tensors = json.loads(json.dumps(regressor[0])), regressor[1]
    for text in (
        "max(0, z if z < 1 else 1)",
        "9**9**9**9*z",
        "z if (1 if z > 0 else 0) else 0.5*z",
        "z +" * 166 + " z",
    ):
        with_formula(text)(record)
        with_parameter("engine", "reference")(record)
        assert len(load(write_raw(tmp_path / "m", record, tensors)).predict(X)) == 40


def test_levels_take_no_square_of_their_number(tmp_path, table_model, frame):
    """A hundred thousand levels would be a table of 40 GB, had each of them a row with one 1."""
    save(table_model, tmp_path / "m")
    record, tensors = read_raw(tmp_path / "m")
    levels = [str(k) for k in range(100_000)]
    blocks = [{"kind": "one_hot", "column": "colour", "levels": levels, "other": False, "missing": False}]
    widths = [len(levels), *record["architecture"]["widths"][1:]]
    changed = record | {"encoder": {"blocks": blocks}, "architecture": record["architecture"] | {"widths": widths}}
    tensors = tensors | {"W1": np.zeros((3, len(levels)), np.float32)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(load(write_raw(tmp_path / "m", changed, tensors)).predict(from_frame(frame))) == 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kilobytes


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_threads": 0}, "n_threads"),
        ({"alpha": -1.0}, "alpha"),
        ({"engine": "abacus"}, "engine"),
        ({"scale": True}, "columns"),
        ({"activation": "rebu"}, "rebu"),
    ],
    ids=str,
)
def test_what_could_not_be_loaded_is_not_saved_over_what_can(tmp_path, parameters, words):
    path = tmp_path / "m"
    good = MLPRegressor((3,), max_iter=2, random_state=0).fit(X, X[:, 0])
    save(good, path)
    before = path.read_bytes()
    bad = MLPRegressor((3,), max_iter=2, random_state=1).fit(X, X[:, 0]).set_params(**parameters)
    with pytest.raises(ModelFileError, match=f"cannot be saved.*{words}"):
        save(bad, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_saved(tmp_path, value):
    model = LinearClassifier(max_iter=2, random_state=0).fit(X, X[:, 0] > 0)
    theta = model.network_.parameters.theta
    theta.flags.writeable = True
    theta[0] = value
    with pytest.raises(ModelFileError, match=r"cannot be saved.*not finite"):
        save(model, tmp_path / "m")
    assert not list(tmp_path.iterdir())
