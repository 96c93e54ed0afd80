"""Run the benchmark: `python -m bench`, or a short one with --case and --peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench import memory, prediction, results, startup, training, variants, widths
from bench.cases import CASES
from bench.peers import OURS, PEERS
from bench.plan import ROUNDS, SHORT_ROUNDS, Plan
from bench.rounds import ROOT, Comparison

SECTIONS: dict[str, Callable[[Plan], Iterator[Comparison]]] = {
    "training": training.measure,
    "variants": variants.measure,
    "startup": startup.measure,
    "prediction": prediction.measure,
    "memory": memory.measure,
    "widths": widths.measure,
}
RECORD, PICTURE = ROOT / "bench/results.json", ROOT / "docs/bench.svg"


def installed(names: tuple[str, ...]) -> list[str]:
    """Keep the peers that are installed, chainrule first; say which are not."""
    chosen = dict.fromkeys([OURS, *(names or PEERS)])
    missing = {name: PEERS[name].missing for name in chosen}
    for name, distribution in missing.items():
        if distribution:
            click.echo(f"Left out: {PEERS[name].label}, since {distribution} is not installed.", err=True)
    return [name for name in chosen if not missing[name]]


def run(section: str, plan: Plan) -> list[Comparison]:
    """Measure a section, and show its table."""
    found = []
    for comparison in SECTIONS[section](plan):
        click.echo(f"{section}: {comparison.what}", err=True)
        found.append(comparison)
    if found:
        Console(width=max(Console().width, 120)).print(results.table(section, found))
    return found


def choices(name: str, names: list[str], words: str) -> Callable[..., Any]:
    """Declare an option that may be given several times."""
    return click.option(f"--{name}", f"{name}s", multiple=True, type=click.Choice(names), help=f"{words} Repeatable.")


@click.command()
@choices("case", list(CASES), "Only this network.")
@choices("peer", list(PEERS), "Only this peer, beside chainrule.")
@choices("section", list(SECTIONS), "Only this section.")
@click.option("--rounds", type=click.IntRange(1), help=f"Default: {ROUNDS}, in a short run {SHORT_ROUNDS}.")
@click.option("--data", type=click.Path(path_type=Path), default=ROOT / "../shared/data", help="Folder of the tables.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the results.")
def main(
    cases: tuple[str, ...],
    peers: tuple[str, ...],
    sections: tuple[str, ...],
    rounds: int | None,
    data: Path,
    output: Path | None,
) -> None:
    """Time chainrule beside its peers on the same work.

    A full run keeps its figures in bench/results.json and draws docs/bench.svg. With --case or --peer the run is
    short: training alone unless --section says otherwise, fewer rounds, and nothing kept but in --output.
    """
    short = bool(cases or peers)
    rounds = rounds or (SHORT_ROUNDS if short else ROUNDS)
    plan = Plan(cases or tuple(CASES), installed(peers), data, rounds)
    for section in sections or ("training",) * short or SECTIONS:
        found = run(section, plan)
        record = output or (None if short else RECORD)
        if record:
            results.write(record, plan.peers, section, found)
        if section == "training" and not short:
            draw(found, plan.peers)


def draw(comparisons: list[Comparison], peers: list[str]) -> None:
    """Draw the picture if matplotlib is there."""
    try:
        from bench import chart
    except ModuleNotFoundError as error:
        click.echo(f"Left out: {PICTURE.name}, since {error.name} is not installed.", err=True)
        return
    chart.draw(comparisons, PICTURE, results.caption(peers))


if __name__ == "__main__":
    main()
