"""Many networks at once: ensembles, searches and penalty paths, in threads, in processes, on Dask or by joblib.

Names are imported on use: a search needs what an ensemble does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.many.ensemble import MLPEnsembleClassifier as MLPEnsembleClassifier
    from chainrule.many.ensemble import MLPEnsembleRegressor as MLPEnsembleRegressor
    from chainrule.many.fits import fit_many as fit_many
    from chainrule.many.path import penalty_path as penalty_path
    from chainrule.many.search import MLPSearchCV as MLPSearchCV

_HOMES = {
    "MLPEnsembleClassifier": "chainrule.many.ensemble",
    "MLPEnsembleRegressor": "chainrule.many.ensemble",
    "MLPSearchCV": "chainrule.many.search",
    "fit_many": "chainrule.many.fits",
    "penalty_path": "chainrule.many.path",
}

__all__ = ["MLPEnsembleClassifier", "MLPEnsembleRegressor", "MLPSearchCV", "fit_many", "penalty_path"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'chainrule.many' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
