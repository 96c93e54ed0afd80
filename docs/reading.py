"""Write docs/reading.md from the code that reads tables, or check that it is up to date."""

import sys
from pathlib import Path

from chainrule.table.reading import infer_formats, parse
from chainrule.table.reading.csv import dialect as csv_dialect
from chainrule.table.reading.files import COMPRESSED, TABLES
from chainrule.table.table_format import MARKS_AMONG_NUMBERS, MISSING_MARKS

PAGE = Path(__file__).with_name("reading.md")
NAMES = {"\t": "tab", " ": "blanks"}


def listed(words: tuple[str, ...]) -> str:
    """Return words as code, separated by commas; the empty field has a name."""
    return ", ".join(f"`{word}`" if word else "the empty field" for word in words)


def units(pattern: str) -> str:
    """Return the units in a pattern."""
    symbols = pattern.removeprefix("[").partition("]|")
    return listed((*symbols[0], *symbols[2].split("|"))) if symbols[1] else listed(tuple(pattern.split("|")))


def page() -> str:
    """Return the page: every rule, mark, format and threshold."""
    delimiters = ", ".join(NAMES.get(each, f"`{each}`") for each in csv_dialect.DELIMITERS)
    return f"""# How tables are read

Written by `make docs` from the code that applies the rules.

What is found in a table is recorded in the model: its dialect, the kind of each column, the decimal sign and the
unit of
its numbers, the order of its dates, the marks of missing values. `predict`, `evaluate` and `trace`, and `predict` and
`score` in Python, read every later table by that record and infer nothing. A value that does not have the recorded
format
is counted, named with its row, and taken as missing. In Python the record is `chainrule.load(...).model_.format`.

## Files

* Endings that count in a folder: {listed(TABLES)}, also with {listed(COMPRESSED)} behind. A file that is named itself
  may have any ending: its first bytes decide.
* A folder is read with all folders inside, in the order of names; names that begin with `.` or `_` are left out. In a
  pattern `**` means any number of folders. A folder `year=2020` gives its files a column `year`.
* Of several files, columns go together by name. A column that some files lack is missing there, which is said; if a
  model needs it, that is an error.
* `book.xlsx#Sheet2` is a sheet of a workbook (the first by default), `data.sqlite#people` a table of an SQLite database
  (needed if there are several). `-` is standard input. Workbooks need openpyxl, Arrow and Feather files pyarrow.
* Durations and times of day are numbers of seconds, from every source; only the integers that pyarrow writes for
  durations in Parquet files stay integers. Whole numbers beyond 2^53 are texts; lists and records are not read.
* Encoding: UTF-8; UTF-16 with its mark; anything else is read as cp1252, which is said. `--encoding` names another.
* Line ends: LF, CR LF, CR, and all of them mixed.
* Delimiters, in this order where several fit equally well: {delimiters}. A delimiter fits if it cuts at least
  {csv_dialect.LEAST_SHARE:.0%} of the lines into equally many
  fields; colons between texts and blanks between numbers count only where no other does for
  {csv_dialect.SURE_SHARE:.0%} of them. `--delimiter` names it.
* Quotes: `"`, `'` or none, whichever makes more records equally long; doubled or behind a backslash inside of fields.
* The sample is {csv_dialect.RECORDS:,} records. Every other line is held against it: one with another number of
  fields is
  an error that names the line.
* The first record names the columns if its fields are texts above columns of which {csv_dialect.TYPED_SHARE:.0%} are
  numbers or
  dates; or a rising series of whole numbers, such as years, which the next record does not go on with; or, in a
  table of
  texts, if none of them occurs again below. `--header` and `--no-header` decide.
* Lines above the table are skipped if they are titles: one text that is no number, alone in its line. `--skip` names
  their
  number.
* A column that some files of a folder lack is missing in their rows, which is said.

## Missing values

* Everywhere: {listed(MISSING_MARKS)}. `--missing` names others instead.
* Where the other values are numbers, dates, durations or truth values, also: {listed(MARKS_AMONG_NUMBERS)}.
* In a column of texts these are values, which is said, if no column of numbers or dates uses them and the other
  texts are
  like them: {listed(tuple(infer_formats.AMBIGUOUS))} (`NA` among codes of capital letters, `-` beside `+`, `None`
  among
  capitalised words).

## Kinds

A column is of a kind if all of its values are; or if {infer_formats.NEARLY_ALL:.0%} of its rows are (but one row of
at least
{infer_formats.LEAST_ROWS}) and at least {infer_formats.LEAST_NUMBERS} different values. The others are counted,
named and missing.
`--numeric` takes a column as numbers whatever share of it they are.

| kind | examples |
|---|---|
| number | `12`, `-1.5e3`, `1,234.50`, `12.345,10`, `1 000`, `1'000`, `(5)` for -5, with one unit for the whole column |
| truth value | `true`, `false`, in any case |
| date | `2023-10-13`, `2023-10`, `13.10.2023`, `10/13/23`, `13-Oct-2023`, `Oct 13, 2023`; with time and zone |
| duration | `14:35`, `2:35 PM`, `3 days 04:00:00`: seconds, of a time of day those since midnight |
| text | everything else |

* Units: {units(parse.CURRENCIES)}; {units(parse.MEASURES)}; apart from the number also `g`, `m`, `l`, `s`, `h`, `V`,
  `W`, `A`.
* Decimal sign: a column shows it if its values can be read in one way only. If not (`1,234`), the other columns of the
  table decide; then the delimiter, a comma with `;`; then it is a point. This is said. `--decimal` names it.
* Whole numbers beyond 2^53 are codes: numbers of that size would be rounded. So are whole numbers with leading zeros
  (`01234`), and numbers between points (`192.168.104.147`). Codes are text; `--numeric` takes them as numbers.
* Per cent signs: all numbers of a column have one, or none has; a mixture is text, but for one value in a hundred.
* Dates: year first, day first or month first, for the whole column. If all values can be read day first and month
  first, the other dates of the table decide; then the order in which the rows are sorted; then the same day of every
  month; then month first with `/`, day first otherwise. This is said. `--date-format` decides. Years of two digits are
  1969 to 2068. Times with a zone are turned into UTC; times without are taken as they are. Dates in several orders are
  text, and so are seasons such as `2006-07`.
* Ordered texts: words of one scale (low, medium, high; Fair, Good, Very Good; S, M, L and the like), and categories
  that a data frame has ordered, become the number of their step, which is said. `--categorical` takes them as
  categories, `--ordinal 'size=S<M<L'` gives another order.
* Text of more than {infer_formats.MAX_LEVELS:,} different values is not kept.
"""


if "--check" in sys.argv:
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is out of date: run `make docs`.")
else:
    PAGE.write_text(page(), encoding="utf-8")
