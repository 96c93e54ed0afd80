"""Ensembles against k single fits, and their spread against closed forms."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, d2_pinball_score, r2_score
from sklearn.model_selection import cross_val_score
from sklearn.utils import resample
from sklearn.utils.class_weight import compute_class_weight

from chainrule import LinearClassifier, LinearRegressor, MLPEnsembleClassifier, MLPEnsembleRegressor, MLPRegressor
from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError
from chainrule.many.bags import drawn
from chainrule.many.uncertainty import decompose

from .conftest import LABELS, TARGET, X, classifier, regressor, same


def test_members_are_single_fits_and_their_mean_is_predicted():
    ensemble = MLPEnsembleClassifier(classifier(), n_estimators=4, random_state=3).fit(X, LABELS)
    seeds = np.random.RandomState(3).randint(2**31 - 1, size=4)
    alone = [classifier(random_state=int(seed)).fit(X, LABELS) for seed in seeds]
    assert all(map(same, ensemble.estimators_, alone))
    P = np.mean([net.predict_proba(X) for net in alone], axis=0)
    assert (ensemble.predict_proba(X) == P).all()
    assert (ensemble.predict(X) == np.array(["a", "b", "c"])[P.argmax(axis=1)]).all()
    np.testing.assert_array_equal(ensemble.predict_log_proba(X), np.log(P))
    assert ensemble.classes_.tolist() == ["a", "b", "c"]
    assert ensemble.n_features_in_ == 4


def test_a_bag_is_a_table_of_the_rows_drawn():
    """A row of weight k is k copies of it: the same gradient, so with full batches the same weights up to rounding."""
    net = LinearRegressor(solver="lbfgs", tol=1e-10)
    ensemble = MLPEnsembleRegressor(net, 3, bootstrap=True, random_state=0).fit(X, TARGET)
    for member in ensemble.estimators_:
        counts = drawn(member.random_state, len(X))
        copies = clone(net).fit(np.repeat(X, counts, axis=0), np.repeat(TARGET, counts))
        np.testing.assert_allclose(member.coefs_[0], copies.coefs_[0], rtol=1e-5)
    assert len({member.coefs_[0].tobytes() for member in ensemble.estimators_}) == 3


def test_bags_are_drawn_as_a_bootstrap_is():
    """A row is in a bag with probability 1 - (1 - 1/m)^m, and m draws are made."""
    bags = np.stack([drawn(seed, 50) for seed in range(2000)])
    assert (bags.sum(axis=1) == 50).all()
    assert abs((bags > 0).mean() - (1 - (1 - 1 / 50) ** 50)) < 0.005
    np.testing.assert_allclose(bags.mean(axis=0), 1, atol=0.1)


def test_rows_of_weight_0_are_as_if_deleted_in_bags_too():
    weights = np.where(np.arange(len(X)) % 3, 2.0, 0.0)
    bagged = {"n_estimators": 2, "bootstrap": True, "random_state": 0}
    net = LinearRegressor(solver="lbfgs", tol=1e-10)
    weighed = MLPEnsembleRegressor(net, **bagged).fit(X, TARGET, weights)
    fewer = MLPEnsembleRegressor(net, **bagged).fit(X[weights > 0], TARGET[weights > 0])
    np.testing.assert_allclose(weighed.predict(X), fewer.predict(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"weights? must contain|sample_weight are zero"):
        MLPEnsembleRegressor(net, **bagged).fit(X, TARGET, np.zeros(len(X)))


def test_a_member_knows_the_classes_its_bag_lacks():
    y = np.where(np.arange(len(X)) == 0, "rare", "common")
    ensemble = MLPEnsembleClassifier(classifier(), 20, bootstrap=True, random_state=0).fit(X, y)
    in_bag = [drawn(member.random_state, len(X))[0] for member in ensemble.estimators_]
    assert 0 in in_bag
    assert all(member.classes_.tolist() == ["common", "rare"] for member in ensemble.estimators_)


def test_spread_of_a_regressor():
    ensemble = MLPEnsembleRegressor(regressor(), n_estimators=5, random_state=0).fit(X, TARGET)
    each = np.stack([member.predict(X) for member in ensemble.estimators_])
    mean, deviation = ensemble.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, ensemble.predict(X))
    np.testing.assert_allclose(deviation**2, (each**2).mean(axis=0) - mean**2, rtol=1e-6, atol=1e-12)
    one = MLPEnsembleRegressor(regressor(), n_estimators=1, random_state=0).fit(X, TARGET)
    assert (one.predict(X, return_std=True)[1] == 0).all()


def test_uncertainty_is_the_mutual_information_of_class_and_member():
    ensemble = MLPEnsembleClassifier(classifier(), n_estimators=4, random_state=0).fit(X, LABELS)
    P = np.stack([member.predict_proba(X) for member in ensemble.estimators_])
    unsure = ensemble.predict_uncertainty(X)
    np.testing.assert_allclose(unsure.total, entropy(P.mean(axis=0), axis=1), rtol=1e-12)
    np.testing.assert_allclose(unsure.data, entropy(P, axis=2).mean(axis=0), rtol=1e-12)
    together = P / 4  # of member and class; the divergence from independence is their mutual information
    apart = np.broadcast_to(together.sum(axis=0) / 4, P.shape)
    expected = [entropy(together[:, row].ravel(), apart[:, row].ravel()) for row in range(len(X))]
    np.testing.assert_allclose(unsure.model, expected, rtol=1e-8, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 4))
def test_uncertainty_adds_up_and_is_never_negative(seed, members, classes):
    P = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), size=(members, 7))
    total, data, model = decompose(P)
    np.testing.assert_allclose(total, data + model, atol=1e-12)
    assert (data >= 0).all()
    assert (model >= -1e-15).all()
    assert (total <= np.log(classes) + 1e-12).all()


def test_multilabel_uncertainty_is_each_label_s():
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    ensemble = MLPEnsembleClassifier(classifier(), n_estimators=3, random_state=0).fit(X, Y)
    P = ensemble.predict_proba(X)
    assert (ensemble.predict(X) == (P > 0.5)).all()
    total = ensemble.predict_uncertainty(X).total
    np.testing.assert_allclose(total, entropy(np.stack([P, 1 - P]), axis=0), rtol=1e-12)


def test_out_of_bag_by_hand():
    ensemble = MLPEnsembleRegressor(regressor(), 25, bootstrap=True, oob_score=True, random_state=0).fit(X, TARGET)
    row = 7
    without = [m.predict(X[[row]])[0] for m in ensemble.estimators_ if drawn(m.random_state, len(X))[row] == 0]
    np.testing.assert_allclose(ensemble.oob_prediction_[row], np.mean(without), rtol=1e-12)
    residual = TARGET - ensemble.oob_prediction_
    assert ensemble.oob_score_ == pytest.approx(1 - (residual @ residual) / (len(X) * TARGET.var()))


def test_out_of_bag_classes_and_the_rows_without():
    with pytest.warns(ChainruleWarning, match="rows are in every bag"):
        ensemble = MLPEnsembleClassifier(classifier(), 2, bootstrap=True, oob_score=True, random_state=0).fit(X, LABELS)
    P = ensemble.oob_decision_function_
    judged = ~np.isnan(P[:, 0])
    assert 0 < judged.sum() < len(X)
    assert ensemble.oob_score_ == (np.array(["a", "b", "c"])[P[judged].argmax(axis=1)] == LABELS[judged]).mean()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = (
        MLPEnsembleRegressor(regressor(), 2, bootstrap=True, random_state=seed).fit(X, TARGET).predict(X)
        for seed in (5, np.random.RandomState(5), 6)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_inside_scikit_learn_s_tools():
    frame = pd.DataFrame(X, columns=list("wxyz"))
    ensemble = MLPEnsembleClassifier(classifier(), 2, random_state=0)
    assert cross_val_score(ensemble, frame, LABELS, cv=3).shape == (3,)
    calibrated = CalibratedClassifierCV(ensemble, cv=2).fit(X, LABELS)
    assert calibrated.predict(X).shape == LABELS.shape
    assert ensemble.fit(frame, LABELS).feature_names_in_.tolist() == list("wxyz")
    assert not hasattr(ensemble.fit(X, LABELS), "feature_names_in_")


def test_bad_parameters():
    for bad, words in (
        ({"n_estimators": 0}, "n_estimators"),
        ({"bootstrap": "yes"}, "bootstrap"),
        ({"oob_score": True}, "Set bootstrap=True"),
        ({"estimator": regressor()}, "must be an MLPClassifier or LinearClassifier"),
        ({"estimator": classifier(loss="hinge")}, "probabilities"),
    ):
        with pytest.raises(InvalidParameterError, match=words):
            MLPEnsembleClassifier(**({"estimator": classifier()} | bad)).fit(X, LABELS)
    with pytest.raises(NotFittedError, match="MLPEnsembleClassifier"):
        MLPEnsembleClassifier().predict(X)


def test_an_ensemble_is_better_than_its_members_on_squared_error():
    """The error of the mean is the mean error less the spread, exactly (Krogh and Vedelsby, 1995)."""
    train, test = resample(np.arange(len(X)), replace=False, n_samples=80, random_state=0), np.arange(len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ensemble = MLPEnsembleRegressor(regressor(), 4, random_state=0).fit(X[train], TARGET[train])
    mean, deviation = ensemble.predict(X[test], return_std=True)
    members = np.mean([(m.predict(X[test]) - TARGET[test]) ** 2 for m in ensemble.estimators_])
    assert np.mean((mean - TARGET[test]) ** 2) == pytest.approx(members - np.mean(deviation**2))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_rows_of_weight_0_are_as_if_deleted_out_of_the_bag_too(kind):
    """Half of the rows are wrong on purpose and weigh nothing: the score is that of the table without them."""
    wrong = np.arange(len(X)) % 2 == 1
    weights = np.where(wrong, 0.0, np.where(X[:, 0] > 0, 3.0, 1.0))
    bagged = {"n_estimators": 12, "bootstrap": True, "oob_score": True, "random_state": 0}
    if kind == "classes":
        y = np.where(wrong, "c", LABELS)
        weighed, fewer = (MLPEnsembleClassifier(LinearClassifier(max_iter=300), **bagged) for _ in range(2))
    else:
        y = np.where(wrong, 1000.0, TARGET)
        weighed, fewer = (MLPEnsembleRegressor(LinearRegressor(tol=1e-10), **bagged) for _ in range(2))
    weighed.fit(X, y, weights)
    fewer.fit(X[~wrong], y[~wrong], weights[~wrong])
    name = "oob_decision_function_" if kind == "classes" else "oob_prediction_"
    A, expected = getattr(weighed, name), getattr(fewer, name)
    assert np.isnan(A[wrong]).all()
    np.testing.assert_allclose(A[~wrong], expected, rtol=1e-4, atol=1e-6)
    assert weighed.oob_score_ == pytest.approx(fewer.oob_score_, abs=1e-9 if kind == "classes" else 1e-5)
    answer = weighed.classes_[A[~wrong].argmax(axis=1)] if kind == "classes" else A[~wrong]
    judge = accuracy_score if kind == "classes" else r2_score
    copies = weights[~wrong].astype(int)  # and a row of weight 3 counts thrice
    assert weighed.oob_score_ == pytest.approx(judge(np.repeat(y[~wrong], copies), np.repeat(answer, copies)))


def test_bags_are_balanced_by_their_own_draws():
    net = LinearClassifier(class_weight="balanced", max_iter=300)
    ensemble = MLPEnsembleClassifier(net, 3, bootstrap=True, random_state=0).fit(X, LABELS)
    for member in ensemble.estimators_:
        bag = np.repeat(LABELS, drawn(member.random_state, len(X)))
        expected = compute_class_weight("balanced", classes=np.unique(bag), y=bag)
        np.testing.assert_allclose(member.class_weight_, expected)


def test_bags_with_every_row_that_counts_have_nobody_to_judge():
    weights = np.zeros(len(X))
    weights[0] = 1
    with pytest.raises(TargetError, match=r"every bag has every row \(n_samples = 1\)"):
        MLPEnsembleRegressor(LinearRegressor(), 3, bootstrap=True, oob_score=True).fit(X, TARGET, weights)


def test_several_quantiles_are_scored_as_by_scikit_learn():
    X = np.random.default_rng(0).uniform(-1, 1, size=(120, 2))
    y = X[:, 0] + np.random.default_rng(1).normal(size=120)
    quantiles = [0.1, 0.5, 0.9]
    net = MLPRegressor((4,), loss="quantile", quantile=quantiles, solver="lbfgs", max_iter=60, tol=0.05)
    with pytest.warns(ChainruleWarning, match="in every bag"):
        ensemble = MLPEnsembleRegressor(net, 8, bootstrap=True, oob_score=True, random_state=0).fit(X, y)
    weights = np.arange(1.0, 121.0)

    def mean_d2(A, rows, sample_weight):
        return np.mean(
            [
                d2_pinball_score(y[rows], A[rows, k], alpha=q, sample_weight=sample_weight)
                for k, q in enumerate(quantiles)
            ]
        )

    everything = slice(None)
    assert ensemble.score(X, y) == pytest.approx(mean_d2(ensemble.predict(X), everything, None), rel=1e-12)
    assert ensemble.score(X, y, weights) == pytest.approx(mean_d2(ensemble.predict(X), everything, weights), rel=1e-12)
    judged = ~np.isnan(ensemble.oob_prediction_[:, 0])
    assert ensemble.oob_score_ == pytest.approx(mean_d2(ensemble.oob_prediction_, judged, None), rel=1e-12)
    assert 0 < ensemble.oob_score_ < ensemble.score(X, y)
