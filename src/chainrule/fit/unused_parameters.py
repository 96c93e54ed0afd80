"""Warn of parameters that were set but have no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule._errors import warn
from chainrule.fit.parameters import FULL_BATCH, SOLVERS, Settings

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


def warn_of_unused_parameters(settings: Settings, *, validated: bool) -> None:
    """Warn of every parameter that differs from its default but has no effect with the others."""
    solver = f"solver={settings.solver!r}"
    causes = {name: solver for name, solvers in _ONLY_FOR.items() if settings.solver not in solvers}
    for words, holds, names in _conditions(settings, validated):
        causes |= dict.fromkeys(names, words) if holds else {}
    defaults = Settings()
    idle = {name: words for name, words in causes.items() if getattr(settings, name) != getattr(defaults, name)}
    if idle:
        warn(f"{', '.join(idle)}: no effect with {', '.join(dict.fromkeys(idle.values()))}. Drop it or change that.")


def _conditions(settings: Settings, validated: bool) -> list[tuple[str, bool, Sequence[str]]]:
    """Return conditions that make parameters unused: in words, whether it holds, and the parameters."""
    return [
        (f"solver={settings.solver!r}", settings.solver == "lbfgs", _NOT_LBFGS),
        (f"solver={settings.solver!r}", settings.solver in FULL_BATCH, ("shuffle",)),
        ("momentum=0", settings.momentum == 0, ("nesterovs_momentum",)),
        ("alpha=0", settings.alpha == 0, ("l1_ratio", "alpha_scaling")),
        (f"learning_rate={settings.learning_rate!r}", settings.learning_rate != "invscaling", ("power_t",)),
        ("early_stopping=False", not settings.early_stopping, ("validation_fraction",)),
        ("no validation rows", not validated, ("scoring",)),
        ("categorical_features=None", settings.categorical_features is None, ("embedding_size",)),
        ("engine='reference'", settings.engine == "reference", ("n_threads",)),
    ]


def warn_of_unused_loss_parameters(estimator: Any, parameters: Mapping[str, str | None]) -> None:
    """Warn of every parameter that differs from its default but belongs to another `loss` than the estimator's."""
    own = parameters.get(estimator.loss) if isinstance(estimator.loss, str) else None
    idle = sorted(name for name in {*parameters.values()} - {own, None} if name is not None)
    changed = [name for name in idle if getattr(estimator, name) != getattr(type(estimator), name)]
    if changed:
        warn(f"{', '.join(changed)}: no effect with loss={estimator.loss!r}. Drop it or change the loss.")
