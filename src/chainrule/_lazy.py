"""Names of a package that are imported on first use: what nobody asks for costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Mapping
from importlib import import_module


def on_first_use(
    package: str, homes: Mapping[str, str], modules: Container[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package, which has an `__all__`.

    Parameters
    ----------
    package : str
    homes : mapping of str to str
        The module each name comes from.
    modules : container of str
        Names of modules of the package itself.
    """

    def attribute(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return attribute, lambda: sorted(sys.modules[package].__all__)
