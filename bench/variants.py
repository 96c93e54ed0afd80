"""The same networks with Adam, with dropout, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.plan import Plan
from bench.rounds import Comparison, compare_training

VARIANTS: dict[str, dict[str, Any]] = {
    "Adam": {"solver": "adam"},
    "dropout 0.1": {"dropout": 0.1},
    "float64": {"dtype": "float64"},
}


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield a comparison for each network and variant."""
    for base in plan.works:
        for name, change in VARIANTS.items():
            yield compare_training(replace(base, **change), plan, f"{name}: {base.title}")
