"""The picture of docs/many-machines.md: how many times as fast as one worker, up to 1,000 of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

from bench.chart import GREY, INK, STYLE
from bench.cluster_model import Model

WORKERS = np.unique(np.geomspace(1, 1000, 60).astype(int))
NETWORKS = {"10 Gbit/s, 0.1 ms": (1250.0, 0.1, "-"), "1 Gbit/s, 0.5 ms": (125.0, 0.5, ":")}
PARAMETERS = 1_000_000
ROWS = {"4,096 rows a step": (4_096, "#2f6f9f"), "262,144 rows a step": (262_144, "#c8503c")}


def draw(models: dict[str, Model], points: list[dict[str, Any]], path: Path) -> None:
    """Draw one panel for each way to talk, and the measured points of 2 and 3 workers beside the model's."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
        for axes, (how, model) in zip(panels[:2], models.items(), strict=True):
            draw_speed(axes, how, model)
        draw_check(panels[2], models, points)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def draw_speed(axes: Any, how: str, model: Model) -> None:
    for rows, (batch, color) in ROWS.items():
        for network, (bandwidth, latency, style) in NETWORKS.items():
            alone = model.predicted(1, PARAMETERS, batch)
            speed = [
                alone / model.predicted(int(w), PARAMETERS, batch, megabytes_per_s=bandwidth, latency_ms=latency)
                for w in WORKERS
            ]
            axes.plot(WORKERS, speed, style, color=color, label=f"{rows}, {network}")
    axes.plot(WORKERS, WORKERS, color=GREY, linewidth=0.7)
    axes.set(xscale="log", yscale="log", xlabel="workers", title=f"{how}: times as fast as one (model)")
    axes.set_ylim(0.01, 1000)
    axes.legend(fontsize=6, frameon=False)


def draw_check(axes: Any, models: dict[str, Model], points: list[dict[str, Any]]) -> None:
    for how, marker in (("dask", "o"), ("mpi", "s")):
        chosen = [point for point in points if point["how"] == how]
        axes.plot(
            [point["ms"] for point in chosen],
            [models[how].milliseconds(point) for point in chosen],
            marker,
            markersize=3,
            label=how,
        )
    low, high = axes.get_xlim()
    axes.plot([max(low, 0.01), high], [max(low, 0.01), high], color=INK, linewidth=0.7)
    axes.set(xscale="log", yscale="log", xlabel="measured, ms", title="model against measured, ms")
    axes.legend(fontsize=6, frameon=False)
