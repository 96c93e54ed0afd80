"""The sum over all shards, in the order of a fixed binary tree.

A floating-point sum depends on its order. Here the order depends only on the numbers of the shards: the sum of the
shards [a, b) is the sum of its two halves. So any number of ranks gets the same bits. A rank has a run of consecutive
shards. It adds the subtrees within its run, and the ranks exchange the roots of these; then every rank completes the
tree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.distributed.communicators.base import Communicator
from chainrule.network.types import Array

Node = tuple[int, int]  # the shards [first, end) below it
_SMALL = 1 << 16  # bytes; a vector up to this size goes faster to all ranks at once than in two rounds


def run_of(rank: int, size: int, n_shards: int) -> range:
    """Return the shards that one of `size` ranks has.

    Examples
    --------
    >>> [list(run_of(rank, 3, 8)) for rank in range(3)]
    [[0, 1], [2, 3, 4], [5, 6, 7]]
    """
    return range(rank * n_shards // size, (rank + 1) * n_shards // size)


def roots(run: range, node: Node) -> list[Node]:
    """Return the largest subtrees under a node that lie in a run of shards.

    Examples
    --------
    >>> roots(range(2, 7), (0, 8))
    [(2, 4), (4, 6), (6, 7)]
    """
    first, end = node
    if run.start <= first and end <= run.stop:
        return [node]
    if end <= run.start or run.stop <= first:
        return []
    return [root for half in _halves(node) for root in roots(run, half)]


def tree_sum(parts: dict[Node, Array], node: Node) -> Array:
    """Add up all shards below a node, from the nodes in `parts`, whose arrays are overwritten.

    Examples
    --------
    >>> leaves = {(shard, shard + 1): np.array([float(shard)]) for shard in range(5)}
    >>> tree_sum(leaves, (0, 5)).tolist()
    [10.0]
    """
    if node in parts:
        return parts[node]
    left, right = (tree_sum(parts, half) for half in _halves(node))
    return np.add(left, right, out=left)


def _halves(node: Node) -> tuple[Node, Node]:
    middle = sum(node) // 2
    return (node[0], middle), (middle, node[1])


class TreeSum:
    """The buffers and the exchange for one sum over all shards.

    Long vectors take two rounds: each rank completes the tree for a slice of the vector, then all exchange their
    slices, which is the least traffic. Short vectors go to every rank in one round.

    Attributes
    ----------
    vectors : dict of int to ndarray
        By the number of a shard of this rank. To be filled before `total`, which overwrites them.
    """

    def __init__(self, communicator: Communicator, n_shards: int, length: int, dtype: np.dtype[Any]) -> None:
        rank, size = communicator.rank, communicator.size
        self.communicator, self.top = communicator, (0, n_shards)
        runs = [run_of(q, size, n_shards) for q in range(size)]
        self.roots = [roots(run, self.top) for run in runs]
        self.vectors = {shard: np.empty(length, dtype) for shard in runs[rank]}
        self.in_slices = size > 2 and length * dtype.itemsize > _SMALL
        everything = [slice(0, length)] * size
        parts = [slice(q * length // size, (q + 1) * length // size) for q in range(size)]
        self.slices = parts if self.in_slices else everything
        mine = len(self.roots[rank])
        width = self.slices[rank].stop - self.slices[rank].start
        self.outgoing = [np.empty((mine, part.stop - part.start), dtype) for part in self.slices]
        self.incoming = [np.empty((len(roots), width), dtype) for roots in self.roots]
        self.sum = np.empty(length, dtype)

    def total(self) -> Array:
        """Return the sum of all shards' vectors, the same on every rank; the next call overwrites it."""
        own = {(shard, shard + 1): vector for shard, vector in self.vectors.items()}
        rank = self.communicator.rank
        mine = [tree_sum(own, root) for root in self.roots[rank]]
        if self.communicator.size == 1:
            return mine[0]
        for peer, part in enumerate(self.slices):
            np.stack([vector[part] for vector in mine], out=self.outgoing[peer])
        self.incoming[rank][:] = self.outgoing[rank]
        self.communicator.exchange(self.outgoing, self.incoming)
        found = {
            root: vector
            for roots, vectors in zip(self.roots, self.incoming, strict=True)
            for root, vector in zip(roots, vectors, strict=True)
        }
        finished = tree_sum(found, self.top)
        return self._joined(finished) if self.in_slices else finished

    def _joined(self, finished: Array) -> Array:
        """Exchange the completed slices."""
        slices = [self.sum[part] for part in self.slices]
        slices[self.communicator.rank][:] = finished
        self.communicator.exchange([finished] * len(slices), slices)
        return self.sum
