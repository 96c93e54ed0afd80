"""`warm_start=True` after parameters have changed: training goes on by the new ones, or says why it cannot."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import InvalidParameterError, TargetError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 3
KINDS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]


def _started(kind, **settings):
    return kind(**({"solver": "adam", "max_iter": 3, "random_state": 0, "warm_start": True} | settings)).fit(X, Y)


def _theta(model):
    return np.concatenate([part.ravel() for part in (*model.coefs_, *model.intercepts_)])


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
def test_another_class_weight_counts_from_here_on(kind):
    """As the same weights given for the rows do."""
    by_class, by_row = _started(kind), _started(kind)
    by_class.set_params(class_weight={0: 5.0, 1: 1.0, 2: 0.5}).fit(X, Y)
    by_row.fit(X, Y, np.array([5.0, 1.0, 0.5])[Y])
    assert by_class.class_weight_.tolist() == [5.0, 1.0, 0.5]
    assert_array_equal(_theta(by_class), _theta(by_row))


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_holds_out_rows_from_here_on(kind):
    model = _started(kind).set_params(early_stopping=True).fit(X, Y)
    assert model.n_iter_ == 6
    assert len(model.validation_scores_) == 3
    assert model.set_params(early_stopping=False).fit(X, Y).validation_scores_ is None


@pytest.mark.parametrize("kind", KINDS)
def test_another_scoring_judges_from_here_on(kind):
    model = _started(kind, early_stopping=True)
    name = "accuracy" if kind in (MLPClassifier, LinearClassifier) else "neg_mean_absolute_error"
    model.set_params(scoring=name).fit(X, Y)
    assert len(model.validation_scores_) == 6
    assert all(score >= 0 if name == "accuracy" else score < 0 for score in model.validation_scores_[3:])


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
def test_a_new_class_is_refused_and_a_missing_one_is_not(kind):
    model = _started(kind)
    with pytest.raises(TargetError, match=r"labels that are not among the classes \[0, 1, 2\]: \[3\]"):
        model.fit(X, np.arange(60) % 4)
    model.fit(X, Y % 2)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (60, 3)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_other_hidden_layers_are_refused(kind):
    model = _started(kind, hidden_layer_sizes=(4,))
    before = _theta(model)
    for other in ((5,), (4, 4), ()):
        with pytest.raises(InvalidParameterError, match=r"training cannot continue: the layers have widths \(3, 4, "):
            model.set_params(hidden_layer_sizes=other).fit(X, Y)
    assert_array_equal(_theta(model), before)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("change", [{"scale": True}, {"missing": "impute"}, {"categorical_features": [0]}], ids=str)
def test_whether_columns_are_encoded_stays(kind, change):
    before = {name: kind().get_params()[name] for name in change}
    for first, then in ((before, change), (change, before)):
        model = _started(kind, **first)
        with pytest.raises(InvalidParameterError, match="whether columns are encoded was decided at its start"):
            model.set_params(**then).fit(X, Y)
        with pytest.raises(InvalidParameterError, match="whether columns are encoded was decided at its start"):
            model.partial_fit(X, Y)
