"""A digest of objects that changes with the code of their functions and classes, which a pickle names only.

The code of a library (what lies in `site-packages`, the standard library, this package) counts by its name and version;
all other code by what it is made of: bytecode, constants, defaults, values that it encloses, and the functions, classes
and plain values that it names in its module or in another module of the user.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from pickle import PicklingError
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from joblib.hashing import NumpyHasher  # type: ignore[import-untyped]

from chainrule._errors import InvalidParameterError

_STANDARD = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.ndarray)
_OF_CLASSES = (FunctionType, staticmethod, classmethod, property, type)  # attributes of a class that are code


def digest(*parts: Any) -> str:
    """Return a hash of objects and of the code that they call.

    Raises
    ------
    InvalidParameterError
        If something in them can be neither pickled nor read as code.

    Examples
    --------
    >>> double, treble = (eval(f"lambda x: {k} * x", {"__name__": "__main__"}) for k in (2, 3))
    >>> digest(double) == digest(double), digest(double) == digest(treble)
    (True, False)
    """
    try:
        return str(_Hasher("md5").hash(parts))
    except (PicklingError, TypeError, AttributeError, ValueError) as error:
        raise InvalidParameterError(f"it cannot be known whether this is the same as before: {error}") from error


class _Hasher(NumpyHasher):
    """joblib's hash, but a function or a class is hashed by what it is made of."""

    def __init__(self, hash_name: str) -> None:
        super().__init__(hash_name)
        self._begun: dict[int, Any] = {}  # also keeps them alive, so that no number is used twice

    def reducer_override(self, value: Any) -> Any:
        """Return what stands for a value in the pickle; NotImplemented is the value itself."""
        if not isinstance(value, FunctionType | type | ModuleType) or value is _code:
            return NotImplemented
        if isinstance(value, ModuleType):
            return _code, (value.__name__, _version(value.__name__))
        name = value.__module__, value.__qualname__
        if id(value) in self._begun:  # it calls itself, perhaps by way of others
            return _code, name
        self._begun[id(value)] = value
        if _is_library(value):
            return _code, (*name, _version(value.__module__))
        return _code, (*name, *(_function if isinstance(value, FunctionType) else _class)(value))


def _code(*description: Any) -> Any:
    """Stand for the description of code in a pickle, which nobody reads."""
    raise NotImplementedError


def _function(function: Any) -> Iterator[Any]:
    yield _bytecode(function.__code__)
    yield function.__defaults__, function.__kwdefaults__
    yield _enclosed(function)
    yield list(_named(function))


def _bytecode(code: CodeType) -> tuple[Any, ...]:
    constants = [_bytecode(value) if isinstance(value, CodeType) else value for value in code.co_consts]
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return code.co_code, constants, code.co_names, code.co_varnames, counts, code.co_exceptiontable


def _named(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions, classes and plain values that a function finds in modules by name."""
    names = sorted(set(_names(function.__code__)))
    known = {name: function.__globals__[name] for name in names if name in function.__globals__}
    known |= zip(function.__code__.co_freevars, _enclosed(function), strict=True)
    for name, value in known.items():
        if isinstance(value, ModuleType) and not _is_library(value):
            own = [(other, vars(value).get(other)) for other in names]
            yield from ((f"{name}.{other}", found) for other, found in own if _counts(found))
        elif _counts(value):
            yield name, value


def _enclosed(function: Any) -> list[Any]:
    return [cell.cell_contents for cell in function.__closure__ or ()]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names(value)


def _counts(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(_counts(entry) for entry in value)
    if isinstance(value, dict):
        return all(_counts(entry) for pair in value.items() for entry in pair)
    return isinstance(value, (*_PLAIN, FunctionType, type, ModuleType))


def _class(cls: Any) -> Iterator[Any]:
    yield cls.__bases__
    for name, value in sorted(vars(cls).items()):
        if isinstance(value, property):
            yield name, value.fget, value.fset, value.fdel
        elif isinstance(value, staticmethod | classmethod):
            yield name, type(value).__name__, value.__func__
        elif isinstance(value, _OF_CLASSES) or (_counts(value) and not re.fullmatch("__.*__", name)):
            yield name, value


def _is_library(value: Any) -> bool:
    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    if module in ("__main__", None) or (file is None and module not in sys.builtin_module_names):
        return False  # a script, a notebook, or what a user has put together while it runs
    if file is None or _top(module) == "chainrule":
        return True
    place = Path(file).resolve()
    return bool({"site-packages", "dist-packages"} & set(place.parts)) or str(place).startswith(_STANDARD)


def _version(module: str | None) -> str:
    return str(getattr(sys.modules.get(_top(module)), "__version__", sys.version_info[:2]))


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]
