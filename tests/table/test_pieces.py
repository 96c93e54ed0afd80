"""Batches of a table, put one below the other, are the table that is read whole."""

import duckdb
import numpy as np
import pytest

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import read_table
from chainrule.table.reading.as_parquet import fingerprint
from chainrule.table.reading.batches import open_batches

ROWS = 5000
QUERY = f"""SELECT i AS id, sin(i) AS x, CASE WHEN i % 7 > 0 THEN i % 5 END AS k, i % 3 = 0 AS b,
    ['red', 'blue', ' NA', 'green'][1 + i % 4] AS colour, DATE '2024-01-01' + INTERVAL (i % 400) DAY AS day,
    (i % 9)::VARCHAR AS spelled FROM range({ROWS}) t(i)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same table in many forms."""
    folder = tmp_path_factory.mktemp("batches")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS {QUERY}")
        for name, options in (
            ("t.parquet", "(FORMAT parquet, ROW_GROUP_SIZE 2048)"),
            ("one-group.parquet", "(FORMAT parquet)"),
            ("t.csv", "(FORMAT csv, HEADER)"),
            ("t.csv.gz", "(FORMAT csv, HEADER, COMPRESSION gzip)"),
            ("t.json", "(FORMAT json)"),
        ):
            connection.execute(f"COPY t TO '{folder / name}' {options}")
        (folder / "parts").mkdir()
        for part in range(3):
            rows = f"SELECT * FROM t WHERE id % 3 = {part}"
            connection.execute(f"COPY ({rows}) TO '{folder / 'parts' / f'{part}.parquet'}' (FORMAT parquet)")
    return folder


def same(batch, whole, start):
    for column, other in zip(batch.columns, whole.columns, strict=True):
        rows = slice(start, start + batch.n_rows)
        assert (column.name, column.kind, column.levels) == (other.name, other.kind, other.levels)
        assert column.note == other.note
        np.testing.assert_array_equal(column.values, other.values[rows])
        assert column.values.dtype == other.values.dtype


@pytest.mark.parametrize("form", ["t.parquet", "one-group.parquet", "t.csv", "t.csv.gz", "t.json", "parts", "query"])
def test_batches_are_the_table(folder, form):
    source = QUERY if form == "query" else folder / form
    whole = read_table(source)
    with open_batches(source, batch_bytes=1) as batches:
        assert (batches.n_rows, batches.names) == (whole.n_rows, whole.names)
        for _ in range(2):  # as often as wanted
            start = 0
            for batch in batches:
                assert batch.n_rows <= 2048
                same(batch, whole, start)
                start += batch.n_rows
            assert start == ROWS


def test_a_column_that_one_file_lacks_is_missing_there(tmp_path):
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS x, 2 AS y) TO '{tmp_path / 'a.parquet'}'")
        connection.execute(f"COPY (SELECT 2.5 AS z, 3 AS x) TO '{tmp_path / 'b.parquet'}'")
    whole = read_table(tmp_path)
    with open_batches(tmp_path) as batches:
        for row, batch in enumerate(batches):
            same(batch, whole, row)


def test_small_row_groups_make_one_batch(tmp_path):
    path = tmp_path / "t.parquet"
    duckdb.sql(f"COPY (FROM range(20000)) TO '{path}' (ROW_GROUP_SIZE 2048)")
    with open_batches(path) as batches:
        assert [batch.n_rows for batch in batches] == [20000]
    with open_batches(path, batch_bytes=5000 * 32) as batches:
        assert [batch.n_rows for batch in batches] == [4096, 4096, 4096, 4096, 3616]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere/*.parquet", "No such file"),
        ("SELECT 1 AS x WHERE false", "has no rows"),
        ("SELECT nothing", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(source, words):
    with pytest.raises(TableError, match=words), open_batches(source):
        pass


def test_image_sets_are_read_whole(tmp_path):
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9]))
    with pytest.raises(TableError, match="read whole: leave out --memory"), open_batches(path):
        pass


def test_too_little_memory_is_said(tmp_path):
    path = tmp_path / "t.parquet"
    columns = ", ".join(f"random() AS x{k}" for k in range(60))
    duckdb.sql(f"COPY (SELECT {columns} FROM range(120000)) TO '{path}'")
    words = "allow more memory, or write it as Parquet with smaller row groups"
    with pytest.raises(TableError, match=words), open_batches(path, memory=2**23):
        pass


def test_fingerprints_tell_changed_tables_apart(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x\n1\n2\n")
    before = fingerprint(path), fingerprint(f"SELECT * FROM '{path}'")
    assert before == (fingerprint(path), fingerprint(f"SELECT * FROM '{path}'"))
    path.write_text("x\n2\n1\n")
    after = fingerprint(path), fingerprint(f"SELECT * FROM '{path}'")
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False]


def test_objects_of_pyarrow(folder):
    arrow = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset").dataset(folder / "t.parquet")
    whole = read_table(folder / "t.parquet")
    for source in (dataset.to_table(), dataset, dataset.scanner().to_reader()):
        with open_batches(source, batch_bytes=1) as batches:
            assert batches.source == type(source).__name__
            for start, batch in enumerate(batches):
                same(batch, whole, 2048 * start)
    assert isinstance(dataset.to_table(), arrow.Table)


def test_a_dask_data_frame_is_computed_by_partitions(folder):
    frame = pytest.importorskip("dask.dataframe").from_map(
        lambda part: pytest.importorskip("pandas").read_parquet(folder / "parts" / f"{part}.parquet"), range(3)
    )
    whole = read_table(folder / "parts")
    with open_batches(frame) as batches:
        assert batches.n_rows == ROWS
        start = 0
        for batch in batches:
            for column in ("id", "x", "k", "colour", "day"):
                rows = slice(start, start + batch.n_rows)
                np.testing.assert_array_equal(batch[column].values, whole[column].values[rows])
            start += batch.n_rows


def test_other_objects_are_refused():
    with (
        pytest.raises(TableError, match="a path, a query, or an object of pyarrow, Polars or Dask; got int"),
        open_batches(3),
    ):
        pass
    with pytest.raises(InvalidParameterError, match="a table that can be found again, by path or query; got int"):
        fingerprint(3)
