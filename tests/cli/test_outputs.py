"""No command puts its output in an input's place, or in that of anything but a regular file."""

import hashlib
import os
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from pyarrow import dataset
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

import chainrule as package
from chainrule import LinearRegressor, MLPRegressor
from chainrule._errors import CheckpointError, InvalidParameterError, ModelFileError, SearchRecordError
from chainrule.callbacks import CSVLogger, ModelCheckpoint
from chainrule.many import MLPSearchCV
from chainrule.tabular.pipeline import Task, train_table

QUICK = ("--hidden", "4", "--epochs", "1", "--quiet")


@pytest.fixture
def folder(tmp_path, monkeypatch, classes):
    """A folder with a model, tables and links to them, a pipe and a link to a device."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(classes.model, "m.safetensors")
    for name in ("t.csv", "u.csv", "data/a.csv", "data/b.csv", "ck/encoded-rows/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(classes.table, name)
    for link, target in {"link.csv": "t.csv", "model.csv": "m.safetensors", "note.txt": "t.csv"}.items():
        Path(link).symlink_to(target)
    Path("null.csv").symlink_to("/dev/null")
    Path("loop.csv").symlink_to("loop.csv")
    Path("hard.csv").hardlink_to("t.csv")
    os.mkfifo("pipe.csv")
    os.mkfifo("pipe.txt")
    return tmp_path


def contents(folder):
    """Everything below a folder: what kind it is, and a digest of what is in it."""
    return {
        str(path): (path.lstat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in sorted(folder.rglob("*"))
    }


DEEP = [
    *(("**/a.csv", "ck/encoded-rows/a.csv"), ("ck/**", "ck/encoded-rows/a.csv"), ("ck", "ck/encoded-rows/a.csv")),
    *(("**/new.csv", "ck/new.csv"), ("ck/**/a*.csv", "ck/a2.csv"), ("**/*.csv", "new.csv"), ("*.csv", ".new.csv")),
]
TRAIN = [
    *(("t.csv", ("-m", out)) for out in ("t.csv", "./data/../t.csv", "link.csv", "hard.csv")),
    *(("link.csv", ("-m", "t.csv")), ("hard.csv", ("-m", "t.csv")), ("data", ("-m", "data/b.csv"))),
    *(("data/*.csv", ("-m", "data/a.csv")), ("data", ("-m", "data/new.csv")), ("data/*", ("-m", "data/new.model"))),
    ("t.csv", ("--test-table", "u.csv", "-m", "u.csv")),
    ("t.csv", ("--test-table", "data", "-m", "data/a.csv")),
    *((f"SELECT * FROM {table}", ("-m", "t.csv")) for table in ("'t.csv'", "t.csv", "read_csv(['t.csv', 'u.csv'])")),
    ("SELECT * FROM 'u.csv' WHERE size IN (SELECT size FROM 'link.csv')", ("-m", "t.csv")),
    ("FROM 'data/*.csv'", ("-m", "data/b.csv")),
    *((f"FROM read_csv('{name}')", ("-m", out)) for name, out in DEEP),
    ('SELECT * FROM (WITH "t.csv" AS (SELECT 1) FROM "t.csv"), \'t.csv\' ', ("-m", "t.csv")),
    *(("t.csv", ("-m", out)) for out in ("data", ".", "pipe.csv", "null.csv", "loop.csv", "/dev/null")),
    *(("t.csv", ("-m", "run", "--checkpoint", "run")), ("t.csv", ("-m", "n.model", "--checkpoint", "t.csv"))),
    ("t.csv", ("-m", "ck/checkpoint.safetensors", "--checkpoint", "ck")),
    ("t.csv", ("-m", "ck/encoded-rows/n.model", "--checkpoint", "ck")),
    ("ck/encoded-rows", ("-m", "n.model", "--checkpoint", "ck")),
    ("ck/encoded-rows/a.csv", ("-m", "n.model", "--checkpoint", "./ck")),
    ("t.csv", ("--test-table", "ck/*/*.csv", "-m", "n.model", "--checkpoint", "ck")),
]
WRITE = [
    *(("predict", table, out) for table, out in (("t.csv", "t.csv"), ("t.csv", "link.csv"), ("link.csv", "t.csv"))),
    *(
        ("predict", table, out)
        for table, out in (("t.csv", "hard.csv"), ("data", "data/a.csv"), ("data", "data/p.csv"))
    ),
    *(
        ("predict", table, out)
        for table, out in (("*.csv", "p.csv"), ("FROM 't.csv'", "t.csv"), ("t.csv", "model.csv"))
    ),
    *(("predict", "t.csv", out) for out in ("pipe.csv", "null.csv", "loop.csv", "/dev/stdout", "data", "no/p.csv")),
    *(("trace", "t.csv", out) for out in ("note.txt", "pipe.txt")),
]


@pytest.mark.parametrize(("table", "options"), TRAIN)
def test_training_destroys_nothing(chainrule, folder, table, options):
    before = contents(folder)
    outcome = chainrule("train", table, "-t", "kind", *QUICK, *options)
    assert any(word in outcome.error for word in ("overwrite", "cannot write", "would be one of", "both write"))
    assert contents(folder) == before


@pytest.mark.parametrize(("command", "table", "out"), WRITE)
@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_writing_destroys_nothing(chainrule, folder, command, table, out, memory):
    before = contents(folder)
    outcome = chainrule(command, "m.safetensors", table, "-o", out, *(memory if command == "predict" else ()))
    assert any(word in outcome.error for word in ("overwrite", "cannot write", "would be one of", "ending"))
    assert contents(folder) == before


def test_a_derivation_goes_to_no_pipe(chainrule, folder):
    assert "pipe" in chainrule("derive", "-o", "pipe.txt").error


def test_what_is_no_input_may_be_replaced(chainrule, folder):
    """Beside the inputs, onto a file of an earlier day, through a link; a link stays one."""
    for out in ("data/m.model", "u.csv", "new.model"):
        assert chainrule("train", "data", "-t", "kind", *QUICK, "-m", out).code == 0
        assert chainrule("summary", out).code == 0
    Path("latest.csv").symlink_to("p.csv")  # of which there is none yet
    for _ in range(2):
        assert chainrule("predict", "m.safetensors", "data", "-o", "latest.csv").code == 0
        assert (folder / "latest.csv").is_symlink()
    assert chainrule("predict", "m.safetensors", "p.csv", "-o", "q.csv").code == 2  # it has other columns
    assert len((folder / "p.csv").read_text().split()) == 301


def test_models_and_records_go_to_regular_files_alone(folder):
    before, X, y = contents(folder), [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 4.0]
    line = LinearRegressor().fit(X, y)
    for out in ("pipe.csv", "null.csv", "data", "loop.csv", "no/m.safetensors"):
        with pytest.raises(ModelFileError, match="cannot write"):
            package.save(line, out)
        with pytest.raises(ModelFileError, match="cannot write"):
            LinearRegressor(callbacks=ModelCheckpoint(out)).fit(X, y)
        with pytest.raises(ModelFileError, match="cannot write"):
            LinearRegressor(random_state=0).fit(X, y, checkpoint=out)
        with pytest.raises(SearchRecordError, match=out):
            MLPSearchCV(MLPRegressor((2,), max_iter=1), {"alpha": [0.0]}, cv=2, record=out).fit(X, y)
        for append in (False, True):
            with pytest.raises(OSError, match=out):
                LinearRegressor(callbacks=CSVLogger(out, append=append)).fit(X, y)
    assert contents(folder) == before


@pytest.mark.parametrize("source", ["numbers.csv", "SELECT * FROM 'numbers.csv'", "numbers"])
def test_what_an_estimator_reads_is_not_written_to(folder, source):
    (folder / "numbers").mkdir()
    for name in ("numbers.csv", "numbers/a.csv"):
        (folder / name).write_text("x,y\n1,2\n2,4\n3,6\n4,8\n")
    before, out = contents(folder), "numbers/a.csv" if source == "numbers" else "numbers.csv"
    for callbacks in (CSVLogger(out), [ModelCheckpoint("m.csv"), CSVLogger(out, append=True)], ModelCheckpoint(out)):
        with pytest.raises(InvalidParameterError, match="overwrite"):
            LinearRegressor(callbacks=callbacks).fit(source, "y")
    with pytest.raises(InvalidParameterError, match="overwrite"):
        LinearRegressor(random_state=0).fit(source, "y", checkpoint=out)
    with pytest.raises(InvalidParameterError, match="overwrite"):
        LinearRegressor(random_state=0).fit("t.csv", "price", X_val=source, y_val="y", checkpoint=out)
    with pytest.raises(InvalidParameterError, match="both write"):
        LinearRegressor(random_state=0, callbacks=CSVLogger("new")).fit(source, "y", checkpoint="new")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        *(("p1.csv", "p{epoch}.csv"), ("p1.csv", "p{epoch:d}.csv"), ("p*.csv", "p{epoch:03d}.csv")),
        *(("SELECT * FROM 'p1.csv'", "./p{running_loss:.0f}.csv"), ("in", "in/new{epoch}.csv")),
        *(("in/run-1/p.csv", "in/run-{epoch}/p.csv"), ("p1.csv", "{epoch!s}1.csv")),
    ],
)
def test_no_checkpoint_of_a_pattern_takes_the_place_of_a_table(folder, source, pattern):
    (folder / "in" / "run-1").mkdir(parents=True)
    for name in ("p1.csv", "in/a.csv", "in/run-1/p.csv"):
        (folder / name).write_text("x,y\n1,2\n2,4\n3,6\n4,8\n")
    before = contents(folder)
    with pytest.raises(InvalidParameterError, match=r"overwrite|would be one of"):
        LinearRegressor(callbacks=ModelCheckpoint(pattern)).fit(source, "y")
    assert contents(folder) == before
    for _ in range(2):  # the second time over the files of the first
        callbacks = [ModelCheckpoint("m{epoch}.st"), ModelCheckpoint("m{epoch:d}.st", monitor="running_loss")]
        LinearRegressor(callbacks=callbacks).fit(source, "y")
    assert Path("m1.st").exists()


def test_what_is_behind_an_object_is_not_written_to(folder):
    """Arrow's datasets, of a file, a folder, several datasets, a folder's own file system; an array in a file."""
    (folder / "in").mkdir()
    Path("in/n.csv").write_text("x,y\n1,2\n2,4\n3,6\n4,8\n")
    np.save("in/n.npy", np.arange(8.0).reshape(-1, 2))
    within = SubTreeFileSystem(str(folder / "in"), LocalFileSystem())
    one = dataset.dataset("in/n.csv", format="csv")
    sets = [one, dataset.dataset([one, one]), dataset.dataset("n.csv", format="csv", filesystem=within)]
    mapped, before = np.load("in/n.npy", mmap_mode="r"), contents(folder)
    for callback, each in product(
        (ModelCheckpoint("in/n.csv"), CSVLogger("in/n.csv"), ModelCheckpoint("in/{epoch}.csv")), sets
    ):
        with pytest.raises(InvalidParameterError, match="overwrite"):
            LinearRegressor(callbacks=callback).fit(each, "y")
    with pytest.raises(InvalidParameterError, match="overwrite"):
        LinearRegressor(random_state=0).fit(one, "y", checkpoint="in/n.csv")
    with pytest.raises(InvalidParameterError, match="overwrite"):
        LinearRegressor(callbacks=CSVLogger("in/n.npy")).fit(mapped[:, :1], np.arange(4.0))
    assert contents(folder) == before


def test_what_cannot_be_made_is_said_in_words(chainrule, folder):
    assert "cannot write '': a file needs a name" in chainrule("train", "t.csv", "-t", "kind", *QUICK, "-m", "").error
    options = ("-m", "n.model", "--checkpoint", "u.csv/ck")
    assert "u.csv is a file" in chainrule("train", "t.csv", "-t", "kind", *QUICK, *options).error
    assert "the format of ''" in chainrule("predict", "m.safetensors", "t.csv", "-o", "").error


def test_a_checkpoint_takes_the_place_of_no_table(folder):
    before = contents(folder)
    with pytest.raises(InvalidParameterError, match="overwrite"):
        train_table(Task("ck/encoded-rows/a.csv", ["kind"]), {}, checkpoint="ck")
    with pytest.raises((InvalidParameterError, CheckpointError)):
        train_table(Task("t.csv", ["kind"]), {}, checkpoint="u.csv")
    assert contents(folder) == before
