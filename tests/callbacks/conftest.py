"""A small training, run again and again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule import MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.sin(X.sum(axis=1))


@pytest.fixture
def fitted() -> Callable[..., Any]:
    """Fit a small regressor with callbacks; the settings may be changed."""

    def fit(callbacks: Any, **settings: Any) -> Any:
        small = {"max_iter": 4, "random_state": 0, "batch_size": 20, "tol": 0.0}
        return MLPRegressor((6,), **(small | settings), callbacks=callbacks).fit(X, Y)

    return fit
