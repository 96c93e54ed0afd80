"""Time an epoch of the reference engine beside scikit-learn's MLP: 784-256-128-10, batches of 128, float32.

Both through the public estimator's `fit`, in interleaved rounds; the median of the rounds is reported.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
import warnings
from typing import Any

import numpy as np
import sklearn.neural_network

import chainrule

ROWS, EPOCHS, ROUNDS = 16_384, 4, 7
SOLVERS: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.0, "nesterovs_momentum": False}, "adam": {}}


def seconds_per_epoch(estimator: Any, X: Any, y: Any) -> float:
    """Fit and divide."""
    began = time.perf_counter()
    estimator.fit(X, y)
    return (time.perf_counter() - began) / EPOCHS


def main() -> None:
    """Print one JSON object: machine, versions, medians and spreads in milliseconds, and the ratio."""
    warnings.simplefilter("ignore")
    draw = np.random.default_rng(0)
    X, y = draw.random((ROWS, 784), dtype=np.float32), draw.integers(0, 10, ROWS)
    results = {}
    for solver, extra in SOLVERS.items():
        shared = {"batch_size": 128, "max_iter": EPOCHS, "solver": solver, "shuffle": False, "random_state": 0, **extra}
        peers = {
            "chainrule": lambda s=shared: chainrule.MLPClassifier((256, 128), engine="reference", **s),
            "scikit-learn": lambda s=shared: sklearn.neural_network.MLPClassifier((256, 128), **s),
        }
        times: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(ROUNDS):
            for name, make in peers.items():
                times[name].append(1e3 * seconds_per_epoch(make(), X, y))
        medians = {name: statistics.median(values) for name, values in times.items()}
        results[solver] = {
            "ms per epoch": medians,
            "spread": {name: [min(values), max(values)] for name, values in times.items()},
            "scikit-learn / chainrule": medians["scikit-learn"] / medians["chainrule"],
        }
    versions = {"chainrule": chainrule.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    print(
        json.dumps({"machine": platform.processor() or platform.machine(), "versions": versions, **results}, indent=2)
    )


if __name__ == "__main__":
    main()
