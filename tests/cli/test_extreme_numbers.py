"""Numbers near the ends of what floats hold: a model that loads and predicts, or an error that names the column."""

import numpy as np
import pytest

QUICK = ("-t", "y", "--hidden", "3", "--epochs", "2")
WAYS = {"in memory": (), "in batches": ("--memory", "1GB")}


def table(path, column, target=None):
    """40 rows with a column of the given texts over and over, and a class or the given targets."""
    rows = [
        f"{column[i % len(column)]},{i % 7},{target[i % len(target)] if target else 'ab'[i % 2]}" for i in range(40)
    ]
    path.write_text("\n".join(["x,z,y", *rows, ""]))
    return path


# what stands in the column: whether it can be standardised
COLUMNS = {
    "1e300": (["0.5", "-1e300", "2.5", "1e300"], False),
    "309 digits": (["1 %", "1" * 309 + " %", "3 %"], False),
    "the largest float": (["1", "1.7976931348623157e308", "2", "-1.7976931348623157e308"], False),
    "one of 1e308": (["1", "2", "3", "1e308", "5", "6.5"], False),
    "1e155": (["1e155", "-1e155", "3e155"], False),
    "beyond float32": (["0.5", "1e39", "2.5", "-1e39"], True),
    "1e150": (["1e150", "-1e150", "2.5"], True),
    "too large, as text": (["1 %", "1e999 %", "3 %", "4 %"], True),
    "400 digits, as text": (["1 %", "1" * 400 + " %", "3 %", "4 %"], True),
    "infinite": (["1.5", "inf", "-inf", "4.5"], True),
    "tiny": (["1e-300", "2e-300", "5e-324"], True),
    "tiny and large": (["1e-300", "1e30", "2"], True),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("column", "works"), COLUMNS.values(), ids=COLUMNS)
def test_columns(chainrule, tmp_path, column, works, way):
    source, model = table(tmp_path / "t.csv", column), tmp_path / "m.safetensors"
    model.write_text("an older file")
    outcome = chainrule("train", source, *QUICK, *way, "-m", model)
    if not works:
        assert outcome.code == 2
        assert "Column 'x' is too large to be standardised" in outcome.stderr
        assert model.read_text() == "an older file"
        return
    assert outcome.code == 0, outcome.stderr
    assert chainrule("summary", model).code == 0
    predicted = chainrule("predict", model, source, "-o", tmp_path / "p.csv")
    assert predicted.code == 0, predicted.stderr
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 41
    assert "nan" not in (tmp_path / "p.csv").read_text().lower()


TARGETS = {
    "1e300": (["0.5", "-1e300", "2.5", "1e300", "7"], False),
    "1e39": (["0.5", "-1e39", "2.5", "1e39", "7"], True),
    "too large, as text": (["1.5 %", "1e999 %", "3 %", "4 %", "5.5 %"], True),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("target", "works"), TARGETS.values(), ids=TARGETS)
def test_targets(chainrule, tmp_path, target, works, way):
    source, model = table(tmp_path / "t.csv", ["1", "2", "3.5"], target), tmp_path / "m.safetensors"
    outcome = chainrule("train", source, *QUICK, "--task", "regression", *way, "-m", model)
    if not works:
        assert outcome.code == 2
        assert "Target 'y' is too large to be standardised" in outcome.stderr
        assert not model.exists()
        return
    assert outcome.code == 0, outcome.stderr
    assert chainrule("predict", model, source, "-o", tmp_path / "p.csv").code == 0


def test_what_is_far_beyond_training_is_drawn_in_and_not_to_the_middle(chainrule, tmp_path):
    """At 1e200 and more the square of a number overflows; it must not count as 0 for that."""
    source, model = table(tmp_path / "t.csv", ["1", "2", "3.5"]), tmp_path / "m.safetensors"
    assert chainrule("train", source, *QUICK, "-m", model).code == 0
    far = tmp_path / "far.csv"
    far.write_text("x,z\n1e50,1\n1e200,1\n1.7e308,1\n")
    assert chainrule("predict", model, far, "-o", tmp_path / "p.csv").code == 0
    chances = np.genfromtxt(tmp_path / "p.csv", delimiter=",", skip_header=1, usecols=-1)
    np.testing.assert_allclose(chances, chances[0])
