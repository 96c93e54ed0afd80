"""What is written batch by batch is what is written at once."""

import duckdb
import numpy as np
import pytest

from chainrule._errors import TableError
from chainrule.table import Column, Table
from chainrule.table.writing.write import plain_values, write_columns
from chainrule.table.writing.write_batches import write_batches

NAN = np.nan
TABLE = Table(
    (
        Column("whole", "number", np.array([1.0, 2.0, NAN, 4.0, 5.0, 6.0])),
        Column("fraction", "number", np.array([1.0, 2.0, NAN, 4.0, 5.0, 6.5])),
        Column("float", "number", np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        Column("integer", "number", np.arange(6, dtype=np.int8)),
        Column("flag", "boolean", np.array([NAN, NAN, NAN, 1.0, 0.0, 1.0])),
        Column("text", "text", np.array([-1, -1, 0, 1, 1, 0]), ('a "b"', "c, d")),
        Column("day", "date", np.array(["2024-01-01", "NaT", "2024-01-03"] * 2, "datetime64[us]")),
        Column("time", "date", np.array(["2024-01-01", "NaT", "2024-01-03", "2024-01-03T12:30"] * 2, "M8[us]")[:6]),
    )
)


def described(path):
    relation = duckdb.read_parquet(str(path))
    return list(zip(relation.columns, map(str, relation.types), strict=True)), relation.fetchall()


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "parquet"])
@pytest.mark.parametrize("size", [1, 2, 6])
def test_the_file_is_the_same(tmp_path, ending, size):
    once, pieced = tmp_path / f"once.{ending}", tmp_path / f"pieced.{ending}"
    write_columns({column.name: plain_values(column) for column in TABLE.columns}, once)
    batches = (TABLE.take(slice(start, start + size)) for start in range(0, 6, size))
    write_batches(({column.name: column for column in batch.columns} for batch in batches), pieced)
    if ending == "parquet":  # its bytes tell the row groups
        assert described(pieced) == described(once)
    else:
        assert pieced.read_bytes() == once.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [once.name, pieced.name]


def test_an_error_in_a_later_batch_leaves_the_older_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("older")

    def batches():
        yield {"x": np.arange(2)}
        raise TableError("the table ends here")

    with pytest.raises(TableError, match="ends here"):
        write_batches(batches(), path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
