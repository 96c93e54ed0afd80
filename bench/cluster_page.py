"""The figures of docs/many-machines.md."""

from __future__ import annotations

from typing import Any

from bench.cluster_model import Model

BEGIN, END = "<!-- begin figures -->", "<!-- end figures -->"


def figures(points: list[dict[str, Any]], models: dict[str, Model]) -> str:
    """Return the two tables: what was measured, and from where on two workers pay."""
    columns = sorted({(point["how"], point["workers"]) for point in points}, key=lambda c: (c[0] != "local", c))
    heads = ["this process" if how == "local" else f"{how}, {workers}" for how, workers in columns]
    found = {(p["what"], p["parameters"], p["batch"], p["how"], p["workers"]): p["ms"] for p in points}
    rows = [f"| milliseconds of | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for what, parameters, batch in dict.fromkeys((p["what"], p["parameters"], p["batch"]) for p in points):
        cells = [found.get((what, parameters, batch, *column)) for column in columns]
        name = f"a step, {parameters:,} parameters, {batch:,} rows" if batch else f"the sum of {parameters:,} numbers"
        rows.append(f"| {name} | {' | '.join('' if ms is None else f'{ms:.2f}' for ms in cells)} |")
    return "\n".join([*rows, "", *_break_even(points, models)])


def _break_even(points: list[dict[str, Any]], models: dict[str, Model]) -> list[str]:
    rows = ["| two machines pay, by the model, from | over Dask | over MPI |", "|---|---|---|"]
    for parameters in sorted({point["parameters"] for point in points if point["what"] == "step"}):
        borders = [models[how].break_even(parameters) for how in ("dask", "mpi")]
        cells = [f"{count:,.0f} rows a step, which take one {ms:.1f} ms" for count, ms in borders]
        rows.append(f"| {parameters:,} parameters | {' | '.join(cells)} |")
    return rows
