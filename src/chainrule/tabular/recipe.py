"""The default settings of `chainrule train`, chosen once on the data sets of docs/results.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.fit.parameters import FULL_BATCH, Settings


def recipe(n_rows: int, **changes: Any) -> Settings:
    """Return the default settings for a table, with the given ones changed.

    Parameters
    ----------
    n_rows : int
        Number of training rows: small tables get small batches, so that an epoch has enough steps.
    **changes
        Fields of `Settings`.

    Examples
    --------
    >>> recipe(300).batch_size, recipe(100_000).batch_size, recipe(300, dropout=0.5).dropout
    (16, 256, 0.5)
    """
    batch_size = int(np.clip(2 ** np.round(np.log2(max(n_rows, 1) / 100)), 16, 256))
    defaults: dict[str, Any] = {
        "hidden_layer_sizes": (256, 128),
        "max_iter": 200,
        "early_stopping": True,
        "n_iter_no_change": 20,
        "tol": 0.0,
        "dropout": 0.1,
        "batch_size": max(1, min(batch_size, n_rows // 2)),
        "learning_rate": "plateau",
    }
    if changes.get("solver") in FULL_BATCH:
        for stochastic in ("dropout", "batch_size", "learning_rate"):
            defaults.pop(stochastic, None)
    if changes.get("hidden_layer_sizes") == ():
        defaults |= {"dropout": 0.0, "kernel_initializer": "zeros"}  # no symmetry to break, no hidden unit to drop
    return Settings(**(defaults | changes))
