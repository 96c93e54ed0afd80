"""A document as data: what is said, before it is decided in which format. Its writers are beside this file."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.derivation.document.matrix_window import MOST, fitting, number, shown, window
from chainrule.formula import tree as t
from chainrule.network.types import Array

LONGEST_NAME = 28
Words = tuple[str | t.Node, ...]  # of a line, formulas among them


@dataclass(frozen=True)
class Prose:
    """A paragraph; its style is "", "strong", "faint", "mean" (a mean is taken here) or "note"."""

    words: str
    style: str = ""
    lead: str = ""  # words in bold before it


@dataclass(frozen=True)
class Formula:
    """A formula on a line of its own, with shapes under its matrices where it has them."""

    formula: t.Relation
    label: str = ""


@dataclass(frozen=True)
class Shapes:
    """A formula that stands above already, now with the shape of every matrix."""

    formula: t.Relation


@dataclass(frozen=True)
class Chain:
    """Equations under each other; a left side that stays the same is written once."""

    formulas: tuple[t.Relation, ...]

    @property
    def lines(self) -> list[tuple[t.Node | None, t.Relation]]:
        """Each equation, and the left side to be written: None where it is the one before."""
        before = (None, *(formula.left for formula in self.formulas))
        return [(None if f.left == left else f.left, f) for f, left in zip(self.formulas, before, strict=False)]


@dataclass(frozen=True)
class Value:
    """A letter and its numbers: a matrix, of which a window is shown, or a single number (an array without axes)."""

    name: t.Node
    array: Array
    sign: str = "="

    def equation(self, width: int | None = None) -> tuple[t.Relation, str]:
        """The letter and the window that fits a width; and of how many rows and columns it is one, if it is cut."""
        if not self.array.ndim:
            value = float(self.array)
            return t.Equation(self.name, t.Number(value, number(value)), self.sign), ""
        matrix = window(self.array) if width is None else fitting(self.array, width)
        (rows, columns), whole = (len(matrix.rows), len(matrix.rows[0])), self.array.shape
        cut = f"{rows} × {columns} of {size(self.array)}" if (rows, columns) != whole else ""
        return t.Equation(self.name, matrix, self.sign), cut


@dataclass(frozen=True)
class Numbers:
    """Numbers beside each other."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Cells:
    """A matrix to be filled in, or with its entries filled in; one that is not asked for is just shown."""

    name: t.Node
    entries: tuple[tuple[str, ...], ...]
    asked: bool
    filled: bool

    @property
    def matrix(self) -> t.Matrix | t.Number:
        """The matrix, or the number if it is one; what is to be filled in is a question mark."""
        rows = tuple(tuple("?" if self.asked and not self.filled else e for e in row) for row in self.entries)
        return t.Matrix(rows) if len(rows) * len(rows[0]) > 1 else t.Number(0, rows[0][0])


@dataclass(frozen=True)
class Facts:
    """Pairs of a word and what it is."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fields:
    """Blanks in a line: a word before each, and what comes after it."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table of texts, of which some columns are numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]  # by column


@dataclass(frozen=True)
class Examples:
    """A matrix as a table: a named row for each input, a named column for each example."""

    array: Array
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def table(self, width: int | None = None) -> Table:
        """The window that fits a width."""
        lines = shown(len(self.array), MOST)
        names = [row_name(self.rows, i) if len(self.array) > 1 or self.rows else "" for i in lines]
        room = None if width is None else width - max(map(len, names)) - 4
        matrix = window(self.array) if room is None else fitting(self.array, room)
        places = shown(self.array.shape[1], len(matrix.rows[0]))
        heads = (row_name(self.columns, j).replace("⋮", "⋯") for j in places)
        cells = (with_dots(row) for row in matrix.rows)
        rows = tuple((name, *row) for name, row in zip(names, cells, strict=True))
        return Table(("", *heads), rows, (False, *(True for _ in places)))


@dataclass(frozen=True)
class Group:
    """What belongs together; its kind is "step", "given", "legend", "exercise" or "" for none of these."""

    blocks: tuple[Block, ...]
    kind: str = ""
    head: Words = ()
    aside: str = ""  # at the end of its head


@dataclass(frozen=True)
class Part:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


Block = Prose | Formula | Shapes | Chain | Numbers | Cells | Facts | Fields | Table | Examples | Group | Part


@dataclass(frozen=True)
class Document:
    """A title, which may be empty, and blocks."""

    title: str
    blocks: tuple[Block, ...]


def size(array: Array) -> str:
    """The shape of a matrix, in words."""
    return " × ".join(map(str, array.shape))


def with_dots(cells: tuple[str | None, ...]) -> tuple[str, ...]:
    """A row of a window with dots for what is left out."""
    dots = "⋯" if any(cells) else "⋮"
    return tuple(cell or dots for cell in cells)


def readable(name: str) -> str:
    """A name from outside, in one line of printable signs, not too long.

    Examples
    --------
    >>> readable("size\\x1b[31m\\n(cm)")
    'size\N{REPLACEMENT CHARACTER}[31m (cm)'
    """
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(name.split()))
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def row_name(names: tuple[str, ...], i: int | None) -> str:
    """The name of a row or a column: its own, or its number from 1; dots for those left out."""
    if i is None:
        return "⋮"
    return readable(names[i]) if i < len(names) else str(i + 1)
