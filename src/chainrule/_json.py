"""Plain data as JSON text: written so that every reader takes them (JSON has no infinity and no NaN), and read."""

from __future__ import annotations

import json
import math
from collections import Counter
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


def parsed(text: str | bytes) -> Any:
    """Read JSON from a file that anybody may have written.

    Raises
    ------
    ValueError
        If it is not JSON, nested too deeply, names a key twice, or holds what is no text (half a surrogate pair).

    Examples
    --------
    >>> parsed('{"a": [1, true]}')
    {'a': [1, True]}
    >>> parsed('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: the key 'a' is there twice
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text in it has half of a surrogate pair") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice[:50]!r} is there twice")
    return found
