"""Every random draw is a pure function of (seed, purpose, place): there is no generator state to save.

Initial weights and the order of an epoch come from NumPy's own Philox generator, keyed by seed, purpose and epoch.
Dropout masks need single elements addressed directly, in NumPy and in C++ alike, and come from Philox-4x32-10
(Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), written out here.
"""

from __future__ import annotations

import zlib

import numpy as np

from chainrule.network.types import Array

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)


def generator(seed: int, purpose: str, place: int = 0) -> np.random.Generator:
    """Return the generator that belongs to one seed, purpose and place (a layer, an epoch).

    Examples
    --------
    >>> float(generator(0, "doc").random()) == float(generator(0, "doc").random())
    True
    """
    key = np.array([seed % 2**64, zlib.crc32(purpose.encode()) << 32 | place], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def permutation(seed: int, epoch: int, m: int) -> Array:
    """Return the order in which epoch number `epoch` visits m examples.

    Examples
    --------
    >>> sorted(permutation(seed=0, epoch=3, m=4).tolist())
    [0, 1, 2, 3]
    """
    return generator(seed, "epoch order", epoch).permutation(m)


def philox4x32(counter: tuple[Array, Array, Array, Array], key: tuple[int, int]) -> tuple[Array, ...]:
    """Encrypt counters into random words: Philox-4x32 with ten rounds.

    Parameters
    ----------
    counter : four arrays of uint64 that hold 32-bit words, broadcast together
    key : two 32-bit words

    Returns
    -------
    four arrays of uint64 that hold 32-bit words

    Examples
    --------
    The first known answer of the Random123 library's own test file:

    >>> zero = np.zeros(1, np.uint64)
    >>> [f"{int(word[0]):08x}" for word in philox4x32((zero, zero, zero, zero), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product0 = c0 * _MULTIPLIERS[0]
        product1 = c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> _HIGH) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _HIGH) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def random_words(seed: int, step: int, layer: int, keys: Array, n: int) -> Array:
    """Return one random 32-bit word for each of n units and each example.

    Parameters
    ----------
    seed, step, layer : int
    keys : ndarray of shape (m,), uint64
        The examples' numbers, of which 32 bits are used.
    n : int

    Returns
    -------
    ndarray of shape (n, m), uint64 below 2**32
    """
    blocks = np.arange(-(-n // 4), dtype=np.uint64)[None, :]  # one counter yields the words of four units
    examples = (keys & _LOW)[:, None]
    counter = (blocks, examples, np.full((1, 1), step, np.uint64), np.full((1, 1), layer, np.uint64))
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))
    m = len(keys)
    return np.stack(np.broadcast_arrays(*words), axis=-1).reshape(m, -1)[:, :n].T
