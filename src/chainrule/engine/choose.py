"""The choice of an engine by name."""

from __future__ import annotations

from chainrule._errors import InvalidParameterError, nearest
from chainrule.engine import reference
from chainrule.engine.protocol import Engine

ENGINES = ("auto", "native", "reference")


def choose(name: str = "auto") -> Engine:
    """Return the engine of that name; "auto" is the fastest one installed.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, or the engine is not part of this installation.

    Examples
    --------
    >>> choose("auto").name
    'reference'
    """
    if name not in ENGINES:
        raise InvalidParameterError(f"engine={name!r} is not known. {nearest(name, ENGINES)}")
    if name == "native":
        raise InvalidParameterError(
            "engine='native' is not part of this installation. Use engine='auto' or engine='reference'."
        )
    return reference
