"""A checkpoint on disk is whole at any moment, and nobody else's."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule._errors import CheckpointError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.files.model_file import packed, read_model
from chainrule.network import Architecture, activation, loss
from chainrule.network.parameters import Parameters
from chainrule.network.training.checkpoint import Checkpoint
from chainrule.network.training.segment import State, Totals

ARCHITECTURE = Architecture((2, 3, 1), (activation("tanh"),), loss("squared_error"))


def checkpoint_of(step, dtype=np.float32, best=True):
    rng = np.random.default_rng(step)

    def state(step):
        theta, *slots = rng.normal(size=(3, 13)).astype(dtype)
        return State(Parameters(theta, (2, 3, 1)), tuple(slots), step, 2)

    epochs = {"epoch": [1.0, 2.0], "running_loss": [1 / 3, 0.1 + 0.2]}
    return Checkpoint(state(step), state(max(step - 1, 0)) if best else None, epochs, Totals((1e-300, np.pi), 0.7))


def same(one, other):
    assert (one.epochs, one.totals) == (other.epochs, other.totals)
    assert (one.best is None) == (other.best is None)
    for a, b in [(one.state, other.state)] + ([(one.best, other.best)] if one.best else []):
        assert (a.step, a.epoch, len(a.slots)) == (b.step, b.epoch, len(b.slots))
        for x, y in zip((a.parameters.theta, *a.slots), (b.parameters.theta, *b.slots), strict=True):
            assert x.tobytes() == y.tobytes()
            assert x.dtype == y.dtype
    return True


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("best", [True, False])
def test_what_is_written_is_read_to_the_bit(tmp_path, dtype, best):
    file, checkpoint = CheckpointFile(tmp_path / "c", {"seed": 1}), checkpoint_of(5, dtype, best)
    assert file.read(ARCHITECTURE) is None
    file.write(checkpoint)
    assert same(file.read(ARCHITECTURE), checkpoint)
    file.remove()
    assert not list(tmp_path.iterdir())


def test_where_the_last_one_is_damaged_the_one_before_it_counts(tmp_path):
    file, first, second = CheckpointFile(tmp_path / "c", {}), checkpoint_of(5), checkpoint_of(9)
    file.write(first)
    file.write(second)
    assert same(file.read(ARCHITECTURE), second)
    (tmp_path / "c.next").write_bytes(b"half written")
    assert same(file.read(ARCHITECTURE), second)
    whole = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(whole[: len(whole) // 2])
    assert same(file.read(ARCHITECTURE), first)
    (tmp_path / "c.next").write_bytes(whole)  # killed between the two renames
    (tmp_path / "c").unlink()
    assert same(file.read(ARCHITECTURE), second)
    (tmp_path / "c.next").write_bytes(b"")
    (tmp_path / "c.previous").write_bytes(b"")
    with pytest.raises(CheckpointError, match="Delete it"):
        file.read(ARCHITECTURE)


WRITE = """
import sys
from test_checkpoint_files import checkpoint_of
from chainrule.checkpoints.checkpoint_file import CheckpointFile

file = CheckpointFile(sys.argv[1], {})
for step in range(10_000):
    file.write(checkpoint_of(step))
    print(step, flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 0.02])
def test_what_was_written_before_a_kill_is_read_after_it(tmp_path, delay):
    command = [sys.executable, "-c", WRITE, str(tmp_path / "c")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent) as writer:
        writer.stdout.readline()
        time.sleep(delay)
        writer.kill()
        written = [0, *map(int, writer.communicate()[0].split())]
    file = CheckpointFile(tmp_path / "c", {})
    left = file.read(ARCHITECTURE)
    assert same(left, checkpoint_of(left.state.step))
    assert left.state.step in (written[-1], written[-1] + 1)
    file.remove()
    assert not list(tmp_path.iterdir())


def test_another_trainings_checkpoint_is_refused_with_what_differs(tmp_path):
    CheckpointFile(tmp_path / "c", {"seed": 1, "rows": 10}).write(checkpoint_of(5))
    with pytest.raises(CheckpointError, match="rows are others; seed was 1, now 2"):
        CheckpointFile(tmp_path / "c", {"seed": 2, "rows": 11}).read(ARCHITECTURE)


def test_a_checkpoint_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be written"):
        CheckpointFile(tmp_path / "absent" / "c", {}).write(checkpoint_of(5))


def rewritten(path, change):
    """The checkpoint with another record or other tensors, under a right digest."""
    record, tensors = read_model(path)
    record, tensors = change(record, tensors)
    path.write_bytes(packed({key: value for key, value in record.items() if key not in ("format", "sha256")}, tensors))


@pytest.mark.parametrize(
    "change",
    [
        lambda record, tensors: (record | {"states": {}}, tensors),
        lambda record, tensors: (record | {"states": {"now": [1]}}, tensors),
        lambda record, tensors: (record | {"states": {"now": [True, 2], "best": None}}, tensors),
        lambda record, tensors: (record | {"losses": ["low"]}, tensors),
        lambda record, tensors: (record | {"epochs": {"epoch": 1}}, tensors),
        lambda record, tensors: (record | {"gradient_norm": {}}, tensors),
        lambda record, tensors: (record, {name: tensor[:-1] for name, tensor in tensors.items()}),
        lambda record, tensors: (record, tensors | {"now.1": tensors["now.1"].astype(np.float64)}),
        lambda record, tensors: (record, tensors | {"now.0": tensors["now.0"].reshape(1, -1)}),
        lambda record, tensors: (record, tensors | {"now.7": tensors["now.0"]}),
        lambda record, tensors: (record, {name: tensor for name, tensor in tensors.items() if name != "now.2"}),
        lambda record, tensors: (record, {name: tensor for name, tensor in tensors.items() if "now" not in name}),
    ],
)
def test_a_record_that_says_something_else_is_damaged(tmp_path, change):
    file = CheckpointFile(tmp_path / "c", {})
    file.write(checkpoint_of(5))
    rewritten(tmp_path / "c", change)
    with pytest.raises(CheckpointError, match="damaged"):
        file.read(ARCHITECTURE, 2)
