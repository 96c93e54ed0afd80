"""What a notebook shows of an object is a line, or the text that it is for."""

import numpy as np
import pytest

from chainrule import Dense, MLPClassifier, Network, TabularClassifier, trace
from chainrule.metrics.classification import ClassificationFigures
from chainrule.network.training.history import History
from chainrule.table import Table, from_frame
from chainrule.tabular.pipeline import Task, train_table

M = 400
FRAME = {f"x{k}": np.random.default_rng(k).normal(size=M) for k in range(50)} | {
    "kind": ["a", "b", "c", "c"] * (M // 4)
}


@pytest.fixture(scope="module")
def shown():
    """The representations of what a user meets."""
    net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    trained, prepared = train_table(Task(from_frame(FRAME), ["kind"]), {"max_iter": 2, "hidden_layer_sizes": (4,)})
    model, figures = trained.model, ClassificationFigures()
    figures.add(np.array([0, 1]), np.eye(2))
    clf = TabularClassifier(max_iter=2, hidden_layer_sizes=(4,)).fit(FRAME, "kind")
    return {
        "history": model.network.history,
        "schema": clf.schema_,
        "target": model.target,
        "encoder": model.encoder,
        "model": model,
        "prepared": prepared,
        "trained": trained,
        "table": from_frame(FRAME),
        "column": from_frame(FRAME)["kind"],
        "rows": clf.to_dataset(FRAME),
        "architecture": model.architecture,
        "network": net,
        "trace": trace(net, np.eye(2), np.array([[0.0, 1.0]])),
        "by class": figures.by_class(),
    }


def test_each_is_one_short_line(shown):
    assert {name: repr(what) for name, what in shown.items() if len(repr(what)) > 250 or "\n" in repr(what)} == {}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("history", "History(2 epochs, stopped: max_iter)"),
        ("schema", "Schema(50 numeric)"),
        ("target", "Target('kind', classification, 3 classes)"),
        ("encoder", "Encoder(50 columns, 50 features)"),
        ("model", "TableModel(Target('kind', classification, 3 classes), TrainedNetwork(50-4-3, 2 epochs))"),
        ("column", "Column('kind', text, 400 rows, 3 levels)"),
        ("rows", "TrainingSet(400 rows, 3 outputs)"),
        ("architecture", "Architecture(50-4-3, relu, softmax + categorical_cross_entropy)"),
        ("network", "Network(2-3-1)"),
        ("by class", "ByClass(2 classes, 2 rows)"),
    ],
)
def test_they_say_how_many(shown, name, line):
    assert repr(shown[name]) == line


def test_what_is_empty_has_a_line_too():
    assert repr(History()) == "History(0 epochs)"
    assert repr(Table(())) == "Table('table', 0 rows, 0 columns)"


def test_a_summary_is_shown_as_it_is_printed():
    summary = Network([Dense(3)], n_inputs=2, loss="squared_error").summary()
    assert repr(summary) == str(summary)


def test_a_history_is_that_of_its_estimator():
    clf = MLPClassifier((3,), max_iter=2, random_state=0, scale=True)
    with pytest.warns(match="reached max_iter"):
        clf.fit(np.eye(4), [0, 1, 0, 1])
    assert repr(clf.history_) == "History(2 epochs, stopped: max_iter)"
