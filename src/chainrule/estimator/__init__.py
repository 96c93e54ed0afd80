"""The scikit-learn face: parameters, validation, fitted state; and the model of a whole table.

Names are imported on use: a table model needs no scikit-learn, and importing that takes longer than predicting.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.estimator.linear import LinearClassifier as LinearClassifier
    from chainrule.estimator.linear import LinearRegressor as LinearRegressor
    from chainrule.estimator.mlp import MLPClassifier as MLPClassifier
    from chainrule.estimator.mlp import MLPRegressor as MLPRegressor
    from chainrule.estimator.table_model import TableModel as TableModel

_HOMES = {
    "LinearClassifier": "chainrule.estimator.linear",
    "LinearRegressor": "chainrule.estimator.linear",
    "MLPClassifier": "chainrule.estimator.mlp",
    "MLPRegressor": "chainrule.estimator.mlp",
    "TableModel": "chainrule.estimator.table_model",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'chainrule.estimator' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
