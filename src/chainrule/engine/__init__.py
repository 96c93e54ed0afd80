"""Who executes the equations: a protocol, two engines, and the choice between them."""

from chainrule.engine.choose import ENGINES, choose, info
from chainrule.engine.protocol import Engine

__all__ = ["ENGINES", "Engine", "choose", "info"]
