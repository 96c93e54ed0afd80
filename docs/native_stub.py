"""Write the stub of the compiled module from the module itself, or check that it is up to date."""

import sys
from importlib import import_module
from pathlib import Path

from chainrule.engine import info

STUB = Path(__file__).parents[1] / "src" / "chainrule" / "engine" / "_native.pyi"


def stub() -> str:
    """Return the stub that the binding library derives from the signatures."""
    from nanobind.stubgen import StubGen

    module = import_module("chainrule.engine._native")
    generator = StubGen(module)
    generator.put(module)
    text: str = generator.get()
    return text


if info()["engine"] == "reference":
    print("The native engine is not built: its stub is not checked.")
elif "--check" not in sys.argv:
    STUB.write_text(stub(), encoding="utf-8")
elif not STUB.exists() or STUB.read_text(encoding="utf-8") != stub():
    sys.exit(f"{STUB.name} is out of date: run `make docs`.")
