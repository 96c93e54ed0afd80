"""What differs between the training that left a checkpoint and the one that would go on from it, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_MOST, _LONGEST = 4, 80  # differences that are told, and characters of a value


def differences(theirs: Any, ours: Mapping[str, Any]) -> str:
    """Compare two fingerprints: say which settings and which files differ, and what they were; "" if nothing does.

    Parameters
    ----------
    theirs, ours : mapping of str to plain data

    Examples
    --------
    >>> differences({"settings": {"alpha": 0.1, "solver": "sgd"}}, {"settings": {"alpha": 0.5, "solver": "sgd"}})
    'settings: alpha was 0.1, now 0.5'
    >>> differences({"table": {"files": [["/a.csv", 10, 3]]}}, {"table": {"files": [["/a.csv", 12, 9]]}})
    'table: /a.csv has changed (10 bytes, now 12)'
    """
    told = list(_told("", theirs, ours))
    more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return "; ".join(told[:_MOST]) + more


def _told(name: str, theirs: Any, ours: Any) -> Iterator[str]:
    if theirs == ours:
        return
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in sorted({*theirs, *ours}, key=str):
            if key == "files":
                yield from _files(name, theirs.get(key), ours.get(key))
            else:
                yield from _told(f"{name}: {key}" if name else str(key), theirs.get(key), ours.get(key))
    elif name.endswith(("rows", "contents")):
        yield f"{name} are others"  # known by a digest, which tells nobody anything
    else:
        yield f"{name} was {_shown(theirs)}, now {_shown(ours)}"


def _files(name: str, theirs: Any, ours: Any) -> Iterator[str]:
    """Compare files, each given by path, size and time of change."""
    try:
        was, now = ({str(path): (size, time) for path, size, time in files or ()} for files in (theirs, ours))
    except (TypeError, ValueError):
        yield f"{name}: the files are others"
        return
    for path in sorted({*was, *now}):
        if path not in now:
            yield f"{name}: {path} is no longer part of it"
        elif path not in was:
            yield f"{name}: {path} was not part of it"
        elif was[path] != now[path]:
            sizes = was[path][0], now[path][0]
            how = "written anew" if sizes[0] == sizes[1] else f"{sizes[0]:,} bytes, now {sizes[1]:,}"
            yield f"{name}: {path} has changed ({how})"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
