"""`Network` and `Dense`: the textbook's network as one object.

net = Network([Dense(16, "tanh"), Dense(1, "sigmoid")], n_inputs=2, loss="binary_cross_entropy")
pass_ = net.forward(X)                  # X is (n[0], m): columns are examples
gradients = net.backward(pass_, Y)      # dZ, dA, dW, db of every layer
net.step(gradients, learning_rate=0.5)  # W := W - α dW, b := b - α db, all layers at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network import propagate
from chainrule.network.activations import COUPLED
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.custom.any_activation import ActivationSpec, activation
from chainrule.network.examples import Examples
from chainrule.network.initializers import InitializerSpec
from chainrule.network.losses import Loss, custom_loss
from chainrule.network.losses import loss as named_loss
from chainrule.network.losses.custom import CustomLoss
from chainrule.network.optimizers import optimizer_named
from chainrule.network.parameters import flatten, parameters_from
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.sparse import canonical
from chainrule.network.summary import Summary
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.history import History
from chainrule.network.training.loop import train
from chainrule.network.training.setup import Stopping, Training, Validation
from chainrule.network.types import Array


@dataclass(frozen=True)
class Dense:
    """A layer of n[l] units: Z[l] = W[l] A[l-1] + b[l], A[l] = g(Z[l]).

    Parameters
    ----------
    units : int
        n[l].
    activation : str, tuple or object, default "relu"
        g, as `chainrule.network.activation` takes it. In the last layer: the loss's own output activation, or any
        element-wise one for a loss on predictions.
    dropout : float, default 0
        The share of this layer's units removed during training.
    """

    units: int
    activation: ActivationSpec = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.units, int | np.integer) or self.units < 1:
            raise InvalidParameterError(f"units must be a whole number of at least 1, got {self.units!r}.")


class Network:
    """A feed-forward network in textbook orientation: columns are examples, lists are indexed by layer.

    Parameters
    ----------
    layers : sequence of Dense
        Layers 1 to L; the last one is the output.
    n_inputs : int
        n[0].
    loss : str, Loss or object, default "binary_cross_entropy"
        See `chainrule.network.losses`; an object has loss(y, z), gradient(y, z) and inverse_link(z) on rows.
    alpha, l1_ratio : float, default 0
        The penalty alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²).
    dropout_input : float, default 0
    kernel_initializer, bias_initializer : str, (str, dict), callable or list, default "auto", "zeros"
        See `chainrule.network.initializers`; one for all layers, or a list of one for each.
    seed : int, default 0
    dtype : default float64

    Attributes
    ----------
    W, b : list of ndarray
        W[l] is (n[l], n[l-1]), b[l] is (n[l], 1); W[0] and b[0] are empty.

    Examples
    --------
    >>> X = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]])
    >>> Y = np.array([[0.0, 1, 1, 0]])
    >>> net = Network([Dense(4, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=1)
    >>> for _ in range(500):
    ...     gradients = net.backward(net.forward(X), Y)
    ...     net.step(gradients, learning_rate=1.0)
    >>> net.predict(X).round().astype(int).tolist()
    [[0, 1, 1, 0]]
    """

    def __init__(
        self,
        layers: Sequence[Dense],
        *,
        n_inputs: int,
        loss: str | Loss | CustomLoss = "binary_cross_entropy",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        dropout_input: float = 0.0,
        kernel_initializer: InitializerSpec | Sequence[InitializerSpec] = "auto",
        bias_initializer: InitializerSpec | Sequence[InitializerSpec] = "zeros",
        seed: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        if not layers:
            raise InvalidParameterError("a network needs at least one layer, the output; got none.")
        *hidden, last = layers
        self.architecture = Architecture(
            (n_inputs, *(layer.units for layer in layers)),
            tuple(activation(layer.activation) for layer in hidden),
            _loss(loss, last.activation),
            Penalty(alpha, l1_ratio),
            (dropout_input, *(layer.dropout for layer in hidden)),
        )
        self.seed = seed
        self.parameters = initial_parameters(
            self.architecture,
            seed=seed,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            dtype=dtype,
        )

    def __repr__(self) -> str:
        return f"Network({'-'.join(map(str, self.architecture.widths))})"

    @property
    def W(self) -> list[Array]:
        """The weights, W[l] of shape (n[l], n[l-1])."""
        return self.parameters.W

    @property
    def b(self) -> list[Array]:
        """The biases, b[l] of shape (n[l], 1)."""
        return self.parameters.b

    def set_parameters(self, W: Sequence[Array], b: Sequence[Array]) -> Network:
        """Take W[1] to W[L] and b[1] to b[L] as they are; raises ShapeError where they do not fit."""
        given = parameters_from([np.asarray(w, self._dtype) for w in W], [np.asarray(v, self._dtype) for v in b])
        if given.widths != self.architecture.widths:
            raise ShapeError(f"the widths must be {self.architecture.widths}, got {given.widths}.")
        self.parameters = given
        return self

    def forward(self, X: Array) -> propagate.Forward:
        """Z[l] and A[l] of every layer for X of shape (n[0], m); A[L] is the prediction."""
        return propagate.forward(self.architecture, self.parameters, self._columns("X", X, 0))

    def backward(self, pass_: propagate.Forward, Y: Array, weights: Array | None = None) -> propagate.Gradients:
        """dZ, dA, dW, db of the mean data loss for Y of shape (n[L], m); computes, changes nothing.

        The L2 penalty's part is added by `step`, as weight decay is in the textbook update.
        """
        Y = self._columns("Y", Y, -1)
        if Y.shape != pass_.Z[-1].shape:
            raise ShapeError(f"Y must have the shape of A[L], {pass_.Z[-1].shape}, got {Y.shape}.")
        return propagate.backward(self.architecture, self.parameters, pass_, Y, weights)

    def cost(self, X: Array, Y: Array) -> float:
        """J = (1/m) Σ L + penalty."""
        examples = Examples(self._columns("X", X, 0), self._columns("Y", Y, -1))
        data = segment.mean_loss(self.architecture, self.parameters, examples)
        return data + self.architecture.penalty.value(self.W[1:])

    def step(self, gradients: propagate.Gradients, learning_rate: float) -> None:
        """W[l] := W[l] - α (dW[l] + penalty'), b[l] := b[l] - α db[l], for all layers at once."""
        d, w = flatten(gradients.dW[1:], gradients.db[1:], gradients.dE), self.parameters.weights
        d[w] += self.architecture.penalty.smooth_gradient(self.parameters.theta[w])
        state = segment.initial_state(self.parameters, segment.Plan())
        self.parameters = segment.updated(self.architecture, segment.Plan(), state, d, float(learning_rate)).parameters

    def predict(self, X: Array) -> Array:
        """A[L] of shape (n[L], m)."""
        Z = segment.logits(self.architecture, self.parameters, self._columns("X", X, 0))
        prediction: Array = self.architecture.loss.output.g(Z)
        return prediction

    def fit(
        self,
        X: Array,
        Y: Array,
        *,
        epochs: int = 100,
        batch_size: int | None = None,
        optimizer: str = "sgd",
        learning_rate: float = 0.1,
        schedule: str = "constant",
        warmup_steps: int = 0,
        shuffle: bool = True,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        validation: tuple[Array, Array] | None = None,
        patience: float = np.inf,
        tol: float = 1e-4,
        **hyperparameters: float,
    ) -> History:
        """Train for a number of epochs and return the history.

        Parameters
        ----------
        X, Y : ndarray of shape (n[0], m), (n[L], m)
        epochs : int, default 100
        batch_size : int, optional
            Examples per step; None for all of them, gradient descent as in the source.
        optimizer : str, default "sgd"
            See `chainrule.network.optimizers`; `hyperparameters` go to it (momentum, beta_1, ...).
        learning_rate, schedule, warmup_steps : float, str, int
            See `chainrule.network.schedules`.
        shuffle : bool, default True
            Visit the examples in a new order every epoch.
        weight_decay : float, default 0
            Decoupled: W is multiplied by 1 - rate weight_decay.
        clip_norm, clip_value : float, optional
        validation : (X, Y), optional
            Keeps the weights of the best epoch.
        patience, tol : float, default infinity, 1e-4
            Stop after so many epochs without an improvement by more than tol.
        **hyperparameters : float
            Of the optimiser.
        """
        examples = self._examples(X, Y)
        size = min(examples.m if batch_size is None else batch_size, examples.m)
        if size < 1 or epochs < 1:
            raise InvalidParameterError(f"batch_size and epochs must be at least 1, got {batch_size!r} and {epochs!r}.")
        plan = segment.Plan(
            optimizer_named(optimizer, **hyperparameters), size, self.seed, weight_decay, clip_norm, clip_value
        )
        steps = -(-examples.m // size)
        training = Training(
            self.architecture,
            plan,
            InMemory(examples, segment, shuffle),
            Schedule(schedule, learning_rate, steps, epochs * steps, examples.m, warmup_steps=warmup_steps),
            Stopping(epochs, patience, tol, keep_best=validation is not None),
            validation=None if validation is None else Validation(InMemory(self._examples(*validation), segment)),
        )
        state, history = train(training, segment.initial_state(self.parameters, plan))
        self.parameters = state.parameters
        return history

    def summary(self, batch_size: int = 1) -> Summary:
        """Layers, shapes, parameters, multiply-adds and bytes; print it."""
        return Summary(self.architecture, self._dtype, batch_size)

    @property
    def _dtype(self) -> np.dtype[Any]:
        return self.parameters.theta.dtype

    def _examples(self, X: Array, Y: Array) -> Examples:
        X, Y = self._columns("X", X, 0), self._columns("Y", Y, -1)
        if X.shape[1] != Y.shape[1]:
            raise ShapeError(f"X and Y must have as many columns (examples); got {X.shape[1]} and {Y.shape[1]}.")
        self.architecture.loss.check_target(Y)
        return Examples(X, Y)

    def _columns(self, name: str, values: Array, layer: int) -> Any:
        """Check that an array has one column per example and n[layer] rows."""
        values = canonical(values.tocsc()) if hasattr(values, "tocsc") else np.asarray(values, self._dtype)
        n = self.architecture.widths[layer]
        if values.ndim != 2 or values.shape[0] != n:
            hint = " Columns are examples: pass the transpose of a table." if n in values.shape[1:] else ""
            raise ShapeError(f"{name} must have shape ({n}, m), got {values.shape}.{hint}")
        return values


def _loss(loss: str | Loss | CustomLoss, output: ActivationSpec) -> Loss:
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str):
        return custom_loss(loss)
    return named_loss(loss, output=_output(output))


def _output(spec: ActivationSpec) -> Any:
    return spec if spec in COUPLED else activation(spec)
