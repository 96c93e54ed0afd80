"""The blanks of a worksheet: parts of a pass, a share of its lines, or lines by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule._errors import InvalidParameterError, nearest
from chainrule.lab.quantities import Quantity
from chainrule.network.draws import generator

Blanks = str | float | Sequence[str]


def chosen_blanks(blanks: Any, every: dict[str, Quantity], seed: int) -> tuple[str, ...]:
    """Return the names of the blanks, in the order of calculation."""
    if isinstance(blanks, int | float) and not isinstance(blanks, bool):
        chosen = _share(blanks, list(every), seed)
    elif isinstance(blanks, str) and blanks not in every:
        chosen = _part(blanks, every)
    else:
        chosen = _named(blanks, every)
    return tuple(name for name in every if name in chosen)


def _share(share: float, names: list[str], seed: int) -> set[str]:
    if not 0 < share <= 1:
        raise InvalidParameterError(f"blanks must be a share above 0 and at most 1, got {share!r}.")
    n = max(1, round(share * len(names)))
    return set(generator(seed, "blanks").permutation(names)[:n].tolist())


def _part(part: str, every: dict[str, Quantity]) -> set[str]:
    if part == "all":
        return set(every)
    if part not in ("forward", "backward"):
        raise InvalidParameterError(f"blanks={part!r} is not known. {nearest(part, ['all', 'forward', 'backward'])}")
    return {name for name, quantity in every.items() if (quantity.step.part == "backward") == (part == "backward")}


def _named(blanks: Any, every: dict[str, Quantity]) -> set[str]:
    names = [blanks] if isinstance(blanks, str) else list(blanks) if isinstance(blanks, list | tuple | set) else []
    if not names:
        raise InvalidParameterError(
            f"blanks must be 'all', 'forward', 'backward', a share, or names such as ['Z[1]', 'dW[1]']; got {blanks!r}."
        )
    for name in names:
        if not isinstance(name, str) or name not in every:
            raise InvalidParameterError(f"{name!r} is no line of this exercise. {nearest(name, every)}")
    return set(names)
