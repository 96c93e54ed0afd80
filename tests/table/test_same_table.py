"""The same rows give the same table from every source: names, kinds, values, notes."""

import datetime as dt
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from chainrule.table import read_table
from chainrule.table.reading.batches import open_batches
from chainrule.table.reading.from_frame import from_frame

CODES, SECONDS = "whole numbers beyond 2^53: taken as codes", "times read as seconds"
NESTED = "lists or records, which are not read"


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


# Of each column: its values, its type in Arrow, and what must come of it: kind, values and note.
COLUMNS = {
    "zone": (
        [utc(2024, 1, 1, 12), None, utc(2024, 7, 1, 0, 30, 15)],
        pa.timestamp("us", "Asia/Kolkata"),
        ("date", ["2024-01-01T12:00:00.000000", None, "2024-07-01T00:30:15.000000"], ""),
    ),
    "day": (
        [dt.date(2024, 1, 2), None, dt.date(1950, 1, 2)],
        pa.date32(),
        ("date", ["2024-01-02T00:00:00.000000", None, "1950-01-02T00:00:00.000000"], ""),
    ),
    "bytes": ([b"ab", None, b"\x00'\xff"], pa.binary(), ("text", ["ab", None, "\\x00\\x27\\xFF"], "")),
    "clock": (
        [dt.time(14, 30), None, dt.time(0, 0, 1, 500000)],
        pa.time64("us"),
        ("number", [52200.0, None, 1.5], SECONDS),
    ),
    "whole_with_gap": ([1, None, 2**40], pa.int64(), ("number", [1.0, None, 2.0**40], "")),
    "code": ([1, 3, 2**60 + 1], pa.int64(), ("text", ["1", "3", str(2**60 + 1)], CODES)),
    "decimal": ([Decimal("1.50"), None, Decimal("-0.25")], pa.decimal128(10, 2), ("number", [1.5, None, -0.25], "")),
    "flag": ([True, None, False], pa.bool_(), ("boolean", [1.0, None, 0.0], "")),
    "level": (["lo", None, "hi"], pa.dictionary(pa.int32(), pa.string()), ("text", ["lo", None, "hi"], "")),
    "list": ([[1, 2], None, [3]], pa.list_(pa.int64()), ("text", [None] * 3, NESTED)),
    "record": ([{"a": 1}, None, {"a": 2}], pa.struct([("a", pa.int64())]), ("text", [None] * 3, NESTED)),
}
DURATIONS = [dt.timedelta(days=400, seconds=3), None, dt.timedelta(seconds=-5)]
IN_SECONDS = ("number", [400 * 86400 + 3.0, None, -5.0], SECONDS)
for unit in ("s", "ms", "us", "ns"):
    COLUMNS[f"duration_{unit}"] = (DURATIONS, pa.duration(unit), IN_SECONDS)


def described(table):
    column = table.columns[0]
    values = [
        None
        if gone
        else column.levels[value]
        if column.kind == "text"
        else str(value)
        if column.kind == "date"
        else float(value)
        for value, gone in zip(column.values, column.missing, strict=True)
    ]
    return column.name, column.kind, values, column.note


def batched(source):
    with open_batches(source) as batches:
        (batch,) = batches
        return batch


def through_duckdb(table, path):
    """Let DuckDB write the rows as text or as Parquet."""
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.register("rows", table)
        connection.execute(f"COPY (FROM rows) TO '{path}'")
    return path


def feather_file(table, path):
    feather.write_feather(table, path)
    return path


def parquet_file(table, path):
    parquet.write_table(table, path)
    return path


SOURCES = {
    "arrow": lambda table, folder: from_frame(table),
    "arrow in batches": lambda table, folder: batched(table),
    "pandas": lambda table, folder: from_frame(table.to_pandas()),
    "pandas with Arrow types": lambda table, folder: from_frame(table.to_pandas(types_mapper=pd.ArrowDtype)),
    "polars": lambda table, folder: from_frame(pl.from_arrow(table)),
    "polars, lazy": lambda table, folder: batched(pl.from_arrow(table).lazy()),
    "feather": lambda table, folder: read_table(feather_file(table, folder / "t.feather")),
    "feather in batches": lambda table, folder: batched(feather_file(table, folder / "t.feather")),
    "parquet": lambda table, folder: read_table(parquet_file(table, folder / "t.parquet")),
    "parquet in batches": lambda table, folder: batched(parquet_file(table, folder / "t.parquet")),
    "query": lambda table, folder: read_table(f"SELECT * FROM '{parquet_file(table, folder / 't.parquet')}'"),
    "json": lambda table, folder: read_table(through_duckdb(table, folder / "t.json")),
    "csv": lambda table, folder: read_table(through_duckdb(table, folder / "t.csv")),
}
# Parquet has no durations: pyarrow writes integers. In a text file a list is a text.
LEFT_OUT = {("parquet", "duration"), ("query", "duration"), ("csv", "list"), ("csv", "record")}


def is_left_out(source, column):
    return any(source.startswith(first) and column.startswith(second) for first, second in LEFT_OUT)


@pytest.mark.parametrize("source", SOURCES)
def test_every_column_is_the_same_from_this_source(tmp_path, source):
    found, expected = {}, {}
    for name, (values, kind, meaning) in COLUMNS.items():
        if not is_left_out(source, name):
            array = pa.array(values).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
            found[name] = described(SOURCES[source](pa.table({name: array}), tmp_path))
            expected[name] = (name, *meaning)
    assert found == expected


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "m", "h", "D"])
def test_a_duration_of_every_unit_is_seconds(unit):
    seconds = np.array([400 * 86400, -86400, "NaT"], "m8[s]")
    table = from_frame({"wait": seconds.astype(f"m8[{unit}]")})
    assert described(table) == ("wait", "number", [400 * 86400.0, -86400.0, None], SECONDS)
    assert table.format.of("wait").kind == "duration"


def test_a_duration_is_the_same_in_a_later_text_file(tmp_path):
    known = from_frame({"wait": pd.Series(DURATIONS, dtype="m8[ns]").to_numpy()}).format
    (tmp_path / "t.csv").write_text("wait\n400 days 00:00:03\n-00:00:05\n")
    assert read_table(tmp_path / "t.csv", known=known)["wait"].values.tolist() == [400 * 86400 + 3.0, -5.0]


@pytest.mark.parametrize("ordered", [False, True])
def test_categories_are_texts(ordered):
    values = pd.Categorical(["lo", None, "hi"], ["lo", "hi", "never"], ordered=ordered)
    assert described(from_frame(pd.DataFrame({"x": values}))) == ("x", "text", ["lo", None, "hi"], "")


def test_names_that_differ_in_case(tmp_path):
    table = pa.table({"A": [1, 2], "a": ["x", "y"]})
    (tmp_path / "t.csv").write_text("A,a\n1,x\n2,y\n")
    for found in (
        from_frame(table),
        from_frame(table.to_pandas()),
        from_frame(pl.from_arrow(table)),
        read_table(tmp_path / "t.csv"),
        read_table(parquet_file(table, tmp_path / "t.parquet")),
        read_table(feather_file(table, tmp_path / "t.feather")),
        batched(tmp_path / "t.feather"),
        batched(tmp_path / "t.parquet"),
    ):
        assert found.names == ("A", "a")
        assert found["A"].values.tolist() == [1, 2]
        assert found["a"].levels == ("x", "y")


@pytest.mark.parametrize(
    ("lines", "kind", "values"),
    [
        (['{"x": true}', '{"x": "yes"}'], "text", ["true", "yes"]),
        (['{"x": 1}', '{"x": "2"}', '{"x": null}'], "number", [1.0, 2.0, None]),
        (
            ['{"x": "2024-01-02"}', '{"x": "2024-01-02 10:00"}'],
            "date",
            ["2024-01-02T00:00:00.000000", "2024-01-02T10:00:00.000000"],
        ),
        (
            ['{"x": "03/04/2024"}', '{"x": "25/04/2024"}'],
            "date",
            ["2024-04-03T00:00:00.000000", "2024-04-25T00:00:00.000000"],
        ),
        (['{"x": 12345678901234567890}', '{"x": 1}'], "text", ["12345678901234567890", "1"]),
        (['{"x": "true"}', '{"x": "false"}'], "boolean", [1.0, 0.0]),
    ],
)
def test_json_is_understood_as_csv(tmp_path, lines, kind, values):
    import json

    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    texts = [
        "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
        for cell in (json.loads(line)["x"] for line in lines)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *(f"{text},1" for text in texts)]))
    for name in ("t.jsonl", "t.csv"):
        assert described(read_table(tmp_path / name))[1:3] == (kind, values)
