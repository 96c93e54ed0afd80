"""What was measured, where and with what: a table on the screen and a JSON file."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

import chainrule.engine
from bench.peers import OURS, PEERS
from bench.rounds import CORES, Comparison


def cpu() -> str:
    """Name the processor's model."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Describe what it ran on; the instruction set is the one that chainrule's engine uses."""
    here = {"cpu": cpu(), "cores": CORES, "os": platform.platform(), "python": platform.python_version()}
    return here | chainrule.engine.info()


def versions(peers: Iterable[str]) -> dict[str, str]:
    needed = [name for peer in peers for name in PEERS[peer].needs]
    return {OURS: chainrule.__version__} | {name: version(name) for name in dict.fromkeys(["numpy", *needed])}


def caption(peers: Iterable[str]) -> str:
    """Say where the figures come from, in one line."""
    here = machine()
    programs = [f"{name} {number}" for name, number in versions(peers).items()]
    return ", ".join([here["cpu"], f"{here['cores']} cores", here["instructions"] or here["engine"], *programs])


def write(path: Path, peers: Iterable[str], section: str, comparisons: list[Comparison]) -> None:
    """Write a section into the file; the others stay as they are."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    record[section] = {
        "machine": machine(),
        "versions": versions(peers),
        "results": [asdict(comparison) for comparison in comparisons],
    }
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def number(value: float) -> str:
    """Show three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def own_cell(comparison: Comparison, name: str) -> str:
    """Show the median, and under it the notes that are one number."""
    notes = {key: value for key, value in comparison.notes.items() if isinstance(value, float)}
    lines = {comparison.unit: comparison.measured[name].median} | notes
    return "\n".join(f"{number(value)} {words}" for words, value in lines.items())


def cell(comparison: Comparison, name: str) -> str:
    """Show a factor, under it its floor and aim; red below the floor."""
    if name not in comparison.measured:
        return ""
    text, bars = f"{number(comparison.factor(name))} ×", comparison.bars.get(name)
    if not bars:
        return text
    reached = comparison.factor(name) >= bars[0]
    text += f"\n{'≥' if reached else '<'} {' / '.join(f'{bar:.3g}' for bar in bars)}"
    return text if reached else f"[red]{text}[/red]"


def table(title: str, comparisons: list[Comparison]) -> Table:
    """Show what the first one takes, and how many times as much the others take."""
    first, *others = dict.fromkeys(name for comparison in comparisons for name in comparison.measured)
    labels = [PEERS[name].label if name in PEERS else name for name in (first, *others)]
    headings = ["", *(label.replace(", ", "\n") for label in labels)]
    columns = [Column(heading, no_wrap=True) for heading in headings]
    grid = Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, leading=1)
    for comparison in comparisons:
        what = comparison.what.replace(", ", "\n", 1)
        grid.add_row(what, own_cell(comparison, first), *(cell(comparison, name) for name in others))
    return grid
