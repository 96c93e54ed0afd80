"""Tables larger than memory: peak memory of `chainrule train --memory`, and rows per second beside training in memory.

    python -m bench.stream FOLDER --rows 20000000 --memory 2GB

generates the table in parts of a million rows, once, trains on all of it in batches, and on as many of its parts as are
to be held in memory, and prints what came of both as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import click
import duckdb

from chainrule.files.model_file import read_model

PART = 1_000_000
NETWORK = ("--hidden", "256,128", "--batch-size", "256", "--test", "0.05")


def generate(folder: Path, rows: int, columns: int) -> list[Path]:
    """Write numbers, some of which decide the class, in parts; those that are there are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f"{number:04}.parquet" for number in range(-(-rows // PART))]
    numbers = ", ".join(f"sin(i * {0.37 * (k + 1)}) + random() AS x{k}" for k in range(columns - 1))
    label = "(sin(i * 0.37) + sin(i * 0.74) + random() > 0.5)::INT AS y"
    for number, part in enumerate(parts):
        first, end = number * PART, min((number + 1) * PART, rows)
        query = f"SELECT {numbers}, {label} FROM range({first}, {end}) t(i)"
        if not part.exists():
            with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
                connection.execute(f"SELECT setseed({number / 1e4})")
                connection.execute(f"COPY ({query}) TO '{part}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")
    return parts


def train(table: str, model: Path, *options: str) -> dict[str, Any]:
    """Train in a process of its own; return its peak memory, how long it took, and rows per second in epochs."""
    command = [sys.executable, "-m", "chainrule", "train", table, "-t", "y", "-m", str(model), *NETWORK, *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"training failed: {' '.join(command)}")
    record = read_model(model)[0]["training"]
    held = record["settings"].get("validation_fraction", 0.1)
    return {
        "rows": record["rows"],
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),
        "seconds": round(time.perf_counter() - began, 1),
        "rows_per_second": round(record["rows"] * (1 - held) / median(record["history"]["epochs"]["seconds"])),
        "order": record.get("order"),
    }


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rows", default=20_000_000, show_default=True, help="Of the generated table.")
@click.option("--columns", default=50, show_default=True, help="Of the generated table, the target among them.")
@click.option("--memory", default="2GB", show_default=True, help="The bound to train in batches with.")
@click.option("--epochs", default=3, show_default=True, help="Of both trainings; the median one counts.")
@click.option("--parts-in-memory", default=2, show_default=True, help="Millions of rows to train on in memory.")
def main(folder: Path, rows: int, columns: int, memory: str, epochs: int, parts_in_memory: int) -> None:
    """Generate a table in FOLDER and train on it in batches and in memory."""
    parts = generate(folder / f"{rows}x{columns}", rows, columns)
    few = folder / f"first-{parts_in_memory}-of-{rows}x{columns}"
    few.mkdir(exist_ok=True)
    for part in parts[:parts_in_memory]:
        link = few / part.name
        if not link.exists():
            link.symlink_to(part.resolve())
    model, options = folder / "model.safetensors", ("--epochs", str(epochs))
    batches = train(str(parts[0].parent), model, "--memory", memory, *options)
    whole = train(str(few), model, *options)
    share = batches["rows_per_second"] / whole["rows_per_second"]
    click.echo(json.dumps({"in batches": batches, "in memory": whole, "share": round(share, 3)}, indent=2))


if __name__ == "__main__":
    main()
