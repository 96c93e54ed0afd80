"""chainrule: feed-forward neural networks whose every gradient is written out, checked and visible."""

from __future__ import annotations

from chainrule._lazy import on_first_use
from chainrule._version import __version__

TYPE_CHECKING = False  # what `typing` calls it: importing that takes as long as all else that a command does first
if TYPE_CHECKING:
    from chainrule import callbacks as callbacks
    from chainrule import lab as lab
    from chainrule.derivation import check_derivative as check_derivative
    from chainrule.derivation import check_gradients as check_gradients
    from chainrule.derivation import derive as derive
    from chainrule.derivation import gradcheck as gradcheck
    from chainrule.derivation import trace as trace
    from chainrule.estimator import LinearClassifier as LinearClassifier
    from chainrule.estimator import LinearRegressor as LinearRegressor
    from chainrule.estimator import MLPClassifier as MLPClassifier
    from chainrule.estimator import MLPRegressor as MLPRegressor
    from chainrule.estimator import TabularClassifier as TabularClassifier
    from chainrule.estimator import TabularRegressor as TabularRegressor
    from chainrule.many import MLPEnsembleClassifier as MLPEnsembleClassifier
    from chainrule.many import MLPEnsembleRegressor as MLPEnsembleRegressor
    from chainrule.many import MLPSearchCV as MLPSearchCV
    from chainrule.many import fit_many as fit_many
    from chainrule.network import Dense as Dense
    from chainrule.network import Network as Network
    from chainrule.storage import load as load
    from chainrule.storage import save as save

# Public names are imported on first use, so that `import chainrule` costs neither NumPy nor scikit-learn.
_HOMES = {
    "TabularClassifier": "chainrule.estimator",
    "TabularRegressor": "chainrule.estimator",
    "MLPClassifier": "chainrule.estimator",
    "MLPRegressor": "chainrule.estimator",
    "LinearClassifier": "chainrule.estimator",
    "LinearRegressor": "chainrule.estimator",
    "MLPEnsembleClassifier": "chainrule.many",
    "MLPEnsembleRegressor": "chainrule.many",
    "MLPSearchCV": "chainrule.many",
    "fit_many": "chainrule.many",
    "Network": "chainrule.network",
    "Dense": "chainrule.network",
    "trace": "chainrule.derivation",
    "gradcheck": "chainrule.derivation",
    "check_gradients": "chainrule.derivation",
    "check_derivative": "chainrule.derivation",
    "derive": "chainrule.derivation",
    "load": "chainrule.storage",
    "save": "chainrule.storage",
}

_MODULES = ("callbacks", "lab")

__all__ = [*_HOMES, *_MODULES, "__version__"]

__getattr__, __dir__ = on_first_use(__name__, _HOMES, _MODULES)
