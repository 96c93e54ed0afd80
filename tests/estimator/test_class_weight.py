"""`class_weight` (trap D33): scikit-learn's meaning, for every solver, for validation curves, never for `score`."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from chainrule import LinearClassifier, MLPClassifier, load, save
from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")

draw = np.random.default_rng(0)
X = draw.normal(size=(120, 4))
LABELS = np.array(["ham", "spam", "worm"])[(X[:, 0] > 0.8) + 2 * (X[:, 0] < -1.3)]
SOLVERS = ["gradient_descent", "sgd", "adam", "lbfgs"]


def fitted(estimator=MLPClassifier, y=LABELS, **parameters):
    weights = parameters.pop("sample_weight", None)
    settings = {"max_iter": 8, "random_state": 0} | parameters
    model = estimator((5,), **settings) if estimator is MLPClassifier else estimator(**settings)
    return model.fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("class_weight", ["balanced", {"ham": 1, "spam": 5, "worm": 0.5}], ids=["balanced", "dict"])
def test_class_weights_are_sample_weights(class_weight, solver):
    by_class = fitted(class_weight=class_weight, solver=solver)
    weights = compute_sample_weight(class_weight, LABELS)
    by_row = fitted(solver=solver, sample_weight=weights)
    for W, expected in zip(by_class.coefs_, by_row.coefs_, strict=True):
        np.testing.assert_array_equal(W, expected)


def test_balanced_is_computed_as_scikit_learn_does():
    expected = compute_class_weight("balanced", classes=np.unique(LABELS), y=LABELS)
    np.testing.assert_allclose(fitted(class_weight="balanced").class_weight_, expected)


def test_balanced_looks_at_the_training_rows_only():
    held = fitted(class_weight="balanced", early_stopping=True, validation_fraction=0.3)
    total = 120 / (3 * held.class_weight_)  # bincount(y), were all rows trained on
    assert not np.allclose(total, np.unique(LABELS, return_counts=True)[1])


@pytest.mark.parametrize("solver", SOLVERS)
def test_balanced_counts_a_row_by_its_weight_and_as_copies(solver):
    copies = np.random.default_rng(1).integers(0, 4, 120) * np.where(LABELS == "worm", 3, 1)
    weighed = fitted(class_weight="balanced", sample_weight=copies, solver=solver)
    kept = np.repeat(LABELS, copies)
    expected = compute_class_weight("balanced", classes=np.unique(kept), y=kept)
    np.testing.assert_allclose(weighed.class_weight_, expected, rtol=1e-14)
    totals = [copies[name == LABELS].sum() for name in weighed.classes_] * weighed.class_weight_
    np.testing.assert_allclose(totals, copies.sum() / 3)  # each class weighs the same
    scaled = fitted(class_weight="balanced", sample_weight=copies / 7, solver=solver)
    np.testing.assert_allclose(scaled.class_weight_, expected, rtol=1e-13)


@pytest.mark.parametrize("k", [2, 3])
def test_balanced_with_weights_is_logistic_regression(k):
    """With the weights that make classes weigh alike computed by hand: before 1.7 scikit-learn counts rows."""
    y = np.array(["no", "yes"])[(X[:, 0] > 0.8).astype(int)] if k == 2 else LABELS
    own = np.random.default_rng(1)
    noisy = np.where(own.random(120) < 0.2, own.permutation(y), y)
    weights = own.uniform(0, 1, 120) * np.where(noisy == y[0], 9, 1) * (np.arange(120) % 5 > 0)
    ours = fitted(
        LinearClassifier, y=noisy, class_weight="balanced", sample_weight=weights, alpha=0.01, max_iter=1000, tol=1e-10
    )
    rows = weights > 0
    totals = {name: weights[noisy == name].sum() for name in np.unique(noisy)}
    balanced = np.array([weights.sum() / (k * totals[name]) for name in noisy])
    net = LogisticRegression(C=1 / (0.01 * (weights * balanced).sum()), tol=1e-10, max_iter=1000)
    theirs = net.fit(X[rows], noisy[rows], sample_weight=(weights * balanced)[rows])
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-5)


def test_labels_that_coincide_are_balanced_by_weight_each():
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 1]).astype(int)
    copies = np.random.default_rng(1).integers(0, 4, 120)
    model = fitted(y=Y, class_weight="balanced", sample_weight=copies)
    for found, label in zip(model.class_weight_, np.repeat(Y, copies, axis=0).T, strict=True):
        np.testing.assert_allclose(found, compute_class_weight("balanced", classes=np.array([0, 1]), y=label))


def test_a_class_without_any_weight_is_no_class_to_balance():
    weights = (LABELS != "worm") * 1.0
    model = fitted(class_weight="balanced", sample_weight=weights)
    two = LABELS[LABELS != "worm"]
    expected = compute_class_weight("balanced", classes=np.unique(two), y=two)
    np.testing.assert_allclose(model.class_weight_, [*expected, 1])
    assert model.classes_.tolist() == ["ham", "spam", "worm"]


def test_a_linear_classifier_is_logistic_regression():
    """C = 1 / (alpha Σ w): scikit-learn's penalty is not divided by the weights' sum."""
    class_weight = {"ham": 1.0, "spam": 4.0, "worm": 0.25}
    total = compute_sample_weight(class_weight, LABELS).sum()
    ours = fitted(LinearClassifier, class_weight=class_weight, alpha=0.01, max_iter=1000, tol=1e-10)
    theirs = LogisticRegression(C=1 / (0.01 * total), class_weight=class_weight, tol=1e-10, max_iter=1000).fit(
        X, LABELS
    )
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-5)


def test_a_class_of_weight_0_is_as_if_deleted():
    model = fitted(class_weight={"ham": 1, "spam": 1, "worm": 0}, batch_size=7)
    weights = (LABELS != "worm") * 1.0
    for W, expected in zip(model.coefs_, fitted(sample_weight=weights, batch_size=7).coefs_, strict=True):
        np.testing.assert_array_equal(W, expected)
    with pytest.raises(TargetError, match="some class must count"):
        fitted(class_weight=dict.fromkeys(("ham", "spam", "worm"), 0))


def test_multilabel_takes_a_dict_for_each_label():
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 1]).astype(int)
    class_weight = [{0: 1, 1: 3}, {1: 0.5}]
    weights = compute_sample_weight([{0: 1, 1: 3}, {0: 1, 1: 0.5}], Y)
    for W, expected in zip(
        fitted(y=Y, class_weight=class_weight).coefs_, fitted(y=Y, sample_weight=weights).coefs_, strict=True
    ):
        np.testing.assert_array_equal(W, expected)
    balanced = fitted(y=Y, class_weight="balanced").class_weight_
    np.testing.assert_allclose(balanced[1], compute_class_weight("balanced", classes=np.array([0, 1]), y=Y[:, 1]))
    with pytest.raises(InvalidParameterError, match="a list with a dict for each of its 2 labels"):
        fitted(y=Y, class_weight={0: 1})


def test_d33_the_validation_loss_is_weighed_alike_and_the_score_never():
    class_weight = {"ham": 1, "spam": 50, "worm": 50}

    def trained(**more):
        model = MLPClassifier((5,), max_iter=5, random_state=0, record_loss=True, class_weight=class_weight, **more)
        return model.fit(X, LABELS, X_val=X, y_val=LABELS)

    alike, apart = trained(), trained(class_weight_val=False)
    np.testing.assert_allclose(alike.history_["val_loss"], alike.history_["loss"], rtol=1e-12)
    assert apart.history_["loss"] == alike.history_["loss"]
    plain = -np.mean(apart.predict_log_proba(X)[np.arange(120), np.searchsorted(apart.classes_, LABELS)])
    assert apart.history_["val_loss"][-1] == pytest.approx(plain, rel=1e-12)
    assert alike.validation_scores_[-1] == pytest.approx(np.mean(alike.predict(X) == LABELS))


def test_history_and_data_loss_agree_to_the_last_bit():
    model = fitted(class_weight="balanced", batch_size=16)
    assert model.data_loss(X, LABELS) == model.history_.final["loss"]


def test_partial_fit_takes_a_dict_and_refuses_balanced():
    dictionary = {"ham": 1, "spam": 5, "worm": 0.5}
    by_class = MLPClassifier((5,), class_weight=dictionary, random_state=0)
    by_row = MLPClassifier((5,), random_state=0)
    for part in (slice(0, 60), slice(60, 120)):
        weights = compute_sample_weight(dictionary, LABELS[part])
        by_class.partial_fit(X[part], LABELS[part], classes=np.unique(LABELS))
        by_row.partial_fit(X[part], LABELS[part], classes=np.unique(LABELS), sample_weight=weights)
    np.testing.assert_allclose(by_class.coefs_[0], by_row.coefs_[0], rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="class_weight='balanced' needs the whole training set"):
        MLPClassifier(class_weight="balanced").partial_fit(X, LABELS)
    with pytest.raises(InvalidParameterError, match="needs the whole training set"):
        MLPClassifier(class_weight=[None, "balanced"]).partial_fit(X, np.eye(2)[np.arange(120) % 2])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"ham": 1, "spamm": 2}, "weight for 'spamm', which is no class.*'spam'"),
        ({"ham": -1}, "at least 0, got -1 for 'ham'"),
        ({"ham": "much"}, "at least 0, got 'much'"),
        ("balance", "None, 'balanced' or a dict.* Did you mean 'balanced'"),
        ([1, 2, 3], "None, 'balanced' or a dict"),
    ],
    ids=["unknown", "negative", "text", "typo", "list"],
)
def test_what_is_no_class_weight_is_refused(class_weight, message):
    with pytest.raises(InvalidParameterError, match=message):
        fitted(class_weight=class_weight)
    with pytest.raises(InvalidParameterError, match=message):
        MLPClassifier(class_weight=class_weight).partial_fit(X, LABELS)


def test_a_fold_may_lack_a_class_that_the_dict_names():
    model = fitted(y=np.where(LABELS == "worm", "ham", LABELS), class_weight={"ham": 1, "spam": 2, "worm": 3})
    np.testing.assert_array_equal(model.class_weight_, [1, 2])


def test_scikit_learns_own_bar():
    """Three blobs, one class of weight 1000: more than 87 % of the answers are that class."""
    blobs = np.vstack([draw.normal(loc, 20, size=(40, 2)) for loc in (-1, 0, 1)])
    y = np.repeat([0, 1, 2], 40)
    with warnings.catch_warnings(action="ignore"):
        model = MLPClassifier(class_weight={0: 1000, 1: 1e-4, 2: 1e-4}, random_state=0).fit(blobs, y)
    assert np.mean(model.predict(blobs) == 0) > 0.87


def test_d31_a_weight_of_the_validation_alone_has_no_effect():
    with pytest.warns(ChainruleWarning, match="class_weight_val: no effect"):
        fitted(class_weight_val=False)


def test_a_saved_model_keeps_it(tmp_path):
    model = fitted(class_weight={"spam": 7})
    save(model, tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(again.class_weight_, [1, 7, 1])
    assert again.data_loss(X, LABELS) == model.data_loss(X, LABELS)


@pytest.mark.parametrize("y", [LABELS, X[:, :2] > 0], ids=["classes", "labels"])
def test_a_record_from_before_weights_were_kept_counts_every_class_alike(y):
    model = fitted(y=y)
    record, tensors = model.to_record()
    del record["arrays"]["class_weight_"]
    again = MLPClassifier.from_record(record, tensors)
    assert again.data_loss(X, y) == model.data_loss(X, y)
    np.testing.assert_array_equal(again.class_weight_, model.class_weight_)


def test_before_training_every_class_counts_alike():
    names = np.unique(LABELS)
    model = MLPClassifier((5,), class_weight="balanced", random_state=0).initialize(X.shape[1], classes=names)
    truth = model.predict_proba(X)[np.arange(len(X)), np.searchsorted(names, LABELS)]
    assert model.data_loss(X, LABELS) == pytest.approx(-np.log(truth).mean(), rel=1e-12)
