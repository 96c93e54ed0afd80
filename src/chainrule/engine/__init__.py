"""Who executes the equations: a protocol, the reference, and the choice between engines."""

from chainrule.engine.choose import ENGINES, choose
from chainrule.engine.protocol import Engine

__all__ = ["ENGINES", "Engine", "choose"]
