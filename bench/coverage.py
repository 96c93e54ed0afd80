"""How often `predict_interval` holds on real tables, over random splits, beside what its guarantee says.

    python -m bench.coverage DATA_FOLDER [SPLITS]

A split has 300 rows to train a linear model on, 200 to calibrate, the others (at most 1000) to test. The number of test
rows inside follows a beta-binomial law where no two scores are equal; copies of a row make it larger.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import betabinom

from bench.tables import CASES
from chainrule import LinearRegressor
from chainrule.table import read_table
from chainrule.table.batches import OneBatch
from chainrule.tabular.prepare import Overrides, prepare
from chainrule.tabular.splitting.split import Shares

TABLES = ("concrete", "power plant", "california housing", "wine, red", "wine, white")
COVERAGES = (0.8, 0.9, 0.95)
TRAIN, CALIBRATE, MOST = 300, 200, 1000
MODELS: dict[str, dict[str, Any]] = {
    "residuals": {"solver": "lbfgs"},
    "quantiles": {"loss": "quantile", "quantile": [0.05, 0.5, 0.95], "solver": "adam", "learning_rate_init": 0.05},
}


def rows_of(folder: Path, name: str) -> tuple[Any, Any]:
    """All rows of a table, encoded, and the standardised target."""
    case = CASES[name]
    overrides = Overrides(drop=case.drop, task="regression")
    batches, shares = OneBatch.of(read_table(folder / case.table)), Shares(test=0, validation=0)
    rows = prepare(batches, case.targets, overrides=overrides, shares=shares).rows["training"]
    block = rows.read(0, rows.m)
    return block.X, block.Y[:, 0]


def covered(X: Any, y: Any, settings: dict[str, Any], split: int) -> tuple[list[int], int]:
    """How many test rows of a split are inside, for each coverage, and how many there are."""
    order = np.random.default_rng(split).permutation(len(y))[: TRAIN + CALIBRATE + MOST]
    train, calibrate, test = np.split(order, [TRAIN, TRAIN + CALIBRATE])
    model = LinearRegressor(alpha=0.01, max_iter=60, random_state=0, **settings)
    model.fit(X[train], y[train], X_cal=X[calibrate], y_cal=y[calibrate])
    counts = []
    for coverage in COVERAGES:
        low, high = model.predict_interval(X[test], coverage).T
        counts.append(int(np.sum((low <= y[test]) & (y[test] <= high))))
    return counts, len(test)


def main() -> None:
    """Print a row for each table, model and coverage."""
    folder, splits = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(
        "| data | model | coverage | mean covered | expected | splits within the 99 % band |\n|---|---|---|---|---|---|"
    )
    for name in TABLES:
        X, y = rows_of(folder, name)
        for kind, settings in MODELS.items():
            results = [covered(X, y, settings, split) for split in range(splits)]
            m = results[0][1]
            for i, coverage in enumerate(COVERAGES):
                k = int(np.ceil(round((CALIBRATE + 1) * coverage, 9)))
                counts = np.array([counts[i] for counts, _ in results])
                least, most = betabinom.interval(0.99, m, k, CALIBRATE + 1 - k)
                within = np.mean((least <= counts) & (counts <= most))
                figures = f"{counts.mean() / m:.4f} | {k / (CALIBRATE + 1):.4f} | {within:.3f}"
                print(f"| {name} | {kind} | {coverage} | {figures} |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
