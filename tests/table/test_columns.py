import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule._errors import TableError
from chainrule.table import Column, Table, from_frame


def make_table() -> Table:
    return Table(
        (
            Column("age", "number", np.array([30, 40, 30], np.int16)),
            Column("2", "text", np.array([0, -1, 0], np.int32), ("red",)),
            Column("when", "date", np.array(["2024-01-01", "NaT", "2024-01-01"], "datetime64[us]")),
        ),
        source="people.csv",
    )


def test_a_name_wins_over_a_position():
    table = make_table()
    assert table["2"].kind == "text"
    assert table[3].name == table["3"].name == "when"
    assert table[2].name == "2"
    assert "1" in table
    assert "4" not in table
    assert 0 not in table


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(TableError, match=r"No column 'agee' in people.csv.*Did you mean 'age'\?"):
        make_table()["agee"]


def test_the_message_stays_short_for_wide_tables():
    table = Table(tuple(Column(f"a{i}", "number", np.zeros(1)) for i in range(1000)))
    with pytest.raises(TableError) as raised:
        table["zzz"]
    assert len(str(raised.value)) < 600


def test_missing_in_every_kind():
    assert [column.missing.tolist() for column in make_table().columns] == [
        [False, False, False],
        [False, True, False],
        [False, True, False],
    ]


def test_take_and_without():
    table = make_table().take(np.array([2, 0])).without(["when", 1])
    assert table.names == ("2",)
    assert table["2"].values.tolist() == [0, 0]


def test_as_text_spells_as_people_do():
    assert Column("b", "boolean", np.array([1.0, np.nan, 0.0])).as_text().levels == ("False", "True")
    text = Column("x", "number", np.array([10.0, 9.0, np.nan, 0.5])).as_text()
    assert [text.levels[code] if code >= 0 else None for code in text.values] == ["10", "9", None, "0.5"]


rows = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, -1]), st.sampled_from(["a", "b", None]), st.sampled_from([0.5, -0.0, 0.0, None])
    ),
    min_size=1,
    max_size=30,
)


@given(rows)
def test_row_keys_are_equal_exactly_where_rows_are(rows):
    frame = pd.DataFrame(rows, columns=["i", "t", "x"])
    keys = from_frame(frame).row_keys()
    groups = frame.fillna({"t": "?", "x": 99.0}).groupby(["i", "t", "x"]).ngroup().to_numpy()
    assert np.array_equal(keys[:, None] == keys, groups[:, None] == groups)


def test_row_keys_do_not_depend_on_the_width_of_storage_or_on_other_levels():
    narrow = Table(
        (Column("x", "number", np.array([3, 200], np.uint8)), Column("t", "text", np.array([0, 1]), ("a", "c")))
    )
    wide = Table(
        (Column("x", "number", np.array([3.0, 200.0])), Column("t", "text", np.array([0, 2]), ("a", "b", "c")))
    )
    assert np.array_equal(narrow.row_keys(), wide.row_keys())
