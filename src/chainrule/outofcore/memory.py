"""The memory limit of a training, and its division among batches, reader and windows."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from chainrule._errors import InvalidParameterError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SHARE = 4  # a quarter of the machine's memory by default
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
PROGRAM = 200 * 10**6  # bytes of the interpreter, the libraries and the engine
LEAST = PROGRAM + 200 * 10**6  # with less memory for rows, almost all the time would go into reading them
BLOCK, WINDOW = 4096, 64  # most rows of a block; blocks of a window


def memory_size(text: str) -> int:
    """Return the bytes that a text such as "2GB", "512 MB" or "1.5GiB" means.

    Raises
    ------
    InvalidParameterError
        If it is not a size.

    Examples
    --------
    >>> memory_size("2GB"), memory_size("512 mb"), memory_size("1.5GiB")
    (2000000000, 512000000, 1610612736)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", text.upper())
    if match is None:
        raise InvalidParameterError(f"a memory size is a number with a unit, such as 2GB or 512MB; got {text!r}.")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def machine_memory() -> int:
    """Return the most bytes of memory that this process may use: the machine's, or its container's."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limits = [Path(path) for path in _CGROUP_LIMITS]
    sizes += [int(text) for path in limits if path.exists() and (text := path.read_text().strip()).isdecimal()]
    return min(sizes)


def megabytes_for(rows: int, row_bytes: int) -> int:
    """Return the memory, in MB, with which a window has at least so many rows.

    Examples
    --------
    >>> megabytes_for(4096, row_bytes=20_000), Budget(528 * 10**6).window(row_bytes=20_000)
    (528, (64, 64))
    """
    blocks = -(-rows // WINDOW) * WINDOW
    return max(LEAST, PROGRAM + 4 * blocks * row_bytes + 10**6 - 1) // 10**6


@dataclass(frozen=True)
class Budget:
    """The memory limit of a process, divided among its uses.

    Reading and training take turns. While a table is read, a batch and the reader take the memory. While a network is
    trained, windows of encoded rows take it: one in use, one being fetched, and a copy in which rows of two windows are
    joined.

    Parameters
    ----------
    total : int
        Bytes.

    Raises
    ------
    InvalidParameterError
        If it is too little to train.

    Examples
    --------
    >>> budget = Budget(2 * 10**9)
    >>> budget.batch, budget.reader, budget.window(row_bytes=204)
    (600000000, 600000000, (4096, 64))
    """

    total: int

    def __post_init__(self) -> None:
        if self.total < LEAST:
            raise InvalidParameterError(
                f"the memory must be at least {LEAST / 1e6:,.0f} MB, got {self.total / 1e6:,.0f} MB."
            )

    @classmethod
    def asked(cls, text: str | None) -> Budget:
        """Return the requested budget, or a quarter of the machine's memory, but at least `LEAST`."""
        return cls(max(machine_memory() // _SHARE, LEAST) if text is None else memory_size(text))

    @property
    def rows(self) -> int:
        """Bytes for rows, encoded or not."""
        return self.total - PROGRAM

    @property
    def batch(self) -> int:
        """Bytes for a batch of a table."""
        return self.rows // 3

    @property
    def reader(self) -> int:
        """Bytes for the reader."""
        return self.rows // 3

    def window(self, row_bytes: int) -> tuple[int, int]:
        """Return how many rows of the given size make a block, and how many blocks a window.

        Where rows are wide, blocks have fewer rows. A window always has as many blocks: neighbouring rows of a table
        are often alike (sorted by the target, or by time), and rows from few places of it would be poor mini-batches.

        Raises
        ------
        InvalidParameterError
            If the rows are too long for the budget.

        Examples
        --------
        >>> Budget(400 * 10**6).window(row_bytes=12_000)
        (65, 64)
        """
        fit = self.rows // 4 // row_bytes
        if fit < WINDOW:
            raise InvalidParameterError(
                f"rows of {row_bytes:,} bytes need at least {megabytes_for(WINDOW, row_bytes):,} MB of memory, "
                f"got {self.total / 1e6:,.0f} MB."
            )
        return min(BLOCK, fit // WINDOW), WINDOW
