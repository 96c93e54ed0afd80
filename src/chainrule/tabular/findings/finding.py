"""A finding: what a person should know about a table before trusting what is learnt from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know about a table.

    Parameters
    ----------
    kind : str
        "leak", "identifier", "spelling", "few rows", "order", "drift", or "limit" of what was looked for.
    columns : tuple of str
    text : str
        The finding in words, one line.
    """

    kind: str
    columns: tuple[str, ...]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data for JSON; `from_dict` restores it."""
        return asdict(self) | {"columns": list(self.columns)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """Return the finding that `to_dict` wrote."""
        return cls(data["kind"], tuple(data["columns"]), data["text"])


def quoted(names: Sequence[str], most: int = 3) -> str:
    """Name columns or values in a sentence.

    Examples
    --------
    >>> quoted(["a"]), quoted(["a", "b"]), quoted(["a", "b", "c", "d", "e"])
    ("'a'", "'a' and 'b'", "'a', 'b', 'c' and 2 more")
    """
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def shown(findings: Iterable[Finding], most: int = 5) -> list[str]:
    """Return the lines that a command prints: of each kind at most five, with the option that mends it.

    Examples
    --------
    >>> shown([Finding("leak", ("a", "b"), "'a' and 'b' together give 'y' exactly: a leak?")])
    ["'a' and 'b' together give 'y' exactly: a leak? --drop a,b"]
    >>> shown([Finding("drift", (name,), f"{name!r}: differs") for name in "abc"], most=2)
    ['3 columns differ from training:', "  'a': differs", "  'b': differs", '  and 1 more']
    """
    by_kind: dict[str, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    lines = []
    for kind, found in by_kind.items():
        indent = ""
        if kind == "drift":
            indent = "  "
            lines.append(
                f"{len(found):,} columns differ from training:" if len(found) > 1 else "a column differs from training:"
            )
        lines += [f"{indent}{finding.text}{_remedy(finding)}" for finding in found[:most]]
        if len(found) > most:
            lines.append(f"{indent}and {len(found) - most:,} more" + ("" if indent else f" of this kind: {kind}"))
    return lines


def _remedy(finding: Finding) -> str:
    if finding.kind == "order":
        return f" --split-time {_word(finding.columns[0])}"
    names = ",".join(finding.columns)
    if (
        finding.kind not in {"leak", "identifier"}
        or len(finding.columns) > 2
        or names.count(",") >= len(finding.columns)
    ):
        return ""  # the option takes no name with a comma in it
    return f" --drop {_word(names)}"


def _word(text: str) -> str:
    """Quote a text for a shell that would cut it."""
    return f'"{text}"' if set(text) & set(" '\"$&;|<>()*?!`\\#") else text
