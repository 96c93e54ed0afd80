"""Tables in batches on many machines: the bits of one process, rows read where they are used, kills, refusals."""

import signal
import subprocess
import sys
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from chainrule._errors import InvalidParameterError, TableError
from chainrule.cli import main
from chainrule.distributed.distribution import Distribution
from chainrule.files.model_file import read_model
from chainrule.outofcore.memory import Budget
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.pipeline import Task, train_table
from chainrule.tabular.prepare import prepare
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.recipe import recipe
from chainrule.tabular.train import train

from ..patience import GIVE_UP
from .faults import AT_A_CHECKPOINT
from .test_mpi import launched

ROWS = 6000
COLUMNS = """sin(i) AS x, CASE WHEN i % 7 > 0 THEN (i % 50)::FLOAT END AS k, ['red', 'blue', NULL][1 + i % 3] AS colour,
    DATE '2024-01-01' + INTERVAL (i % 400) DAY AS day, CASE WHEN i % 20 > 0 THEN sin(i) + (i % 3) > 0.5 END AS good"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files, of which one lacks a column and one has one more."""
    folder = tmp_path_factory.mktemp("large")
    for part, columns in enumerate((COLUMNS, COLUMNS.replace("sin(i) AS x", "1.5 AS only_here"), COLUMNS)):
        rows = f"SELECT {columns} FROM range({part * ROWS // 3}, {(part + 1) * ROWS // 3}) t(i)"
        duckdb.sql(f"COPY ({rows}) TO '{folder / f'{part}.parquet'}' (ROW_GROUP_SIZE 2048)")
    return folder


@pytest.fixture(scope="module")
def client(cluster_of):
    with cluster_of(2) as started:
        yield started


CHANGES = {"hidden_layer_sizes": (8,), "max_iter": 3}


def trained(source, distribution, **options):
    outcome, _ = train_table(
        Task(source, ["good"]), CHANGES, seed=2, memory="1GB", distribution=distribution, **options
    )
    return outcome.model.parameters.theta.tobytes(), outcome.figures


def test_the_same_bits_here_and_on_a_cluster(folder, client, tmp_path):
    pattern, csv = str(folder / "*.parquet"), tmp_path / "t.csv"
    here = trained(pattern, Distribution("local", 5))
    assert trained(pattern, Distribution(client, 5)) == here
    assert here[1].keys() == {"network", "linear model", "baseline: most frequent class"}
    assert trained(pattern, Distribution("local", 4)) != here
    duckdb.sql(f"COPY (FROM read_parquet('{pattern}', union_by_name=true)) TO '{csv}'")
    assert trained(csv, Distribution(client, 5))[0] == trained(csv, Distribution("local", 5))[0]


@pytest.fixture(scope="module")
def prepared(folder, tmp_path_factory):
    with open_batches(str(folder / "*.parquet"), batch_bytes=1) as batches:
        return prepare(batches, ["good"], tmp_path_factory.mktemp("spool"))


@pytest.mark.parametrize("kept", [False, True])
def test_rows_are_read_from_the_table_itself(prepared, kept):
    """The bits of the spool, wherever they begin and end; also by what a checkpoint's folder keeps."""
    spool = prepared.rows["training"]
    if kept:
        save_prepared(prepared, spool.stem.parent, {})
        prepared = load_prepared(spool.stem.parent, {})
    rows = prepared.to_share(2**28).part(100, spool.m)
    first, second = (sum(chosen.count for chosen in prepared.chosen[:batches]) - 100 for batches in (1, 2))
    for start, stop in ((0, rows.m), (900, 2900), (first - 1, second + 1), (first, second), (rows.m - 7, rows.m)):
        load = rows.part(start, stop).load()
        assert load.arguments == (100 + start, 100 + stop)
        mine, truth = load.run().read(0, load.m), spool.read(100 + start, 100 + stop)
        np.testing.assert_array_equal(mine.X, truth.X)
        np.testing.assert_array_equal(mine.Y, truth.Y)


def test_a_file_that_has_changed_meanwhile_is_found_out(folder, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes((folder / "0.parquet").read_bytes())
    with open_batches(path, batch_bytes=1) as batches:
        found = prepare(batches, ["good"], tmp_path)
    path.write_bytes((folder / "2.parquet").read_bytes())
    with pytest.raises(TableError, match="has changed since training began"):
        found.to_share(2**28).load().run()


def test_what_cannot_be_read_elsewhere_must_fit_in_memory(prepared):
    rows = prepared.rows | {"training": replace(prepared.rows["training"], m=10**9)}
    query, settings = replace(prepared, scan_plan=None, rows=rows), recipe(10**9, **CHANGES)
    with pytest.raises(InvalidParameterError, match="no Parquet file that each worker could read"):
        train(query, settings, budget=Budget.asked("1GB"), distribution=Distribution("local", 2))


def arguments(folder, model, epochs):
    asked = ["train", str(folder / "*.parquet"), "-t", "good", "-m", str(model), "--epochs", str(epochs), "--quiet"]
    return [*asked, "--patience", "200", "--hidden", "8", "--shards", "4", "--memory", "1GB"]


def thetas(model):
    record, tensors = read_model(model)
    return {name: tensor.tobytes() for name, tensor in tensors.items()}, record["training"]["figures"]


DYING = f"{AT_A_CHECKPOINT}\ndie_at(2, 9)\nfrom chainrule.cli import main; main()"


@pytest.mark.slow
def test_a_killed_driver_goes_on_and_mpi_comes_to_the_same(folder, client, tmp_path):
    """By the command line: over Dask undisturbed, over Dask killed and called again, as an MPI job."""
    over_dask = ["--dask", client.scheduler.address]
    models = [tmp_path / f"{name}.safetensors" for name in ("undisturbed", "killed", "mpi")]
    assert CliRunner().invoke(main, [*arguments(folder, models[0], 4), *over_dask]).exit_code == 0
    asked = [*arguments(folder, models[1], 4), *over_dask, "--checkpoint", str(tmp_path / "run")]
    killed = subprocess.run([sys.executable, "-c", DYING, *asked], capture_output=True, timeout=GIVE_UP, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not models[1].exists()
    again = CliRunner().invoke(main, asked)
    assert again.exit_code == 0, again.output
    assert "going on from" in again.output
    job = launched(2, "-m", "chainrule", *arguments(folder, models[2], 4), "--mpi", "--checkpoint", tmp_path / "job")
    assert job.returncode == 0, job.stderr
    assert thetas(models[1]) == thetas(models[0])
    assert thetas(models[2]) == thetas(models[0])
    assert list((tmp_path / "run").iterdir()) == list((tmp_path / "job").iterdir()) == []


def test_other_shards_are_another_training(folder, tmp_path):
    class Interrupt:
        def on_segment(self, progress):
            pass

        def on_epoch(self, progress):
            raise KeyboardInterrupt

        on_compare = None

    def start(shards):
        trained(str(folder / "*.parquet"), shards, checkpoint=tmp_path, announce=lambda *_: Interrupt())

    start(Distribution("local", 3))
    for other in (Distribution("local", 4), None):
        with pytest.raises(ValueError, match="shards was 3, now"):
            start(other)


@pytest.mark.slow
def test_what_fails_on_rank_0_ends_the_job(folder, tmp_path):
    job = launched(2, "-m", "chainrule", "train", tmp_path / "none.parquet", "-t", "good", "--mpi", "--memory", "1GB")
    assert job.returncode != 0
    assert "No such file" in job.stderr
    assert "Traceback" not in job.stderr
