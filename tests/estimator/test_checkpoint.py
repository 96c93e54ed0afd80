"""`fit(checkpoint=...)`: a killed fit goes on to the same bits, and nobody else's checkpoint is taken."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule import MLPClassifier
from chainrule._errors import CheckpointError, InvalidParameterError, ModelFileError

from ..patience import GIVE_UP

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter", "ignore:Training stopped early")
draw = np.random.default_rng(0)
X = draw.normal(size=(400, 5))
y = np.where(X[:, 0] * X[:, 1] + 0.3 * draw.normal(size=400) > 0, "yes", "no")

# A callback writes down which epochs are trained here, and waits in the fourth to be killed.
FIT = """
import sys, time
import numpy as np
from chainrule import MLPClassifier
from chainrule._errors import ChainruleWarning

class Slow:
    def on_epoch_end(self, ctx):
        print(ctx.epoch, flush=True)
        time.sleep(float(sys.argv[3]) * (ctx.epoch == 4))

if __name__ == "__main__":
    table = np.load(sys.argv[1])
    distributed = sys.argv[4] or None
    model = MLPClassifier((16,), max_iter=12, dropout=0.2, early_stopping=True, n_iter_no_change=20, random_state=3,
                          batch_size=32, callbacks=[Slow()])
    model.fit(table["X"], table["y"], checkpoint=sys.argv[2], distributed=distributed)
    np.savez(sys.argv[1] + ".fitted.npz", *model.coefs_, *model.intercepts_, *model.history_.columns["val_loss"])
"""


def run(table, file, pause, distributed):
    command = [sys.executable, "-W", "ignore", "-c", FIT, str(table), str(file), str(pause), distributed]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def fitted(table):
    with np.load(f"{table}.fitted.npz") as arrays:
        return [arrays[name].tobytes() for name in sorted(arrays)]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("distributed", ["", "local"])
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path, distributed, signal_number):
    table, file = tmp_path / "table.npz", tmp_path / "checkpoint"
    np.savez(table, X=X, y=y)
    with run(table, file, 0, distributed) as alone:
        alone.communicate(timeout=GIVE_UP)
    undisturbed = fitted(table)
    assert not file.exists()

    with run(table, file, GIVE_UP, distributed) as first:
        while first.stdout.readline() != "4\n":
            pass
        os.kill(first.pid, signal_number)
        first.communicate(timeout=GIVE_UP)
    assert file.exists()
    Path(f"{table}.fitted.npz").unlink()  # Ctrl-C leaves a model, too: that of the best epoch so far
    with run(table, file, 0, distributed) as second:
        trained, _ = second.communicate(timeout=GIVE_UP)
    assert int(trained.split()[0]) in (4, 5)
    assert fitted(table) == undisturbed
    assert not file.exists()


def classifier(**changes):
    return MLPClassifier((4,), **{"max_iter": 3, "random_state": 0, "batch_size": 100, **changes})


class Interrupt:
    def on_epoch_end(self, ctx):
        if ctx.epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("changes", "rows", "words"),
    [
        ({"alpha": 0.5}, slice(None), "settings: alpha was 0.0001, now 0.5"),
        ({"random_state": 1}, slice(None), "; settings: random_state was 0, now 1"),
        ({}, slice(1, None), "rows are others"),
        ({}, slice(None, None, -1), "rows are others"),
    ],
    ids=str,
)
def test_another_fits_checkpoint_is_refused(tmp_path, changes, rows, words):
    file = tmp_path / "checkpoint"
    classifier(callbacks=[Interrupt()]).fit(X, y, checkpoint=file)
    before = file.read_bytes()
    with pytest.raises(CheckpointError, match=words):
        classifier(callbacks=[Interrupt()], **changes).fit(X[rows], y[rows], checkpoint=file)
    assert file.read_bytes() == before


def test_another_validation_is_another_fit(tmp_path):
    file = tmp_path / "checkpoint"
    classifier(callbacks=[Interrupt()]).fit(X, y, X_val=X[:50], y_val=y[:50], checkpoint=file)
    for rows in (slice(51), slice(1, 51)):
        with pytest.raises(CheckpointError, match="rows are others"):
            classifier(callbacks=[Interrupt()]).fit(X, y, X_val=X[rows], y_val=y[rows], checkpoint=file)
    with pytest.raises(CheckpointError, match="rows are others"):
        classifier(callbacks=[Interrupt()]).fit(X, y, checkpoint=file)
    classifier(callbacks=[Interrupt()]).fit(X, y, X_val=X[:50], y_val=y[:50], checkpoint=file)


def test_a_checkpoint_in_use_is_refused(tmp_path):
    """By another process, whose death frees it, and by another fit of this one."""
    table, file = tmp_path / "table.npz", tmp_path / "checkpoint"
    np.savez(table, X=X, y=y)
    with run(table, file, GIVE_UP, "") as first:
        while first.stdout.readline() != "4\n":
            pass
        before = file.read_bytes()
        with pytest.raises(CheckpointError, match=f"checkpoint is in use by process {first.pid} on .* since 20"):
            classifier().fit(X, y, checkpoint=file)
        assert file.read_bytes() == before
        first.kill()
    with pytest.raises(CheckpointError, match="of another training"):  # it is read now
        classifier().fit(X, y, checkpoint=file)
    other = tmp_path / "other"

    class Nested:
        def on_epoch_end(self, ctx):
            with pytest.raises(CheckpointError, match="in use by this process"):
                classifier().fit(X, y, checkpoint=other)

    classifier(callbacks=[Nested()]).fit(X, y, checkpoint=other)
    assert not list(tmp_path.glob("*.lock"))
    assert not list(tmp_path.glob("other*"))


def double(z):
    return 2 * z


def slope_of_double(z):
    return 0 * z + 2


def triple(z):
    return 3 * z


def slope_of_triple(z):
    return 0 * z + 3


def test_another_function_is_another_fit(tmp_path):
    file = tmp_path / "checkpoint"
    one, other = (double, slope_of_double), (triple, slope_of_triple)
    classifier(callbacks=[Interrupt()], activation=one, engine="reference").fit(X, y, checkpoint=file)
    with pytest.raises(CheckpointError, match=r"settings: activation was .*test_checkpoint\.double"):
        classifier(callbacks=[Interrupt()], activation=other, engine="reference").fit(X, y, checkpoint=file)


@pytest.mark.parametrize(
    ("changes", "fit", "error", "words"),
    [
        ({"random_state": None}, {}, InvalidParameterError, "set random_state"),
        ({}, {"coef_init": [np.zeros((5, 4)), np.zeros((4, 1))]}, InvalidParameterError, "no coef_init"),
        ({"solver": "lbfgs", "batch_size": "auto"}, {}, InvalidParameterError, "does not go with solver='lbfgs'"),
    ],
)
def test_what_could_not_be_begun_again_is_refused(tmp_path, changes, fit, error, words):
    with pytest.raises(error, match=words):
        classifier(**changes).fit(X, y, checkpoint=tmp_path / "checkpoint", **fit)


def test_a_folder_that_is_not_there_is_said_before_training(tmp_path):
    trained = []
    with pytest.raises(ModelFileError, match="there is no folder"):
        classifier(callbacks=[lambda ctx: trained.append(ctx.epoch)]).fit(X, y, checkpoint=tmp_path / "none" / "c")
    assert not trained
