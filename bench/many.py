"""Many networks: sixteen at once beside one after the other, and searches beside scikit-learn's.

    python bench/many.py [ROUNDS]

Prints a table in Markdown: medians of interleaved rounds, smallest and largest. Every process has the machine's own
number of threads for BLAS; the searches have two workers each.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for bench.rounds, when run as a script

from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as TheirClassifier

from bench.rounds import Comparison, interleaved
from chainrule import MLPClassifier, MLPSearchCV, fit_many

NETWORKS = 16
WORKERS = 2
# hidden layers, inputs, rows, batch, epochs
SIZES = {"20-64-32-1": ((64, 32), 20, 16_384, 64, 20), "2-16-1": ((16,), 2, 8_192, 32, 50)}
GRID = {"alpha": [1e-4, 1e-2, 1.0], "learning_rate_init": [1e-3, 1e-2]}
NET: dict[str, Any] = {"hidden_layer_sizes": (100,), "max_iter": 30, "random_state": 0}


def timed(task: Callable[[], Any]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def sixteen(rounds: int) -> Iterator[Comparison]:
    """Fit the same table from sixteen seeds."""
    for name, (hidden, inputs, rows, batch, epochs) in SIZES.items():
        draw = np.random.default_rng(0)
        X = draw.normal(size=(rows, inputs)).astype(np.float32)
        y = (X[:, 0] + draw.normal(size=rows) > 0).astype(int)
        settings: dict[str, Any] = {"batch_size": batch, "max_iter": epochs, "n_iter_no_change": np.inf}
        nets = [MLPClassifier(hidden, random_state=seed, **settings) for seed in range(NETWORKS)]
        tasks = {
            "fit_many, threads": partial(fit_many, nets, X, y),
            f"fit_many, {WORKERS} processes": partial(fit_many, nets, X, y, workers=WORKERS),
            "one after the other": partial(one_by_one, nets, X, y),
            "one alone": partial(one_by_one, nets[:1], X, y),
        }
        measured = interleaved({name: partial(timed, task) for name, task in tasks.items()}, rounds)
        yield Comparison(f"{NETWORKS} networks {name}, {rows:,} rows, {epochs} epochs", "s", measured)


def one_by_one(nets: list[Any], X: Any, y: Any) -> None:
    for net in nets:
        net.fit(X, y)


def searches(rounds: int) -> Iterator[Comparison]:
    """Search six candidates on five splits of the digits."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    tasks: dict[str, Callable[[], Any]] = {
        "MLPSearchCV, threads": MLPSearchCV(MLPClassifier(**NET), GRID).fit,
        f"MLPSearchCV, {WORKERS} processes": MLPSearchCV(MLPClassifier(**NET), GRID, workers=WORKERS).fit,
        f"GridSearchCV of ours, n_jobs={WORKERS}": GridSearchCV(MLPClassifier(**NET), GRID, n_jobs=WORKERS).fit,
        f"GridSearchCV of scikit-learn's, n_jobs={WORKERS}": GridSearchCV(
            TheirClassifier(**NET), GRID, n_jobs=WORKERS
        ).fit,
    }
    with parallel_config("loky"):
        measured = interleaved({name: partial(timed, partial(task, X, y)) for name, task in tasks.items()}, rounds)
    yield Comparison("30 fits and a refit on the digits, 64-100-10, 30 epochs", "s", measured)


def main(rounds: int) -> None:
    print("| what | who | median, s | smallest to largest | times the first |\n|---|---|---|---|---|")
    for comparison in (*sixteen(rounds), *searches(rounds)):
        for who, spread in comparison.measured.items():
            span = f"{spread.min:.2f} to {spread.max:.2f}"
            print(f"| {comparison.what} | {who} | {spread.median:.2f} | {span} | {comparison.factor(who):.2f} |")


if __name__ == "__main__":  # the processes import this file again
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
