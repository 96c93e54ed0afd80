"""Random CSV texts through the reader: as many rows as records, or a TableError; never anything else."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from pathlib import Path

from chainrule._errors import TableError
from chainrule.table import Table, read_table

CORPUS = [
    b"",
    b"\n",
    b"x\n",
    b"x,y\n1\n",
    b"x,y\n1,2\n3\n",
    b"x,y\n1,2,3\n",
    b"x,x\n1,2\n3,4\n",
    b'x,y\n"1,2\n3,4\n',
    b'x,y\n"a""b",2\n"c\nd",4\n',
    b'"na\nme",y\r\n1,2\r\n3,4\r\n',
    b"x,y\r1,2\r3,4\r",
    b"x,y\r\n1,2\n3,4\r\n",
    b"\xef\xbb\xbfx,y\n1,2\n",
    b"x,y\n\xff,2\n",
    b"x,y\n\x00,2\n",
    b"x,y\n1e400,2\n-1e400,3\n",
    b"x,y\n" + b"9" * 400 + b",2\n1,3\n",
    b"x,y\n1e39,1\n2,2\n3,3\n",
    b"x,y\n0 %,1\n1e999 %,2\n",
    b"x,y\ninf,1\n-inf,2\nnan,3\n",
    b"x\x1b[31m,y\n\x1b]0;t\x07,2\n",
    "x\u202e,y\n\u202e1,2\n".encode(),
    b"x;y\n1;2\n3;4\n",
    b"x\ty\n1\t2\n",
    b"x,y\n=1+1,@a\n",
    b",\n,\n,\n",
    b"," * 500 + b"\n" + b"1," * 500 + b"1\n",
    b"x,y\n9999-12-31,1\n0001-01-01,2\n",
    b"x,y\n" + b"a" * 70_000 + b",1\nb,2\n",
]
_NAMES = ["x", "y", "Y", "size", "a b", "ä", "1", "", "select", 'q"q', "a,b", "x\x1b[0m", "n\nn", "x\u202e", "count(*)"]
_VALUES = {
    "whole": ["0", "1", "-7", "+3", "007", "9007199254740993", "9" * 30, "1_000", "0x1F"],
    "number": ["0.5", "-1.5e3", ".5", "5.", "1e39", "1e300", "1e400", "-1e-320", "nan", "inf", "-Infinity", "1,5"],
    "text": ["a", "b ", " c", "", "NULL", "NA", "?", "None", "=1+1", "é", "日本", "\u202ex", "\x1b[2J", "'", "\\N"],
    "quoted": ['say "no"', "a,b", "two\nlines", "\r", "tab\there", ";", "#", "--", "\x00"],
    "date": ["2024-02-29", "2023-02-29", "1.2.2003", "12/31/99", "9999-12-31", "0001-01-01", "2024-01-01T25:00"],
    "time": ["12:30", "24:00", "2024-01-01 12:00:00+05:30", "1e9"],
    "percent": ["1 %", "50%", "$5", "1 000", "5 €", "1e999 %"],
    "truth": ["true", "False", "yes", "0", "1", "T"],
}


def corpus() -> list[bytes]:
    """What once failed, or might."""
    return CORPUS


def case(draw: random.Random) -> bytes:
    """The bytes of a file: most are a plain table with a few odd cells; some are cut, joined or changed."""
    width, height = draw.randint(1, 5), draw.choice([0, 1, 2, 3, 5, 20])
    kinds = [draw.choice(sorted(_VALUES)) for _ in range(width)]

    def cell(kind: str) -> str:
        return draw.choice(_VALUES[kind if draw.random() < 0.9 else draw.choice(sorted(_VALUES))])

    rows = [[draw.choice(_NAMES) for _ in range(width)], *([cell(kind) for kind in kinds] for _ in range(height))]
    text = io.StringIO()
    style = {"delimiter": draw.choice(",,,,;\t|"), "lineterminator": draw.choice(["\n", "\n", "\r\n"])}
    csv.writer(text, quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), **style).writerows(rows)
    content = text.getvalue().encode(draw.choice(["utf-8"] * 9 + ["utf-16"]), "replace")
    return _damaged(draw, content) if draw.random() < 0.3 else content


def _damaged(draw: random.Random, content: bytes) -> bytes:
    place, end = sorted(draw.randint(0, len(content)) for _ in range(2))
    return draw.choice(
        [
            lambda: content[:place],
            lambda: content[:place] + content[end:],
            lambda: (
                content[:place]
                + draw.choice([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf"])
                + content[place:]
            ),
            lambda: content + content,
            lambda: content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :],
        ]
    )()


def tried(content: bytes, number: int) -> bool:
    """Read the file and every value in it; whether it was a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(content)
        try:
            table = read_table(path)
        except TableError:
            return False
    _check(table)
    records = plain_records(content)
    assert records is None or table.n_rows == records, (table.n_rows, records)
    return True


def _check(table: Table) -> None:
    """The columns are all of one length, and their values are what their kind says."""
    assert len(set(table.names)) == len(table.names)
    for column in table.columns:
        assert len(column.values) == table.n_rows == len(column.missing)
        if column.kind == "text":
            assert column.values.min(initial=-1) >= -1
            assert not column.levels or column.values.max(initial=-1) < len(column.levels)


def plain_records(content: bytes) -> int | None:
    """How many records follow the header of a plain file: UTF-8, commas, no empty record, one width of at least two.

    None for any other: whether its first line is a header, or where its lines end, is for the reader to say.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if not text.endswith("\n") or any(odd in text for odd in "\0\r;\t|#'\\\ufeff"):
        return None
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError):
        return None
    named = all(name.strip() and not name[0].isdigit() for name in header) and len(
        set(map(str.casefold, header))
    ) == len(header)
    named = named and not any({*header} & {*row} for row in rows)  # in a table of texts these may be values
    widths = {len(row) for row in rows}
    return (
        len(rows) if len(header) > 1 and named and widths == {len(header)} and all(any(row) for row in rows) else None
    )
