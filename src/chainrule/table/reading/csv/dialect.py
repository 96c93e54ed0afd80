"""Find how a text file is cut into records and fields, from a large sample of its text.

The same rules for every file, and no library's guess: the delimiter that cuts the most lines into equally many fields,
the quotes that make it so, the first line of the table, and whether it names the columns.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

from chainrule.table.table_format import MARKS_AMONG_NUMBERS, MISSING_MARKS, Dialect, ReadOptions

DELIMITERS = ("\t", ";", "|", ",", "~", "^", ":", " ")  # in this order where several fit as well
_QUOTES = ('"', "", "'")  # in this order where several fit as well
RECORDS = 1000  # records of the sample that are looked at
_WITHOUT_FIRST = 0.95  # of its share is left to a delimiter that does not cut the first record alike
_AS_GOOD = 0.02  # of the lines: a difference that does not matter
LEAST_SHARE = 0.5  # of the lines must have equally many fields
SURE_SHARE = 0.9  # where a delimiter is found, colons and blanks do not count
TYPED_SHARE = 0.9  # of a column's values below the first record
_NAMES = {"tab": "\t", "\\t": "\t", "blanks": " ", "whitespace": " "}

_NUMBER = r"[-+(]?[$€£¥₹]?\s?[-+]?[\d.,' \u00a0]*\d[\d.,' \u00a0]*(e[-+]?\d+)?\s?(%|[$€£¥₹]|[A-Z]{3})?\)?"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}.*)?( ?[ap]\.?m\.?)?"
_TYPED = re.compile(f"({_NUMBER}|{_DATE}|{_CLOCK}|[-+]?inf(inity)?|true|false)", re.IGNORECASE)
_SEPARATOR_HINT = re.compile(r"sep=(.)\r?\n")
_MISSING = {"", *MISSING_MARKS, *MARKS_AMONG_NUMBERS}


@dataclass(frozen=True)
class Record:
    """A record of the sample: its fields, and the number of the line where it ends, counted from 1."""

    fields: tuple[str, ...]
    end: int
    lines: int


def find_dialect(sample: str, options: ReadOptions, encoding: str = "utf-8") -> Dialect:
    """Find the dialect of a text file.

    Parameters
    ----------
    sample : str
        The first lines of the file, each whole.
    options : ReadOptions
        What is not to be found.
    encoding : str

    Examples
    --------
    >>> find_dialect("size;colour\\n1,5;red\\n2,5;blue\\n", ReadOptions())
    Dialect(delimiter=';', quote='"', escape='"', header=True, skip=0, encoding='utf-8')
    >>> find_dialect("1,2\\n3,4\\n", ReadOptions()).header
    False
    """
    given = None if options.delimiter is None else _NAMES.get(options.delimiter, options.delimiter)
    hint = _SEPARATOR_HINT.match(sample)  # which Excel writes and understands
    if hint and given is None and options.skip is None:
        given = hint[1]
        found = find_dialect(sample[hint.end() :], replace(options, delimiter=given), encoding)
        return replace(found, skip=found.skip + 1)
    skip = options.skip or 0
    body = "".join(sample.splitlines(keepends=True)[skip:]) if skip else sample
    dialect = replace(_separators(body, given), encoding=encoding)
    records = list(islice(records_of(body, dialect), RECORDS))
    width = _modal_width(records)
    first = 0 if options.skip is not None else _first_of_table(records, width)
    header = options.header if options.header is not None else has_header([each.fields for each in records[first:]])
    above = records[first].end - records[first].lines if records else 0
    return replace(dialect, header=header, skip=skip + above)


def records_of(text: str, dialect: Dialect) -> Iterator[Record]:
    """Yield the records of a text that are no blank lines."""
    lines = text.splitlines(keepends=True)
    if dialect.delimiter == " ":
        lines = [line.strip(" \t\r\n").replace("\t", " ") + "\n" for line in lines]
    reader = csv.reader(lines, **csv_arguments(dialect))
    end = 0
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a field of over 128 kB
            end = reader.line_num
            continue
        if fields:
            yield Record(tuple(fields), reader.line_num, reader.line_num - end)
        end = reader.line_num


def csv_arguments(dialect: Dialect) -> dict[str, Any]:
    """Return the arguments of Python's csv module for a dialect."""
    own = dialect.escape not in ("", dialect.quote)
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quote or None,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        "escapechar": dialect.escape if own else None,
        "doublequote": not own,
        "skipinitialspace": dialect.delimiter != "\t",
    }


def _separators(text: str, given: str | None) -> Dialect:
    """Find delimiter, quote and escape."""
    tried: list[tuple[float, Dialect]] = []
    for delimiter in DELIMITERS if given is None else (given,):
        quotes = [quote for quote in _QUOTES if quote != "'" or _encloses(text, delimiter)]
        options = [Dialect(delimiter, quote, _escape(text, quote, delimiter)) for quote in quotes]
        scores = [(_share(text, dialect), dialect) for dialect in options]
        best = max(score for score, _ in scores)
        score, dialect = next((score, each) for score, each in scores if score >= best - 1e-9)
        tried.append((score, dialect if dialect.quote else replace(dialect, quote="", escape="")))
    if given is None and max(score for score, _ in tried[:-2]) >= SURE_SHARE:
        tried = tried[:-2]
    best = max(score for score, _ in tried)
    if best < LEAST_SHARE:
        return _unquoted_none(text, Dialect(given or ",", '"', '"'))
    chosen = next(dialect for score, dialect in tried if score >= best - _AS_GOOD)
    return _unquoted_none(text, chosen)


def _unquoted_none(text: str, dialect: Dialect) -> Dialect:
    """Let quotes follow after the sample if it has none."""
    return dialect if dialect.quote or '"' in text else replace(dialect, quote='"', escape='"')


def _encloses(text: str, delimiter: str) -> bool:
    """Say whether apostrophes enclose fields: as many begin with one as end with one, in half of the lines or more."""
    lines = text.splitlines()[:RECORDS]
    fields = [field.strip() for line in lines for field in line.split(delimiter)]
    begin, end = (
        sum(map(at, fields)) for at in (lambda field: field.startswith("'"), lambda field: field.endswith("'"))
    )
    return begin == end and 2 * begin >= len(lines)


def _escape(text: str, quote: str, delimiter: str) -> str:
    """Return the backslash if it stands before quotes inside of fields, else the quote itself."""
    inside = re.search(rf"\\{quote}[^{re.escape(delimiter)}\r\n]", text) if quote else None
    return "\\" if inside and quote * 2 not in text else quote


def _share(text: str, dialect: Dialect) -> float:
    """Return the share of lines in records with the most usual number of fields; 0 if a delimiter cuts nothing."""
    records = list(islice(records_of(text, dialect), RECORDS))
    width = _modal_width(records)
    lines = sum(record.lines for record in records)
    if width < 2 or not lines:
        return 0.0
    if dialect.delimiter in ": " and not _is_sure(records, width, numbers=dialect.delimiter == " "):
        return 0.0
    share = sum(record.lines for record in records if len(record.fields) == width) / lines
    return share if len(records[0].fields) == width else share * _WITHOUT_FIRST


def _is_sure(records: Sequence[Record], width: int, *, numbers: bool) -> bool:
    """Say whether colons or blanks delimit fields: also in the first record; blanks do so between numbers."""
    if len(records[0].fields) != width:
        return False
    columns = list(zip(*(record.fields for record in records[1:] if len(record.fields) == width), strict=True))
    if not numbers and any(re.search(r"\d:\d", ":".join(record.fields)) for record in records):
        return False  # times of day
    typed = [_is_typed_column(column) for column in columns]
    return sum(typed) * 2 >= width if numbers else bool(columns) and not all(typed)


def _modal_width(records: Sequence[Record]) -> int:
    counts = Counter(len(record.fields) for record in records)
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _first_of_table(records: Sequence[Record], width: int) -> int:
    """Return the place of the first record of the table: above it are titles, alone in their line."""
    if records and len(records[0].fields) == width - 1 and all(record.fields[-1] == "" for record in records[1:]):
        return 0  # a delimiter ends every record but the header
    for place, record in enumerate(records):
        filled = [field for field in record.fields if field.strip()]
        is_title = width > 2 and len(filled) <= 1 and not any(map(is_typed, filled))
        if len(record.fields) == width and not (is_title and place < len(records) - 1 and _titles_end(records, place)):
            return place
    return 0


def _titles_end(records: Sequence[Record], place: int) -> bool:
    """Say whether a record with all of its fields follows soon: a title is not the first of many gaps."""
    return any(all(field.strip() for field in record.fields) for record in records[place + 1 : place + 6])


def is_typed(text: str) -> bool:
    """Say whether a text looks like a number, a date, a time or a truth value."""
    return _TYPED.fullmatch(text.strip()) is not None


def _is_typed_column(values: Sequence[str]) -> bool:
    present = [value for value in values if value.strip() not in _MISSING]
    return bool(present) and sum(map(is_typed, present)) >= TYPED_SHARE * len(present)


def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Say whether the first record names the columns.

    It does if its fields are texts above columns of numbers or dates, or a series of numbers such as years that the
    next record does not go on with; in a table of texts, if none of them occurs again below.
    """
    first, below = records[0] if records else (), [each for each in records[1:] if len(each) == len(records[0])]
    if not below:
        return not any(map(is_typed, first))
    contrast = typed = repeated = unseen = 0
    for field, values in zip((field.strip() for field in first), zip(*below, strict=True), strict=True):
        if field in _MISSING:
            continue
        if _is_typed_column(values):
            contrast += not is_typed(field)
            typed += is_typed(field)
        elif is_typed(field):
            typed += 1
        else:
            known = field in {value.strip() for value in values}
            repeated += known
            unseen += not known
    if typed:
        least = 2 if contrast or unseen > repeated else 3
        return contrast > typed or (_is_series(first, least) and not _goes_on(first, below[:20]))
    return contrast > 0 or repeated == 0 < unseen


def _goes_on(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Say whether the numbers of most records are a series where those of the first are."""
    places = [place for place, field in enumerate(first) if re.fullmatch(r"\s*\d{1,4}\s*", field)]
    series = [_is_series([record[place] for place in places], len(places)) for record in below]
    return 2 * sum(series) > len(series)


def _is_series(fields: Sequence[str], least: int) -> bool:
    """Say whether at least so many fields are whole numbers that rise by the same step, as years do."""
    numbers = [int(field) for field in fields if re.fullmatch(r"\s*\d{1,4}\s*", field)]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) >= least and len(steps) == 1 and steps.pop() > 0


def column_names(fields: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return distinct names for the columns, as they stand in the header, and notes about those that are made up.

    Examples
    --------
    >>> column_names(["a", "A", "a", ""])
    (('a', 'A', 'a_1', 'column4'), ('several columns named a: numbered', '1 column without a name: named by its place'))
    """
    names: list[str] = []
    stripped = [field.strip() for field in fields]
    taken = set(stripped)
    for place, name in enumerate(stripped, 1):
        name = name or f"column{place}"
        if name in names:
            name = next(new for number in range(1, place + 1) if (new := f"{name}_{number}") not in taken | set(names))
        names.append(name)
    repeated = [name for name, count in Counter(filter(None, stripped)).items() if count > 1]
    empty = stripped.count("")
    notes: tuple[str, ...] = (f"several columns named {', '.join(repeated)}: numbered",) if repeated else ()
    if empty:
        notes += (
            ("1 column without a name: named by its place",)
            if empty == 1
            else (f"{empty:,} columns without a name: named by their places",)
        )
    return tuple(names), notes
