"""`derive`: backpropagation for a network, from its formulas to its gradients, one rule at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule._errors import InvalidParameterError, nearest
from chainrule.derivation.deriving.document_of_derivation import document_of_derivation
from chainrule.derivation.deriving.forward import cost_steps, forward_steps
from chainrule.derivation.deriving.layers import layer_steps, update_steps
from chainrule.derivation.deriving.output import output_steps
from chainrule.derivation.deriving.setting import ActivationSpec, Setting, setting, setting_of_trace
from chainrule.derivation.deriving.steps import DerivationStep
from chainrule.derivation.document.blocks import Document
from chainrule.derivation.document.html import as_fragment, as_page
from chainrule.derivation.document.latex import as_latex
from chainrule.derivation.document.markdown import as_markdown
from chainrule.derivation.document.text import as_text
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.trace import Trace
from chainrule.network.penalties import Penalty

DETAILS = ("matrix", "element")


@dataclass(frozen=True)
class Derivation:
    """The derivation of a network's gradients.

    Attributes
    ----------
    setting : Setting
        The network as formulas.
    steps : list of DerivationStep
        Each with its formulas as trees, the rule used, the reason in one sentence, and where the source says it.
    """

    setting: Setting

    @cached_property
    def steps(self) -> list[DerivationStep]:
        """Forward, loss and cost, the output layer, each layer back, the update."""
        parts = (forward_steps, cost_steps, output_steps, layer_steps, update_steps)
        return [step for part in parts for step in part(self.setting)]

    def to_text(self) -> str:
        """Write the derivation for a terminal of 100 columns."""
        return as_text(self._document())

    def to_html(self) -> str:
        """Write the derivation as one HTML page that needs nothing else: no script, no network."""
        return as_page(self._document())

    def to_latex(self) -> str:
        """Write the derivation as a LaTeX document that compiles as it is."""
        return as_latex(self._document())

    def to_markdown(self) -> str:
        """Write the derivation as Markdown with formulas as GitHub shows them."""
        return as_markdown(self._document())

    def _document(self) -> Document:
        return document_of_derivation(self.setting, self.steps)

    def _repr_html_(self) -> str:
        return as_fragment(self._document())

    def __str__(self) -> str:
        return self.to_text()


def derive(
    layers: Sequence[int] | None = None,
    activation: ActivationSpec | list[ActivationSpec] | None = None,
    output: ActivationSpec | None = None,
    loss: ActivationSpec | None = None,
    *,
    detail: str = "matrix",
    alpha: float | None = None,
    l1_ratio: float | None = None,
    trace: Trace | Problem | None = None,
) -> Derivation:
    """Derive the gradients of a network, step by step, each with the rule used and its reason.

    Parameters
    ----------
    layers : sequence of int, default (2, 16, 1)
        The inputs, the units of each hidden layer, the outputs.
    activation : str, (str, dict) or list, default "tanh"
        Of the hidden layers: a name, a pair (name, parameters), or a formula in z, such as "z*sigmoid(z)", which is
        differentiated; a list has one for each layer.
    output : str or (str, dict), optional
        The output activation, in the same words; by default the one the loss is paired with.
    loss : str or (str, dict), optional
        A name, a pair (name, parameters), or a formula in prediction a and target y, such as "(a-y)**4". By default the
        natural one of the output: binary cross-entropy for one output, categorical for several.
    detail : {"matrix", "element"}, default "matrix"
        With "element" the matrices are built up from indices and sums, transposes and all.
    alpha, l1_ratio : float, default 0
        The penalty alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²).
    trace : Trace, optional
        A network with its examples, whose numbers are shown beside the letters; then nothing else says what it is.

    Returns
    -------
    Derivation
        Print it, or see `to_html`, `to_latex`, `to_markdown`, `to_text` and `steps`.

    Raises
    ------
    InvalidParameterError
        If a name is not known, a formula cannot be read, or the parts make no network.

    Examples
    --------
    >>> from chainrule import derive
    >>> from chainrule.formula import text
    >>> step = next(s for s in derive((2, 16, 1), "tanh", "sigmoid").steps if s.id == "output_delta")
    >>> for formula in step.formulas[-2:]:
    ...     print(text(formula))
    ∂L/∂z = a - y
    dZ[2] = A[2] - Y
    """
    if detail not in DETAILS:
        raise InvalidParameterError(f"detail={detail!r} is not known. {nearest(str(detail), DETAILS)}")
    element = detail == "element"
    if trace is None:
        penalty = Penalty(alpha or 0.0, l1_ratio or 0.0)
        given = (2, 16, 1) if layers is None else layers
        return Derivation(setting(given, activation or "tanh", output, loss, penalty=penalty, element=element))
    others: dict[str, Any] = {
        "layers": layers, "activation": activation, "output": output, "loss": loss, "alpha": alpha, "l1_ratio": l1_ratio
    }  # fmt: skip
    named = [name for name, value in others.items() if value is not None]
    if named:
        raise InvalidParameterError(f"a trace says what its network is; leave {', '.join(named)} out, or the trace.")
    return Derivation(setting_of_trace(trace, element=element))
