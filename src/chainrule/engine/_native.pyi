"""The compiled engine; chainrule.engine.native is its only importer."""

from collections.abc import Sequence
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


class Network:
    """
    Widths, activations, loss, dropout, penalty and embeddings of a network.
    """

    def __init__(self, widths: Sequence[int], hidden: Sequence[tuple[str, float]], loss: tuple[str, Sequence[float]], output: tuple[str, float], dropout: Sequence[tuple[int, float]], l1: float, l2: float, embeddings: Sequence[Sequence[int]]) -> None: ...

class Table:
    """
    Rows of numbers, dense or in compressed sparse rows; read, never copied.
    """

    @overload
    def __init__(self, table: Annotated[NDArray, dict(shape=(None, None), device='cpu', writable=False)]) -> None: ...

    @overload
    def __init__(self, data: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)], starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], n: int) -> None: ...

class Examples:
    """Inputs, targets, weights, the rows that count, and their keys."""

    def __init__(self, X: Table, Y: Table, weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, mean_weight: float, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, keys: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None) -> None: ...

class Plan:
    """How to update: optimiser, batches, decay and clipping."""

    def __init__(self, optimizer: str, a: float, b: float, epsilon: float, mu: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, mu_product: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, batch_size: int, seed: int, weight_decay: float, clip_norm: float, clip_value: float) -> None: ...

class Memory:
    """The block that jobs work in; one job at a time."""

    def __init__(self) -> None: ...

def run_segment(memory: Memory, follows: int, threads: int, network: Network, plan: Plan, examples: Examples, state: Sequence[Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)]], new_state: Sequence[Annotated[NDArray, dict(shape=(None,), order='C', device='cpu')]], order: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], rates: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], first_step: int, losses: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> tuple:
    """
    Take one step per rate from `state`, theta and the slots, to `new_state`. Returns the last gradient's length, the first step whose loss or gradient was not finite or -1, and this job's number. If `follows` is the number of the memory's last job, `state` must be what that job left: it need not be read again.
    """

def block_losses(memory: Memory, threads: int, network: Network, examples: Examples, theta: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)], first: int, count: int) -> list[float]:
    """
    The weighted losses of `count` examples from `first` on, summed over blocks of rows.
    """

def logits(memory: Memory, threads: int, network: Network, X: Table, theta: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray, dict(shape=(None, None), order='C', device='cpu')]) -> None:
    """Write Z[L] of every row to a table of one row each."""

def sum_gradient(memory: Memory, threads: int, network: Network, examples: Examples, theta: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)], first: int, count: int, gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> list[float]:
    """
    Add the gradient of the loss summed over `count` examples from `first` on to `gradient`; returns the losses, summed over chunks of rows.
    """

def batch_gradient(memory: Memory, threads: int, network: Network, examples: Examples, theta: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu', writable=False)], seed: int, step: int, gradient: Annotated[NDArray, dict(shape=(None,), order='C', device='cpu')]) -> float:
    """
    Write the gradient of the loss summed over the examples, dropped out as in step `step`, to `gradient`; returns the loss.
    """

def instructions() -> str:
    """The instruction set in use."""

def available() -> list[str]:
    """The instruction sets this machine can run, fastest first."""

def compiler() -> str:
    """What built this module."""

def multiply(single: bool, repetitions: int) -> float:
    """Run the kernel on data in the first-level cache; returns its flops."""
