"""Backpropagation as libraries write it, one example per row, in any precision and any order of summation."""

import numpy as np

from chainrule.derivation.models.problem import Problem

# Written in terms of a, as textbooks do; the network computes these from z.
TEXTBOOK = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "relu": (lambda z: z * (z > 0), lambda z, a: (z > 0).astype(z.dtype)),
}


def product(a, b, draw, one_by_one):
    """a @ b, summed in a random order; one after the other, or as the library likes."""
    order = draw.permutation(a.shape[1])
    if not one_by_one:
        return a[:, order] @ b[order]
    total = np.zeros((len(a), b.shape[1]), a.dtype)
    for k in order:
        total += np.outer(a[:, k], b[k])
    return total


@np.errstate(all="ignore")
def rows_of(problem: Problem, dtype, seed=0, right_slope=False):
    """Return dZ, dA, dW and db by name and layer, in textbook orientation; relu'(0) is 0, or 1."""
    draw, one_by_one = np.random.default_rng(seed), bool(seed % 2)
    architecture, parameters, L = problem.architecture, problem.parameters, problem.architecture.L
    W, b = ([None, *(np.asarray(x.T, dtype) for x in xs[1:])] for xs in (parameters.W, parameters.b))
    X, Y, m = np.asarray(problem.X.T, dtype), np.asarray(problem.Y.T, dtype), dtype(problem.m)
    masks = [1 if mask is None else np.asarray(mask.T, dtype) for mask in problem.masks or [None] * L]
    textbook = dict(TEXTBOOK)
    if right_slope:
        textbook["relu"] = (textbook["relu"][0], lambda z, a: (z >= 0).astype(z.dtype))

    def of(l):
        """The activation of a layer and its derivative by z and a."""
        g = architecture.g[l]
        return textbook.get(g.name, (lambda z: g.g(z.T).T, lambda z, a: g.g_prime(z.T).T))

    Z, A = [None], [X * masks[0]]
    slopes = [None]
    for l in range(1, L + 1):
        Z.append(product(A[-1], W[l], draw, one_by_one) + b[l])
        a = of(l)[0](Z[l])
        slopes.append(of(l)[1](Z[l], a) if l < L else None)
        A.append(a * masks[l] if l < L else a)
    dZ = output_error(architecture.loss, Z[L], A[L], Y)
    if problem.weights is not None:
        dZ = dZ * np.asarray(problem.weights, dtype)[:, None]
    l1, l2 = dtype(architecture.penalty.l1), dtype(architecture.penalty.l2)
    found = {}
    for l in range(L, 0, -1):
        found["dZ", l] = dZ.T
        found["dW", l] = (product(A[l - 1].T, dZ, draw, one_by_one) / m + l2 * W[l] + l1 * np.sign(W[l])).T
        found["db", l] = product(np.ones((1, len(dZ)), dtype), dZ, draw, one_by_one).T / m
        if l > 1:
            dA = product(dZ, W[l].T, draw, one_by_one)
            found["dA", l - 1] = dA.T
            dZ = dA * masks[l - 1] * slopes[l - 1]
    assert all(array.dtype == dtype for array in found.values())
    return found


def output_error(loss, Z, A, Y):
    if loss.name == "categorical_cross_entropy":
        return A - Y
    if loss.name in ("binary_cross_entropy", "squared_error", "poisson"):
        return (A - Y) / Y.dtype.type(Y.shape[1])
    return loss.dZ(Z.T, Y.T).T
