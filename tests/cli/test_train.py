"""`chainrule train`: every source, both tasks, the overrides, what is shown and what is written."""

import gzip
import json
import re
import shutil
import struct
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from chainrule import load

QUICK = ("--hidden", "4", "--epochs", "3")


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.safetensors"


def as_tsv(table: Path, folder: Path) -> Path:
    pd.read_csv(table).to_csv(folder / "t.tsv", sep="\t", index=False)
    return folder / "t.tsv"


def as_json(table: Path, folder: Path) -> Path:
    pd.read_csv(table).to_json(folder / "t.json", orient="records")
    return folder / "t.json"


def as_parquet(table: Path, folder: Path) -> Path:
    duckdb.sql(f"COPY (FROM '{table}') TO '{folder / 't.parquet'}' (FORMAT parquet)")
    return folder / "t.parquet"


def as_gzip(table: Path, folder: Path) -> Path:
    (folder / "t.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    return folder / "t.csv.gz"


def halves(table: Path, folder: Path) -> None:
    frame = pd.read_csv(table)
    (folder / "parts").mkdir()
    frame[:70].to_csv(folder / "parts" / "a.csv", index=False)
    frame[70:].to_csv(folder / "parts" / "b.csv", index=False)


def as_folder(table: Path, folder: Path) -> Path:
    halves(table, folder)
    return folder / "parts"


def as_glob(table: Path, folder: Path) -> Path:
    halves(table, folder)
    return folder / "parts" / "*.csv"


def as_query(table: Path, folder: Path) -> str:
    return f"SELECT * FROM '{table}'"


@pytest.mark.parametrize(
    "source", [as_tsv, as_json, as_parquet, as_gzip, as_folder, as_glob, as_query], ids=lambda f: f.__name__[3:]
)
def test_a_table_is_the_same_table_from_every_source(chainrule, classes, tmp_path, model, source):
    given = source(classes.table, tmp_path)
    outcome = chainrule("train", given, "-t", "kind", "--drop", "price", "-m", model, "--json", *QUICK)
    assert outcome.code == 0, outcome.stderr
    assert outcome.json["rows"] == {"train": 120, "test": 30, "without_target": 0}
    predictions = load(model).predict_proba(str(classes.test_table))
    assert predictions.shape == (60, 3)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)


def test_a_query_chooses_rows(chainrule, classes, model):
    query = f"SELECT size, kind FROM '{classes.table}' WHERE colour = 'red' AND size IS NOT NULL"
    outcome = chainrule("train", query, "-t", "kind", "-m", model, "--json", *QUICK)
    frame = pd.read_csv(classes.table)
    rows = outcome.json["rows"]
    assert rows["train"] + rows["test"] == ((frame["colour"] == "red") & frame["size"].notna()).sum()


def test_without_a_header_the_target_is_a_number(chainrule, classes, tmp_path, model):
    bare = tmp_path / "bare.csv"
    pd.read_csv(classes.table).dropna().to_csv(bare, header=False, index=False)
    outcome = chainrule("train", bare, "-t", "6", "--drop", "7", "-m", model, "--json", *QUICK)
    assert outcome.json["target"] == ["column6"]
    assert "column1 " in outcome.stderr


def write_images(folder: Path, name: str, m: int, seed: int) -> Path:
    """Pictures of 4 x 4 pixels, bright on the left (label 0) or on the right (label 1)."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, m).astype(np.uint8)
    pixels = draw.integers(0, 100, (m, 4, 4)).astype(np.uint8)
    pixels[labels == 0, :, :2] += 100
    pixels[labels == 1, :, 2:] += 100
    images = folder / f"{name}-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(struct.pack(">IIII", 2051, m, 4, 4) + pixels.tobytes()))
    (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">II", 2049, m) + labels.tobytes()))
    return images


def test_images_need_no_target_and_are_learnt(chainrule, tmp_path, model):
    training, test = write_images(tmp_path, "train", 300, 0), write_images(tmp_path, "t10k", 100, 1)
    outcome = chainrule("train", training, "--test-table", test, "-m", model, "--json", "--hidden", "8")
    assert outcome.json["target"] == ["label"]
    assert outcome.json["figures"]["accuracy"] == 1
    assert chainrule("evaluate", model, test, "--json").json["figures"] == outcome.json["figures"]


def test_task_is_inferred_and_can_be_set(chainrule, classes, numbers, model):
    assert classes.report["task"] == "classification"
    assert numbers.report["task"] == "regression"
    frame = "--drop", "price", "--drop", "kind", "-m", model, "--json", *QUICK
    assert chainrule("train", classes.table, "-t", "grade", *frame).json["task"] == "classification"
    assert chainrule("train", classes.table, "-t", "grade", "--task", "regression", *frame).json["task"] == "regression"


def test_two_targets(chainrule, numbers, tmp_path, model):
    frame = pd.read_csv(numbers.table).dropna()
    frame["double"] = 2 * frame["price"]
    frame.to_csv(tmp_path / "two.csv", index=False)
    targets = "-t", "price", "-t", "double"
    outcome = chainrule("train", tmp_path / "two.csv", *targets, "-m", model, "--json", "--hidden", "none")
    assert outcome.json["target"] == ["price", "double"]
    written = chainrule("predict", model, tmp_path / "two.csv").stdout.splitlines()
    assert written[0] == "prediction_price,prediction_double"
    assert len(written) == len(frame) + 1


def test_trivial_baseline_is_the_majority_and_its_shares(classes):
    y, y_test = (pd.read_csv(path)["kind"] for path in (classes.table, classes.test_table))
    shares = y.value_counts(normalize=True)
    trivial = classes.report["baselines"]["baseline: most frequent class"]
    assert trivial["accuracy"] == pytest.approx((y_test == shares.index[0]).mean())
    assert trivial["log_loss"] == pytest.approx(-np.log(shares[y_test]).mean())


def test_trivial_baseline_is_the_mean(numbers):
    y, y_test = (pd.read_csv(path)["price"] for path in (numbers.table, numbers.test_table))
    trivial = numbers.report["baselines"]["baseline: mean"]
    assert trivial["rmse"] == pytest.approx(np.sqrt(((y_test - y.mean()) ** 2).mean()))
    assert trivial["mae"] == pytest.approx((y_test - y.mean()).abs().mean())


def test_linear_baseline_is_what_no_hidden_layer_gives(chainrule, numbers, model):
    alone = chainrule(
        *("train", numbers.table, "--test-table", numbers.test_table, "-t", "price", "-m", model),
        *("--json", "--hidden", "none", "--epochs", "3"),
    )
    assert alone.json["figures"] == numbers.report["baselines"]["linear model"]
    assert load(model).model_.architecture.L == 1


def test_a_linear_truth_is_found_by_the_linear_model(chainrule, numbers, tmp_path, model):
    pd.read_csv(numbers.table).dropna().to_csv(tmp_path / "t.csv", index=False)
    linear = "--hidden", "none", "--solver", "lbfgs", "--validation", "0", "--alpha", "0", "--dropout", "0"
    columns = "--drop", "wild,day", "--drop", "grade", "--drop", "kind"
    outcome = chainrule("train", tmp_path / "t.csv", "-t", "price", *columns, "-m", model, "--json", *linear)
    assert outcome.json["figures"]["r2"] > 0.99  # the drawn-in tails of the size bend the line a little


def test_overrides_decide_the_columns(chainrule, classes, model):
    roles = "--drop", "day, wild", "--categorical", "size", "--ordinal", "colour", "--numeric", "grade"
    outcome = chainrule("train", classes.table, "-t", "kind", "--drop", "price", *roles, "-m", model, *QUICK)
    shown = {line.split()[0]: line.split()[1] for line in outcome.stdout.splitlines() if "as requested" in line}
    assert shown == {
        "size": "categorical",
        "colour": "ordinal",
        "wild": "dropped",
        "day": "dropped",
        "grade": "numeric",
        "price": "dropped",
    }
    assert set(load(model).model_.encoder.columns) == {"size", "colour", "grade"}


def test_columns_are_shown_before_training(chainrule, flower_files, tmp_path, model):
    frame = pd.read_csv(flower_files[0])
    frame.insert(0, "row", range(1, len(frame) + 1))
    frame["always"] = 7
    frame["as_text"] = [f"$1,{i % 90 + 100}.50" for i in range(len(frame))]
    frame.to_csv(tmp_path / "t.csv", index=False)
    shown = chainrule("train", tmp_path / "t.csv", "-t", "kind", "-m", model, *QUICK).stdout
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.splitlines() if line}
    assert lines["row"] == "dropped identifier-like: whole numbers 1 to 150 in order"
    assert lines["always"] == "dropped constant: always 7"
    assert lines["as_text"] == "numeric numbers stored as text"
    assert lines["colour"] == "categorical 3 categories"
    assert lines["wild"] == "boolean"
    assert lines["day"].startswith("date")
    assert lines["size"] == f"numeric {frame['size'].isna().sum()} missing"
    assert lines["target"] == "kind: classification, text"


def test_after_training_figures_baselines_reason_and_place_are_shown(chainrule, classes, model):
    shown = chainrule("train", classes.table, "-t", "kind", "-m", model, *QUICK).stdout
    lines = shown.splitlines()
    head = next(line for line in lines if line.startswith("on the test rows"))
    assert re.split(" {2,}", head) == ["on the test rows", "network", "linear model", "baseline: most frequent class"]
    assert lines[lines.index(head) + 1].startswith("accuracy ")
    assert max(map(len, lines[lines.index(head) : -1])) <= 80  # the last line is a path
    assert "stopped: reached max_iter=3 epochs" in shown
    assert shown.splitlines()[-1] == f"model saved: {model}"


def test_stop_reason_of_early_stopping(chainrule, classes, model):
    options = "--patience", "2", "--learning-rate", "0.5", "--hidden", "4"
    report = chainrule("train", classes.table, "-t", "kind", "-m", model, "--json", *options).json
    assert report["stop_reason"] == "no_improvement"
    assert report["best_epoch"] == report["epochs"] - 2


def test_json_is_all_there_is_on_standard_output(classes):
    assert set(classes.report) == {
        *("model", "target", "task", "columns", "findings", "rows", "figures", "baselines"),
        *("classes", "per_class", "confusion", "remarks"),
        *("stop_reason", "stop_sentence", "epochs", "best_epoch", "final", "seconds"),
        *("split", "standard_error"),
    }
    assert set(classes.report["baselines"]) == {"linear model", "baseline: most frequent class"}
    assert classes.report["model"] == str(classes.model)
    assert classes.report["rows"] == {"train": 150, "test": 60, "without_target": 0}
    assert classes.report["stop_reason"] == "max_iter"
    assert classes.report["epochs"] == 3


def test_figures_without_a_number_are_null_in_json(chainrule, classes, tmp_path, model):
    """One class in the test table leaves no ROC AUC; one value leaves no R²."""
    frame = pd.read_csv(classes.table)
    frame["big"] = np.where(frame["kind"] == "big", "yes", "no")
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame[frame["big"] == "no"].to_csv(tmp_path / "no.csv", index=False)
    common = "--drop", "kind", "--test-table", tmp_path / "no.csv", "-m", model, "--json", *QUICK
    assert chainrule("train", tmp_path / "t.csv", "-t", "big", *common).json["figures"]["roc_auc"] is None
    assert chainrule("evaluate", model, tmp_path / "no.csv", "--json").json["figures"]["roc_auc"] is None


def test_quiet_is_silent(chainrule, classes, model):
    outcome = chainrule("train", classes.table, "-t", "kind", "-m", model, "--quiet", *QUICK)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    assert model.exists()


def test_quiet_json_is_the_object_alone(chainrule, classes, model):
    outcome = chainrule("train", classes.table, "-t", "kind", "-m", model, "--quiet", "--json", *QUICK)
    assert outcome.stderr == ""
    assert outcome.json["figures"]


def test_progress_is_a_line_per_epoch_on_standard_error(chainrule, classes, model):
    outcome = chainrule("train", classes.table, "-t", "kind", "-m", model, *QUICK)
    *lines, last = outcome.stderr.splitlines()
    assert last == "training the linear model, to compare"
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
    for word in ("loss", "validation", "rate", "rows/s"):
        assert all(word in line for line in lines)
    assert "\x1b" not in outcome.stderr
    assert "epoch" not in outcome.stdout.split("stopped")[0]


def test_rows_without_target_are_left_out_and_counted(chainrule, classes, tmp_path, model):
    frame = pd.read_csv(classes.table)
    frame.loc[:9, "kind"] = "?"
    frame.to_csv(tmp_path / "t.csv", index=False)
    outcome = chainrule("train", tmp_path / "t.csv", "-t", "kind", "-m", model, "--json", *QUICK)
    assert outcome.json["rows"] == {"train": 112, "test": 28, "without_target": 10}
    assert "10 rows lack a target value and are left out" in outcome.stderr


def test_no_test_rows_on_request(chainrule, classes, model):
    report = chainrule("train", classes.table, "-t", "kind", "--test", "0", "-m", model, "--json", *QUICK).json
    assert report["rows"]["train"] == 150
    assert report["figures"] == report["baselines"] == {}


@pytest.mark.parametrize("solver", ["lbfgs", "gradient_descent", "sgd", "adamw"])
def test_solvers(chainrule, classes, model, solver):
    options = "--solver", solver, "--dropout", "0", "--activation", "tanh", "--seed", "3"
    outcome = chainrule("train", classes.table, "-t", "kind", "-m", model, "--json", *options, *QUICK)
    assert outcome.code == 0, outcome.stderr
    assert load(model).model_.training["settings"]["solver"] == solver
    assert load(model).model_.training["seed"] == 3


def without_times(record):
    if isinstance(record, dict):
        return {key: without_times(value) for key, value in record.items() if key != "seconds"}
    return record


def test_the_same_command_twice_gives_the_same_bits(chainrule, classes, tmp_path):
    one, two = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    for model in (one, two):
        chainrule("train", classes.table, "-t", "kind", "-m", model, "--quiet", *QUICK, "--dropout", "0.2")
    first, second = load(one).model_, load(two).model_
    assert first.parameters.theta.tobytes() == second.parameters.theta.tobytes()
    assert first.encoder == second.encoder
    assert without_times(first.training) == without_times(second.training)
    assert chainrule("predict", one, classes.table).stdout == chainrule("predict", two, classes.table).stdout


def test_another_seed_gives_another_network_and_split(chainrule, classes, tmp_path):
    for seed in (0, 1):
        chainrule("train", classes.table, "-t", "kind", "-m", tmp_path / f"{seed}", "--quiet", *QUICK, "--seed", seed)
    first, second = (load(tmp_path / f"{seed}").model_ for seed in (0, 1))
    assert not np.array_equal(first.parameters.W[1], second.parameters.W[1])
    assert first.training["figures"] != second.training["figures"]


def test_the_order_of_rows_does_not_decide_what_is_tested(chainrule, classes, tmp_path, model):
    """Sorted or shuffled: every tenth of the prices gives its share, so the test rows are like the whole table."""
    table = pd.read_csv(classes.table)
    for name, order in (("sorted", table.sort_values("price")), ("shuffled", table.sample(frac=1, random_state=0))):
        order.to_csv(tmp_path / f"{name}.csv", index=False)
        report = chainrule("train", tmp_path / f"{name}.csv", "-t", "price", "-m", model, "--json", *QUICK).json
        assert report["baselines"]["baseline: mean"]["rmse"] == pytest.approx(table.price.std(ddof=0), rel=0.1)


def test_an_older_model_is_replaced(chainrule, classes, model):
    model.write_text("not a model")
    assert chainrule("train", classes.table, "-t", "kind", "-m", model, "--quiet", *QUICK).code == 0
    assert load(model).model_.target.names == ("kind",)
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_the_model_predicts_wherever_it_is_moved(chainrule, classes, tmp_path):
    moved = shutil.copy(classes.model, tmp_path / "elsewhere")
    assert (
        chainrule("predict", moved, classes.table).stdout == chainrule("predict", classes.model, classes.table).stdout
    )


def test_real_tables(chainrule, shared_data, model):
    """Penguins: the linear model of four measurements separates the species almost always."""
    table = shared_data("penguins/penguins.csv")
    report = json.loads(chainrule("train", table, "-t", "species", "-m", model, "--json", "--hidden", "16").stdout)
    assert report["figures"]["accuracy"] >= 0.95
    assert report["baselines"]["baseline: most frequent class"]["accuracy"] < 0.5
