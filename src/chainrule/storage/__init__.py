"""Model files: safetensors with JSON metadata, written atomically, loaded without executing anything."""

from chainrule.storage.models import load, save

__all__ = ["load", "save"]
