"""Parameters that were set and do nothing: said, never silent."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from chainrule._errors import ChainruleWarning
from chainrule.estimator.settings import FULL_BATCH, SOLVERS, Settings

_ONLY_FOR = {
    "momentum": ("sgd",),
    "nesterovs_momentum": ("sgd",),
    "beta_1": ("adam", "adamw", "nadam"),
    "beta_2": ("adam", "adamw", "nadam"),
    "epsilon": ("adam", "adamw", "nadam", "rmsprop", "adagrad"),
    "rho": ("rmsprop",),
    "batch_size": tuple(solver for solver in SOLVERS if solver not in FULL_BATCH),
    "max_fun": ("lbfgs",),
}
_NOT_LBFGS = (
    "learning_rate",
    "learning_rate_init",
    "warmup_steps",
    "clipnorm",
    "clipvalue",
    "weight_decay",
)


def warn_of_idle_parameters(settings: Settings, *, validated: bool) -> None:
    """Warn of every parameter that was changed from its default and has no effect beside the others."""
    defaults = Settings()
    idle = [name for name, solvers in _ONLY_FOR.items() if settings.solver not in solvers]
    if settings.solver == "lbfgs":
        idle += _NOT_LBFGS
    if settings.learning_rate != "invscaling":
        idle.append("power_t")
    if not settings.early_stopping:
        idle.append("validation_fraction")
    if not validated:
        idle.append("scoring")
    if settings.categorical_features is None:
        idle.append("embedding_size")
    changed = [name for name in idle if getattr(settings, name) != getattr(defaults, name)]
    if changed:
        warnings.warn(
            f"{', '.join(changed)}: no effect with solver={settings.solver!r}, "
            f"learning_rate={settings.learning_rate!r}, early_stopping={settings.early_stopping}, "
            f"categorical_features={settings.categorical_features!r}. "
            "Drop it or change those.",
            ChainruleWarning,
            stacklevel=2,
        )


def warn_of_idle_loss_parameters(estimator: Any, parameters: Mapping[str, str | None]) -> None:
    """Warn of every parameter of a loss that was changed from its default and belongs to another loss.

    Parameters
    ----------
    estimator : estimator
    parameters : mapping of str to str or None
        Which parameter goes with each value of `loss`.
    """
    own = parameters.get(estimator.loss) if isinstance(estimator.loss, str) else None
    idle = sorted(name for name in {*parameters.values()} - {own, None} if name is not None)
    changed = [name for name in idle if getattr(estimator, name) != getattr(type(estimator), name)]
    if changed:
        warnings.warn(
            f"{', '.join(changed)}: no effect with loss={estimator.loss!r}. Drop it or change the loss.",
            ChainruleWarning,
            stacklevel=3,
        )
