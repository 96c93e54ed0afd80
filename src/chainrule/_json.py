"""Plain data that every JSON reader takes: JSON has no infinity and no NaN."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any, *, in_words: bool = False) -> Any:
    """Return dicts, lists, texts and finite numbers.

    Parameters
    ----------
    value : dict, list, tuple, ndarray or what stands in them
    in_words : bool, default False
        What is not finite becomes "NaN", "Infinity" or "-Infinity", instead of None.

    Examples
    --------
    >>> plain({"a": (1.5, math.inf)}), plain([-math.inf], in_words=True)
    ({'a': [1.5, None]}, ['-Infinity'])
    """
    if isinstance(value, dict):
        return {key: plain(entry, in_words=in_words) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # NumPy's, which is not imported for this
        return plain(value.tolist(), in_words=in_words)
    if isinstance(value, list | tuple):
        return [plain(entry, in_words=in_words) for entry in value]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return _word(value) if in_words else None


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
