"""What a person is told of a table: by train, summary, evaluate and predict, in text, as JSON and in the model file."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as package
from chainrule import TabularClassifier
from chainrule.table import from_frame
from chainrule.table.batches import Batches, OneBatch
from chainrule.tabular.prepare import prepare

QUICK = ("--hidden", "4", "--epochs", "2")
M = 900
DRAW = np.random.default_rng(2)
SIZE = DRAW.normal(size=M)
FRAME = pd.DataFrame(
    {
        "size": SIZE + DRAW.normal(size=M),
        "status": np.where(SIZE > 0.5, "closed", "open"),
        "city": DRAW.choice(["Oslo", "oslo", "Bergen"], M),
        "when": np.datetime64("2024-01-01") + np.arange(M) // 3,
        "same": "always",
        "y": np.where(SIZE > 0.5, "gone", "stays"),
    }
)
FRAME.loc[:6, ["y", "status"]] = "odd"
LEAK = "'status' alone gives 'y' exactly: a leak?"
SPELLING = "'city': 'Oslo' and 'oslo' differ only by case or blanks, and count as different categories"
FEW = "'y': fewer than 30 rows to learn from: 'odd' has 6"


@pytest.fixture(scope="module")
def trained(chainrule, tmp_path_factory):
    """The table, the model, what was printed, and the same as JSON."""
    folder = tmp_path_factory.mktemp("findings")
    table, model = folder / "t.csv", folder / "m.safetensors"
    FRAME.to_csv(table, index=False)
    shown = chainrule("train", table, "-t", "y", "-m", model, *QUICK)
    assert shown.code == 0, shown.stderr
    report = chainrule("train", table, "-t", "y", "-m", model, "--json", *QUICK).json
    return table, model, shown.stdout.splitlines(), report


def texts(report):
    return [finding["text"] for finding in report["findings"]]


def test_findings_are_said_before_training_and_leaks_again_beside_the_figures(trained):
    _, _, shown, report = trained
    assert texts(report) == [LEAK, SPELLING, FEW]
    assert [shown.count(line) for line in (f"{LEAK} --drop status", SPELLING, FEW)] == [2, 1, 1]
    assert shown.index(f"{LEAK} --drop status") < shown.index("stopped: reached max_iter=2 epochs")
    assert report["findings"][0] == {"kind": "leak", "columns": ["status"], "text": LEAK}


def test_roles_and_reasons_are_in_the_json(trained):
    columns = {column["name"]: column for column in trained[3]["columns"]}
    assert list(columns) == ["size", "status", "city", "when", "same"]
    assert (columns["same"]["role"], columns["same"]["note"]) == ("dropped", "constant: always always")


def test_the_proposed_option_ends_the_accusation(chainrule, trained, tmp_path):
    table = trained[0]
    report = chainrule("train", table, "-t", "y", "--drop", "status", "-m", tmp_path / "m", "--json", *QUICK).json
    assert texts(report) == [SPELLING, FEW]


def test_summary_says_the_same(chainrule, trained):
    _, model, _, report = trained
    shown = chainrule("summary", model).stdout.splitlines()
    assert {f"{LEAK} --drop status", SPELLING, FEW} < set(shown)
    assert any(line.split() == ["same", "dropped", "constant:", "always", "always"] for line in shown)
    data = chainrule("summary", model, "--json").json
    for name in ("findings", "columns", "target", "task"):
        assert data[name] == report[name]
    assert data["training"]["figures"]["network"] == report["figures"]
    assert data["parameters"] == package.load(model).model_.parameters.theta.size


def test_summary_as_json_of_a_model_without_a_record_of_its_training(chainrule, trained, tmp_path):
    model = package.load(trained[1]).model_
    package.save(type(model)(model.encoder, model.target, model.network), tmp_path / "bare")
    data = chainrule("summary", tmp_path / "bare", "--json").json
    assert (data["findings"], "training" in data) == ([], False)
    assert {"name": "status"} in data["columns"]
    assert chainrule("predict", tmp_path / "bare", trained[0]).stderr == ""


def test_another_table_is_compared(chainrule, trained, tmp_path):
    table, model, _, _ = trained
    other = FRAME.assign(city="Rome", size=FRAME["size"] + 2)
    other.to_csv(tmp_path / "other.csv", index=False)
    city = "'city': 100 % of the rows have values that training did not have: 'Rome'"
    report = chainrule("evaluate", model, tmp_path / "other.csv", "--json").json
    assert [finding["columns"] for finding in report["findings"]] == [["city"], ["size"]]
    assert texts(report)[0] == city
    assert f"  {city}" in chainrule("evaluate", model, tmp_path / "other.csv").stdout.splitlines()
    predicted = chainrule("predict", model, tmp_path / "other.csv")
    assert predicted.stderr.splitlines() == [
        "2 columns differ from training:",
        *(f"  {text}" for text in texts(report)),
    ]
    assert len(pd.read_csv(io.StringIO(predicted.stdout))) == M
    tested = chainrule(
        "train", table, "-t", "y", "--test-table", tmp_path / "other.csv", "-m", tmp_path / "m", "--json", *QUICK
    ).json
    assert [finding["columns"] for finding in tested["findings"] if finding["kind"] == "drift"] == [["city"], ["size"]]
    assert chainrule("evaluate", model, table, "--json").json["findings"] == []
    assert chainrule("predict", model, table).stderr == ""


def test_the_same_findings_in_batches(chainrule, trained, tmp_path):
    table, _, _, report = trained
    options = "-t", "y", "-m", tmp_path / "m", "--json", "--memory", "1GB", *QUICK
    assert chainrule("train", table, *options).json["findings"] == report["findings"]
    assert chainrule("summary", tmp_path / "m", "--json").json["columns"] == report["columns"]


def test_an_estimator_has_them_and_prints_nothing(trained, capsys, tmp_path):
    fitted = TabularClassifier(hidden_layer_sizes=(4,), max_iter=2, test_size=0.2, random_state=0)
    fitted.fit(FRAME.drop(columns="y"), FRAME.y)
    assert fitted.findings_ == [LEAK, SPELLING, FEW]
    assert capsys.readouterr().out == ""
    fitted.save(tmp_path / "m")
    assert package.load(tmp_path / "m").findings_ == fitted.findings_


def test_weights_change_neither_findings_nor_what_another_table_is_compared_with(chainrule, trained, tmp_path):
    """They are of rows; the column of weights is no feature, and is not accused."""
    query, report = f"SELECT *, CASE WHEN y = 'no' THEN 0.25 ELSE 9 END AS w FROM '{trained[0]}'", trained[3]
    given = "-t", "y", "--weight", "w", "-m", tmp_path / "m", "--json", *QUICK
    found = chainrule("train", query, *given).json
    assert found["findings"] == report["findings"]
    assert (
        package.load(tmp_path / "m").model_.training["profiles"] == package.load(trained[1]).model_.training["profiles"]
    )
    assert chainrule("evaluate", tmp_path / "m", query, "--json").json["findings"] == []
    assert chainrule("predict", tmp_path / "m", trained[0]).stderr == ""


def test_a_target_that_changes_with_time_is_said(chainrule, tmp_path):
    frame = FRAME.assign(y=np.arange(M) / 300 + SIZE).drop(columns=["status", "city"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    (said,) = texts(chainrule("train", tmp_path / "t.csv", "-t", "y", "-m", tmp_path / "m", "--json", *QUICK).json)
    assert said.startswith("the rows are in the order of 'when', and the mean of 'y' changes along them, from")
    shown = chainrule("train", tmp_path / "t.csv", "-t", "y", "-m", tmp_path / "m", *QUICK).stdout
    assert f"{said} --split-time when\n" in shown
    assert shown.count("the rows are in the order of") == 1
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "t.csv", index=False)
    assert texts(chainrule("train", tmp_path / "t.csv", "-t", "y", "-m", tmp_path / "m", "--json", *QUICK).json) == []


def test_an_identifier_that_is_kept_is_said(chainrule, tmp_path):
    order = np.random.default_rng(5).permutation(2 * M)[:M] + 10_000  # a number never occurs twice, and half are absent
    frame = pd.DataFrame({"size": SIZE, "order": order, "count": order % 97, "y": DRAW.random(M) < 0.5})
    frame.to_csv(tmp_path / "t.csv", index=False)
    shown = chainrule("train", tmp_path / "t.csv", "-t", "y", "-m", tmp_path / "m", *QUICK).stdout.splitlines()
    assert "'order' may be an identifier: no whole number occurs twice --drop order" in shown
    (said,) = chainrule("summary", tmp_path / "m", "--json").json["findings"]
    assert (said["kind"], said["columns"]) == ("identifier", ["order"])


class Cut(Batches):
    """A table in batches of the given lengths."""

    def __init__(self, table, cuts):
        super().__init__(table.take(slice(0, 0)), table.n_rows)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "cuts", cuts)

    def select(self, names):
        return Cut(self.table.select(names), self.cuts)

    def watched(self, on_read):
        return self

    def read(self):
        for first, end in zip([0, *self.cuts], [*self.cuts, self.n_rows], strict=True):
            yield self.table.take(slice(first, end))


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, M), max_size=6).map(sorted))
def test_where_a_table_is_cut_changes_no_finding_and_no_profile(cuts):
    table = from_frame(FRAME)
    whole, cut = prepare(OneBatch.of(table), ["y"]), prepare(Cut(table, cuts), ["y"])
    assert (cut.findings, cut.profiles) == (whole.findings, whole.profiles)
    assert [finding.text for finding in whole.findings] == [LEAK, SPELLING, FEW]


def test_what_reading_noted_of_the_target_is_said(chainrule, tmp_path):
    rows = "".join(f"{i / 7},{('EU', 'NA', 'US')[i % 3]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("x,region\n" + rows)
    found = chainrule(
        "train", tmp_path / "t.csv", "-t", "region", "-m", tmp_path / "m", "--hidden", "2", "--epochs", "1"
    )
    assert "region: 'NA' taken as a value, not as missing" in found.stdout
    assert chainrule("summary", tmp_path / "m").code == 0
