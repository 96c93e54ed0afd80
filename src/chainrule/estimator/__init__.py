"""The scikit-learn estimators: parameters, validation, fitted state; and the model of a whole table.

Names are imported on first use: a table model does not need scikit-learn, whose import takes longer than predicting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule._lazy import on_first_use

if TYPE_CHECKING:
    from chainrule.estimator.linear import LinearClassifier as LinearClassifier
    from chainrule.estimator.linear import LinearRegressor as LinearRegressor
    from chainrule.estimator.mlp import MLPClassifier as MLPClassifier
    from chainrule.estimator.mlp import MLPRegressor as MLPRegressor
    from chainrule.estimator.tabular import TabularClassifier as TabularClassifier
    from chainrule.estimator.tabular import TabularRegressor as TabularRegressor
    from chainrule.tabular.model import TableModel as TableModel

_HOMES = {
    "LinearClassifier": "chainrule.estimator.linear",
    "LinearRegressor": "chainrule.estimator.linear",
    "MLPClassifier": "chainrule.estimator.mlp",
    "MLPRegressor": "chainrule.estimator.mlp",
    "TableModel": "chainrule.tabular.model",
    "TabularClassifier": "chainrule.estimator.tabular",
    "TabularRegressor": "chainrule.estimator.tabular",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = on_first_use(__name__, _HOMES)
