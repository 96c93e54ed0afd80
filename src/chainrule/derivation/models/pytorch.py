"""The problem of a `torch.nn.Sequential` of linear layers and activations, and the gradient that autograd takes.

Dropout is as in `eval()`: off. A model that is in training mode and would drop units is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chainrule._errors import InvalidParameterError
from chainrule.derivation.models.by_layers import activation_after, activation_by_name, output_slopes, problem_of_layers
from chainrule.derivation.models.problem import Problem
from chainrule.network.activations import Activation
from chainrule.network.custom.any_activation import activation
from chainrule.network.parameters import flatten
from chainrule.network.types import Array

_PLAIN = {
    "ReLU": "relu",
    "SELU": "selu",
    "SiLU": "silu",
    "Mish": "mish",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
}
_IDLE = ("Identity", "Flatten", "Dropout")


def problem_of_torch(model: Any, X: Any, y: Any, sample_weight: Any, loss: str | None) -> Problem:
    """The problem of a Sequential."""
    from torch.nn import Sequential

    if not isinstance(model, Sequential):
        raise InvalidParameterError(
            f"of PyTorch's models, a Sequential of linear layers and activations is known; got {type(model).__name__}. "
            "Put its layers into a Sequential."
        )
    modules = list(_flat(model))
    linear, g = _layers(modules)

    def gradient(problem: Problem) -> Array:
        return _autograd(modules[: modules.index(linear[-1]) + 1], problem)

    W, b = (
        [_numpy(tensor) for tensor in tensors] for tensors in zip(*((l.weight, l.bias) for l in linear), strict=True)
    )
    return problem_of_layers(W, b, g, (X, y, sample_weight), loss, gradient=gradient, origin="Sequential of PyTorch")


def _flat(model: Any) -> Iterator[Any]:
    from torch.nn import Sequential

    for module in model:
        if isinstance(module, Sequential):
            yield from _flat(module)
        else:
            yield module


def _layers(modules: Sequence[Any]) -> tuple[list[Any], list[Activation]]:
    """The linear layers, and the activation behind each."""
    linear: list[Any] = []
    g: list[Activation] = []
    for place, module in enumerate(modules):
        name = f"layer {place}, {type(module).__name__}"
        kind = type(module).__name__
        if kind == "Linear":
            _check_linear(module, name, linear)
            linear.append(module)
            g.append(activation("identity"))
        elif kind == "Dropout" and module.training and module.p:
            raise InvalidParameterError(
                f"{name} draws a new mask at every pass; call model.eval() first, which stops it."
            )
        elif kind not in _IDLE:
            new = _activation(module, name)
            present = activation_after(name, g[-1] if g else None, new)
            g[-1] = present
    if not linear:
        raise InvalidParameterError("the Sequential has no Linear layer, so it has no gradient to look at.")
    return linear, g


def _check_linear(module: Any, name: str, before: Sequence[Any]) -> None:
    if module.bias is None:
        raise InvalidParameterError(f"{name} has no bias; every layer needs one here (zeros do).")
    if any(module is other for other in before):
        raise InvalidParameterError(f"{name} is used twice; layers that share their weights are not known here.")


_WITH_PARAMETERS: dict[str, Callable[[Any], tuple[str, dict[str, float], bool]]] = {
    "LeakyReLU": lambda module: ("leaky_relu", {"negative_slope": module.negative_slope}, True),
    "ELU": lambda module: ("elu", {"alpha": module.alpha}, True),
    "GELU": lambda module: ("gelu", {}, module.approximate == "none"),
    "Softplus": lambda module: ("softplus", {}, module.beta == 1),
    "Hardtanh": lambda module: ("hard_tanh", {}, (module.min_val, module.max_val) == (-1, 1)),
}


def _activation(module: Any, name: str) -> Activation:
    kind = type(module).__name__
    if kind in _PLAIN:
        if kind == "Softmax" and module.dim not in (1, -1):
            raise InvalidParameterError(f"{name} must run over the outputs, dim=1; it has dim={module.dim}.")
        return activation_by_name(_PLAIN[kind], name)
    if kind not in _WITH_PARAMETERS:
        known = ", ".join(["Linear", *_PLAIN, *_WITH_PARAMETERS, *_IDLE])
        raise InvalidParameterError(f"{name}, is not known here. Known are {known}.")
    ours, parameters, same = _WITH_PARAMETERS[kind](module)
    if not same:
        raise InvalidParameterError(f"{name}, is known here with its usual settings only; it has {module}.")
    return activation_by_name(ours, name, **parameters)


def _autograd(modules: Sequence[Any], problem: Problem) -> Array:
    """∂J/∂θ: autograd through a copy of the modules in float64, at the problem's weights."""
    import torch

    own = torch.nn.Sequential(*copy.deepcopy(list(modules))).to("cpu", torch.float64).eval()
    linear = [module for module in own if type(module).__name__ == "Linear"]
    with torch.no_grad():
        for module, W, b in zip(linear, problem.parameters.W[1:], problem.parameters.b[1:], strict=True):
            module.weight.copy_(torch.tensor(W))
            module.bias.copy_(torch.tensor(b.ravel()))
    own.requires_grad_(True).zero_grad()
    with torch.enable_grad():
        logits = own(torch.tensor(problem.X.T))
        logits.backward(torch.tensor(output_slopes(problem, _numpy(logits).T).T))
    return flatten([_numpy(l.weight.grad) for l in linear], [_numpy(l.bias.grad) for l in linear])


def _numpy(tensor: Any) -> Array:
    array: Array = tensor.detach().cpu().double().numpy()
    return array
