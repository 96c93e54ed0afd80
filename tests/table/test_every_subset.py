"""A recorded format reads every value the same, whichever rows come with it, from whatever source."""

import csv

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule._errors import TableError
from chainrule.table import Column, Table, from_frame, read_table
from chainrule.table.reading.batches import open_batches
from chainrule.table.table_format import TableFormat

# Values that look like something else when they stand alone.
KINDS = [
    ["01", "02", "03", "A3", "10"],
    ["1.0", "2.0", "3", "x"],
    ["12E5", "3E7", "4E1", "abc"],
    ["10%", "20%", "30", "none"],
    ["$5", "$10", "€20", "free"],
    ["1,000", "2,000", "5", "many"],
    ["1,5", "2,25", "3", "1.000,5"],
    ["0,123", "2,971", "11,000"],
    ["2020-01-01", "2021-05-06 10:30", "never"],
    ["2020-01-01", "2021-05-06T10:30:00Z", "2021-05-06 10:30:00+02:00", ""],
    ["01/02/2023", "13/02/2023", "11/12/23", ""],
    ["01/02/2023", "02/13/2023", "11/12/23", ""],
    ["13-Oct-2023", "1 Nov 2023", "02-Dec-23"],
    ["true", "false", "TRUE", "maybe"],
    ["true", "false", "TRUE", "NA"],
    ["14:35", "2:05 PM", "23:59:59.5", "?"],
    ["3 days 04:00:00", "1 day 00:00:01", "NA"],
    ["+1", "+2", "-3", "(4)"],
    ["0x1F", "0xA0", "none"],
    ["EU", "AS", "NA", "US"],
    ["+", "-"],
    [str(2**53 + 1), str(2**53 + 2), "7"],
    ["inf", "1.5", "nan", "-inf"],
    ["5 kg", "7.5 kg", "8"],
    [" a", "a ", "b", "#x", "it's", 'say "b"'],
]


def values_of(column: Column) -> list[object]:
    """The column as Python values, None where missing."""
    if column.kind == "text":
        return [column.levels[code] if code >= 0 else None for code in column.values]
    return [None if gone else value.item() for value, gone in zip(column.values, column.missing, strict=True)]


def by_row(table: Table) -> list[tuple[object, ...]]:
    return list(zip(*(values_of(column) for column in table.columns), strict=True))


@st.composite
def tables(draw):
    """A table of texts, and some of its rows in any order."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*(st.sampled_from(kind) for kind in kinds)), min_size=1, max_size=40))
    chosen = draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=len(rows), unique=True))
    delimiter = draw(st.sampled_from(",;\t|"))
    return [f"c{place}" for place in range(len(kinds))] + ["n"], rows, chosen, delimiter


def write_csv(path, names, rows, delimiter):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *rows])


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(tables())
def test_every_row_is_read_as_with_the_whole_table(tmp_path, case):
    names, texts, chosen, delimiter = case
    rows = [(*row, str(place)) for place, row in enumerate(texts)]
    some = [rows[place] for place in chosen]
    write_csv(tmp_path / "all.csv", names, rows, delimiter)
    write_csv(tmp_path / "some.csv", names, some, delimiter)
    whole = read_table(tmp_path / "all.csv")
    known = TableFormat.from_dict(whole.format.to_dict())
    expected = [by_row(whole)[place] for place in chosen]
    frame = pd.DataFrame(some, columns=names).astype("str")
    frame.to_parquet(tmp_path / "some.parquet")
    assert by_row(read_table(tmp_path / "some.csv", known=known)) == expected
    assert by_row(read_table(tmp_path / "some.parquet", known=known)) == expected
    assert by_row(read_table(f"SELECT * FROM '{tmp_path}/some.csv'", known=known)) == expected
    assert by_row(from_frame(frame, known=known)) == expected
    assert by_row(from_frame(pl.DataFrame(some, schema=names, orient="row"), known=known)) == expected
    with open_batches(tmp_path / "some.csv", known=known) as batches:
        assert [row for batch in batches for row in by_row(batch)] == expected
    for place, row in zip(chosen[:3], some, strict=False):
        assert by_row(from_frame(pd.DataFrame([row], columns=names), known=known)) == [by_row(whole)[place]]


def test_in_batches_the_format_is_that_of_the_table_in_memory(tmp_path):
    rows = [[kind[place % len(kind)] for kind in KINDS] for place in range(60)]
    write_csv(tmp_path / "t.csv", [f"c{place}" for place in range(len(KINDS))], rows, ";")
    table = read_table(tmp_path / "t.csv")
    with open_batches(tmp_path / "t.csv") as batches:
        assert batches.header.format == table.format
        assert [row for batch in batches for row in by_row(batch)] == by_row(table)
        assert [column.note for column in batches.header.columns] == [column.note for column in table.columns]


def test_a_value_that_does_not_fit_is_counted_and_named(tmp_path):
    write_csv(tmp_path / "t.csv", ["x", "d"], [(f"{n}.5", f"2024-01-{n:02}") for n in range(1, 30)], ",")
    known = read_table(tmp_path / "t.csv").format
    write_csv(tmp_path / "new.csv", ["x", "d"], [("1", "2024-01-01"), ("oops", "soon"), ("?", "later")], ",")
    found = read_table(tmp_path / "new.csv", known=known)
    assert (found["x"].misfits, found["d"].misfits) == (1, 2)
    assert found["x"].note == "1 value is no number ('oops', row 2), taken as missing"
    assert found["d"].note == "2 values are no date (the first: 'soon', row 2), taken as missing"


@pytest.mark.parametrize(
    ("texts", "kind", "values", "note"),
    [
        (["1"] * 30 + [f"{n}" for n in range(30)] + ["n.a."], "number", None, ""),
        ([f"{n}" for n in range(60)] + ["m/s"], "number", None, "1 value is no number ('m/s', row 61)"),
        (["1", "2", "3", "A"] * 20, "text", None, ""),
        ([f"{n:02}" for n in range(20)] + ["A3"] * 5, "text", None, ""),
        (["12.345,10", "1,5"], "number", [12345.10, 1.5], "numbers stored as text"),
        (["1 234,5", "7"], "number", [1234.5, 7], "numbers stored as text"),
        (["1'000", "7"], "number", [1000, 7], "numbers stored as text"),
        (["(5)", "3"], "number", [-5, 3], "numbers stored as text"),
        (["5 €", "6 €"], "number", [5, 6], "numbers stored as text"),
        (["12,345.00 USD", "1.00 USD"], "number", [12345, 1], "numbers stored as text"),
        (["5 €", "6 $"], "text", None, ""),
        (["<0.1", "0.2"], "text", None, ""),
        (["0,123", "2,971"], "number", [0.123, 2.971], "numbers stored as text"),
        (["14:35", "2:05 PM"], "number", [52500, 50700], "times read as seconds"),
        (["3 days 04:00:00", "00:00:01"], "number", [273600, 1], "times read as seconds"),
        (["2021-05-01", "05/06/2021"], "text", None, "dates in several formats, taken as text"),
        (["12 Elm St", "14 Oak Rd"], "text", None, ""),
        (["192.168.0.1", "10.0.0.1"], "text", None, ""),
        (["1-2", "3-4"], "text", None, ""),
    ],
)
def test_what_texts_are(texts, kind, values, note):
    column = from_frame({"c": texts})["c"]
    assert column.kind == kind
    assert note in column.note
    if values is not None:
        np.testing.assert_allclose(column.values, values)


DAYS = pd.date_range("2023-01-01", periods=400)


@pytest.mark.parametrize(
    ("form", "days"),
    [
        *(
            (form, DAYS)
            for form in ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%y", "%d/%m/%Y", "%d-%b-%Y", "%B %d, %Y", "%Y/%m/%d")
        ),
        *((form, DAYS) for form in ("%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%SZ")),
        ("%m/%d/%Y", pd.date_range("2015-01-01", periods=120, freq="MS")),
        ("%d/%m/%Y", pd.date_range("2015-01-01", periods=120, freq="MS")),
    ],
)
def test_dates_are_read_as_they_were_written(form, days):
    column = from_frame({"d": days.strftime(form).to_numpy(object)})["d"]
    assert column.kind == "date"
    assert (column.values == days.to_numpy().astype("datetime64[us]")).all()


def test_dates_that_do_not_show_their_order_are_named():
    note = from_frame({"d": ["01/02/2023", "12/11/2023", "03/04/2022"]})["d"].note
    assert note == "dates read month first, which they do not show: '01/02/2023'; --date-format dmy if they are not"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2019,2020,2021\n0.5,1.5,2.5\n3.5,4.5,5.5\n", ("2019", "2020", "2021")),
        ("country,2019,2020,2021\nX,1,2,4\nY,3,4,7\n", ("country", "2019", "2020", "2021")),
        ("x,NA,y\n1,2,a\n3,4,b\n", ("x", "NA", "y")),
        ("NA,N/A,y\nq,r,a\ns,t,b\n", ("NA", "N/A", "y")),
        ("A,a\n1,2\n3,4\n", ("A", "a")),
        ("red,big\nred,small\nblue,big\n", ("column1", "column2")),
        ("colour,size\nred,big\nblue,small\n", ("colour", "size")),
        ("1,2\n3,4\n", ("column1", "column2")),
        (",x\n0,1.5\n1,2.5\n", ("column1", "x")),
        ("Report;;\n;;\nx;z;y\n1;2;3\n4;5;6\n", ("x", "z", "y")),
        ("when\n10:30\n11:45\n", ("when",)),
        ("name\nAnn Lee\nBob Day\n", ("name",)),
        ("a^b\n1^2\n3^4\n", ("a", "b")),
        ("a~b\n1~2\n3~4\n", ("a", "b")),
        ("user:shell\nann:sh\nbob:zsh\n", ("user", "shell")),
    ],
)
def test_names_of_columns(tmp_path, text, names):
    (tmp_path / "t.csv").write_text(text)
    assert read_table(tmp_path / "t.csv").names == names


def test_another_delimiter_than_in_training_is_said(tmp_path):
    write_csv(tmp_path / "t.csv", ["x", "y"], [("1.5", "a"), ("2.5", "b")], ",")
    known = read_table(tmp_path / "t.csv").format
    write_csv(tmp_path / "new.csv", ["y", "x"], [("a", "1.5")], ";")
    found = read_table(tmp_path / "new.csv", known=known)
    assert found.names == ("y", "x")
    assert found.notes == ("fields cut at ';', where training had ','",)


def test_options_are_not_found_but_taken(tmp_path):
    from chainrule.table.table_format import ReadOptions

    (tmp_path / "t.csv").write_bytes("x;d;k\n1.500;01/02/2023;東\n2;03/04/2023;-9\n".encode("shift_jis"))
    options = ReadOptions(";", True, "shift_jis", ",", "mdy", ("-9",))
    table = read_table(tmp_path / "t.csv", options=options)
    assert values_of(table["x"]) == [1500, 2]
    assert table["d"].values[0] == np.datetime64("2023-01-02")
    assert values_of(table["k"]) == ["東", None]
    with pytest.raises(TableError, match="not ascii"):
        read_table(tmp_path / "t.csv", options=ReadOptions(encoding="ascii"))


def test_points_are_thousands_where_other_columns_have_decimal_commas(tmp_path):
    (tmp_path / "t.csv").write_text("n;x\n1.234;0,5\n12.345;1,25\n7;3,0\n")
    table = read_table(tmp_path / "t.csv")
    assert [values_of(column) for column in table.columns] == [[1234, 12345, 7], [0.5, 1.25, 3]]
    assert table["n"].note == "points read as thousands; --decimal . if they are decimal signs"
    for delimiter, expected in ((";", [1234, 12345, 7]), (",", [1.234, 12.345, 7])):
        write_csv(tmp_path / "t.csv", ["n", "x"], [("1.234", "a"), ("12.345", "b"), ("7", "c")], delimiter)
        assert values_of(read_table(tmp_path / "t.csv")["n"]) == expected
    write_csv(tmp_path / "t.csv", ["n", "x"], [("1.234", "0.5"), ("12.345", "1.25"), ("7", "2")], ";")
    assert values_of(read_table(tmp_path / "t.csv")["n"]) == [1.234, 12.345, 7]


@pytest.mark.parametrize(
    ("text", "rows", "names"),
    [
        ("id,t,n\n1,'twas night,5\n2,abc,6\n3,the dogs',7\n4,x,8\n5,y,9\n", 5, ("id", "t", "n")),
        ("n,k\nO'Neil,1\n'tis,2\nboys',3\n", 3, ("n", "k")),
        ("n,k\n'a, b',1\n'c',2\n'd, e',3\n", 3, ("n", "k")),
        ("sep=;\na;b\n1,5;x\n2,5;y\n", 2, ("a", "b")),
        ("country,2019,2020,2021\nDE,83,84,85\n" + "FR,1,5,7\n" * 20, 21, ("country", "2019", "2020", "2021")),
        ("id,name,2019,2020\n1,x,5.5,6\n2,y,3.5,9\n", 2, ("id", "name", "2019", "2020")),
        ("a,b\r\n1,x\n2,y\r3,z\n", 3, ("a", "b")),
        ('p,n\n"C:\\dir\\",2\n"D:\\x\\",3\n', 2, ("p", "n")),
        ("10:00:01 temp 5\n10:00:02 temp 6\n", 2, ("column1", "column2", "column3")),
    ],
)
def test_rows_that_may_be_cut_in_two_ways(tmp_path, text, rows, names):
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = read_table(tmp_path / "t.csv")
    assert (table.n_rows, table.names) == (rows, names)


@pytest.mark.parametrize(
    ("texts", "kind", "note"),
    [
        (["01234", "1234", "5"] * 5, "text", "whole numbers with leading zeros: taken as codes"),
        (["0", "10", "7"] * 5, "number", ""),
        (["0.50", "00.5", "1"] * 5, "number", ""),
        (["192.168.104.147", "172.168.149.200"], "text", "numbers between points, taken as codes"),
        (["652.508.447", "652.508.448"], "text", "numbers between points, taken as codes"),
        (["1.234.567", "1.234", "5,5"], "number", "numbers stored as text"),
        (["0.34", "39%", "0.5"] * 10, "text", "numbers with and without %, taken as text"),
        ([f"{n}%" for n in range(30)], "number", "numbers stored as text"),
        (["2006-07", "2000-01", "2011-12"], "text", "seasons such as 2006-07, taken as text"),
        (["2006-07", "2006-08", "2006-09"], "date", ""),
        (["25/03/2020", "03/25/2020"] * 10, "text", "dates in several formats, taken as text"),
    ],
)
def test_codes_and_mixtures_are_no_numbers(texts, kind, note):
    column = from_frame({"c": texts})["c"]
    assert (column.kind, column.note) == (kind, note)


def test_frames_name_each_column_once():
    with pytest.raises(TableError, match=r"must differ.*'a' 2 times"):
        from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_recorded_delimiter_within_texts_cuts_nothing(tmp_path):
    write_csv(tmp_path / "t.csv", ["x", "t"], [("1.5", "a"), ("2.5", "b")], ";")
    known = read_table(tmp_path / "t.csv").format
    write_csv(tmp_path / "new.csv", ["x", "t"], [("1.5", "a;b"), ("2.5", "c;d")], ",")
    assert read_table(tmp_path / "new.csv", known=known).names == ("x", "t")
