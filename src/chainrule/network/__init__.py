"""The equations in NumPy: the readable reference for every faster engine. Start at `README.md`."""

from chainrule.network.activations import Activation
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.custom.any_activation import activation
from chainrule.network.losses import Loss, loss
from chainrule.network.network import Dense, Network
from chainrule.network.parameters import Parameters
from chainrule.network.propagate import Forward, Gradients
from chainrule.network.training.history import History, StopReason

__all__ = [
    "Activation",
    "Architecture",
    "Dense",
    "Forward",
    "Gradients",
    "History",
    "Loss",
    "Network",
    "Parameters",
    "StopReason",
    "activation",
    "initial_parameters",
    "loss",
]
