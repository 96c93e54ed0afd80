"""Every record of a file is a row of its table, or the file is refused and a line is named."""

import bz2
import csv
import gzip
import io
import lzma

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule import LinearRegressor
from chainrule._errors import TableError
from chainrule.table import read_table
from chainrule.table.reading.batches import open_batches


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# What is wrong with the file, and the line to name.
NARROW, WIDE = "x,y\n" + "1,2\n" * 40, "a,b,c\n" + "1,2,3\n" * 60
REFUSED = {
    "a row too long, and so all that follow": (
        "x,y\n" + "1,2\n" * 5 + "1,2,3\n" * 50,
        "line 7 has 3|line 1 .* line 7 on have 3",
    ),
    "a second export, wider": (NARROW + WIDE, "line 42 has 3|line 1 .* line 42 on have 3"),
    "a second export, wider and short": (NARROW + "a,b,c\n1,2,3\n", "line 42 has 3|line 1 .* line 42 on have 3"),
    "a second export, narrower": (WIDE + NARROW, "line 62 "),
    "a second export below a blank line": (NARROW + "\n" + WIDE, "line 43 has 3|line 1 .* line 43 on have 3"),
    "a row too short": ("a,b,c\n1,2,3\n1,2\n3,4,5\n", "line 3 "),
    "the last row too short": ("a,b,c\n" + "1,2,3\n" * 25_000 + "1,2\n", "line 25,002 "),
    "the last row too long": ("a,b,c\n" + "1,2,3\n" * 25_000 + "1,2,3,4\n", "line 25,002 "),
    "a line with the total": (NARROW + "Total\n", "line 42 "),
    "no header, and wider rows below": ("1,2\n" * 3 + "1,2,3\n" * 50, "line 4 has 3|line 1 .* line 4 on have 3"),
    "a list of numbers above": ("x\n1\n2\n3\na,b\n1,2\n3,4\n", "line [25] "),
    "a list of texts above": ("x\nann\nbob\ncy\na,b\n1,2\n3,4\n", "line [15] "),
    "a list of answers above": ("answer\nyes\nno\nyes\n" + WIDE, "line 4 "),
    "missing values above": ("x\nNA\n" + WIDE, "line 2 "),
    "a title of two fields": ("Report, by Joe\n" + WIDE, "line 1 "),
    "comments": ("# of a machine, by hand\n# see the manual\nx,y\n1,2\n", "line 2 "),
    "a comment between rows": ("x,y\n1,2\n# checked\n3,4\n", "line 3 "),
    "semicolons": ("x;y\n1;2\n" + "1;2;3\n" * 20, "line 3 has 3|line 1 .* line 3 on have 3"),
    "packed": (gzip.compress((NARROW + WIDE).encode()), "line 42 has 3|line 1 .* line 42 on have 3"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_rows_that_do_not_fit_are_named(write, kind):
    content, line = REFUSED[kind]
    path = write(content)
    for source in (path, f"SELECT count(*) AS n FROM '{path}'"):
        with pytest.raises(TableError, match=line):
            read_table(source)
    with pytest.raises(TableError, match=line), open_batches(path):
        pass


# What a file may have besides its rows, and how many these are.
ROWS = {
    "a title": ("Sales by region\nx,y\n1,2\n3,4\n", 2),
    "a title without a header": ("|1x3 Cross validator\n25, P, 7\n26, P, 8\n", 2),
    "titles and a blank line": ("Sales by region\nNorth\n\nx,y,z\n1,2,3\n4,5,6\n7,8,9\n", 3),
    "a title with a quote": ('The 5" disks\nx,y\n1,2\n3,4\n', 2),
    "rows that begin with #": ("k,y\n" + "".join(f"{'#DIV/0!' if i % 10 == 3 else i},{i}\n" for i in range(50)), 50),
    "one row that begins with #, late": ("k,y\n" + "1,2\n" * 22_000 + "#7,3\n", 22_001),
    "a header that begins with #": ("#k,y\n1,2\n3,4\n", 2),
    "blank lines": ("x,y\n1,2\n\n3,4\n\n\n", 2),
    "blank lines, CRLF": ("x,y\r\n1,2\r\n\r\n3,4\r\n\r\n", 2),
    "blank lines above": ("\n\nx,y\n1,2\n", 1),
    "CR alone": ("x,y\r1,2\r3,4\r", 2),
    "no last line end": ("x,y\n1,2\n3,4", 2),
    "a byte order mark": ("\ufeffx,y\n1,2\n", 1),
    "Latin-1": ("x,y\nZürich,2\n".encode("latin-1"), 1),
    "lines within quotes": ('x,y\n1,"a\nb"\n2,"c\n\nd"\n3,e\n', 3),
    "quotes that come late": ("x,y\n" + "1,red\n" * 22_000 + '2,"r\n\ned"\n', 22_001),
    "doubled quotes": ('x,y\n1,"a ""b""\n"\n2,"""c"\n', 2),
    "escaped quotes": ('x,y\n1,"a\\"b"\n2,"c\\"\nd"\n', 2),
    "inches": ('x,y\n1,5" disk\n2,"6"" disk"\n', 2),
    "one column": ("x\n1\n2\n\n\n", 2),
    "one column with missing values": ("x\n1\n\n2\n", 3),
    "a delimiter behind each row": ("x,y\n1,2,\n3,4,\n", 2),
    "line ends of two kinds": ("x,y\r\n" + "1,2\r\n" * 5 + "3,4\n" * 5, 10),
    "line ends of three characters": ("x,y\r\r\n1,2\r\r\n", 1),
    "UTF-16": ("x\ty\n1\tä\n".encode("utf-16"), 1),
    "blanks between fields": ("x   y\n 1  2\n10  3\n", 2),
    "blanks before quotes": ('x, y\n1, "a, b"\n2, "c"\n', 2),
    "packed": (gzip.compress(b"x,y\n1,2\n3,4\n"), 2),
    "packed by bz2": (bz2.compress(b"x,y\n1,2\n3,4\n"), 2),
    "packed by xz": (lzma.compress(b"x,y\n1,2\n3,4\n"), 2),
    "packed in two members": (gzip.compress(b"x,y\n1,2\n") + gzip.compress(b"3,4\n5,6\n"), 3),
    "a long text": ("x,y\n1," + "a" * 500_000 + '\n2,"' + "b" * 500_000 + '"\n', 2),
}


@pytest.mark.parametrize("kind", ROWS)
def test_every_record_is_a_row(write, kind):
    content, rows = ROWS[kind]
    path = write(content)
    assert read_table(path).n_rows == rows
    assert read_table(f"FROM '{path}'").n_rows == rows
    with open_batches(path) as batches:
        assert batches.n_rows == rows


def test_zstandard(tmp_path):
    path = tmp_path / "t.csv.zst"
    text = "SELECT i, chr(10) || i AS t FROM range(5000) t(i)"
    duckdb.sql(f"COPY ({text}) TO '{path}' (FORMAT csv, HEADER, COMPRESSION zstd)")
    assert read_table(path).n_rows == 5000


def test_files_of_a_folder_have_a_frame_each(write):
    write("Sales of May\nx,y\n1,ann\n2,bob\n", "a.csv")
    write('x,y\n3,"cy,\n\n"\n\n', "b.csv")
    write(gzip.compress(b"x;y\r\n4;dee\r\n5;eve"), "c.csv.gz")
    table = read_table(write("x,y\n", "d.csv").parent)
    assert table["x"].values.tolist() == [1, 2, 3, 4, 5]
    assert table.notes == ("4 files, 5 rows", "1 line(s) above the table skipped")


def test_a_file_of_a_folder_that_does_not_fit(write):
    write("x,y\n1,2\n", "a.csv")
    with pytest.raises(TableError, match=r"b\.csv.* line 1 .* line 2 on have 2"):
        read_table(write("1\nx,y\n3,4\n", "b.csv").parent)


def test_json_that_holds_no_records(write):
    for text in ('[{"x": 1}, {"x": 2}]\n[{"x": 3}]', '[{"x": 1}, 5]', "[1, 2]", "[[1, 2], [3, 4]]"):
        with pytest.raises(TableError, match="records"):
            read_table(write(text, "t.json"))
    assert read_table(write('{"x": 1}\n\n{"x": 2}\nnull\n', "t.json")).n_rows == 3


def test_estimators_refuse_the_path_too(write):
    with pytest.raises(TableError, match=r"line 42 has 3|line 1 .* line 42 on have 3"):
        LinearRegressor().fit(write(NARROW + WIDE), "c")
    line = LinearRegressor().fit(write("x,y\n1,2\n2,4\n3,6\n"), "y")
    with pytest.raises(TableError, match=r"line 42 has|line 2 .* line 42 on have 3"):
        line.predict(write("x\n" + "1\n" * 40 + WIDE.replace("a", "x")))


cells = st.one_of(
    st.integers(-1000, 1000).map(str),
    st.sampled_from(
        ["", "NA", "# note", "#DIV/0!", "x,y", ";", "\t", "|", '"', '5"', "a\nb", "\r\n", "\n\n", "'a", "-"]
    ),
    st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=5),
)


@st.composite
def written(draw):
    """A file and the number of its rows, by Python's own writer."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))
    end, text = draw(st.sampled_from(["\n", "\r\n"])), io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, delimiter=draw(st.sampled_from(",;\t|")), lineterminator=end, quoting=quoting)
    writer.writerows([[f"column {place}" for place in range(width)], *rows])
    last = draw(st.sampled_from(["", end, 2 * end]))
    content = (text.getvalue().removesuffix(end) + last).encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]))
    )
    return (gzip.compress(content) if draw(st.booleans()) else content), len(rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(written())
def test_whatever_is_written_is_read_to_the_last_row(write, file):
    content, rows = file
    try:
        table = read_table(write(content))
    except TableError as error:
        assert any(word in str(error) for word in ("ine", "sniffing"))  # noqa: PT017 - it may be refused, not misread
    else:
        assert table.n_rows == rows
