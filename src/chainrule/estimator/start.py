"""An estimator that has learned nothing yet: its weights are drawn, and it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data

from chainrule._errors import InvalidParameterError
from chainrule.fit.build_network import architecture_of, drawn_state, optimizer_of
from chainrule.fit.fit_network import Fitted
from chainrule.network.training.history import History

if TYPE_CHECKING:
    from chainrule.estimator.base import AbstractEstimator

_NO_BATCH = 1  # there are no rows yet that a penalty could be scaled by


def initialized(estimator: AbstractEstimator, n_features: Any, n_outputs: Any, classes: Any) -> Fitted:
    """Draw the weights of an estimator that has seen no rows, and let it know its columns and outputs."""
    for name, value in (("n_features", n_features), ("n_outputs", n_outputs)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
        if not (whole or (value is None and name == "n_outputs")):
            raise InvalidParameterError(f"{name} must be a whole number of at least 1, got {value!r}.")
    settings = estimator._settings()
    width = estimator._declare_outputs(n_outputs, classes)
    estimator._columns = estimator._target = None  # those of an earlier fit
    architecture = architecture_of(settings, int(n_features), width, estimator._make_loss(), _NO_BATCH)
    state = drawn_state(settings, architecture, estimator._seed, np.dtype(np.float64))
    validate_data(estimator, np.zeros((1, int(n_features))), reset=True)  # so many, and without names
    unknown = float("nan")
    history = History(final={"loss": unknown, "penalty": unknown, "total": unknown})
    return Fitted(architecture, state, history, optimizer_of(settings).name, rows=0)
