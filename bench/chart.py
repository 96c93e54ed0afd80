"""The picture for the README: how many times as long every peer takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from bench.peers import OURS, PEERS
from bench.rounds import Comparison

COLORS = {
    "torch": "#c8503c",
    "torch-compiled": "#a03a5e",
    "keras": "#6a5a9e",
    "jax": "#2f6f9f",
    "sklearn": "#c07a1e",
}
INK, GREY, PAPER = "#1f2328", "#6e7781", "#ffffff"
HEADING, GAP = 1.1, 0.6  # in rows; a bar takes one
ROW, TOP, BOTTOM, WIDTH = 0.2, 0.75, 0.45, 8.0  # inches
LEFT = 0.19  # of the width, for the peers' names
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "svg.hashsalt": "bench",  # the same figures, the same file
}


def factor(value: float) -> str:
    return f"{value:,.0f}×" if value >= 10 else f"{value:.1f}×"


def draw_group(axes: Axes, comparison: Comparison, y: float) -> float:
    """Draw a network's heading and its bars, the slowest first, from row y on; return the row after them."""
    margin = blended_transform_factory(axes.figure.transFigure, axes.transData)
    axes.text(0.015, y, comparison.what, weight="bold", va="center", transform=margin)
    y += HEADING
    peers = [name for name in comparison.measured if name != OURS]
    for name in sorted(peers, key=comparison.factor, reverse=True):
        value = comparison.factor(name)
        axes.barh(y, value - 1, 0.76, left=1, color=COLORS[name])
        axes.text(LEFT - 0.012, y, PEERS[name].label, ha="right", va="center", transform=margin)
        axes.text(max(value, 1) * 1.04, y, factor(value), va="center", weight="bold", color=COLORS[name])
        y += 1
    axes.vlines(1, y - len(peers) - 0.5, y - 0.5, color=INK, linewidth=1.5)
    return y + GAP


def scale(axes: Axes, bottom: float, comparisons: list[Comparison]) -> None:
    """Make the scale logarithmic and leave out the frame."""
    factors = [comparison.factor(name) for comparison in comparisons for name in comparison.measured]
    axes.set_xscale("log")
    least, most = min(0.97, *factors), max(factors)
    axes.set_xlim(least, most * (most / least) ** 0.1)  # room for the last label
    axes.set_ylim(bottom, -1)
    axes.set_axis_off()


def draw(comparisons: list[Comparison], path: Path, caption: str) -> None:
    """Write the picture as SVG."""
    rows = 1 + sum(HEADING + GAP + len(comparison.measured) - 1 for comparison in comparisons)
    height = ROW * rows + TOP + BOTTOM
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(WIDTH, height), facecolor=PAPER)
        axes = figure.add_axes((LEFT, BOTTOM / height, 1 - LEFT, ROW * rows / height))
        y = 0.0
        for comparison in comparisons:
            y = draw_group(axes, comparison, y)
        scale(axes, y, comparisons)
        title = "Time of a training epoch, as a multiple of chainrule's"
        figure.text(0.015, 1 - 0.27 / height, title, weight="bold", size=13, va="center")
        subtitle = "Plain SGD in float32. Logarithmic scale; the vertical line is chainrule."
        figure.text(0.015, 1 - 0.52 / height, subtitle, color=GREY, va="center")
        figure.text(0.015, 0.2 / height, caption, color=GREY, size=7.5, va="center")
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
