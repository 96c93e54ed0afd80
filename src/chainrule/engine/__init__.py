"""Compute backends: the protocol of an engine, the reference and the native engine, and the choice of one."""

from chainrule.engine.choose import ENGINES, choose, info
from chainrule.engine.protocol import Engine

__all__ = ["ENGINES", "Engine", "choose", "info"]
