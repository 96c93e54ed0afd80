"""What is derived: the widths, the activations and the loss as formulas, however they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.symbolic.expressions import Expression, activation_expression, loss_expression
from chainrule.derivation.symbolic.to_sympy import parsed, variables
from chainrule.derivation.tracing.trace import Trace, trace_of
from chainrule.network.custom.any_activation import activation as named_activation
from chainrule.network.custom.formula import is_formula
from chainrule.network.losses import Loss
from chainrule.network.losses import loss as named_loss
from chainrule.network.penalties import Penalty

ActivationSpec = str | tuple[str, Mapping[str, float]]
_MOST_LAYERS = 50
_NATURAL_LOSS = {"sigmoid": "binary_cross_entropy", "softmax": "categorical_cross_entropy", "exponential": "poisson"}


@dataclass(frozen=True)
class Setting:
    """A network as formulas.

    Attributes
    ----------
    widths : tuple of int
    g : tuple of Expression or None
        By layer; None for layer 0, and for a softmax.
    loss : Expression
        Of one output.
    sums_outputs : bool
        Whether an example's loss is the sum over its outputs, not their mean.
    penalty : Penalty
    element : bool
        Whether indices and sums are shown.
    library_loss : Loss or None
        None for a loss of the user's own.
    trace : Trace or None
        Numbers to show beside the letters.
    """

    widths: tuple[int, ...]
    g: tuple[Expression | None, ...]
    loss: Expression
    sums_outputs: bool
    penalty: Penalty
    element: bool
    library_loss: Loss | None
    trace: Trace | None = None

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return len(self.widths) - 1

    @property
    def softmax(self) -> bool:
        """Whether the output is a softmax."""
        return self.g[-1] is None

    @property
    def several(self) -> bool:
        """Whether there are several outputs."""
        return self.widths[-1] > 1

    @property
    def takes_mean_of_outputs(self) -> bool:
        """Whether the loss of an example is the mean over several outputs."""
        return self.several and not self.sums_outputs

    def mask(self, l: int) -> Any:
        """The dropout mask of A[l], or None."""
        return self.trace.masks[l] if self.trace is not None and self.trace.masks and l < self.L else None

    @property
    def weighted(self) -> bool:
        """Whether examples have weights."""
        return self.trace is not None and self.trace.weights is not None


def setting(
    layers: Sequence[int], activation: Any, output: Any, loss: Any, *, penalty: Penalty, element: bool
) -> Setting:
    """Look up or parse what was given; raise InvalidParameterError where it makes no network."""
    widths = _widths(layers)
    hidden = [hidden_expression(spec) for spec in _each(activation, len(widths) - 2)]
    last, of_outputs, library = _output_pair(output, loss, widths[-1])
    if last is None and widths[-1] == 1:
        raise InvalidParameterError("a softmax needs at least 2 outputs, got 1. Use 'sigmoid' for two classes.")
    sums = library is not None and library.sums_outputs
    return Setting(widths, (None, *hidden, last), of_outputs, sums, penalty, element, library)


def setting_of_trace(trace: Trace | Problem, *, element: bool) -> Setting:
    """The setting of a network that was traced, with its numbers."""
    if isinstance(trace, Problem):
        trace = trace_of(trace)
    if not isinstance(trace, Trace):
        raise InvalidParameterError(f"trace must be what chainrule.trace returns, got {type(trace).__name__}.")
    architecture = trace.problem.architecture
    if architecture.embeddings:
        raise InvalidParameterError("derive does not know embeddings; a trace shows their steps with their numbers.")
    loss = architecture.loss
    g = tuple(None if f.name == "softmax" else activation_expression(f) for f in architecture.g[1:])
    return Setting(
        architecture.widths,
        (None, *g),
        loss_expression(loss),
        loss.sums_outputs,
        architecture.penalty,
        element,
        loss,
        trace,
    )


def _widths(layers: Any) -> tuple[int, ...]:
    whole = not isinstance(layers, str) and isinstance(layers, Sequence | np.ndarray)
    if not whole or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in layers):
        raise InvalidParameterError(f"layers must be whole numbers of at least 1, such as (2, 16, 1); got {layers!r}.")
    if not 2 <= len(layers) <= _MOST_LAYERS + 1:
        raise InvalidParameterError(
            f"layers must have between 2 and {_MOST_LAYERS + 1} widths, the inputs first and the outputs last; "
            f"got {len(layers)}."
        )
    return tuple(int(n) for n in layers)


def _each(activation: Any, hidden: int) -> list[Any]:
    """One activation for each hidden layer, from one for all or from a list."""
    pair = isinstance(activation, tuple) and len(activation) == 2 and isinstance(activation[1], Mapping)
    if pair or not isinstance(activation, list | tuple):
        return [activation] * hidden
    if len(activation) != hidden:
        raise InvalidParameterError(
            f"activation must be one for all hidden layers or a list of {hidden}, one for each; got {len(activation)}."
        )
    return list(activation)


def hidden_expression(spec: Any) -> Expression:
    """An activation by name, by (name, parameters), or as a formula in z."""
    if isinstance(spec, str) and is_formula(spec, "z"):
        return Expression("", parsed(spec, {"z": variables().z}, what="activation"), {})
    return activation_expression(named_activation(spec))


def _output_pair(output: Any, loss: Any, n_outputs: int) -> tuple[Expression | None, Expression, Loss | None]:
    """The output activation, the loss, and the library's own loss where it is one."""
    if loss is None:
        loss = _natural_loss(output, n_outputs)
    if isinstance(loss, str) and is_formula(loss, "a", "y"):
        v = variables()
        own = Expression("", parsed(loss, {"a": v.a, "y": v.y}, what="loss"), {})
        return (None if output == "softmax" else hidden_expression(output or "identity")), own, None
    name, parameters = loss if isinstance(loss, tuple) else (loss, {})
    if not isinstance(name, str) or not isinstance(parameters, Mapping):
        raise InvalidParameterError(f"loss must be a name, a pair (name, parameters) or a formula, got {loss!r}.")
    if isinstance(output, str) and is_formula(output, "z"):
        known = named_loss(name, **parameters)
        return hidden_expression(output), loss_expression(known), known
    known = named_loss(name, output=output if output in (None, "softmax") else named_activation(output), **parameters)
    last = None if known.output.name == "softmax" else activation_expression(known.output)
    return last, loss_expression(known), known


def _natural_loss(output: Any, n_outputs: int) -> str:
    if output is None:
        return "binary_cross_entropy" if n_outputs == 1 else "categorical_cross_entropy"
    name = output if isinstance(output, str) else ""
    name = {"logistic": "sigmoid"}.get(name, name)
    return _NATURAL_LOSS.get(name, "squared_error")
