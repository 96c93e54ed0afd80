"""What a network is compared with: a linear model, and a constant answer, the class shares or the mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.fit.parameters import Settings
from chainrule.network.types import Array
from chainrule.table import Target
from chainrule.tabular.prepare import PreparedTable

LINEAR = "linear model"


def baseline_name(target: Target) -> str:
    """Name the baseline with a constant prediction."""
    return "baseline: mean" if target.task == "regression" else "baseline: most frequent class"


def constant_answers(prepared: PreparedTable) -> Callable[[Array], Array]:
    """Return a function that predicts the training rows' class shares, or their mean, for every row."""
    is_numbers = prepared.target.task == "regression"
    answer = np.array(prepared.unit_means) if is_numbers else prepared.class_shares
    return lambda X: np.tile(answer, (len(X), 1))


def linear_settings(settings: Settings) -> Settings:
    """Return the settings of a linear model, f(x) = wᵀx + b: no hidden layers, and a warning if it diverges."""
    changed = {"hidden_layer_sizes": (), "activation": "relu", "dropout": 0.0, "dropout_input": 0.0, "verbose": False}
    changed |= {"kernel_initializer": "zeros", "on_divergence": "warn"}
    return Settings(**(vars(settings) | changed))
