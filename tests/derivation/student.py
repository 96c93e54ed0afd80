"""Backpropagation as a student writes it, in one function, with mistakes to order: what the judge is tried on."""

import numpy as np


def student(problem, *mistakes, learning_rate=0.05):
    """Return dZ, dA, dW, db as dictionaries by layer; `mistakes` are ids of the catalogue."""
    W, b, loss = problem.parameters.W, problem.parameters.b, problem.architecture.loss
    g, L, m = problem.architecture.g, problem.architecture.L, problem.m
    l1, l2 = problem.architecture.penalty.l1, problem.architecture.penalty.l2
    masks = problem.masks or [None] * (L + 1)
    Z, A = {}, {0: problem.X if masks[0] is None else problem.X * masks[0]}
    for l in range(1, L + 1):
        Z[l] = W[l] @ A[l - 1] + (0 if "missing_bias" in mistakes else b[l])
        A[l] = g[l].g(Z[l])
        if l < L and masks[l] is not None:
            A[l] = A[l] * masks[l]
    dZ, dA, dW, db = {}, {}, {}, {}
    dZ[L] = loss.dZ(Z[L], problem.Y)
    if "sign" in mistakes:
        dZ[L] = -dZ[L]
    if "sum_over_outputs" in mistakes:
        dZ[L] = dZ[L] / len(dZ[L]) if loss.sums_outputs else dZ[L] * len(dZ[L])
    if "missing_softmax_jacobian" in mistakes and loss.name == "categorical_cross_entropy":
        dZ[L] = -problem.Y / A[L]
    if problem.weights is not None:
        dZ[L] = dZ[L] * problem.weights
    if "divided_twice_by_m" in mistakes:
        dZ[L] = dZ[L] / m
    back = [w.copy() for w in W]
    for l in range(L, 0, -1):
        used = A[l - 1]
        if "wrong_layer_activations" in mistakes:
            used = next((A[k] for k in A if k != l - 1 and A[k].shape == used.shape), used)
        dW[l] = dZ[l] @ used.T / (1 if "times_m" in mistakes else m)
        if "missing_penalty" not in mistakes:
            dW[l] = dW[l] + l2 * W[l] + l1 * np.sign(W[l])
        db[l] = dZ[l].sum(axis=1, keepdims=True) / (1 if "times_m" in mistakes else m)
        if "penalty_on_bias" in mistakes:
            db[l] = db[l] + l2 * b[l] + l1 * np.sign(b[l])
        if "updated_weights" in mistakes:
            back[l] = W[l] - learning_rate * dW[l]
        if l == 1:
            break
        dA[l - 1] = back[l].T @ dZ[l]
        slope = g[l - 1].g_prime(Z[l - 1])
        if "missing_activation_derivative" in mistakes:
            slope = np.ones_like(slope)
        if "derivative_of_activation_value" in mistakes:
            slope = g[l - 1].g_prime(g[l - 1].g(Z[l - 1]))
        if "relu_as_its_derivative" in mistakes and g[l - 1].name == "relu":
            slope = np.maximum(Z[l - 1], 0)
        mask = masks[l - 1]
        if mask is None or "missing_dropout_mask" in mistakes:
            mask = 1.0
        elif "missing_dropout_scale" in mistakes:
            mask = mask > 0
        dZ[l - 1] = dA[l - 1] * mask * slope
    if "transposed" in mistakes:
        dW = {l: d.T for l, d in dW.items()}
    if "accumulated" in mistakes:
        dW, db = {l: 2 * d for l, d in dW.items()}, {l: 2 * d for l, d in db.items()}
    return dZ, dA, dW, db
