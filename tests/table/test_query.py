"""A query is one SELECT that reads; a file is a file whatever its name."""

import json
from itertools import product

import duckdb
import numpy as np
import pytest

from chainrule._errors import TableError
from chainrule.table import from_frame, read_table
from chainrule.table.reading.as_parquet import fingerprint
from chainrule.table.reading.batches import open_batches
from chainrule.table.writing.write import write_columns
from chainrule.tabular.pipeline import Task, train_table

NAMES = [
    *("from.csv", "with-header.csv", "select.csv", "values.csv", "FROM x.csv", "select (1).csv", "SELECT 1 AS a"),
    *("from 'a'.csv", 'with "b".csv', "from [1] *.csv", "from (select 1) AS t", "it's; DROP TABLE t.csv", "?.csv"),
    *("WITH a AS (SELECT 1) SELECT 1", "SELECT * FROM range(3)", "from café.csv", "from\ttab.csv", "$1.csv", "~.csv"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n3,#DIV/0!\n")
    (tmp_path / "u.csv").write_text("a,c\n1,5\n2,6\n")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_what_exists_is_a_path(folder, name):
    (folder / name).write_text("p,q\n4,x\n5,y\n")
    assert read_table(name).names == ("p", "q")
    with open_batches(name) as batches:
        assert batches.n_rows == 2
    assert list(fingerprint(name)) == ["files"]
    if "'" not in name:
        assert read_table(f"SELECT q FROM '{name}' WHERE p > 4").n_rows == 1
    if "*" not in name:
        (folder / name).unlink()
        (folder / name).mkdir()
        (folder / name / "part.csv").write_text("p,q\n4,x\n")
        assert read_table(name).n_rows == 1


@pytest.mark.parametrize(
    "name", ["from-2020.csv", "with.csv", "select.parquet", "values.csv", "from/t.csv", "x" * 5000]
)
def test_a_missing_file_is_no_query(folder, name):
    with pytest.raises(TableError, match="No such file"):
        read_table(name)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT t.a FROM 't.csv'", {"a": [1, 2, 3]}),
        ('FROM "t.csv" SELECT a WHERE a > 1', {"a": [2, 3]}),
        ("SELECT a FROM t.csv", {"a": [1, 2, 3]}),
        ("SELECT x.c, t.a FROM 't.csv' JOIN 'u.csv' AS x USING (a) ORDER BY c", {"c": [5, 6], "a": [1, 2]}),
        ("SELECT a FROM 't.csv' WHERE a IN (SELECT a FROM './u.csv') -- of both;", {"a": [1, 2]}),
        ("SELECT a FROM '[t].csv'", {"a": [1, 2, 3]}),
        ('WITH "t.csv" AS (SELECT 7 AS a) SELECT a FROM "t.csv"', {"a": [7]}),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
            {"n": [1, 2, 3]},
        ),
        ("VALUES (1), (2);", {"col0": [1, 2]}),
        ("(SELECT 1 AS a UNION ALL SELECT 2) ORDER BY a DESC", {"a": [2, 1]}),
        ("SELECT a FROM read_csv('t.csv', header=true) LIMIT 1", {"a": [1]}),
        ("SELECT column1 FROM 'plain.data'", {"column1": [8, 9]}),
        ("SELECT k FROM 'j.json'", {"k": [1, 2]}),
        ("SELECT k FROM 'p.parquet'", {"k": [3]}),
    ],
)
def test_files_in_a_query_are_read_as_files_alone(folder, query, columns):
    (folder / "plain.data").write_text("8,1.5\n9,2.5\n")
    (folder / "j.json").write_text(json.dumps([{"k": 1}, {"k": 2}]))
    duckdb.sql("SELECT 3 AS k").write_parquet("p.parquet")
    table = read_table(query)
    assert {name: table[name].values.tolist() for name in table.names} == columns
    with open_batches(query) as batches:
        assert batches.n_rows == table.n_rows


def test_names_that_differ_in_case_are_two_files(folder):
    (folder / "T.csv").write_text("z\n9\n")
    if not (folder / "T.csv").samefile(folder / "t.csv"):
        assert read_table("SELECT z, a FROM 't.csv', 'T.csv'")["z"].values.tolist() == [9, 9, 9]


WRITES = [
    *("COPY (SELECT 1) TO 'evil.csv'", "ATTACH 'evil.db'", "EXPORT DATABASE 'evil'", "CREATE TABLE evil AS SELECT 1"),
    *("INSTALL httpfs", "LOAD httpfs", "SET threads = 4", "PRAGMA version", "CALL pragma_version()", "DROP TABLE t"),
    *("INSERT INTO t VALUES (1)", "DELETE FROM t", "SELECT 2", "CHECKPOINT", "USE memory", "EXPLAIN SELECT 1"),
]
REFUSED = [
    *(
        template.format(write)
        for template, write in product(("SELECT 1 AS a; {}", "WITH w AS ({}) SELECT 1"), WRITES[:12])
    ),
    *("SELECT 1 AS a; SELECT 2 AS a", "SELECT 1) TO 'evil.csv'; --", "SELECT 1 AS a FROM t; COPY t TO 'evil.csv'; --"),
    "WITH w AS (COPY (SELECT 1) TO 'evil.csv') SELECT * FROM w",
    "WITH w AS (COPY (SELECT 1) TO 'evil.csv' (RETURN_FILES)) SELECT * FROM (SELECT 1)",
    "SELECT (WITH w AS (COPY (SELECT 1) TO 'evil.csv') SELECT 1)",
    "SELECT * FROM query('WITH w AS (COPY (SELECT 1) TO ''evil.csv'') SELECT 1')",
    "SELECT * FROM enable_logging(storage='file', storage_config={'path': 'evil'})",
    "SELECT * FROM enable_profiling(save_location='evil.json')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    *(
        "SELECT * FROM pandas_scan(1, 2, 3)",
        "SELECT * FROM 'https://example.com/t.csv'",
        "FROM read_csv('s3://b/t.csv')",
    ),
    *("FROM read_parquet('http://localhost:1/t.parquet')", "FROM sqlite_scan('t.db', 't')", "FROM frame", "FROM rows"),
]


COMPUTED = [
    *("'t' || '.csv'", "concat('t', '.csv')", "format('{}.csv', 't')", "lower('T.CSV')", "printf('%s.csv', 't')"),
    *(
        "['u.csv', 't' || '.csv']",
        "array[lower('T.csv')]",
        "(SELECT 't.csv')",
        "'t.csv'::VARCHAR",
        "['u.csv', ['t.csv']]",
    ),
    *("getvariable('name')", "CASE WHEN true THEN 't.csv' END", "list_concat(['u.csv'], ['t.csv'])", "$1", "1 = 1"),
]


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("query", ["FROM read_csv({})", "SELECT (SELECT content FROM read_blob({})) AS a FROM 'u.csv'"])
def test_a_query_computes_no_name(folder, name, query):
    with pytest.raises(TableError, match=r"takes the name of a file as a constant|\$1"):
        read_table(query.format(name))


def test_a_query_takes_constant_names_and_any_option(folder):
    for name in ("'t.csv'", "['t.csv', 't.csv']", "array['t.csv']", "('t.csv')"):
        table = read_table(f"SELECT a FROM read_csv({name}, delim=chr(44), header=true, skip=0)")
        assert set(table["a"].values) == {1, 2, 3}
    assert read_table("SELECT range AS a FROM range(1 + 1)")["a"].values.tolist() == [0, 1]


@pytest.mark.parametrize("start", ["file://", "file:", "file://localhost", "FILE://"])
def test_a_query_names_no_address(folder, start):
    for table in ("'{}'", "read_csv('{}')", "read_text(['u.csv', '{}'])"):
        with pytest.raises(TableError, match="is an address; name the file by its path"):
            read_table(f"SELECT * FROM {table.format(f'{start}{folder}/t.csv')}")


@pytest.mark.parametrize("query", [*REFUSED, *WRITES[:12]])
def test_a_query_only_reads(folder, query):
    frame, rows = {"a": np.arange(3)}, np.arange(3)  # which no query sees
    for read in (read_table, fingerprint, lambda source: open_batches(source).__enter__()):
        with pytest.raises(TableError):
            read(query)
    assert sorted(path.name for path in folder.iterdir()) == ["t.csv", "u.csv"]
    assert len(frame) + len(rows) == 4


def test_variables_named_as_the_librarys_tables_are_not_read(folder):
    part, frame, source, result, header, levels, texts = ({"a": np.arange(9)} for _ in range(7))
    assert read_table("SELECT a FROM 't.csv'").n_rows == from_frame({"a": [1, 2, 3]}).n_rows == 3
    write_columns({"a": np.arange(2)}, "out.csv")
    assert (folder / "out.csv").read_text().split() == ["a", "0", "1"]
    assert {len(each["a"]) for each in (part, frame, source, result, header, levels, texts)} == {9}


def test_training_on_a_query_of_text_files(folder):
    rows = "".join(f"{i % 10},{int(i % 10 > 4)}\n" for i in range(400))
    (folder / "v.csv").write_text(f"Measured in May\nx,y\n{rows}")
    changes = {"hidden_layer_sizes": (4,), "max_iter": 1}
    trained, prepared = train_table(Task("SELECT * FROM 'v.csv'", ["y"], test=0), changes)
    assert prepared.m == 400
    assert len(trained.model.predict("SELECT x FROM 'v.csv' WHERE x < 2")) == 80
    assert len(trained.model.predict("v.csv")) == 400
