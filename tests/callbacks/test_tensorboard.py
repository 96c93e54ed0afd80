"""TensorBoard's files, read back by the rules of protocol buffers and with checksums computed bit by bit."""

import struct
import time

import numpy as np
import pytest

from chainrule.callbacks import TensorBoard

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def crc32c(data):
    """As a division of polynomials over bits, highest first: 0x1EDC6F41, bits of bytes reversed."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist()
    register = 0xFFFFFFFF
    for bit in bits:
        top = register >> 31 ^ bit
        register = (register << 1 & 0xFFFFFFFF) ^ (0x1EDC6F41 if top else 0)
    return int(f"{register:032b}"[::-1], 2) ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def records(content):
    while content:
        length, crc = struct.unpack_from("<QI", content)
        data, end = content[12 : 12 + length], 12 + length
        assert crc == masked(content[:8])
        assert struct.unpack_from("<I", content, end) == (masked(data),)
        yield data
        content = content[end + 4 :]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def message(data):
    """The fields of a protocol buffer, (number, value) in order."""
    at, fields = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        fields.append((key >> 3, value))
    return fields


def events(path):
    """(wall time, step, {tag: value}) of every event behind the first, which states the version."""
    first, *others = [message(data) for data in records(path.read_bytes())]
    assert [number for number, _ in first] == [1, 3]
    assert first[1][1] == b"brain.Event:2"
    for fields in others:
        event = dict(fields)
        scalars = [dict(message(value)) for _, value in message(event[5])]
        tags = {scalar[1].decode(): struct.unpack("<f", scalar[2])[0] for scalar in scalars}
        yield struct.unpack("<d", event[1])[0], event[2], tags


def test_the_checksum_is_the_published_one():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs", "batch_size": "auto"}], ids=str)
def test_the_scalars_are_the_history(tmp_path, fitted, settings):
    began = time.time()
    history = fitted(TensorBoard(tmp_path / "logs" / "run"), **settings).history_
    (path,) = (tmp_path / "logs" / "run").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    read = list(events(path))
    assert [step for _, step, _ in read] == history["epoch"]
    assert all(began <= wall <= time.time() for wall, _, _ in read)
    for i, (_, _, tags) in enumerate(read):
        assert tags == {name: np.float32(history[name][i]) for name in history if name != "epoch"}


def test_steps_beyond_one_byte(tmp_path, fitted):
    fitted(TensorBoard(tmp_path), max_iter=300, n_iter_no_change=np.inf)
    (path,) = tmp_path.iterdir()
    assert [step for _, step, _ in events(path)] == list(range(1, 301))


def test_every_training_has_a_file_of_its_own(tmp_path, fitted):
    callback = TensorBoard(tmp_path)
    for epochs in (1, 2, 3):
        fitted(callback, max_iter=epochs)
    assert sorted(len(list(events(path))) for path in tmp_path.iterdir()) == [1, 2, 3]


def test_what_was_measured_before_an_error_is_there(tmp_path, fitted):
    def fail(ctx):
        if ctx.epoch == 3:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fitted([fail, TensorBoard(tmp_path)])
    (path,) = tmp_path.iterdir()
    assert len(list(events(path))) == 2
