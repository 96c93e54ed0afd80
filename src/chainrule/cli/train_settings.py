"""The options of `chainrule train` that are settings of the network and its training."""

from __future__ import annotations

from typing import Any

from chainrule._errors import InvalidParameterError, nearest
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


def given_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, checked, under the names of `Settings`."""
    given = {option: options[option] for option in _FIELDS if options[option] is not None}
    if "hidden" in given:
        given["hidden"] = _widths(given["hidden"])
    without = given.get("validation") == 0
    if without:
        del given["validation"]
    for option, value in given.items():
        _check(option, value)
    return {_FIELDS[option]: value for option, value in given.items()} | ({"early_stopping": False} if without else {})


def _check(option: str, value: Any) -> None:
    """Hold an option against what its setting must be, before anything is read."""
    if option == "activation":
        activation(value)
        return
    holds, words = CONSTRAINTS[_FIELDS[option]]
    if not holds(value):
        valid = words.split("'")[1::2]
        hint = nearest(value, valid) if isinstance(value, str) else f"It must be {words}."
        raise InvalidParameterError(f"--{option.replace('_', '-')} cannot be {value!r}. {hint}")


def _widths(text: str) -> tuple[int, ...]:
    if text.strip().lower() in ("", "none", "0"):
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidParameterError(
            f"--hidden takes widths, whole numbers with commas, such as 64,32; got {text!r}."
        ) from None
