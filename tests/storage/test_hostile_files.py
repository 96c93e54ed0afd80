"""Damaged, foreign, newer and hostile files: a ModelFileError, or the model that was saved; never anything else."""

import contextlib
import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as save_tensors

from chainrule import load, save
from chainrule._errors import ChainruleError, ModelFileError

from .conftest import read_raw, write_raw

in_one_folder = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)


@pytest.fixture(scope="session")
def saved(tmp_path_factory, table_model):
    path = tmp_path_factory.mktemp("saved") / "m.safetensors"
    save(table_model, path)
    return path


@in_one_folder
@given(data=st.data())
def test_mutated_bytes(saved, table_model, frame, tmp_path, data):
    content = bytearray(saved.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "truncate", "insert", "delete", "overwrite"]))
    if how == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "truncate":
        del content[place:]
    elif how == "delete":
        del content[place : place + data.draw(st.integers(1, 20))]
    else:
        more = data.draw(st.binary(min_size=1, max_size=20))
        content[place : place + (len(more) if how == "overwrite" else 0)] = more
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    try:
        loaded = load(path)
    except ModelFileError:
        return
    assert loaded.predict_proba(frame).tobytes() == table_model.predict_proba(frame).tobytes()


@pytest.fixture(scope="session")
def contents(tmp_path_factory, table_models, estimators):
    """The record and the tensors of every kind of model."""
    folder = tmp_path_factory.mktemp("contents")
    for place, model in enumerate((*table_models, *estimators)):
        save(model, folder / str(place))
    return [read_raw(path) for path in sorted(folder.iterdir())]


def places_in(value, path=()):
    """The path of every value inside a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_in(child, (*path, key))


def replaced(value, path, new):
    """The JSON value with another one at a path."""
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@in_one_folder
@given(data=st.data())
def test_any_record_under_a_right_digest(contents, frame, tmp_path, data):
    path = tmp_path / "m.safetensors"
    record, tensors = contents[data.draw(st.integers(0, len(contents) - 1))]
    where = list(places_in(record))
    place = where[data.draw(st.integers(0, len(where) - 1))]
    write_raw(path, replaced(record, place, data.draw(anything)), tensors)
    try:
        loaded = load(path)
    except ModelFileError:
        return
    loaded = getattr(loaded, "model_", loaded)
    assert place == ("kind",) or type(loaded).__name__ == record["kind"]
    if record["kind"] == "TableModel":
        with contextlib.suppress(ChainruleError), np.errstate(all="ignore"):
            assert len(loaded.predict(frame | {"big": frame["size"] > 0, "twice": frame["size"]})) == 60


@pytest.mark.parametrize(
    "change",
    [
        {"W1": np.zeros((3, 7), np.float32)},
        {"W1": np.zeros((2, 2, 2), np.float32)},
        {"W2": np.zeros((3, 5), np.float32)},
        {"b1": np.zeros((1, 1), np.float32)},
        {"W1": np.zeros((0, 0), np.float32)},
        {"W1": None},
        {"b2": None},
    ],
    ids=["other widths", "three axes", "layers that do not chain", "short bias", "empty", "no W1", "no b2"],
)
def test_wrong_tensors(saved, tmp_path, change):
    record, tensors = read_raw(saved)
    tensors = {name: tensor for name, tensor in (tensors | change).items() if tensor is not None}
    with pytest.raises(ModelFileError, match="damaged"):
        load(write_raw(tmp_path / "m", record, tensors))


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.float16])
def test_tensors_of_other_types(saved, tmp_path, dtype):
    record, tensors = read_raw(saved)
    with pytest.raises(ModelFileError, match="float32"):
        load(write_raw(tmp_path / "m", record, {name: tensor.astype(dtype) for name, tensor in tensors.items()}))
    mixed = tensors | {"W1": tensors["W1"].astype(np.float64)}
    with pytest.raises(ModelFileError, match="float32"):
        load(write_raw(tmp_path / "m", record, mixed))


def test_further_tensors_are_ignored(saved, tmp_path, frame, table_model):
    record, tensors = read_raw(saved)
    loaded = load(write_raw(tmp_path / "m", record, tensors | {"more": np.zeros(3, np.float32)}))
    assert loaded.predict_proba(frame).tobytes() == table_model.predict_proba(frame).tobytes()


@pytest.mark.parametrize("kind", ["MLPTransformer", "os.system", "", None, ["MLPClassifier"], {}, 3])
def test_unknown_kinds(saved, tmp_path, kind):
    record, tensors = read_raw(saved)
    with pytest.raises(ModelFileError, match="unknown kind"):
        load(write_raw(tmp_path / "m", record | {"kind": kind}, tensors))


def test_a_newer_format_is_said_to_be_newer(saved, tmp_path):
    record, tensors = read_raw(saved)
    with pytest.raises(ModelFileError, match=r"has format 2; this version reads up to 1. Update chainrule"):
        load(write_raw(tmp_path / "m", record | {"format": 2}, tensors))
    newer = save_tensors(tensors, {"chainrule": json.dumps({"format": 7, "all": "different"})})
    (tmp_path / "m").write_bytes(newer)
    with pytest.raises(ModelFileError, match="has format 7"):
        load(tmp_path / "m")


@pytest.mark.parametrize("number", [None, "1", 0, -1, True, 1.0])
def test_formats_that_are_none(saved, tmp_path, number):
    record, tensors = read_raw(saved)
    with pytest.raises(ModelFileError, match="do not state a format"):
        load(write_raw(tmp_path / "m", record | {"format": number}, tensors))


@pytest.mark.parametrize("digest", [None, "", "0" * 64, 5])
def test_digests_that_are_none(saved, tmp_path, digest):
    record, tensors = read_raw(saved)
    (tmp_path / "m").write_bytes(save_tensors(tensors, {"chainrule": json.dumps(record | {"sha256": digest})}))
    with pytest.raises(ModelFileError, match="SHA-256"):
        load(tmp_path / "m")


def test_records_that_are_none(tmp_path):
    tensors = {"W1": np.zeros((1, 1), np.float32)}
    for text in (
        "",
        "[1]",
        "null",
        "{",
        '{"format": 1, "format": 1}',
        '{"format": 1, "a": "\\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 5000,
    ):
        (tmp_path / "m").write_bytes(save_tensors(tensors, {"chainrule": text}))
        with pytest.raises(ModelFileError, match="damaged"):
            load(tmp_path / "m")


def test_deep_values_in_a_record(saved, tmp_path):
    record, tensors = read_raw(saved)
    deep: list = []
    for _ in range(600):
        deep = [deep]
    for kind in ("MLPClassifier", "TableModel"):
        changed = record | {"kind": kind, "parameters": {"activation": deep}, "encoder": {"blocks": deep}}
        with pytest.raises(ModelFileError, match="damaged"):
            load(write_raw(tmp_path / "m", changed, tensors))


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


FOREIGN = {
    "empty": b"",
    "text": b"size,price\n1,2\n",
    "pickle": pickle.dumps(Bomb()),
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "long header": struct.pack("<Q", 200_000_000) + b"{}",
    "deep header": struct.pack("<Q", 100_000) + b'{"a":' * 20_000,
    "zeros": bytes(100),
    "other safetensors": save_tensors({"x": np.zeros(3, np.float32)}),
    "other metadata": save_tensors({"x": np.zeros(3, np.float32)}, {"format": "pt"}),
    "no tensors": save_tensors({}, {"chainrule": '{"format": 1}'}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files(tmp_path, name):
    (tmp_path / "m.safetensors").write_bytes(FOREIGN[name])
    with pytest.raises(ModelFileError, match=r"m\.safetensors is (damaged|a safetensors file, but not a model)"):
        load(tmp_path / "m.safetensors")


def test_a_pickle_inside_is_text_like_any_other(saved, tmp_path, frame, table_model):
    """Nothing in a record is ever unpickled, imported or evaluated."""
    record, tensors = read_raw(saved)
    bomb = pickle.dumps(Bomb()).decode("latin-1")
    loaded = load(write_raw(tmp_path / "m", record | {"__reduce__": bomb, "__class__": "os.system"}, tensors))
    assert loaded.predict_proba(frame).tobytes() == table_model.predict_proba(frame).tobytes()


def test_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ModelFileError, match="no such model file"):
            load(path)
