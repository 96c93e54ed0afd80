"""Choose an engine by name, and describe the engines of this installation."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from chainrule._errors import InvalidParameterError, nearest, warn
from chainrule.engine import reference
from chainrule.engine.protocol import Engine
from chainrule.engine.threads import limit
from chainrule.network.architecture import Architecture

ENGINES = ("auto", "native", "reference")


def choose(name: str = "auto", n_threads: int | None = None, architecture: Architecture | None = None) -> Engine:
    """Return the engine of that name; "auto" is the fastest one installed.

    Parameters
    ----------
    name : {"auto", "native", "reference"}
    n_threads : int, optional
        The largest number of threads; None: as many as the machine grants. A small job uses fewer.
    architecture : Architecture, optional
        The network to run. If the native engine cannot run it, the reference does, and a warning says so once.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, or the engine is not part of this installation.

    Examples
    --------
    >>> choose("reference").name
    'reference'
    """
    if name not in ENGINES:
        raise InvalidParameterError(f"engine={name!r} is not known. {nearest(name, ENGINES)}")
    if name == "reference":
        return reference
    native = _native()
    if native is None:
        if name == "native":
            raise InvalidParameterError(
                "engine='native' is not part of this installation. Install with a C++ compiler at hand, or use "
                "engine='auto' or engine='reference'."
            )
        _warn_once("The native engine is not installed (no C++ compiler was at hand): the slower reference runs.")
        return reference
    engine: Engine = native.Native(limit(n_threads))
    missing = None if architecture is None else engine.cannot(architecture)
    if missing is None:
        return engine
    _warn_once(f"The native engine does not know {missing}: the slower reference runs.")
    return reference


def info() -> dict[str, Any]:
    """Describe the default engine: name, instruction set, threads, and the compiler that built it.

    Examples
    --------
    >>> sorted(info())
    ['available', 'compiler', 'engine', 'instructions', 'threads']
    """
    native = _native()
    return {
        "engine": "reference" if native is None else native.name,
        "instructions": None if native is None else native.instructions,
        "available": () if native is None else native.available,
        "threads": limit(),
        "compiler": None if native is None else native.compiler,
    }


@cache
def _native() -> Any:
    """Return the module of the native engine, or None if it was not built."""
    built = find_spec("chainrule.engine._native") is not None
    return import_module("chainrule.engine.native") if built else None


@cache
def _warn_once(sentence: str) -> None:
    warn(sentence)
