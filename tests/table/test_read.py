import gzip
import json
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule._errors import TableError
from chainrule.table import Column, read_table


def values_of(column: Column) -> list[object]:
    """The column as Python values, None where missing."""
    if column.kind == "text":
        return [column.levels[code] if code >= 0 else None for code in column.values]
    return [None if gone else value.item() for value, gone in zip(column.values, column.missing, strict=True)]


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "size,colour\n1,red\n2,blue\n",
        "size;colour\r\n1;red\r\n2;blue\r\n",
        "size\tcolour\n1\tred\n2\tblue",
        "size, colour\n1, red\n2, blue\n\n",
        '"size","colour"\n"1","red"\n"2","blue"\n',
        "\ufeffsize,colour\n1,red\n2,blue\n",
        "made by a machine\nsize,colour\n1,red\n2,blue\n",
    ],
    ids=["plain", "semicolon-crlf", "tab", "blanks", "quoted", "bom", "preamble"],
)
def test_dialects(write, content):
    table = read_table(write("t.csv", content))
    assert {column.name: values_of(column) for column in table.columns} == {"size": [1, 2], "colour": ["red", "blue"]}


@pytest.mark.parametrize("mark", ["?", " ?", "NA", "N/A", "NaN", "null", "None", "", "  ", "-"])
def test_missing_marks(write, mark):
    table = read_table(write("t.csv", f"x,t,y\n1.5,red,1\n{mark},{mark},2\n2.5,blue,3\n"))
    assert values_of(table["x"]) == [1.5, None, 2.5]
    assert values_of(table["t"]) == ["red", None, "blue"]


def test_lower_case_none_is_an_answer(write):
    assert read_table(write("t.csv", "damage,y\nnone,1\nsevere,2\n"))["damage"].levels == ("none", "severe")


def test_numbers_stored_as_text(write):
    table = read_table(write("t.csv", 'price,share,code\n"$1,234.50",12%,1a\n"$ 7",3.5 %,22\n?,,-1\n'))
    assert values_of(table["price"]) == [1234.5, 7.0, None]
    assert values_of(table["share"]) == [12.0, 3.5, None]
    assert table["price"].note == "numbers stored as text"
    assert table["code"].kind == "text"


def test_truth_values_and_answers(write):
    table = read_table(write("t.csv", "flag,answer\ntrue,y\nFalse,n\nNA,y\n"))
    assert values_of(table["flag"]) == [1.0, 0.0, None]
    assert table["answer"].levels == ("n", "y")


def test_dates(write):
    table = read_table(write("t.csv", "day,time\n2024-02-29,2024-02-29 12:30:00\nNA,2024-03-01 00:00:00\n"))
    assert table["day"].kind == table["time"].kind == "date"
    assert table["day"].missing.tolist() == [False, True]
    assert table["time"].values[0] == np.datetime64("2024-02-29T12:30")


def test_decimal_comma(write):
    table = read_table(write("t.csv", "x;t\n1,5;a\n2,25;b\n"))
    assert values_of(table["x"]) == [1.5, 2.25]


def test_without_header_columns_are_numbered(write):
    table = read_table(write("t.data", "1,2.5,red\n2,3.5,blue\n"))
    assert table.names == ("column1", "column2", "column3")
    assert table.notes == ("no header: named column1 to column3",)


def test_repeated_names_are_told_apart_and_said(write):
    table = read_table(write("t.csv", "a,a,b\n1,2,3\n4,5,6\n"))
    assert len(set(table.names)) == 3
    assert table.notes == ("several columns named a: numbered",)


def test_text_in_row_120_000_of_a_number_column(write):
    rows = [f"{i},{i % 7}" for i in range(150_000)]
    rows[120_000] = "oops,1"
    table = read_table(write("t.csv", "a,b\n" + "\n".join(rows)))
    assert table.n_rows == 150_000
    assert table["a"].kind == "number"
    assert np.flatnonzero(table["a"].missing).tolist() == [120_000]
    assert table["a"].note == "1 value is no number ('oops', row 120,001), taken as missing"
    assert table["b"].values.tolist() == [i % 7 if i != 120_000 else 1 for i in range(150_000)]


def test_quotes_that_appear_late(write):
    table = read_table(write("t.csv", "x,y\n" + "1,w\n" * 60_000 + '2,"a,\nb"\n'))
    assert table.n_rows == 60_001
    assert table["y"].levels == ("a,\nb", "w")


def test_not_utf8(write):
    table = read_table(write("t.csv", "name,v\ncafé,1\nnoël,2\n".encode("latin-1")))
    assert table["name"].levels == ("café", "noël")
    assert "not UTF-8: read as cp1252; --encoding if it is another" in table.notes


@pytest.mark.parametrize("value", ["inf", "-inf"])
def test_a_column_of_nothing_but_infinity_is_one_of_numbers(write, value):
    table = read_table(write("t.csv", "x,day\n" + f"{value},2024-02-29\n" * 3))
    assert table["x"].kind == "number"
    assert table["x"].note == "3 infinite, taken as missing"
    assert table["day"].kind == "date"


def test_infinite_is_missing(write):
    table = read_table(write("t.csv", "x\n1.5\ninf\n2.5\n"))
    assert values_of(table["x"]) == [1.5, None, 2.5]
    assert table["x"].note == "1 infinite, taken as missing"


def test_many_different_texts_keep_codes_only(write):
    names = [f"person {i % 120_000}" for i in range(130_000)]
    table = read_table(write("t.csv", "name,x\n" + "".join(f"{name},1\n" for name in names)))
    column = table["name"]
    assert column.levels == ()
    assert column.values.max() + 1 == 120_000
    assert (column.values[:10_000] == column.values[120_000:]).all()


def test_integers_keep_every_digit_and_small_ones_are_narrow(write):
    table = read_table(write("t.csv", f"big,small,part\n{2**62 + 1},1,{2**24}\n-5,200,\n"))
    assert values_of(table["big"]) == [str(2**62 + 1), "-5"]  # codes: as numbers they would be rounded
    assert table["big"].note == "whole numbers beyond 2^53: taken as codes"
    assert table["small"].values.itemsize == 1
    assert values_of(table["part"]) == [2**24, None]


@pytest.mark.parametrize("name", ["t.json", "t.ndjson", "t.json.gz", "t.csv.gz", "t.parquet", "wrongly-named.csv"])
def test_formats(tmp_path, name):
    path = tmp_path / name
    if "parquet" in name:
        duckdb.sql("SELECT * FROM (VALUES (1, 'red'), (2, NULL)) t(size, colour)").write_parquet(str(path))
    else:
        rows = [{"size": 1, "colour": "red"}, {"size": 2, "colour": None}]
        text = "\n".join(map(json.dumps, rows)) if "ndjson" in name else json.dumps(rows)
        text = "size,colour\n1,red\n2,\n" if "csv" in name else text
        path.write_bytes(gzip.compress(text.encode()) if "json" not in name or name.endswith("gz") else text.encode())
    table = read_table(path)
    assert {column.name: values_of(column) for column in table.columns} == {"size": [1, 2], "colour": ["red", None]}


def test_zstandard(tmp_path):
    path = tmp_path / "t.csv.zst"
    duckdb.sql(f"COPY (SELECT 1 AS a, 'x' AS b) TO '{path}' (FORMAT csv, HEADER, COMPRESSION zstd)")
    assert read_table(path).names == ("a", "b")


def test_folder_and_pattern_in_the_order_of_names(tmp_path, monkeypatch):
    for name, rows in {"b.csv": "3,x\n4,y\n", "a.csv": "1,x\n2,z\n", "notes.md": "hello"}.items():
        (tmp_path / name).write_text("n,t\n" + rows)
    monkeypatch.chdir(tmp_path)
    for source in (".", "*.csv", str(tmp_path)):
        table = read_table(source)
        assert values_of(table["n"]) == [1, 2, 3, 4]
        assert values_of(table["t"]) == ["x", "z", "x", "y"]


def test_what_a_file_of_a_folder_lacks_is_missing_and_said(tmp_path):
    (tmp_path / "a.csv").write_text("n,t\n1,2\n")
    (tmp_path / "b.csv").write_text("other,n\n5,3\n")
    table = read_table(tmp_path)
    assert {column.name: values_of(column) for column in table.columns} == {
        "n": [1, 3],
        "t": [2, None],
        "other": [None, 5],
    }
    lacking = ("b.csv lacks column 't': missing there", "a.csv lacks column 'other': missing there")
    assert table.notes == ("2 files, 2 rows", *lacking)


def test_files_of_a_folder_have_a_column_in_common(tmp_path):
    (tmp_path / "a.csv").write_text("n,t\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    with pytest.raises(TableError, match="other columns"):
        read_table(tmp_path)


def test_types_of_a_folder_widen(tmp_path):
    (tmp_path / "a.csv").write_text("n,t\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("n,t\n1.5,x\n2.5,y\n")
    table = read_table(tmp_path)
    assert values_of(table["n"]) == [1.0, 3.0, 1.5, 2.5]
    assert values_of(table["t"]) == ["2", "4", "x", "y"]


def test_a_name_with_pattern_characters(write):
    assert read_table(write("odd[1] 'name'.csv", "a,b\n1,x\n2,y\n")).n_rows == 2


def test_query(write, monkeypatch):
    monkeypatch.chdir(write("t.csv", "a,b\n1,x\n2,y\n3,\n").parent)
    for query in ("SELECT a * 2 AS d, b FROM 't.csv' WHERE a > 1", "from 't.csv' select 2 * a as d, b where a > 1"):
        assert values_of(read_table(query)["d"]) == [4, 6]
    assert values_of(read_table("WITH t AS (SELECT 1 AS a) SELECT * FROM t")["a"]) == [1]


def test_a_query_runs_once():
    assert sorted(read_table("SELECT i FROM range(1000) t(i) ORDER BY random()")["i"].values.tolist()) == list(
        range(1000)
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        *(("t.csv", text, "is empty") for text in ("", "\n", " \r\n\t", "\n" * 9000)),
        ("t.csv", "a,b,c\n", "no rows, only the columns a, b, c"),
        ("t.csv", bytes(range(256)) * 20, "binary file"),
        ("t.xlsx", b"PK\x03\x04" + b"x" * 50, "binary file"),
        ("t.csv", "a,b\n1,2\n1,2,3\n4,5\n", "line 3 has 3 fields, where the others have 2"),
        ("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9000, mtime=0)[:40], "damaged gzip file"),
        ("t.json", '{"a": 1,,}', "Malformed JSON"),
        ("t.parquet", b"PAR1" + b"x" * 100, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(write, name, content, message):
    with pytest.raises(TableError, match=message) as raised:
        read_table(write(name, content))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_no_such_file_names_the_nearest(write):
    folder = write("penguins.csv", "a\n1\n").parent
    with pytest.raises(TableError, match=r"No such file: .*Did you mean 'penguins.csv'\?"):
        read_table(folder / "penguin.csv")
    with pytest.raises(TableError, match="no folder"):
        read_table(folder / "nowhere" / "penguins.csv")


def test_a_folder_without_tables(write):
    with pytest.raises(TableError, match="holds no table"):
        read_table(write("notes.md", "hello").parent)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FRM x", "syntax error"),
        ("SELECT nope FROM (SELECT 1 AS a)", 'column "nope" not found'),
        ("SELECT * FROM 'missing.csv'", "No files found"),
        ("SELECT 1 AS a WHERE false", "no rows"),
    ],
)
def test_bad_queries(query, message):
    with pytest.raises(TableError, match=message):
        read_table(query)


cells = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=8)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.floats(-1e6, 1e6), cells), min_size=2, max_size=20))
def test_parquet_and_back(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["i", "x", "t"]).astype({"t": "str"})
    duckdb.from_df(frame).write_parquet(str(tmp_path / "t.parquet"), overwrite=True)
    table = read_table(tmp_path / "t.parquet")
    assert table["i"].values.tolist() == frame["i"].tolist()
    assert table["x"].values.tolist() == frame["x"].tolist()


def test_adult_against_pandas(shared_data):
    names = [f"column{i + 1}" for i in range(15)]
    options = {"names": names, "skipinitialspace": True, "na_values": "?"}
    for file, skip, rows, incomplete in (("adult.data", 0, 32_561, 2_399), ("adult.test", 1, 16_281, 1_221)):
        path = shared_data(f"adult/{file}")
        table, frame = read_table(path), pd.read_csv(path, skiprows=skip, **options)
        assert table.names == tuple(names)
        assert table.n_rows == rows
        assert np.logical_or.reduce([column.missing for column in table.columns]).sum() == incomplete
        for column in table.columns:
            expected = [None if pd.isna(value) else value for value in frame[column.name].tolist()]
            assert values_of(column) == expected


@pytest.mark.parametrize(
    ("name", "separator", "header", "rows", "columns"),
    [
        ("bike-sharing/hour.csv", ",", "infer", 17_379, 17),
        ("california-housing/housing.csv", ",", "infer", 20_640, 10),
        ("credit-default/UCI_Credit_Card.csv", ",", "infer", 30_000, 24),
        ("magic-gamma/magic04.data", ",", None, 19_020, 11),
        ("penguins/penguins.csv", ",", "infer", 344, 8),
        ("pima/pima-indians-diabetes.csv", ",", None, 768, 9),
        ("uci-regression/concrete.csv", ",", None, 1_030, 9),
        ("wine-quality/winequality-red.csv", ";", "infer", 1_599, 12),
    ],
)
def test_public_tables_against_pandas(shared_data, name, separator, header, rows, columns):
    path = shared_data(name)
    table, frame = read_table(path), pd.read_csv(path, sep=separator, header=header)
    assert (table.n_rows, len(table.columns)) == (rows, columns)
    for place, column in enumerate(table.columns):
        expected = frame.iloc[:, place]
        if column.kind == "number":
            np.testing.assert_array_equal(column.values.astype(float), expected.to_numpy(float))
        elif column.kind == "text":
            assert values_of(column) == [None if pd.isna(value) else value for value in expected]
        else:
            assert (column.values == pd.to_datetime(expected).to_numpy()).all()


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after the code."""
    code += "; import sys; print(*{'duckdb', 'narwhals', 'pandas', 'pyarrow', 'sklearn', 'scipy'} & set(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_no_reader():
    assert loaded_by("import chainrule.table") == set()


def test_reading_loads_duckdb_alone(write):
    path = str(write("t.csv", "a,b,c\n1,x,2024-01-01\n,y,\n"))
    assert loaded_by(f"from chainrule.table import read_table; read_table({path!r})") == {"duckdb"}


@pytest.mark.parametrize("threads", [1, 2])
def test_order_is_kept_whatever_the_values_need(tmp_path, threads, monkeypatch):
    monkeypatch.setattr("chainrule.table.reading.database.THREADS", threads)
    x = np.random.default_rng(0).permutation(200_000)
    frame = pd.DataFrame({"x": x, "price": [f"${value:,}" for value in x], "t": [f" {value % 50} a" for value in x]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read_table(tmp_path / "t.csv")
    assert np.array_equal(table["x"].values, x)
    assert np.array_equal(table["price"].values, x)
    assert [table["t"].levels[code] for code in table["t"].values[:100]] == [f"{value % 50} a" for value in x[:100]]
