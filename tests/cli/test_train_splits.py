"""`chainrule train` with --split-by, --split-time and --cv: the command is the estimator, and says what it did."""

import json
import statistics
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from chainrule import TabularClassifier, TabularRegressor, load
from chainrule._errors import CheckpointError, InvalidParameterError, TableError
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.table import Target, from_frame, infer_target
from chainrule.table.batches import OneBatch
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.cross_validation import cross_validate
from chainrule.tabular.pipeline import Task, train_table
from chainrule.tabular.prepare import Overrides, prepare
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.splitting.shares import Shares
from chainrule.tabular.splitting.split import split_table
from chainrule.tabular.uncertainty import accuracy_error, rmse_error, standard_error

QUICK = ("--hidden", "4", "--epochs", "3")
FAST = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """A file of 300 visits of 30 patients in order of time, whose class and price depend on x."""
    rng, m = np.random.default_rng(0), 300
    x = rng.normal(size=m).round(3)
    frame = pd.DataFrame(
        {
            "patient": [f"p{k}" for k in rng.integers(0, 30, m)],
            "day": np.datetime64("2023-01-01") + np.sort(rng.integers(0, 200, m)),
            "x": x,
            "ill": np.where(x + rng.normal(size=m) > 0, "yes", "no"),
            "price": (3 * x + rng.normal(size=m)).round(3),
        }
    )
    path = tmp_path_factory.mktemp("visits") / "visits.csv"
    frame.to_csv(path, index=False)
    return path


WAYS = [
    (("--split-by", "patient"), {"split_by": "patient", "test_size": 0.2}),
    (("--split-time", "day"), {"split_time": "day", "test_size": 0.2}),
    (("--cv", "3"), {"cv": 3}),
    (("--cv", "3", "--split-by", "patient"), {"cv": 3, "split_by": "patient"}),
    (("--cv", "3", "--split-time", "day"), {"cv": 3, "split_time": "day"}),
]


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")], ids=["whole", "batches"])
@pytest.mark.parametrize(("options", "parameters"), WAYS, ids=[" ".join(options) for options, _ in WAYS])
def test_the_command_is_the_estimator_to_the_bit(chainrule, visits, tmp_path, options, parameters, memory):
    model = tmp_path / "model.safetensors"
    given = "-t", "ill", "--drop", "price", "-m", model, "--json", *QUICK, *options, *memory
    outcome = chainrule("train", visits, *given)
    assert outcome.code == 0, outcome.stderr
    clf = TabularClassifier(**FAST, **parameters, drop=["price"], memory=memory[1] if memory else None)
    clf.fit(str(visits), "ill")
    assert clf.figures_ == {"network": outcome.json["figures"], **outcome.json["baselines"]}
    loaded = load(model)
    assert np.array_equal(loaded.predict_proba(str(visits)), clf.predict_proba(str(visits)))
    assert {name: loaded.get_params()[name] for name in parameters} == parameters
    assert loaded.figures_ == clf.figures_
    if "cv" in parameters:
        assert loaded.cross_validation_ == clf.cross_validation_ == outcome.json["cross_validation"]


def test_folds_add_up(chainrule, visits, tmp_path):
    given = "-t", "price", "--drop", "ill", "-m", tmp_path / "m", "--json", "--cv", "4", "--split-by", "patient", *QUICK
    outcome = chainrule("train", visits, *given)
    found = outcome.json["cross_validation"]
    assert sum(fold["test_rows"] for fold in found["folds"]) == 300
    assert all(fold["rows"] + fold["test_rows"] == 300 for fold in found["folds"])
    assert outcome.json["rows"]["train"] == 300
    for model, figures in found["mean"].items():
        for name in figures:
            values = [fold["figures"][model][name] for fold in found["folds"]]
            assert figures[name] == pytest.approx(statistics.mean(values))
            assert found["std"][model][name] == pytest.approx(statistics.stdev(values))
    assert "fold 4 of 4: " in outcome.stderr
    assert "4 folds by patient: mean ± deviation" in outcome.stderr


def test_weights_and_intervals_go_with_folds(chainrule, visits, tmp_path):
    """Rows of weight 0 are in no fold, and what the intervals cover is the mean of the folds."""
    query = f"SELECT * EXCLUDE ill, 2 * (patient > 'p13')::INT AS w FROM '{visits}'"
    given = "-t", "price", "--weight", "w", "--intervals", "0.6", "--cv", "3", "--split-by", "patient", *QUICK
    outcome = chainrule("train", query, *given, "-m", tmp_path / "m", "--json")
    assert outcome.code == 0, outcome.stderr
    folds = outcome.json["cross_validation"]["folds"]
    assert sum(fold["test_rows"] for fold in folds) == 300 - outcome.json["rows"]["weight_0"] < 300
    covered = statistics.mean(fold["covered"][0] for fold in folds)
    assert outcome.json["intervals"]["covered"] == [pytest.approx(covered)]
    assert "intervals for 60 % cover" in outcome.stderr
    assert "intervals for 60 % cover" in chainrule("summary", tmp_path / "m").stdout
    roles = {column["name"]: column["role"] for column in outcome.json["columns"]}
    assert (roles["w"], roles["patient"]) == ("weight", "dropped")


def test_a_figure_that_is_undefined_in_a_fold_is_the_mean_of_the_others(chainrule, visits, tmp_path):
    """The last of three folds in order of time has one class, so that it has no ROC AUC."""
    frame = pd.read_csv(visits)
    frame.loc[frame.day >= frame.day[210], "ill"] = "no"
    frame.to_csv(tmp_path / "t.csv", index=False)
    given = "-t", "ill", "-m", tmp_path / "m", "--json", "--cv", "3", "--split-time", "day", *QUICK
    outcome = chainrule("train", tmp_path / "t.csv", *given)
    found = outcome.json["cross_validation"]
    first, second, third = (fold["figures"]["network"]["roc_auc"] for fold in found["folds"])
    assert third is None
    assert found["mean"]["network"]["roc_auc"] == pytest.approx((first + second) / 2)
    assert found["std"]["network"]["roc_auc"] == pytest.approx(statistics.stdev([first, second]))
    assert "ROC AUC is undefined in 1 of 3 folds, whose rows are of one class" in outcome.stderr
    assert load(tmp_path / "m").cross_validation_ == found


@pytest.mark.parametrize("way", [{}, {"split_by": "patient"}, {"split_time": "day"}], ids=str)
def test_a_fold_is_a_training_on_the_rows_before_it_or_beside_it(visits, way):
    """Each fold's figures are those of a table without its rows, tested on a table of its rows: nothing leaks."""
    frame = pd.read_csv(visits, parse_dates=["day"]).drop(columns="ill")
    changes = {"hidden_layer_sizes": (4,), "max_iter": 3, "early_stopping": False}
    task = Task(frame, ["price"], test=0.0, **way)
    found = cross_validate(task, changes, 3)[0].model.training["cross_validation"]["folds"]
    table = from_frame(frame)
    for number, fold in enumerate(found):
        shares = Shares(0.0, 0.0, by=way.get("split_by"), time=way.get("split_time"), fold=(number, 3))
        features = ["patient", "day", "x"]
        split = split_table(OneBatch.of(table), infer_target(table, ["price"]), features, shares)
        rows, tested = (frame.iloc[split.rows(part)] for part in ("training", "test"))
        overrides = Overrides(drop=("patient",) if "split_by" in way else ())
        alone = Task(rows, ["price"], overrides, test=0.0, test_source=tested)
        assert train_table(alone, changes)[0].figures == fold["figures"]
        assert (len(rows), len(tested)) == (fold["rows"], fold["test_rows"])


@pytest.mark.parametrize("where", ["memory", "checkpoint"])
def test_what_was_done_is_shown_and_kept(chainrule, visits, tmp_path, where):
    model = tmp_path / "model.safetensors"
    more = ("--checkpoint", tmp_path / "run") if where == "checkpoint" else ()
    outcome = chainrule(
        "train", visits, "-t", "ill", "--drop", "price", "-m", model, "--split-by", "patient", *QUICK, *more
    )
    assert "patient  dropped  its groups stay together in the split" in outcome.stdout
    said = next(line for line in outcome.stdout.splitlines() if line.startswith("split by patient: 30 groups, "))
    assert said in chainrule("summary", model).stdout.splitlines()


def test_the_cut_in_time_is_shown(chainrule, visits, tmp_path):
    model = tmp_path / "model.safetensors"
    outcome = chainrule("train", visits, "-t", "price", "-m", model, "--split-time", "day", *QUICK)
    days = pd.read_csv(visits).day
    first, rows = outcome.stdout.split("test: from ")[1].split(" rows")[0].split(" on, ")
    assert (days >= first).sum() == int(rows)
    assert abs(int(rows) - 60) <= 3
    assert any(line.startswith("day") and "the order of the split" in line for line in outcome.stdout.splitlines())
    assert "would test on the last ones" not in outcome.stdout


@pytest.mark.parametrize("order", ["ascending", "descending", "random"])
def test_order_of_time_is_noticed(chainrule, visits, tmp_path, order):
    frame = pd.read_csv(visits)
    orders = {"ascending": frame, "descending": frame[::-1], "random": frame.sample(frac=1, random_state=0)}
    orders[order].to_csv(tmp_path / "t.csv", index=False)
    outcome = chainrule("train", tmp_path / "t.csv", "-t", "ill", "-m", tmp_path / "m", *QUICK)
    assert ("--split-time day would test on the last ones" in outcome.stdout) == (order != "random")


def test_a_small_test_is_said_to_be_uncertain(chainrule, visits, tmp_path):
    outcome = chainrule("train", visits, "-t", "ill", "-m", tmp_path / "m", "--json", *QUICK)
    share = outcome.json["figures"]["accuracy"]
    assert outcome.json["standard_error"]["accuracy"] == pytest.approx(np.sqrt(share * (1 - share) / 60))
    assert "standard error of 60 test rows; --cv 5 tests all rows" in outcome.stderr


def test_the_standard_error_of_an_rmse_is_that_of_the_bootstrap():
    errors = np.random.default_rng(0).standard_t(8, (400, 2)) * [1.0, 3.0]
    rng = np.random.default_rng(1)
    drawn = [np.sqrt(np.square(errors[rng.integers(0, 400, 400)]).mean(axis=0)).mean() for _ in range(2000)]
    assert rmse_error(errors) == pytest.approx(np.std(drawn), rel=0.08)
    assert rmse_error(np.zeros((5, 1))) == 0


def test_standard_errors_of_weighted_rows_are_those_of_the_bootstrap():
    draw = np.random.default_rng(2)
    errors, w = draw.standard_t(8, (400, 1)), draw.exponential(size=400)
    encoded = ArrayRows(Block(np.zeros((400, 1)), (errors > -1).astype(float), w))
    share = standard_error(
        encoded, Target(("y",), "classification", "", (0, 1)), lambda X: np.tile([0.2, 0.8], (400, 1))
    )
    drawn = [draw.integers(0, 400, 400) for _ in range(2000)]
    rmse = np.std([np.sqrt(np.average(errors[rows, 0] ** 2, weights=w[rows])) for rows in drawn])
    assert rmse_error(errors, w) == pytest.approx(rmse, rel=0.08)
    accuracy = np.std([np.average(errors[rows, 0] > -1, weights=w[rows]) for rows in drawn])
    assert share["accuracy"] == pytest.approx(accuracy, rel=0.08)


def test_the_standard_error_of_an_accuracy_is_that_of_the_bootstrap():
    right = np.arange(50) < 43
    rng = np.random.default_rng(1)
    drawn = [right[rng.integers(0, 50, 50)].mean() for _ in range(4000)]
    assert accuracy_error(43, 50) == pytest.approx(np.std(drawn), rel=0.05)
    assert accuracy_error(50, 50) == pytest.approx(accuracy_error(0, 50))
    assert accuracy_error(50, 50) == pytest.approx(np.sqrt(51 / 52 * 1 / 52 / 52))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--split-by", "patient", "--split-time", "day"), "not both: give one of them"),
        (("--split-by", "nobody"), "No column 'nobody'"),
        (("--split-time", "patient"), "'patient' has no order in time"),
        (("--split-by", "ill"), "is the target"),
        (("--split-by", "patient", "--categorical", "patient"), "can have one role"),
        (("--cv", "5", "--test", "0.2"), "--cv does not go with --test: each row is tested once"),
        (("--cv", "5", "--test-table", "x.csv"), "--cv does not go with --test-table"),
        (("--cv", "40", "--split-by", "patient"), "30 groups of 'patient' are too few for 40 folds"),
    ],
)
def test_bad_splits_are_named(chainrule, visits, tmp_path, options, words):
    assert words in chainrule("train", visits, "-t", "ill", "-m", tmp_path / "m", "-q", *QUICK, *options).error


@pytest.mark.parametrize("cv", [1, 0, True, 2.5, "5"])
def test_bad_numbers_of_folds(visits, cv):
    with pytest.raises(InvalidParameterError, match="at least 2 folds, a whole number"):
        TabularClassifier(**FAST, cv=cv).fit(str(visits), "ill")


def test_folds_and_a_share_of_test_rows_do_not_go_together(visits):
    with pytest.raises(InvalidParameterError, match="leave out the share of test rows"):
        TabularRegressor(**FAST, cv=3, test_size=0.2).fit(str(visits), "price")


def test_an_array_is_split_by_position():
    """The first column is the time: what the last rows alone show is not learnt."""
    X = np.column_stack([np.arange(200), np.random.default_rng(0).normal(size=200)])
    y = np.where(np.arange(200) < 160, 0.0, 100.0)
    reg = TabularRegressor(**FAST, split_time=1, test_size=0.2).fit(X, y)
    assert reg.figures_["baseline: mean"]["mae"] == 100
    with pytest.raises(AttributeError, match="there was no cross-validation"):
        reg.cross_validation_  # noqa: B018


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")], ids=["whole", "batches"])
def test_what_a_test_table_has_in_common_is_said(chainrule, visits, tmp_path, memory):
    frame = pd.read_csv(visits)
    frame.iloc[:200].to_csv(tmp_path / "early.csv", index=False)
    frame.iloc[200:].replace({"patient": {"p1": "new", "p2": "new"}}).to_csv(tmp_path / "late.csv", index=False)
    common = "-t", "ill", "-m", tmp_path / "m", *QUICK, *memory
    early, late = tmp_path / "early.csv", tmp_path / "late.csv"
    shared = set(frame.patient[:200]) & set(frame.patient[200:]) - {"p1", "p2"}
    found = chainrule("train", early, "--test-table", late, "--split-by", "patient", *common)
    said = next(line for line in found.stdout.splitlines() if line.endswith("are trained on, too"))
    assert said.startswith(f"{len(shared)} of {len(shared) + 1} groups of ")  # a long path is shortened
    ties = (frame.day[:200] >= frame.day[200]).sum() > 0
    found = chainrule("train", early, "--test-table", late, "--split-time", "day", *common)
    assert ("not later than the last one trained on" in found.stdout) == ties
    found = chainrule("train", late, "--test-table", early, "--split-time", "day", *common)
    said = next(line for line in found.stdout.splitlines() if line.endswith("not later than the last one trained on"))
    assert said.startswith("200 rows of ")


def test_missing_times_are_an_error(visits, tmp_path):
    frame = pd.read_csv(visits)
    frame.loc[[3, 7, 8], "day"] = None
    with pytest.raises(TableError, match=r"3 rows lack a value of 'day', the first is row 3, counted from 0\."):
        TabularClassifier(**FAST, split_time="day").fit(frame, "ill")


class Killed(BaseException):
    """What ends a training from outside."""


@pytest.mark.parametrize("when", ["after a fold", "within a fold"])
def test_killed_folds_go_on_to_the_same_bits(visits, tmp_path, when):
    """A fold that is done is not trained again, and the outcome is that of a run that was never killed."""
    task = Task(str(visits), ["price"], test=0.0, split_by="patient")
    changes, trainings, killed = {"hidden_layer_sizes": (4,), "max_iter": 6}, [], []
    whole = cross_validate(task, changes, 3, checkpoint=tmp_path / "whole")[0].model

    class Watching:
        def __init__(self, *_):
            trainings.append(0)

        def on_segment(self, progress):
            """Nothing within an epoch."""

        def on_epoch(self, progress):
            if len(trainings) == 2 and progress.epoch == 4 and when == "within a fold":
                raise Killed

        def on_compare(self):
            """Nothing before the linear model."""

    def on_fold(number, fold):
        if (number, when, len(trainings)) == (1, "after a fold", 2) and not killed:
            killed.append(number)
            raise Killed

    run = {"checkpoint": tmp_path / "run", "announce": Watching, "on_fold": on_fold}
    with pytest.raises(Killed):
        cross_validate(task, changes, 3, **run)
    for other, said in (({"seed": 1}, "shares: seed was 0, now 1"), ({"memory": "1GB"}, 'memory was null, now "1GB"')):
        with pytest.raises(CheckpointError, match=f"another cross-validation: {said}"):
            cross_validate(task, changes, 3, **run, **other)
    with pytest.raises(CheckpointError, match="another cross-validation: cv was 3, now 4"):
        cross_validate(task, changes, 4, **run)
    again = cross_validate(task, changes, 3, **run)[0].model
    assert len(trainings) == (4 if when == "after a fold" else 5)  # three folds and the model, and the killed one
    assert again.training["cross_validation"] == whole.training["cross_validation"]
    assert np.array_equal(again.predict(str(visits)), whole.predict(str(visits)))
    assert not list((tmp_path / "run").iterdir())


def test_ctrl_c_while_a_fold_is_compared_ends_the_folds(visits, tmp_path):
    """The network of the fold is there, but not all of its figures: the same call does this fold again."""
    task, interruptions = Task(str(visits), ["price"], test=0.0), iter([KeyboardInterrupt])

    class Listener:
        def __init__(self, *_):
            """Begin a training."""

        def on_segment(self, progress):
            """Nothing within an epoch."""

        def on_epoch(self, progress):
            """Nothing after an epoch."""

        def on_compare(self):
            if (interruption := next(interruptions, None)) is not None:
                raise interruption

    run = {"checkpoint": tmp_path / "run", "announce": Listener}
    changes = {"hidden_layer_sizes": (4,), "max_iter": 2}
    with pytest.raises(KeyboardInterrupt):
        cross_validate(task, changes, 2, **run)
    again = cross_validate(task, changes, 2, **run)[0]
    assert again.is_whole
    assert {*again.figures} == {"network", "linear model", "baseline: mean"}


def test_one_cross_validation_at_a_time_uses_a_folder(visits, tmp_path):
    task, changes = Task(str(visits), ["price"], test=0.0), {"hidden_layer_sizes": (4,), "max_iter": 2}

    def on_fold(number, fold):
        with pytest.raises(CheckpointError, match="run is in use by this process"):
            cross_validate(task, changes, 2, checkpoint=tmp_path / "run")

    cross_validate(task, changes, 2, checkpoint=tmp_path / "run", on_fold=on_fold)
    assert not list((tmp_path / "run").iterdir())


def test_damaged_folds_are_named(chainrule, visits, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "folds.json").write_text('{"folds": 3}')
    given = "-t", "ill", "--cv", "2", "--checkpoint", tmp_path / "run", "-m", tmp_path / "m", "-q"
    assert "folds.json is damaged" in chainrule("train", visits, *given).stderr


def test_a_checkpoint_knows_the_split(visits, tmp_path):
    """Encoded rows that were kept are those of their split, with its notes; another split is refused."""
    shares = Shares(by="patient", seed=2)
    with open_batches(str(visits)) as batches:
        prepared = prepare(batches, ["price"], tmp_path, shares=shares)
    save_prepared(prepared, tmp_path, {"shares": asdict(shares)})
    restored = load_prepared(tmp_path, {"shares": asdict(shares)})
    assert (restored.shares, restored.split_notes, restored.schema) == (shares, prepared.split_notes, prepared.schema)
    with pytest.raises(CheckpointError, match='shares: by was "patient", now null; shares: time was null, now "day"'):
        load_prepared(tmp_path, {"shares": asdict(Shares(time="day", seed=2))})


def test_json_of_folds_is_json(chainrule, visits, tmp_path):
    outcome = chainrule("train", visits, "-t", "ill", "-m", tmp_path / "m", "--json", "--cv", "2", *QUICK)
    assert set(json.loads(outcome.stdout)["cross_validation"]) == {"folds", "mean", "std"}
