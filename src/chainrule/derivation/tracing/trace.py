"""`trace`: one pass through a network, forward and back, with every number kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.derivation.document.html import as_fragment, as_page
from chainrule.derivation.document.latex import as_latex
from chainrule.derivation.document.text import as_text
from chainrule.derivation.models.as_problem import problem_of
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.as_dict import trace_record
from chainrule.derivation.tracing.document_of_trace import document_of_trace
from chainrule.derivation.tracing.names import names_of
from chainrule.derivation.tracing.output_delta import derivative_by_prediction
from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.network.propagate import Forward


@dataclass(frozen=True)
class Trace(PassValues):
    """Every quantity of one pass, in float64 and textbook orientation: columns are examples.

    Lists are indexed by layer 0 to L; what layer 0 does not have is None.

    Attributes
    ----------
    W, b : list of ndarray
        Weights (n[l], n[l-1]) and biases (n[l], 1).
    Z, A : list of ndarray
        (n[l], m); `A[0]` is X, with embeddings the plain inputs over the vectors of the examples' levels, and `A[l]`
        is what the next layer sees, dropout mask applied.
    dZ, dA : list of ndarray
        (n[l], m), the derivatives of each example's loss; they carry no 1/m. `dA[0]` is None without embeddings.
    dW, db : list of ndarray
        ∂J/∂W[l], penalty included, and ∂J/∂b[l]: the mean over the examples is taken here.
    E, C, dE : list of ndarray
        Of each embedding j: the vectors of its levels (size, levels), the codes of the examples (m,), and ∂J/∂E[j].
        Empty without embeddings.
    loss : ndarray of shape (m,)
        The loss of each example, unweighted.
    data_loss, penalty, cost : float
        The (weighted) mean loss, the penalty, and J, their sum.
    masks : list of ndarray or None
        Dropout factors of A[0] to A[L-1], or None.
    weights : ndarray of shape (m,) or None
        Each example's weight, relative to the mean.
    learning_rate : float
    new_W, new_b, new_E : list of ndarray
        After one step of gradient descent.
    problem : Problem
        The network and the examples.
    inputs, outputs, examples : tuple of str
        What the columns of the table, the rows of A[L] and the examples are called; empty for those without names.
    """

    def __repr__(self) -> str:
        return f"Trace({self.problem.architecture!r}, {self.A[0].shape[1]:,} examples, cost {self.cost:.6g})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: the network in words, and every array as nested lists."""
        return trace_record(self)

    def to_text(self, *, layout: str = "columns") -> str:
        """Write the trace for a terminal of 100 columns.

        Parameters
        ----------
        layout : {"columns", "both"}, default "columns"
            With "both" each formula is also shown as libraries with one example per row write it.
        """
        return as_text(document_of_trace(self, layout))

    def to_html(self, *, layout: str = "columns") -> str:
        """Write the trace as one HTML page that needs nothing else: no script, no network.

        Parameters
        ----------
        layout : {"columns", "both"}, default "columns"
        """
        return as_page(document_of_trace(self, layout))

    def to_latex(self, *, layout: str = "columns") -> str:
        """Write the trace as a LaTeX document that compiles as it is.

        Parameters
        ----------
        layout : {"columns", "both"}, default "columns"
        """
        return as_latex(document_of_trace(self, layout))

    def _repr_html_(self) -> str:
        return as_fragment(document_of_trace(self))

    def __str__(self) -> str:
        return self.to_text()


def trace(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    learning_rate: float | None = None,
    dropout_step: int | None = 0,
    loss: str | None = None,
) -> Trace:
    """Take examples forward and back through a network, and keep every number.

    Parameters
    ----------
    model : Network, fitted estimator or TableModel, or a model of scikit-learn, PyTorch or Keras
        What is traced; it is not changed.
    X, y : array-like
        The examples: rows, or for a `Network` columns. For a `TableModel` X is a table with its target, y is None.
    sample_weight : array-like of shape (m,), optional
    learning_rate : float, optional
        Of the update that is shown; by default the estimator's, else 0.1.
    dropout_step : int or None, default 0
        The training step whose dropout masks are drawn and frozen; None switches dropout off.
    loss : str, optional
        For a model that carries none (PyTorch, Keras); by default its last activation decides.

    Returns
    -------
    Trace

    Raises
    ------
    InvalidParameterError
        If the model is of an unknown kind.
    ShapeError, TargetError
        If the data do not fit it.

    Examples
    --------
    >>> from chainrule import Dense, Network, trace
    >>> net = Network([Dense(2, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    >>> t = trace(net, [[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0]])
    >>> t.dZ[2].shape, bool(np.allclose(t.dZ[2], t.A[2] - [[1.0, 0.0]]))
    ((1, 2), True)
    """
    problem = problem_of(model, X, y, sample_weight=sample_weight, dropout_step=dropout_step, loss=loss)
    rate = (
        getattr(getattr(model, "model_", model), "learning_rate_init", 0.1) if learning_rate is None else learning_rate
    )
    check_learning_rate(rate)
    inputs, outputs = names_of(model, problem.architecture.n_columns, problem.architecture.widths[-1])
    return replace(trace_of(problem, float(rate)), inputs=inputs, outputs=outputs)


def check_learning_rate(rate: Any) -> None:
    """Raise InvalidParameterError unless it is a finite number."""
    if isinstance(rate, bool | np.bool) or not isinstance(rate, int | float | np.number) or not np.isfinite(rate):
        raise InvalidParameterError(f"learning_rate must be a finite number, got {rate!r}.")


@np.errstate(over="ignore", invalid="ignore")  # an overflow shows in the result
def trace_of(problem: Problem, learning_rate: float = 0.1, pass_: Forward | None = None) -> Trace:
    """Trace a problem, by its own forward pass or by one that equals it up to rounding."""
    W, b, E, L = problem.parameters.W, problem.parameters.b, problem.parameters.E, problem.architecture.L
    pass_ = problem.forward() if pass_ is None else pass_
    losses = problem.losses(pass_)
    gradients = problem.backward(pass_)
    dA = list(gradients.dA)
    dA[L] = derivative_by_prediction(problem.architecture.loss, pass_.Z[L], problem.Y)
    if problem.weights is not None:
        dA[L] = dA[L] * problem.weights
    dW = [None, *(d + problem.penalty_gradient(w) for d, w in zip(gradients.dW[1:], W[1:], strict=True))]
    weighted = losses if problem.weights is None else losses * problem.weights
    return Trace(
        problem,
        [None, *W[1:]],
        [None, *b[1:]],
        pass_.Z,
        pass_.A,
        gradients.dZ,
        dA,
        dW,
        gradients.db,
        losses,
        float(np.mean(weighted)),
        problem.penalty(),
        learning_rate,
        [None, *(w - learning_rate * d for w, d in zip(W[1:], dW[1:], strict=True))],
        [None, *(v - learning_rate * d for v, d in zip(b[1:], gradients.db[1:], strict=True))],
        E=E,
        C=pass_.C,
        dE=gradients.dE,
        new_E=[v - learning_rate * d for v, d in zip(E, gradients.dE, strict=True)],
    )
