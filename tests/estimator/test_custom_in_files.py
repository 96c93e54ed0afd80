"""What own functions leave of clone, pickle and the model file."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from chainrule import MLPRegressor, load, save
from chainrule._errors import ModelFileError

from .custom_functions import QUICK, Squared, X, Y, silu, silu_prime

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The native engine:chainrule._errors.ChainruleWarning"),
]


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
