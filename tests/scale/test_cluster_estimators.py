"""`fit(distributed=...)` and `chainrule train --dask`: the same estimator, to the bit, wherever its shards are."""

import json
import socket
import subprocess
import sys
from contextlib import contextmanager

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from chainrule import MLPClassifier, MLPRegressor
from chainrule._errors import ClusterError, InvalidParameterError
from chainrule.cli import main

from ..patience import GIVE_UP
from .test_mpi import launched


@pytest.fixture(scope="module")
def table():
    """Two classes, one of them rare."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(600, 5))
    return X, np.where(X[:, 0] + X[:, 1] ** 2 + 0.3 * draw.normal(size=600) > 2, "yes", "no")


def classifier(**options):
    settings = {"random_state": 0, "max_iter": 5, "n_iter_no_change": 10, "early_stopping": True, "dropout": 0.2}
    return MLPClassifier((16,), **{**settings, "class_weight": "balanced", "batch_size": 64, **options})


def fitted(model, X, y, **where):
    with pytest.warns(UserWarning, match="max_iter"):
        model.fit(X, y, **where)
    return [w.tobytes() for w in (*model.coefs_, *model.intercepts_)], model.history_.columns.get("val_loss"), model.t_


@pytest.fixture(scope="module")
def client(cluster_of):
    with cluster_of(2) as started:
        yield started


def test_a_classifier_is_the_same_here_and_on_a_cluster(client, table):
    """With weights of classes and rows, labels, a validation split, dropout; the scheduler's address will do."""
    X, y = table
    weight = np.random.default_rng(1).integers(0, 3, len(y)).astype(float)
    here = fitted(classifier(), X, y, sample_weight=weight, distributed="local", shards=5)
    for where in (client, client.scheduler.address):
        assert fitted(classifier(), X, y, sample_weight=weight, distributed=where, shards=5) == here


FROM_OUTSIDE = """
import sys, warnings
import numpy as np
from distributed import Client
from chainrule import MLPRegressor, fit_many

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    X = np.linspace(-1, 1, 60).reshape(-1, 1)
    model = MLPRegressor((4,), max_iter=3, random_state=0)
    in_shards = [model.fit(X, X[:, 0], distributed=where).coefs_[0] for where in ("local", sys.argv[1])]
    assert (in_shards[0] == in_shards[1]).all()
    with Client(sys.argv[1], set_as_default=False) as client:
        [one] = fit_many([model], X, X[:, 0], workers=client)
    assert (one.coefs_[0] == model.fit(X, X[:, 0]).coefs_[0]).all()
"""


@pytest.mark.slow
def test_a_client_need_not_be_the_default_one(client):
    """In a process of its own, where there is no other client that would be taken instead."""
    command = [sys.executable, "-c", FROM_OUTSIDE, client.scheduler.address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def frame(table):
    """The same with a category, gaps and weights."""
    draw = np.random.default_rng(2)
    frame = pd.DataFrame(table[0].astype(np.float32), columns=list("abcde"))
    frame["kind"], frame["weight"] = draw.choice(["one", "two", None], 600), draw.integers(0, 3, 600).astype(float)
    frame.loc[::5, "c"] = np.nan
    frame["label"] = table[1]
    return frame


def test_workers_read_their_own_rows_of_a_parquet_file(client, frame, tmp_path):
    """The bits of the data frame in memory; other sources go by way of this process."""
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path, row_group_size=70)
    encoded = {"scale": True, "missing": "impute", "categorical_features": "from_dtype"}
    X = frame.drop(columns=["label", "weight"])
    here = fitted(classifier(**encoded), X, frame.label, sample_weight=frame.weight, distributed="local", shards=5)
    sources = [str(path), f"SELECT * FROM '{path}'", dd.from_pandas(frame, npartitions=3)]
    for where in ("local", client):
        for source in sources:
            options = {"sample_weight": "weight", "distributed": where, "shards": 5}
            assert fitted(classifier(**encoded), source, "label", **options) == here


@pytest.mark.slow
def test_dask_arrays_come_to_the_same(client, table):
    X, y = table
    here = fitted(classifier(), X, y, distributed="local", shards=5)
    lazy = da.from_array(X, chunks=(130, 3)), da.from_array(y, chunks=100)
    for where in ("local", client):
        assert fitted(classifier(), *lazy, distributed=where, shards=5) == here


@pytest.mark.filterwarnings("ignore:Training reached max_iter")
def test_it_learns_what_training_in_memory_learns(table):
    X, y = table
    models = [classifier(max_iter=40, learning_rate_init=0.02).fit(X, y, **w) for w in ({}, {"distributed": "local"})]
    in_memory, in_shards = (model.score(X, y) for model in models)
    assert abs(in_memory - in_shards) < 0.05
    assert in_shards > 0.85


def test_other_seeds_and_shards_are_other_trainings(table):
    X, y = table
    here = fitted(classifier(), X, y, distributed="local")
    assert fitted(classifier(), X, y, distributed="local") == here
    assert fitted(classifier(random_state=1), X, y, distributed="local") != here
    assert fitted(classifier(), X, y, distributed="local", shards=3) != here


@pytest.mark.slow
def test_lbfgs_is_the_same_here_and_on_a_cluster(client, table):
    X, y = table
    options = {"solver": "lbfgs", "dropout": 0.0, "batch_size": "auto", "early_stopping": False}
    here = fitted(classifier(**options), X, y, distributed="local")
    assert fitted(classifier(**options), X, y, distributed=client) == here


def test_callbacks_are_told_and_may_stop_it(client, table):
    told = []

    def stop_at_three(ctx):
        told.append(ctx.epoch)
        return ctx.epoch == 3

    X, _ = table
    model = MLPRegressor((8,), random_state=0, callbacks=[stop_at_three], batch_size=64)
    model.fit(X, X[:, 0], distributed=client, shards=3)
    assert told == [1, 2, 3]
    assert model.history_.stop_reason == "callback"


@pytest.mark.parametrize(
    ("where", "options", "message"),
    [
        ({"distributed": "dask"}, {}, "distributed must be 'local', 'mpi', a distributed.Client"),
        ({"distributed": "local", "shards": 0}, {}, "shards must be a whole number of at least 1, got 0"),
        ({"distributed": "local"}, {"batch_size": 4}, "batch_size=4 and shards=8"),
    ],
)
def test_what_cannot_be_distributed_is_refused(table, where, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        classifier(**options).fit(*table, **where)


@contextmanager
def free_port():
    """A port that nobody answers at, and little patience."""
    with socket.socket() as free, dask.config.set({"distributed.comm.timeouts.connect": "300ms"}):
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


def test_no_scheduler_is_said(table):
    with free_port() as port, pytest.raises(ClusterError, match=f"there is no Dask scheduler at tcp://.*:{port}"):
        classifier().fit(*table, distributed=f"tcp://127.0.0.1:{port}")


@pytest.fixture
def csv(table, tmp_path):
    X, y = table
    lines = (",".join([*map(str, row.round(4)), label]) for row, label in zip(X, y, strict=True))
    path = tmp_path / "table.csv"
    path.write_text("a,b,c,d,e,y\n" + "\n".join(lines))
    return str(path)


@pytest.mark.slow
def test_the_command_line_trains_on_a_cluster_and_as_an_mpi_job(client, csv, tmp_path):
    """One model, and the figures of one."""
    asked = ["train", csv, "-t", "y", "--epochs", "3", "--shards", "4", "--json"]
    models = [str(tmp_path / name) for name in ("dask.safetensors", "mpi.safetensors")]
    result = CliRunner().invoke(main, [*asked, "-m", models[0], "--dask", client.scheduler.address])
    assert result.exit_code == 0, result.output
    job = launched(2, "-m", "chainrule", *asked, "-m", models[1], "--mpi")
    assert job.returncode == 0, job.stderr
    by_dask, by_mpi = json.loads(result.stdout), json.loads(job.stdout)
    assert by_dask["figures"] == by_mpi["figures"]


def test_a_scheduler_that_is_not_there_is_said_before_anything_is_read(tmp_path):
    with free_port() as port:
        asked = ["train", str(tmp_path / "no-such.csv"), "-t", "y", "--dask", f"tcp://127.0.0.1:{port}"]
        result = CliRunner().invoke(main, asked)
    assert result.exit_code == 2
    assert "there is no Dask scheduler at" in result.output


def test_two_ways_at_once_are_refused(csv):
    result = CliRunner().invoke(main, ["train", csv, "-t", "y", "--mpi", "--dask", "tcp://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "--dask and --mpi are two ways to do the same" in result.output


def test_nothing_of_dask_or_mpi_is_imported_without_need():
    code = "import chainrule.estimator, chainrule.cli.train, sys; print({'dask', 'mpi4py'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
