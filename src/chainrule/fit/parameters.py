"""The parameters of a network and its training, with scikit-learn's names and defaults where it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.engine import ENGINES
from chainrule.fit.callback_protocol import may_be_callbacks
from chainrule.network.activations import is_parametrised
from chainrule.network.custom.any_activation import ActivationSpec
from chainrule.network.initializers import INITIALIZERS, InitializerSpec, check_initializer
from chainrule.network.losses import is_custom_loss
from chainrule.network.losses.quantiles import rise_within_0_and_1
from chainrule.network.schedules import SCHEDULES

FULL_BATCH = ("gradient_descent", "lbfgs")
SOLVERS = ("gradient_descent", "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lbfgs")


@dataclass(eq=False, repr=False)
class Settings:
    """The parameters that the multilayer estimators share; `MLPClassifier` documents them."""

    hidden_layer_sizes: int | Sequence[int] = (100,)
    _: KW_ONLY
    activation: ActivationSpec | Sequence[ActivationSpec] = "relu"
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool | str = False
    validation_fraction: float = 0.1
    scoring: Any = "loss"
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    l1_ratio: float = 0.0
    alpha_scaling: str = "mean"
    dropout: float | Sequence[float] = 0.0
    dropout_input: float = 0.0
    weight_decay: float | None = None
    rho: float = 0.99
    warmup_steps: int = 0
    clipnorm: float | None = None
    clipvalue: float | None = None
    kernel_initializer: InitializerSpec | Sequence[InitializerSpec] = "auto"
    bias_initializer: InitializerSpec | Sequence[InitializerSpec] = "auto"
    restore_best_weights: bool = True
    record_loss: bool = False
    on_divergence: str = "raise"
    check_derivatives: bool = True
    engine: str = "auto"
    n_threads: int | None = None
    callbacks: Any = None
    categorical_features: str | Sequence[str | int | bool] | None = None
    embedding_size: int | str | Mapping[str | int, int] = "auto"
    scale: bool = False
    missing: str = "error"

    def _settings(self) -> Settings:
        return self

    @property
    def hidden(self) -> tuple[int, ...]:
        """The hidden layers' widths as a tuple."""
        return tuple(listed(self.hidden_layer_sizes))

    @property
    def drops(self) -> bool:
        """Whether units are removed at random."""
        return any(rate > 0 for rate in (self.dropout_input, *listed(self.dropout)))

    @property
    def encodes_columns(self) -> bool:
        """Whether X is encoded column by column."""
        return self.categorical_features is not None or bool(self.scale) or self.missing == "impute"


def listed(value: Any) -> list[Any]:
    """Return a number or a sequence of numbers as a list."""
    return list(value) if isinstance(value, Sequence | np.ndarray) else [value]


def _is(kind: type, value: Any) -> bool:
    """Say whether a value is a number of that kind; True and False are not."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


Test = tuple[Callable[[Any], bool], str]


def _real(low: float, high: float = np.inf, *, open_low: bool = False, open_high: bool = True) -> Test:
    def holds(v: Any) -> bool:
        above = _is(Real, v) and (low < v if open_low else low <= v)
        return bool(above and (v < high if open_high else v <= high))

    bounds = f"above {low:g}" if open_low else f"at least {low:g}"
    if np.isfinite(high):
        bounds += f" and {'below' if open_high else 'at most'} {high:g}"
    return holds, f"a number {bounds}"


def _whole(low: int) -> Test:
    return lambda v: _is(Integral, v) and v >= low, f"a whole number of at least {low}"


def one_of(*names: str) -> Test:
    """Return the constraint of a parameter that must be one of a few words."""
    return lambda v: isinstance(v, str) and v in names, "one of " + ", ".join(repr(name) for name in names)


def loss_of(*names: str) -> Test:
    """Return the constraint of the parameter `loss`: one of the names, or a custom loss object."""
    holds, words = one_of(*names)
    words += ", or an object with loss(y, z), gradient(y, z) and inverse_link(z)"
    return lambda v: holds(v) or is_custom_loss(v), words


def _initializer(v: Any) -> bool:
    if isinstance(v, list | tuple) and not is_parametrised(v):
        return len(v) > 0 and all(not isinstance(entry, list) and _initializer(entry) for entry in v)
    if isinstance(v, str) or callable(v):
        return callable(v) or v in ("auto", *INITIALIZERS)
    return is_parametrised(v) and v[0] in INITIALIZERS and bool(check_initializer(v))


def _or_none(test: Test) -> Test:
    return lambda v: v is None or test[0](v), f"{test[1]}, or None"


def _each(test: Test) -> Test:
    return lambda v: not isinstance(v, str) and all(test[0](entry) for entry in listed(v)), f"{test[1]}, or a list"


def _is_choice_of_columns(value: Any) -> bool:
    if value is None or isinstance(value, str):
        return value in (None, "from_dtype")
    return isinstance(value, Sequence | np.ndarray)


def _is_size(value: Any) -> bool:
    """Say whether a value is the size of an embedding, or a dict of sizes by column."""
    if isinstance(value, Mapping):
        return all(_whole(1)[0](size) for size in value.values())
    return value == "auto" if isinstance(value, str) else _whole(1)[0](value)


_FLAG: Test = (lambda v: isinstance(v, bool | np.bool_), "True or False")
_RATE = _real(0, 1)
FRACTION = _real(0, 1, open_low=True)
_QUANTILE: Test = (
    lambda v: _each(FRACTION)[0](v) and rise_within_0_and_1(listed(v)),
    f"{FRACTION[1]}, or a list of such numbers, each above the one before",
)
_INITIALIZER: Test = (
    _initializer,
    one_of("auto", *INITIALIZERS)[1] + ", a pair of such a name and its parameters, a function of (shape, rng), or a "
    "list of one for each layer",
)

CONSTRAINTS: dict[str, Test] = {
    "hidden_layer_sizes": _each(_whole(1)),
    "solver": one_of(*SOLVERS),
    "alpha": _real(0),
    "batch_size": (lambda v: v == "auto" if isinstance(v, str) else _whole(1)[0](v), "'auto' or " + _whole(1)[1]),
    "learning_rate": one_of(*SCHEDULES),
    "learning_rate_init": _real(0, open_low=True),
    "power_t": _real(0),
    "max_iter": _whole(1),
    "shuffle": _FLAG,
    "random_state": (
        lambda v: v is None or v is np.random or _whole(0)[0](v) or isinstance(v, np.random.RandomState),
        _whole(0)[1] + ", a RandomState, or None",
    ),
    "tol": _real(0),
    "verbose": (lambda v: _FLAG[0](v) or _whole(0)[0](v), "True, False or a whole number"),
    "warm_start": _FLAG,
    "momentum": _RATE,
    "nesterovs_momentum": _FLAG,
    "early_stopping": (lambda v: v == "auto" if isinstance(v, str) else _FLAG[0](v), _FLAG[1] + " or 'auto'"),
    "validation_fraction": (
        lambda v: _whole(1)[0](v) if _is(Integral, v) else FRACTION[0](v),
        f"{FRACTION[1]}, or a whole number of rows",
    ),
    "class_weight_val": _FLAG,
    "beta_1": _RATE,
    "beta_2": _RATE,
    "epsilon": _real(0, open_low=True),
    "n_iter_no_change": (lambda v: v == np.inf or _whole(1)[0](v), _whole(1)[1] + " or infinity"),
    "max_fun": _whole(1),
    "l1_ratio": _real(0, 1, open_high=False),
    "alpha_scaling": one_of("mean", "batch"),
    "dropout": _each(_RATE),
    "dropout_input": _RATE,
    "weight_decay": _or_none(_real(0)),
    "rho": _RATE,
    "warmup_steps": _whole(0),
    "clipnorm": _or_none(_real(0, open_low=True)),
    "clipvalue": _or_none(_real(0, open_low=True)),
    "kernel_initializer": _INITIALIZER,
    "bias_initializer": _INITIALIZER,
    "restore_best_weights": _FLAG,
    "record_loss": _FLAG,
    "on_divergence": one_of("raise", "warn"),
    "check_derivatives": _FLAG,
    "engine": one_of(*ENGINES),
    "n_threads": _or_none(_whole(1)),
    "callbacks": (may_be_callbacks, "a callback, a list of callbacks, or None"),
    "categorical_features": (_is_choice_of_columns, "'from_dtype', a list of columns, a mask, or None"),
    "embedding_size": (_is_size, f"'auto', {_whole(1)[1]}, or a dict of one for each column named"),
    "scale": _FLAG,
    "missing": one_of("error", "impute"),
    "standardize_target": (lambda v: v == "auto" if isinstance(v, str) else _FLAG[0](v), "True, False or 'auto'"),
    "label_smoothing": _RATE,
    "gamma": _real(0),
    "delta": _real(0, open_low=True),
    "quantile": _QUANTILE,
    "power": _real(1),
}


def check_parameters(estimator: object, names: Sequence[str], **further: Test) -> None:
    """Check the named attributes against the constraint table, and against further constraints.

    Raises
    ------
    InvalidParameterError
        The message says what the parameter must be, what it is, and for a mistyped word the nearest valid one.
    """
    constraints = CONSTRAINTS | further
    for name in names:
        if name not in constraints:
            continue
        holds, words = constraints[name]
        value = getattr(estimator, name)
        if not holds(value):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {words}. Got {value!r} instead."
                + _hint(value, words.split("'")[1::2])
            )


def _hint(value: Any, valid: Sequence[str]) -> str:
    """Return a hint with the valid word nearest to the first invalid one, in a word or a sequence."""
    parts = value if isinstance(value, list | tuple) else [value]
    unknown = [part for part in parts if isinstance(part, str) and part not in valid]
    return " " + nearest(unknown[0], valid) if unknown and valid else ""
