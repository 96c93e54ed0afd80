"""Sources that DuckDB does not read: workbooks, SQLite, Arrow, lazy frames, JSON under another ending."""

import datetime as dt
import sqlite3
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from chainrule._errors import TableError
from chainrule.table import read_table
from chainrule.table.reading.batches import open_batches
from chainrule.table.reading.from_frame import from_frame
from chainrule.tabular.pipeline import in_batches

ROWS = {"n": [0.5, None, 2.0], "t": ["a", "b c", None], "w": [1, 2, 3]}


def check(source):
    """The source holds ROWS, read whole and in batches."""
    table = read_table(source)
    with open_batches(source) as batches:
        (batch,) = batches
        assert batches.notes == table.notes
    for found in (table, batch):
        assert found.names == ("n", "t", "w")
        np.testing.assert_array_equal(found["n"].values, [0.5, np.nan, 2.0])
        assert found["t"].levels == ("a", "b c")
        assert found["t"].values.tolist() == [0, 1, -1]
        assert found["w"].values.tolist() == [1, 2, 3]
    return table


@pytest.fixture
def database(tmp_path):
    def create(*names):
        path = tmp_path / "people.sqlite"
        connection = sqlite3.connect(path)
        for name in names:
            connection.execute(f'CREATE TABLE "{name}" (n REAL, t TEXT, w INTEGER)')
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', list(zip(*ROWS.values(), strict=True)))
        connection.commit()
        connection.close()
        return path

    return create


def test_a_table_of_a_database(database):
    path = database("the people")
    assert check(path).notes == check(f"{path}#the people").notes == ()
    assert read_table(f"SELECT w FROM '{path}' WHERE n > 1")["w"].values.tolist() == [3]


def test_a_database_of_several_tables(database):
    path = database("a", "b")
    check(f"{path}#b")
    with pytest.raises(TableError, match=r"people.sqlite has 2 tables: a, b. Name one: .*people.sqlite#a"):
        read_table(path)
    with pytest.raises(TableError, match=r"has no table 'c'. Valid are: 'a', 'b'"):
        read_table(f"{path}#c")
    path.unlink()
    database_without_tables(path)
    with pytest.raises(TableError, match=r"a database without tables"):
        read_table(path)


def database_without_tables(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE gone (x)")
    connection.execute("DROP TABLE gone")
    connection.commit()
    connection.close()


def test_a_damaged_database_and_bytes_in_one(tmp_path, database):
    path = database("a")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE a SET t = x'00ff'")
    connection.commit()
    connection.close()
    with pytest.raises(TableError, match=r"Column 't' of .*people.sqlite holds bytes"):
        read_table(path)
    (tmp_path / "cut.db").write_bytes(path.read_bytes()[:200])
    with pytest.raises(TableError, match=r"cut.db cannot be read"):
        read_table(tmp_path / "cut.db")


@pytest.mark.parametrize("form", ["arrow", "stream.arrow", "feather"])
def test_arrow_files(tmp_path, form):
    path, table = tmp_path / f"t.{form}", pa.table(ROWS)
    if form == "feather":
        feather.write_feather(table, path)
    else:
        new = ipc.new_stream if form.startswith("stream") else ipc.new_file
        with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
            writer.write_table(table)
    check(path)
    assert read_table(f"SELECT w FROM '{path}' WHERE n > 1")["w"].values.tolist() == [3]


def test_a_folder_of_arrow_files(tmp_path):
    for name in ("a", "b"):
        feather.write_feather(pa.table(ROWS), tmp_path / f"{name}.feather")
    table = read_table(tmp_path)
    assert (table.n_rows, table.notes) == (6, ("2 files, 6 rows",))


def test_arrow_files_that_are_damaged_or_without_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "t.feather"
    feather.write_feather(pa.table(ROWS), path)
    (tmp_path / "cut.feather").write_bytes(path.read_bytes()[:100])
    with pytest.raises(TableError, match=r"cut.feather is a damaged Arrow file"):
        read_table(tmp_path / "cut.feather")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"t.feather is an Arrow file, which pyarrow reads: pip install pyarrow"):
        read_table(path)


@pytest.fixture
def book(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book, path = openpyxl.Workbook(), tmp_path / "book.xlsx"
    book.active.title = "First"
    for row in [[*ROWS], *zip(*ROWS.values(), strict=True)]:
        book.active.append(row)
    second = book.create_sheet("Second one")
    second.append(["day", "flag", "clock", None])
    second.append([dt.datetime(2024, 2, 29), True, dt.time(14, 30), None])
    second.append([None, None, None, None])
    second.append([dt.datetime(2024, 3, 1, 12), False, dt.time(0, 1), None])
    book.save(path)
    return path


def test_the_first_sheet_of_a_workbook(book):
    table = check(book)
    assert table.notes == ("sheet 'First', the first of 2; for another: book.xlsx#Second one",)
    assert check(f"{book}#First").notes == ()


def test_the_cells_of_a_sheet_are_values(book):
    table = read_table(f"{book}#Second one")
    assert [(column.name, column.kind) for column in table.columns] == [
        ("day", "date"),
        ("flag", "boolean"),
        ("clock", "number"),
    ]
    assert table["day"].values.astype(str).tolist() == ["2024-02-29T00:00:00.000000", "2024-03-01T12:00:00.000000"]
    assert table["flag"].values.tolist() == [1, 0]
    assert table["clock"].values.tolist() == [52200, 60]
    with pytest.raises(TableError, match=r"has no sheet 'Secnd one'. Did you mean 'Second one'"):
        read_table(f"{book}#Secnd one")


def test_a_workbook_without_openpyxl(tmp_path, monkeypatch):
    import zipfile

    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(TableError, match=r"book.xlsx is a workbook, which openpyxl reads: pip install openpyxl"):
        read_table(tmp_path / "book.xlsx")


def test_a_text_file_has_no_sheets(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(TableError, match=r"t.csv has no sheets or tables inside; leave out #b"):
        read_table(f"{tmp_path}/t.csv#b")
    (tmp_path / "t.csv#b").write_text("a\n1\n2\n")
    assert read_table(f"{tmp_path}/t.csv#b").n_rows == 2


def test_json_is_recognised_whatever_its_name(tmp_path):
    for name, text in {
        "lines.txt": '{"n": 0.5, "t": "a", "w": 1}\n{"n": null, "t": "b c", "w": 2}\n{"n": 2.0, "t": null, "w": 3}\n',
        "array.data": '\ufeff[\n {"n": 0.5, "t": "a", "w": 1}, {"t": "b c", "w": 2}, {"n": 2.0, "w": 3}]',
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        check(tmp_path / name)
    (tmp_path / "braces.csv").write_text('{a},"b"\n1,2\n')
    assert read_table(tmp_path / "braces.csv").names == ("{a}", "b")


def test_a_lazy_frame_is_read_like_a_frame():
    frame = pl.DataFrame(ROWS)
    whole, lazy = from_frame(frame), from_frame(frame.lazy())
    assert whole.row_keys().tolist() == lazy.row_keys().tolist()
    assert in_batches(frame.lazy())
    assert not in_batches(frame)
    with open_batches(frame.lazy()) as batches:
        (batch,) = batches
    assert batch.row_keys().tolist() == whole.row_keys().tolist()
