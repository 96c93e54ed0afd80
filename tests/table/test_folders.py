"""Folders and patterns: every row of every file inside, and what differs between files is said."""

import duckdb
import pytest

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import read_table
from chainrule.table.reading.batches import open_batches
from chainrule.table.reading.inputs import check_outputs
from chainrule.table.table_format import TableFormat

FORMS = {"csv": "(HEADER)", "json": "(FORMAT json)", "parquet": "(FORMAT parquet)"}
ROWS = 12  # of each file


def write(path, query):
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"COPY ({query}) TO '{path}' {FORMS[path.suffix[1:]]}")


def columns_of(table):
    """Every column as Python values, None where missing."""
    return {
        column.name: [
            None if gone else column.levels[value] if column.kind == "text" else float(value)
            for value, gone in zip(column.values, column.missing, strict=True)
        ]
        for column in table.columns
    }


def all_batches(source, **options):
    with open_batches(source, batch_bytes=1, **options) as batches:
        parts = [columns_of(batch) for batch in batches]
        return {name: [value for part in parts for value in part[name]] for name in parts[0]}, batches.notes


@pytest.fixture(params=FORMS)
def partitioned(request, tmp_path, monkeypatch):
    """Files in folders of two levels; those of 2021 have their columns in another order and one less."""
    monkeypatch.chdir(tmp_path)
    for year, columns in ((2020, "i AS a, 'q' || i AS t, 'z' AS b"), (2021, "'q' || i AS t, i + 0.5 AS a")):
        for month in ("1", "__HIVE_DEFAULT_PARTITION__"):
            path = tmp_path / "data" / f"year={year}" / f"month={month}" / f"x.{request.param}"
            write(path, f"SELECT {columns} FROM range({ROWS}) AS r(i)")
    for name in (".hidden/x", "_temporary/x", "year=2020/_x", "year=2020/.x"):
        write(tmp_path / "data" / f"{name}.{request.param}", "SELECT 99 AS a, 'no' AS t")
    return request.param


def expected():
    numbers = [float(i) for i in range(ROWS)]
    return {
        "a": 2 * numbers + 2 * [i + 0.5 for i in numbers],
        "t": 4 * [f"q{i}" for i in range(ROWS)],
        "b": 2 * ROWS * ["z"] + 2 * ROWS * [None],
        "year": 2 * ROWS * [2020.0] + 2 * ROWS * [2021.0],
        "month": 2 * (ROWS * [1.0] + ROWS * [None]),
    }


def test_every_file_below_a_folder_with_the_columns_that_folders_give(partitioned):
    table = read_table("data")
    assert columns_of(table) == expected()
    assert table.notes == (f"4 files, {4 * ROWS} rows", "2 files lack column 'b': missing there")
    assert all_batches("data") == (expected(), table.notes)
    assert columns_of(read_table(f"data/year=*/**/x.{partitioned}")) == expected()


def test_a_query_reads_the_same_folders(partitioned):
    for name in ("data", f"data/year=*/**/x.{partitioned}"):
        found = read_table(f"SELECT * FROM '{name}'")
        assert columns_of(found) == expected()
        assert found.notes[0] == f"4 files, {4 * ROWS} rows"
        later = read_table(f"SELECT a FROM '{name}' WHERE year > 2020 AND month = 1")
        assert columns_of(later)["a"] == [i + 0.5 for i in range(ROWS)]


def test_a_partition_alone_is_read_by_the_recorded_format(partitioned):
    known = read_table("data").format
    alone = read_table(f"data/year=2021/month=1/x.{partitioned}", known=known)
    assert columns_of(alone)["year"] == ROWS * [2021.0]
    assert alone.notes == ()


def test_a_partition_takes_the_place_of_a_column_of_its_name(partitioned, tmp_path):
    write(tmp_path / "own" / "year=7" / f"x.{partitioned}", "SELECT 1 AS a, 3 AS year")
    assert columns_of(read_table("own"))["year"] == [7.0]
    assert all_batches("own")[0]["year"] == [7.0]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_lacks_what_a_model_needs_is_named(tmp_path, form):
    write(tmp_path / f"a.{form}", "SELECT 1 AS x, 2 AS z, 3 AS y")
    write(tmp_path / f"b.{form}", "SELECT 5 AS z")
    columns = read_table(tmp_path / f"a.{form}").format.columns
    known = TableFormat(columns, required=("x", "z"))
    for read in (read_table, all_batches):
        with pytest.raises(TableError, match=rf"b\.{form} lacks column 'x', which the model needs"):
            read(tmp_path, known=known)
    without_target = TableFormat(columns, required=("z",))
    assert columns_of(read_table(tmp_path, known=without_target))["z"] == [2.0, 5.0]


def test_types_that_differ_between_parquet_files_lose_no_value(tmp_path):
    for name, columns in {
        "a": "1 AS t, 1 AS n, DATE '2020-01-02' AS d",
        "b": "1.5::DOUBLE AS t, true AS n, DATE '2020-01-03' AS d",
        "c": "'x' AS t, 0.1::DOUBLE AS n, '2020-01-04' AS d",
    }.items():
        write(tmp_path / f"{name}.parquet", f"SELECT {columns}")
    table = read_table(tmp_path)
    found = columns_of(table.select(["t", "n"]))
    assert found == {"t": ["1", "1.5", "x"], "n": [1.0, 1.0, 0.1]}
    assert table["d"].values.astype("M8[D]").astype(str).tolist() == ["2020-01-02", "2020-01-03", "2020-01-04"]
    with open_batches(tmp_path) as batches:
        assert {"t": batches.column("t").levels, "n": batches.column("n").values.tolist()} == {
            "t": ("1", "1.5", "x"),
            "n": [1.0, 1.0, 0.1],
        }


@pytest.mark.parametrize("source", ["data", "data/**/*.csv", "SELECT * FROM 'data/**/*.csv'"])
def test_no_output_falls_among_the_files_of_a_folder(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data" / "deep" / "a.csv", "SELECT 1 AS x")
    for place in ("data/out.csv", "data/deep/out.csv", "data/deep/a.csv"):
        with pytest.raises(InvalidParameterError, match="--output would"):
            check_outputs({"--output": [place]}, [source])
    for place in ("out.csv", "data/deep/model.safetensors"):
        check_outputs({"--output": [place]}, [source])


def test_many_files(tmp_path):
    for number in range(200):
        (tmp_path / f"part={number}").mkdir()
        (tmp_path / f"part={number}" / "x.csv").write_text("n,t\n" + f"{number},a\n" * 3)
    table = read_table(tmp_path)
    assert table.notes == ("200 files, 600 rows",)
    assert sorted(table["n"].values.tolist()) == sorted(table["part"].values.tolist()) == sorted(3 * [*range(200)])
