"""Training on a large table from Python: sources that are no files, and who is told of what."""

import duckdb
import pytest

from chainrule._errors import InvalidParameterError
from chainrule.tabular.pipeline import Task, train_table

QUERY = "SELECT sin(i) AS x, cos(i) AS z, sin(i) > 0.3 AS y FROM range(3000) t(i)"
CHANGES = {"hidden_layer_sizes": (4,), "max_iter": 2}


class Listener:
    def __init__(self):
        self.heard = []

    def on_segment(self, progress):
        self.heard.append("segment")

    def on_epoch(self, progress):
        self.heard.append(progress.epoch)

    def on_compare(self):
        self.heard.append("linear model")


def test_a_listener_hears_of_the_training():
    listener, shown = Listener(), []

    def announce(prepared, settings):
        shown.append((prepared.about.n_rows, settings.max_iter))
        return listener

    trained, prepared = train_table(Task(QUERY, ["y"]), CHANGES, memory="1GB", announce=announce)
    assert shown == [(3000, 2)]
    assert [what for what in listener.heard if what != "segment"] == [1, 2, "linear model"]
    assert "segment" in listener.heard
    assert trained.figures.keys() == {"network", "linear model", "baseline: most frequent class"}
    assert not prepared.rows["training"].stem.parent.exists()


def test_reading_is_told_of(monkeypatch):
    told = []
    monkeypatch.setattr("chainrule.table.reading.as_parquet._MOST_ROWS", 2048)
    train_table(Task(QUERY, ["y"]), CHANGES, memory="1GB", on_read=lambda *progress: told.append(progress))
    steps = [(0, 3000), (2048, 3000), (3000, 3000)]
    assert told == [(what, *rows) for what in ("reading", "splitting", "measuring", "encoding") for rows in steps]


def test_sources_of_the_same_rows_give_the_same_model(tmp_path):
    pytest.importorskip("pyarrow")
    dask, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    path = tmp_path / "t.parquet"
    duckdb.sql(f"COPY ({QUERY}) TO '{path}'")
    sources = [QUERY, path, duckdb.sql(QUERY).to_arrow_table(), dask.from_map(pandas.read_parquet, [path])]
    thetas = [
        train_table(Task(source, ["y"]), CHANGES, seed=1, memory="1GB")[0].model.parameters.theta.tobytes()
        for source in sources
    ]
    assert len(set(thetas)) == 1


def test_an_object_has_no_checkpoint(tmp_path):
    pytest.importorskip("pyarrow")
    table = Task(duckdb.sql(QUERY).to_arrow_table(), ["y"])
    with pytest.raises(InvalidParameterError, match="a table that can be found again"):
        train_table(table, CHANGES, checkpoint=tmp_path / "run")


def test_a_kill_while_the_linear_model_is_trained_does_not_cost_the_network(tmp_path):
    """The checkpoint of the last epoch is there until all is done, and no epoch is trained twice."""

    class Killed(Listener):
        def on_compare(self):
            raise SystemExit

    path, heard = tmp_path / "t.parquet", Listener()
    duckdb.sql(f"COPY ({QUERY}) TO '{path}'")
    undisturbed = train_table(Task(path, ["y"]), CHANGES, memory="1GB")[0]
    with pytest.raises(SystemExit):
        train_table(Task(path, ["y"]), CHANGES, checkpoint=tmp_path / "run", memory="1GB", announce=lambda *_: Killed())
    resumed = train_table(
        Task(path, ["y"]), CHANGES, checkpoint=tmp_path / "run", memory="1GB", announce=lambda *_: heard
    )
    assert heard.heard == ["linear model"]
    assert resumed[0].model.parameters.theta.tobytes() == undisturbed.model.parameters.theta.tobytes()
    assert list((tmp_path / "run").iterdir()) == []
