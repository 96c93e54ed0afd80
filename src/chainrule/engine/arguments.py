"""Arguments of the compiled engine: the network's objects as plain values, and a test of which it supports."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from chainrule.engine import _native
from chainrule.network.activations import ACTIVATIONS, Activation
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.losses import LOSSES, Loss, natural
from chainrule.network.losses.base import derivative_on_output, value_on_output
from chainrule.network.losses.quantiles import levels
from chainrule.network.optimizers import NAdam, mu_and_products
from chainrule.network.training.segment import Plan
from chainrule.network.types import Array

# The default of the parameter of an activation or loss.
_DEFAULTS = {"leaky_relu": 0.01, "elu": 1.0, "binary_focal": 2.0, "categorical_focal": 2.0, "huber": 1.0} | {
    "quantile": 0.5,
    "tweedie": 1.5,
}


def is_known(g: Activation) -> bool:
    """Whether the engine has this activation: one of the table of activations, unchanged."""
    known = ACTIVATIONS.get(g.name, (None, None))
    return (_function(g.g), _function(g.g_prime)) == known and len(g.parameters) <= 1


def is_known_loss(loss: Loss) -> bool:
    """Whether the engine has this loss and its output activation."""
    if loss.name not in LOSSES or len(loss.parameters) > 1:
        return False
    _, value, derivative, _ = LOSSES[loss.name]
    if natural(loss):
        return (_function(loss.value), _function(loss.derivative)) == (value, derivative)
    if (_function(loss.value), _function(loss.derivative)) != (value_on_output, derivative_on_output):
        return False
    behind, output = loss.value.args  # type: ignore[attr-defined]  # a partial, as was just seen
    return is_known(output) and is_known_loss(behind)


def _function(f: Any) -> Any:
    return f.func if isinstance(f, partial) else f


def _named(part: Activation | Loss) -> tuple[str, float]:
    given = list(part.parameters.values())
    return part.name, float(given[0]) if given else _DEFAULTS.get(part.name, 0.0)


def _named_loss(loss: Loss, n_outputs: int) -> tuple[str, list[float]]:
    if loss.name == "quantiles":
        return loss.name, levels(loss.parameters.get("quantiles"), n_outputs)
    name, parameter = _named(loss)
    return name, [parameter]


def network_of(architecture: Architecture) -> _native.Network:
    """Describe the network."""
    loss = architecture.loss
    return _native.Network(
        list(architecture.widths),
        [_named(g) for g in architecture.hidden],
        _named_loss(loss, architecture.widths[-1]),
        ("identity", 0.0) if natural(loss) else _named(loss.output),
        [(round(rate * 2**32), 1 / (1 - rate)) for rate in architecture.dropout] if architecture.drops else [],
        architecture.penalty.l1,
        architecture.penalty.l2,
        [(embedding.column, embedding.levels, embedding.size) for embedding in architecture.embeddings],
    )


def plan_of(plan: Plan, last_step: int) -> _native.Plan:
    """Describe a segment's plan that ends before step `last_step`."""
    hyperparameters = vars(plan.optimizer)
    first = ("momentum", "rho", "beta_1")
    mu = products = None
    if isinstance(plan.optimizer, NAdam):
        mu, products = mu_and_products(plan.optimizer.beta_1, last_step)
    return _native.Plan(
        plan.optimizer.name,
        next((hyperparameters[key] for key in first if key in hyperparameters), 0.0),
        hyperparameters.get("beta_2", 0.0),
        hyperparameters.get("epsilon", 0.0),
        mu,
        products,
        plan.batch_size,
        plan.seed % 2**64,
        plan.weight_decay,
        math.inf if plan.clip_norm is None else plan.clip_norm,
        math.inf if plan.clip_value is None else plan.clip_value,
    )


def examples_of(examples: Examples, *, drops: bool) -> _native.Examples:
    """Wrap the examples; only dropout needs the keys. The numbers of the rows are copied: see `table_of`."""
    return _native.Examples(
        table_of(examples.X.T),
        table_of(examples.Y.T),
        _contiguous(examples.weights, np.float64),
        examples.mean_weight,
        None if examples.rows is None else np.array(examples.rows, np.int64),
        _contiguous(examples.keys if drops else None, np.uint64),
    )


def table_of(rows: Any) -> _native.Table:
    """Wrap a table with one row per example; arrays that C++ cannot read as they are get converted.

    Indices are checked once and then used for a whole training, in which a callback may change the caller's arrays. So
    the starts of sparse rows are copied, and C++ checks columns and codes again where it uses them.
    """
    if hasattr(rows, "indptr"):
        rows = rows.tocsr()
        starts, columns = np.array(rows.indptr, np.int64), np.asarray(rows.indices, np.int32)
        return _native.Table(_readable(rows.data), starts, columns, rows.shape[1])
    return _native.Table(_readable(np.asarray(rows)))


def _readable(values: Array) -> Array:
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f" and size == 2:
        return values.astype(np.float32)
    if kind not in "fiub" or size > 8:
        return values.astype(np.float64)
    return np.require(values, values.dtype.newbyteorder("="), "A")


def _contiguous(values: Array | None, dtype: type[np.generic]) -> Array | None:
    return None if values is None else np.require(values, dtype, ["C", "A"])
