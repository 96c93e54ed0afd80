"""Initialisers of the user's own: the shapes they are given, and those they must return."""

import numpy as np
import pytest

from chainrule import MLPRegressor
from chainrule._errors import ShapeError


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
