"""The catalogue of mistakes in backpropagation written by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of mistake: its id, what was done, and what to do."""

    id: str
    what: str
    cure: str


_KINDS = (
    Kind(
        "times_m",
        "the gradient is m times too large: the sum over the examples was taken, not the mean",
        "Divide by m once, in dW and db: dW[l] = (1/m) dZ[l] A[l-1]ᵀ.",
    ),
    Kind(
        "divided_twice_by_m",
        "the mean over the examples was taken twice: dZ has a factor 1/m as well as dW and db",
        "Multiply by 1/m once, in dW and db; dZ[L] = A[L] - Y has no such factor.",
    ),
    Kind(
        "sign",
        "wrong sign: this update increases the loss",
        "The error is prediction minus target, dZ[L] = A[L] - Y, and the update subtracts: W := W - α dW.",
    ),
    Kind(
        "transposed",
        "a matrix is transposed",
        "W[l] is (n[l], n[l-1]) and dW[l] as well; the error goes back through the transpose, dA[l-1] = W[l]ᵀ dZ[l].",
    ),
    Kind(
        "missing_activation_derivative",
        "the derivative of the activation is missing: dZ was taken to be dA",
        "Multiply element by element: dZ[l] = dA[l] * g'(Z[l]).",
    ),
    Kind(
        "derivative_of_activation_value",
        "the derivative was taken at A instead of Z: g'(A[l]) where g'(Z[l]) is meant",
        "Pass Z to g', or use a formula in a such as a(1 - a) without taking the activation again.",
    ),
    Kind(
        "relu_as_its_derivative",
        "ReLU itself was used as its derivative",
        "The derivative of ReLU is 1 where z > 0, else 0.",
    ),
    Kind(
        "updated_weights",
        "the error was propagated through weights that had already been updated",
        "Compute every gradient first, with the weights of the forward pass; then update all layers at once.",
    ),
    Kind(
        "missing_penalty",
        "the derivative of the penalty is missing",
        "Add the penalty's derivative to dW: alpha (1 - l1_ratio) W + alpha l1_ratio sign(W).",
    ),
    Kind(
        "penalty_on_bias",
        "the biases were penalised",
        "Only weights are penalised; db[l] is the mean of dZ[l].",
    ),
    Kind(
        "sum_over_outputs",
        "the outputs were summed instead of averaged, or the other way round",
        "The loss of an example is the mean over its outputs (dZ[L] has a factor 1/n[L]), except for a distribution "
        "over classes, whose terms are summed.",
    ),
    Kind(
        "missing_bias",
        "the bias was forgotten",
        "Z[l] = W[l] A[l-1] + b[l], and db[l] = (1/m) Σ dZ[l].",
    ),
    Kind(
        "wrong_layer_activations",
        "the activations of another layer were used for dW",
        "dW[l] uses the inputs of the layer: dW[l] = (1/m) dZ[l] A[l-1]ᵀ.",
    ),
    Kind(
        "missing_dropout_mask",
        "the dropout mask was not applied in the backward pass",
        "A removed unit passes no error: dZ[l] = dA[l] * mask * g'(Z[l]).",
    ),
    Kind(
        "missing_dropout_scale",
        "the factor 1/(1 - rate) of the dropout mask was forgotten",
        "Kept units are multiplied by 1/(1 - rate), in the forward and the backward pass.",
    ),
    Kind(
        "missing_softmax_jacobian",
        "the softmax was treated as if each output depended only on its own z",
        "Every output depends on every z; with cross-entropy the product simplifies to dZ[L] = A[L] - Y.",
    ),
    Kind(
        "accumulated",
        "the gradient was added to that of a previous call",
        "Start every call from zero (in PyTorch: optimizer.zero_grad()).",
    ),
)

KINDS: dict[str, Kind] = {kind.id: kind for kind in _KINDS}
