"""A network as plain data: JSON values for its architecture, named tensors for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from chainrule._errors import ModelFileError, ShapeError
from chainrule.network.activations import FORMULA
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import activation
from chainrule.network.embeddings import Embedding
from chainrule.network.losses import LOSSES, loss
from chainrule.network.parameters import Parameters, parameters_from
from chainrule.network.penalties import Penalty
from chainrule.network.types import Array


def architecture_record(architecture: Architecture) -> dict[str, Any]:
    """Describe an architecture; `architecture_from` restores it.

    Raises
    ------
    ModelFileError
        If an activation or the loss is made of custom functions.

    Examples
    --------
    >>> from chainrule.network import Dense, Network
    >>> record = architecture_record(Network([Dense(3), Dense(1, "sigmoid")], n_inputs=2).architecture)
    >>> record["widths"], record["activations"], record["loss"]["name"]
    ([2, 3, 1], ['relu'], 'binary_cross_entropy')
    """
    _check_describable(architecture)
    return {
        "widths": list(architecture.widths),
        "activations": [g.spec for g in architecture.hidden],
        "output": architecture.loss.output.spec,
        "loss": {"name": architecture.loss.name, "parameters": dict(architecture.loss.parameters)},
        "penalty": {"alpha": architecture.penalty.alpha, "l1_ratio": architecture.penalty.l1_ratio},
        "dropout": list(architecture.dropout),
        "embeddings": [asdict(embedding) for embedding in architecture.embeddings],
    }


def architecture_from(record: Mapping[str, Any]) -> Architecture:
    """Restore the architecture that `architecture_record` described."""
    return Architecture(
        tuple(record["widths"]),
        tuple(activation(_spec(g)) for g in record["activations"]),
        loss(record["loss"]["name"], output=_spec(record["output"]), **record["loss"]["parameters"]),
        Penalty(**record["penalty"]),
        tuple(record["dropout"]),
        tuple(Embedding(entry["column"], entry["levels"], entry["size"]) for entry in record.get("embeddings", ())),
    )


def _check_describable(architecture: Architecture) -> None:
    for g in architecture.hidden:
        if g.is_custom and g.name != FORMULA:
            raise ModelFileError(
                f"the activation {g.label!r} is made of functions, which a model file cannot hold. Give it as a "
                "formula, such as 'z * sigmoid(z)', or keep the model with pickle."
            )
    if architecture.loss.name not in LOSSES:
        raise ModelFileError(
            f"the loss {architecture.loss.name!r} is made of functions, which a model file cannot hold. Keep the model "
            "with pickle."
        )


def _spec(value: Any) -> Any:
    return value if isinstance(value, str) else (value[0], value[1])


def tensors_of(parameters: Parameters) -> dict[str, Array]:
    """Name the parameters W1, b1, W2, ..., E0, ...: shapes (n[l], n[l-1]), (n[l], 1) and (size, levels)."""
    tensors: dict[str, Array] = {}
    for l in range(1, len(parameters.widths)):
        tensors |= {f"W{l}": parameters.W[l], f"b{l}": parameters.b[l]}
    return tensors | {f"E{j}": E_j for j, E_j in enumerate(parameters.E)}


def parameters_of(tensors: Mapping[str, Array], architecture: Architecture) -> Parameters:
    """Build parameters from named tensors.

    Raises
    ------
    ShapeError
        If a tensor is missing or not finite, or its type or shape does not fit the architecture.
    """
    widths, embeddings = architecture.widths, architecture.embeddings
    W, b = ([f"{letter}{l}" for l in range(1, len(widths))] for letter in "Wb")
    E = [f"E{j}" for j in range(len(embeddings))]
    absent = [name for name in (*W, *b, *E) if name not in tensors]
    if absent:
        raise ShapeError(f"a network of widths {widths} needs the tensors {', '.join(absent[:8])}.")
    tensor = tensors.__getitem__
    dtypes = {tensors[name].dtype.name for name in (*W, *b, *E)}
    if len(dtypes) > 1:
        raise ShapeError(f"the tensors of a network must all be float32 or all float64, they are {sorted(dtypes)}.")
    parameters = parameters_from([*map(tensor, W)], [*map(tensor, b)], [*map(tensor, E)], embeddings)
    if not np.isfinite(parameters.theta).all():
        raise ShapeError("a tensor of the network holds a number that is not finite.")
    if parameters.widths != widths:
        raise ShapeError(f"the tensors have widths {parameters.widths}, the architecture says {widths}.")
    return parameters
