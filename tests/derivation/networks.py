"""Random networks with random examples, over everything the library has."""

import numpy as np

from chainrule.derivation.models.problem import Problem
from chainrule.network import activation
from chainrule.network.activations import ACTIVATIONS, OUTPUT_ONLY
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.dropout import dropout_masks
from chainrule.network.embeddings import Embedding
from chainrule.network.losses import LOSSES, loss
from chainrule.network.penalties import Penalty

EMBEDDINGS = (Embedding(column=1, levels=5, size=3), Embedding(column=0, levels=40, size=2))
HIDDEN = [name for name in ACTIVATIONS if name not in OUTPUT_ONLY]
DISTRIBUTIONS = ("categorical_cross_entropy", "categorical_focal")


def targets(name, n, m, draw):
    """Targets that a loss is defined for."""
    if name in DISTRIBUTIONS:
        return np.eye(n)[draw.integers(n, size=m)].T
    if name in ("binary_cross_entropy", "binary_focal", "hinge"):
        return draw.integers(2, size=(n, m)).astype(float)
    if name in ("poisson", "gamma", "tweedie"):
        return draw.integers(1, 5, size=(n, m)).astype(float)
    return draw.normal(size=(n, m))


def random_problem(seed, **fixed):
    """A network of 1 to 6 layers with random weights, penalty, example weights and dropout; `fixed` fixes parts."""
    draw = np.random.default_rng(seed)
    name = fixed.get("loss", str(draw.choice(list(LOSSES))))
    L = fixed.get("L", int(draw.integers(1, 7)))
    n = fixed.get("n_outputs", int(draw.integers(2 if name in DISTRIBUTIONS else 1, 4)))
    widths = (*(int(w) for w in draw.integers(2, 7, size=L)), n)
    embeddings = fixed.get("embeddings", ())  # of columns 0 and 1, which every table has
    n_columns = fixed.get("n_columns", widths[0])
    widths = (n_columns + sum(embedding.size - 1 for embedding in embeddings), *widths[1:])
    m = fixed.get("m", int(draw.integers(4, 12)))
    hidden = tuple(activation(fixed.get("activation", str(draw.choice(HIDDEN)))) for _ in range(L - 1))
    penalty = Penalty(float(fixed.get("alpha", draw.choice([0, 0.1]))), float(draw.choice([0, 0.5])))
    rates = tuple(float(r) for r in draw.choice([0, 0.4], size=L)) if draw.random() < 0.3 else ()
    rates = fixed.get("dropout", rates)
    if rates and not isinstance(rates, tuple):
        rates = (0.0, *(rates,) * (L - 1))
    architecture = Architecture(widths, hidden, loss(name), penalty, rates, embeddings)
    parameters = initial_parameters(architecture, seed=seed)
    biases = slice(parameters.weights.stop, parameters.weights.stop + sum(widths[1:]))
    parameters.theta[biases] = draw.normal(scale=0.3, size=sum(widths[1:]))
    X, Y = draw.normal(size=(n_columns, m)), targets(name, n, m, draw)
    for embedding in embeddings:
        X[embedding.column] = draw.integers(embedding.levels, size=m)
    weights = None
    if fixed.get("weighted", draw.random() < 0.3):
        weights = draw.uniform(0.2, 2, size=m)
        weights /= weights.mean()
    masks = None
    if architecture.drops:
        keys = np.arange(m, dtype=np.uint64)
        masks = dropout_masks(rates, widths, keys, seed=seed, step=0, dtype=np.dtype(np.float64))
    return Problem(architecture, parameters, X, Y, weights, masks)
