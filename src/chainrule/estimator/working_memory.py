"""What a fitted estimator takes: rows predicted at a time, and what is left of it when only predicting matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn import get_config

from chainrule.fit.fit_network import Fitted
from chainrule.network.architecture import Architecture
from chainrule.network.examples import CHUNK
from chainrule.outofcore.memory import LEAST, Budget


def rows_at_a_time(architecture: Architecture, itemsize: int) -> int:
    """Return how many rows go through the network together: as many as scikit-learn's `working_memory` (MiB) holds.

    A row takes its inputs, and Z and A of the widest layers. At most as many as keep the processor busy.
    """
    bytes_of_row = itemsize * (architecture.widths[0] + 2 * sum(architecture.widths[1:]))
    return int(np.clip(get_config()["working_memory"] * 2**20 // bytes_of_row, 1, CHUNK))


def working_budget() -> Budget:
    """What rows of a table on disk may take: scikit-learn's `working_memory`, but not less than any work takes."""
    return Budget(max(LEAST, int(get_config()["working_memory"] * 2**20)))


def compacted(fitted: Fitted) -> Fitted:
    """Leave out what only training needs: the optimiser's state and the record of the epochs."""
    history = replace(fitted.history, columns={})
    return replace(fitted, state=replace(fitted.state, slots=()), history=history)
