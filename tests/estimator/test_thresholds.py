"""The threshold of two classes: rules against brute force on the validation rows, in files, refused where senseless."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from chainrule import TabularClassifier, TabularRegressor, load
from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import Target, from_frame
from chainrule.table.batches import OneBatch
from chainrule.tabular.thresholds import Thresholds
from chainrule.tabular.weights import row_weights

TARGET = Target(("bought",), "classification", "", ("no", "yes"))
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}


def _frame(m=600):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(m, 2))
    bought = np.where(draw.random(m) < 1 / (1 + np.exp(1.5 - 2 * x[:, 0])), "yes", "no")
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "bought": bought, "w": draw.integers(1, 4, m)})


FRAME = _frame()


def _merits(rule, y, p, w, threshold):
    """What a rule makes of a threshold, by counting."""
    taken = p >= threshold
    hits, alarms, misses = (float(w[rows].sum()) for rows in (y & taken, ~y & taken, y & ~taken))
    if rule == "f1":
        return 2 * hits / (2 * hits + alarms + misses)
    if rule == "recall=0.9":
        return hits / (hits + misses) >= 0.9 - 1e-9
    return -(1 * alarms + 5 * misses)


rows = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0]), st.sampled_from([1.0, 2.0])),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(y for y, _, _ in rows))


@given(rows, st.sampled_from(["f1", "recall=0.9", "cost=1:5"]))
@settings(max_examples=150)
def test_a_rule_finds_what_brute_force_finds(rows, rule):
    y, p, w = (np.array(of) for of in zip(*rows, strict=True))
    found = Thresholds.measured([(y[:1], p[:1], w[:1]), (y[1:], p[1:], w[1:])]).choose(rule, TARGET).threshold
    above = 1.0 if p.max() == 1 else (p.max() + 1) / 2
    everywhere = np.unique([*p, 0.0, above])
    merits = [_merits(rule, y, p, w, threshold) for threshold in everywhere]
    best = np.flatnonzero(np.isclose(merits, max(merits)))[-1]
    assert _merits(rule, y, p, w, found) == pytest.approx(max(merits))
    assert np.array_equal(p >= found, p >= everywhere[best])  # of equally good ones the largest


def test_weights_are_copies_and_many_rows_are_kept_to_1000_thresholds():
    draw = np.random.default_rng(0)
    y = draw.random(20_000) < 0.01
    p, w = draw.beta(1 + 2 * y, 5), draw.integers(1, 4, 20_000)
    found = Thresholds.measured([(y, p, w.astype(float))])
    assert len(found.thresholds) <= 1000
    copies = Thresholds.measured([(np.repeat(y, w), np.repeat(p, w), None)])
    assert found.thresholds == copies.thresholds
    assert found.true_positives == pytest.approx(copies.true_positives)
    counts = found.thresholds, found.true_positives, found.false_positives
    for threshold, hits, alarms in zip(*(of[::97] for of in counts), strict=True):
        assert hits == pytest.approx(w[y & (p >= threshold)].sum())
        assert alarms == pytest.approx(w[~y & (p >= threshold)].sum())
    best = max(f1_score(y, p >= t, sample_weight=w) for t in np.quantile(p, np.linspace(0.5, 1, 300)[:-1]))
    chosen = found.choose("f1", TARGET).threshold
    assert f1_score(y, p >= chosen, sample_weight=w) > 0.99 * best


@pytest.mark.parametrize("weight", [None, "w"])
def test_the_validation_rows_of_a_training(weight, tmp_path):
    """Their scores are computed again from the split, and the rule is judged by scikit-learn on them."""
    fitted = TabularClassifier(**SMALL, drop=() if weight else ("w",)).fit(FRAME, "bought", sample_weight=weight)
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.model_.thresholds == fitted.model_.thresholds
    y, p, w = _validation_rows(fitted, weight)
    assert fitted.model_.thresholds.positives == pytest.approx(w[y].sum())
    everywhere = np.sort(p)
    f1 = again.model_.threshold("f1").threshold
    assert f1_score(y, p >= f1, sample_weight=w) == pytest.approx(
        max(f1_score(y, p >= t, sample_weight=w) for t in everywhere)
    )
    recall = again.model_.threshold("recall=0.9").threshold
    enough = [t for t in everywhere if recall_score(y, p >= t, sample_weight=w) >= 0.9]
    assert np.array_equal(p >= recall, p >= max(enough))
    assert np.array_equal(again.predict(FRAME, "f1") == "yes", again.predict_proba(FRAME)[:, 1] >= f1)


def _validation_rows(fitted, weight):
    from chainrule.tabular.splitting.shares import Shares
    from chainrule.tabular.splitting.split import split_table

    table = from_frame(FRAME)
    features = [plan.name for plan in fitted.schema_.used]
    split = split_table(OneBatch.of(table), fitted.model_.target, features, Shares(0.0, 0.1, 0))
    rows = split.rows("validation")
    w = np.ones(len(rows)) if weight is None else row_weights(table, weight)[rows]
    return (FRAME["bought"] == "yes").to_numpy()[rows], fitted.predict_proba(FRAME)[rows, 1], w


def test_figures_with_a_threshold_are_those_of_scikit_learn():
    fitted = TabularClassifier(**SMALL).fit(FRAME, "bought", sample_weight="w")
    found = fitted.model_.judge(OneBatch.of(from_frame(FRAME)), 0.2)
    y, taken = FRAME["bought"] == "yes", fitted.predict(FRAME, threshold=0.2) == "yes"
    assert found.decisions == pytest.approx(
        {
            "accuracy": np.average(y == taken, weights=FRAME["w"]),
            "precision": precision_score(y, taken, sample_weight=FRAME["w"]),
            "recall": recall_score(y, taken, sample_weight=FRAME["w"]),
            "f1": f1_score(y, taken, sample_weight=FRAME["w"]),
        }
    )
    assert found.figures["accuracy"] == found.decisions["accuracy"]
    w = FRAME["w"]
    assert found.figures["f1_macro"] == pytest.approx(f1_score(y, taken, average="macro", sample_weight=w))
    assert found.by_class.confusion.tolist() == confusion_matrix(y, taken, sample_weight=w).tolist()
    assert found.by_class.rows.tolist() == [(~y).sum(), y.sum()]
    assert (fitted.predict(FRAME, threshold=0) == "yes").all()


def test_what_cannot_be_decided_is_refused():
    fitted = TabularClassifier(**SMALL).fit(FRAME, "bought")
    for wrong in (1.5, -0.1, "f2", "f1=1", "recall", "", "nan", True):
        with pytest.raises(InvalidParameterError, match="a threshold is a number from 0 to 1, f1, recall"):
            fitted.predict(FRAME, threshold=wrong)
    for wrong in ("recall=0", "recall=1.1", "recall=x"):
        with pytest.raises(InvalidParameterError, match="recall= takes a share above 0"):
            fitted.predict(FRAME, threshold=wrong)
    for wrong in ("cost=1", "cost=0:0", "cost=-1:2", "cost=1:inf", "cost=a:b", "cost=1:2:3"):
        with pytest.raises(InvalidParameterError, match="cost= takes the costs"):
            fitted.predict(FRAME, threshold=wrong)
    without = TabularClassifier(**SMALL, early_stopping=False).fit(FRAME, "bought")
    with pytest.raises(InvalidParameterError, match="this model has none"):
        without.predict(FRAME, threshold="f1")
    three = TabularClassifier(**SMALL).fit(FRAME, "w")
    with pytest.raises(InvalidParameterError, match="for two classes, and w has 3"):
        three.predict(FRAME, threshold=0.5)
    numbers = TabularRegressor(**SMALL).fit(FRAME, "a")
    with pytest.raises(InvalidParameterError, match="for two classes, and a is a number"):
        numbers.model_.threshold(0.5)
    nobody = Thresholds.measured([(np.zeros(3), np.array([0.1, 0.2, 0.3]), None)])
    with pytest.raises(InvalidParameterError, match="no validation row is of the class 'yes'"):
        nobody.choose("f1", TARGET)
    assert nobody.choose("cost=1:1", TARGET).threshold == 0.65


def test_senseless_records_are_refused():
    good = Thresholds.measured([(np.array([0, 1]), np.array([0.2, 0.6]), None)]).to_dict()
    for wrong in ({"true_positives": [1.0]}, {"positives": 0.5}, {"false_positives": [9.0, 0.0, 0.0]}):
        with pytest.raises(TableError):
            Thresholds.from_dict(good | wrong)
