"""Settings of the network and its training from the options of `chainrule train`."""

from __future__ import annotations

import json
from typing import Any

from chainrule._errors import InvalidParameterError, nearest
from chainrule.fit.objective import LOSS_PARAMETERS, Objective
from chainrule.fit.parameters import CONSTRAINTS
from chainrule.network.custom.any_activation import activation

_SAME = ("activation", "dropout", "solver", "alpha", "l1_ratio", "weight_decay", "batch_size", "engine")
_FIELDS = {name: name for name in _SAME} | {
    "hidden": "hidden_layer_sizes",
    "learning_rate": "learning_rate_init",
    "schedule": "learning_rate",
    "epochs": "max_iter",
    "patience": "n_iter_no_change",
    "validation": "validation_fraction",
}


# What --set may name: settings without an option of their own that need no data frame and no Python code.
_MORE = (
    *("power_t", "tol", "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "rho", "max_fun", "shuffle"),
    *("alpha_scaling", "dropout_input", "warmup_steps", "clipnorm", "clipvalue", "restore_best_weights", "n_threads"),
    *("kernel_initializer", "bias_initializer", "record_loss", "on_divergence", *LOSS_PARAMETERS),
)


def given_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the given options, checked, under the names of `Settings`."""
    more = {name: value for name, value in _more(options["more"]).items() if name not in LOSS_PARAMETERS}
    for name, value in more.items():
        _hold(f"--set {name}", name, value)
    given = {option: options[option] for option in _FIELDS if options[option] is not None}
    if "hidden" in given:
        given["hidden"] = _widths(given["hidden"])
    without = given.get("validation") == 0
    if without:
        del given["validation"]
    for option, value in given.items():
        _check(option, value)
    named = {_FIELDS[option]: value for option, value in given.items()}
    return named | more | ({"early_stopping": False} if without else {})


def given_objective(options: dict[str, Any]) -> Objective:
    """Return the given loss, its parameters and class weights."""
    parameters = {name: value for name, value in _more(options["more"]).items() if name in LOSS_PARAMETERS}
    weights = _class_weight(options["class_weight"])
    return Objective(options["loss"], parameters, weights, options["log_target"])


def embedding_size(text: str | None) -> int | str | None:
    """Parse and check the size of embeddings."""
    value = int(text) if text is not None and text.isdecimal() else text
    if value is not None:
        _hold("--embedding-size", "embedding_size", value)
    return value


def _class_weight(text: str | None) -> Any:
    if text is None or "=" not in text:
        return text
    pairs = [pair.rpartition("=")[::2] for pair in text.split(",")]
    try:
        return {label: float(weight) for label, weight in pairs}
    except ValueError:
        raise InvalidParameterError(
            f"--class-weight takes 'balanced', or labels with their weights such as rose=2,lily=0.5; got {text!r}."
        ) from None


def _more(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Parse NAME=VALUE: a number, true, false or null as in JSON, else a text."""
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        option = next((option for option, field in _FIELDS.items() if field == name), None)
        if option is not None:
            raise InvalidParameterError(f"--set {name}: give it as --{option.replace('_', '-')}.")
        if name not in _MORE:
            raise InvalidParameterError(f"--set names no setting: {name!r}. {nearest(name, _MORE)}")
        if not equals:
            raise InvalidParameterError(f"--set takes NAME=VALUE, got {pair!r}.")
        try:
            found[name] = json.loads(text.lower() if text in ("True", "False") else text)
        except ValueError:
            found[name] = text
    return found


def _check(option: str, value: Any) -> None:
    """Check an option against the constraint of its setting, before anything is read."""
    if option == "activation":
        activation(value)
        return
    _hold(f"--{option.replace('_', '-')}", _FIELDS[option], value)


def _hold(option: str, field: str, value: Any) -> None:
    holds, words = CONSTRAINTS[field]
    if not holds(value):
        valid = words.split("'")[1::2]
        hint = nearest(value, valid) if isinstance(value, str) and valid else f"It must be {words}."
        raise InvalidParameterError(f"{option} cannot be {value!r}. {hint}")


def _widths(text: str) -> tuple[int, ...]:
    if text.strip().lower() in ("", "none", "0"):
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidParameterError(
            f"--hidden takes widths, whole numbers with commas, such as 64,32; got {text!r}."
        ) from None
