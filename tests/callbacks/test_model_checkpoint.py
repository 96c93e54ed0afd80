"""The files of ModelCheckpoint, loaded again."""

import numpy as np
import pytest

from chainrule import MLPClassifier, load
from chainrule._errors import InvalidParameterError, ModelFileError
from chainrule.callbacks import ModelCheckpoint

from .conftest import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_best_file_is_the_model_that_training_keeps(tmp_path, fitted, solver, early_stopping):
    settings = {"solver": solver, "batch_size": "auto", "early_stopping": early_stopping}
    reg = fitted(ModelCheckpoint(tmp_path / "best"), **settings)
    again = load(tmp_path / "best")
    assert again.predict(X).tobytes() == reg.predict(X).tobytes()
    assert again.n_iter_ == (reg.best_epoch_ or reg.n_iter_)
    assert again.history_.final == reg.history_.final
    assert again.loss_ == reg.loss_


def test_files_by_epoch_and_loss(tmp_path, fitted):
    name = "m-{epoch:02d}-{running_loss:.4f}"
    reg = fitted(ModelCheckpoint(tmp_path / name, save_best_only=False))
    expected = [f"m-0{i}-{loss:.4f}" for i, loss in enumerate(reg.history_["running_loss"], start=1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == expected
    assert [load(tmp_path / each).n_iter_ for each in expected] == [1, 2, 3, 4]


def falling(values):
    """The epochs, counted from 1, whose value is lower than all before."""
    return [i for i, value in enumerate(values, start=1) if value < min(values[: i - 1], default=np.inf)]


@pytest.mark.parametrize("monitor", [None, "val_loss", "val_score", "running_loss", "gradient_norm"])
def test_only_better_epochs_are_saved(tmp_path, monitor):
    clf = MLPClassifier((4,), learning_rate_init=0.2, early_stopping=True, n_iter_no_change=20, random_state=0)
    clf.set_params(max_iter=20, callbacks=ModelCheckpoint(tmp_path / "m-{epoch}", monitor=monitor))
    clf.fit(X, Y > 0)
    values = np.array(clf.history_[monitor or "val_loss"]) * (-1 if monitor == "val_score" else 1)
    saved = sorted(int(path.name[2:]) for path in tmp_path.iterdir())
    assert saved == falling(values.tolist())
    assert len(saved) < 20


def test_every_training_begins_anew(tmp_path, fitted):
    checkpoint = ModelCheckpoint(tmp_path / "best")
    fitted(checkpoint, max_iter=30)
    assert load(tmp_path / "best").n_iter_ == 30
    fitted(checkpoint, max_iter=2)
    assert load(tmp_path / "best").n_iter_ == 2


def test_a_whole_file_is_there_after_an_error(tmp_path, fitted):
    def fail(ctx):
        if ctx.epoch == 3:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fitted([ModelCheckpoint(tmp_path / "best"), fail])
    assert load(tmp_path / "best").n_iter_ == 3
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "best",
            {"monitor": "val_los"},
            "monitor='val_los' is nothing that this training measures. Valid are: 'epoch'",
        ),
        ("best", {"monitor": "runing_loss"}, r"Did you mean 'running_loss'\?"),
        ("best-{val_loss}", {}, "cannot be filled .* It may name epoch, running_loss"),
        ("best-{epoch:q}", {}, "cannot be filled"),
    ],
)
def test_names_that_nothing_has_are_refused(tmp_path, fitted, name, settings, words):
    with pytest.raises(InvalidParameterError, match=words):
        fitted(ModelCheckpoint(tmp_path / name, **settings))


def test_a_folder_that_is_not_there_is_said_before_the_training(tmp_path, fitted):
    epochs = []
    with pytest.raises(ModelFileError, match="there is no folder"):
        fitted([epochs.append, ModelCheckpoint(tmp_path / "none" / "best")])
    assert epochs == []
