"""Several quantiles in one regressor, and `predict_interval`: exact ranks, the guarantee, what is refused."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.metrics import d2_pinball_score

from chainrule import LinearClassifier, LinearRegressor, MLPRegressor, load, save
from chainrule._errors import ChainruleWarning, InvalidParameterError, ModelFileError, TargetError
from chainrule.estimator.intervals import interval

QUANTILES = [0.05, 0.5, 0.95]
X, Y = make_friedman1(600, noise=1.0, random_state=0)
OLD, CAL, NEW = slice(0, 300), slice(300, 450), slice(450, 600)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def heads(kind=MLPRegressor, **settings):
    size = {"hidden_layer_sizes": (16,)} if kind is MLPRegressor else {}
    settings = {"quantile": QUANTILES, "solver": "adam", "max_iter": 60, "learning_rate_init": 0.02} | settings
    return kind(**size, loss="quantile", random_state=0, **settings)


@pytest.fixture(scope="module")
def fitted():
    return heads().fit(X[OLD], Y[OLD], X_cal=X[CAL], y_cal=Y[CAL])


# --- several quantiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
@pytest.mark.parametrize("given", [QUANTILES, (0.1, 0.9), np.array([0.2, 0.3, 0.4, 0.8]), [0.7]], ids=str)
def test_one_column_for_each_quantile_and_none_crosses(kind, given):
    predicted = heads(kind, quantile=given).fit(X[OLD], Y[OLD]).predict(10 * X)
    assert predicted.shape == (600, len(given))
    assert (np.diff(predicted, axis=1) >= 0).all()


def test_each_column_is_its_quantile():
    x = np.random.default_rng(0).uniform(size=(4000, 1))
    y = 2 * x[:, 0] + x[:, 0] * np.random.default_rng(1).normal(size=4000)
    model = heads(max_iter=100, learning_rate="cosine").fit(x, y)
    for q, column in zip(QUANTILES, model.predict(x).T, strict=True):
        assert np.mean(y <= column) == pytest.approx(q, abs=0.03)


def test_a_list_of_one_trains_as_the_number_does():
    several, one = (heads(quantile=given).fit(X[OLD], Y[OLD]) for given in ([0.8], 0.8))
    assert np.array_equal(several.coefs_[0], one.coefs_[0])
    assert np.array_equal(several.predict(X)[:, 0], one.predict(X))


def test_the_score_is_scikit_learns_d2(fitted):
    each = [d2_pinball_score(Y[NEW], fitted.predict(X[NEW])[:, k], alpha=q) for k, q in enumerate(QUANTILES)]
    assert fitted.score(X[NEW], Y[NEW]) == pytest.approx(np.mean(each), rel=1e-14)
    weights = np.arange(150.0) + 1
    each = [
        d2_pinball_score(Y[NEW], fitted.predict(X[NEW])[:, k], alpha=q, sample_weight=weights)
        for k, q in enumerate(QUANTILES)
    ]
    assert fitted.score(X[NEW], Y[NEW], weights) == pytest.approx(np.mean(each), rel=1e-14)


def test_the_validation_score_is_the_same(fitted):
    """Of logits and targets, as training has them; held-out rows too few for a spread have none."""
    Z, same = fitted._logits(X[NEW]).T, np.broadcast_to(Y[NEW], (3, 150))
    assert fitted._validation_score(Z, same, None) == fitted.score(X[NEW], Y[NEW])
    assert np.isnan(fitted._validation_score(Z[:, :1], same[:, :1], None))
    assert np.isfinite(heads(early_stopping=True, max_iter=3).fit(X, Y).validation_scores_).all()


def test_a_constant_answer_scores_nothing():
    ends = np.quantile(Y, QUANTILES)
    model = heads(max_iter=1).fit(np.zeros((600, 2)), Y)
    model.coefs_[-1][:] = 0
    model.intercepts_[-1][:] = [np.log(np.expm1(ends[1] - ends[0])), ends[1], np.log(np.expm1(ends[2] - ends[1]))]
    assert model.score(np.zeros((600, 2)), Y) == pytest.approx(0, abs=1e-12)


def test_quantiles_are_for_one_target():
    with pytest.raises(TargetError, match="for one target, y has 2 columns"):
        heads().fit(X, np.stack([Y, Y], axis=1))


def test_every_solver_takes_them():
    for solver in ("gradient_descent", "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lbfgs"):
        model = MLPRegressor((5,), loss="quantile", quantile=QUANTILES, solver=solver, max_iter=5, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChainruleWarning)
            assert np.isfinite(model.fit(X, Y / 10).predict(X)).all()


# --- the interval, by worked numbers ---------------------------------------------------------------------------------

A = np.array([[10.0], [20.0]])


@pytest.mark.parametrize(
    ("n", "coverage", "rank"),
    [(9, 0.9, 9), (19, 0.95, 19), (99, 0.55, 55), (99, 0.9, 90), (10, 0.5, 6), (3, 0.25, 1), (99, 0.07, 7)],
)
def test_the_rank_is_exact(n, coverage, rank):
    """Rank ceil((n + 1) coverage) in decimals: in binary, 100 times 0.55 is above 55, and 100 times 0.07 above 7."""
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))[:, None] * (-1) ** np.arange(n)[:, None]
    found = interval(A, residuals, (), coverage).round(12).tolist()
    assert found == [[10.0 - rank, 10.0 + rank], [20.0 - rank, 20.0 + rank]]


@pytest.mark.parametrize(("n", "coverage", "needed"), [(8, 0.9, 9), (18, 0.95, 19), (1, 0.8, 4), (98, 0.99, 99)])
def test_too_few_rows_make_infinite_intervals(n, coverage, needed):
    with pytest.warns(ChainruleWarning, match=rf"{n} calibration rows are too few .* At least {needed} are needed"):
        both = interval(A, np.ones((n, 1)), (), coverage)
    assert both.tolist() == [[-np.inf, np.inf]] * 2
    assert np.isfinite(interval(A, np.ones((needed, 1)), (), coverage)).all()


def test_quantiles_move_by_the_score_of_their_outside():
    """Heads at 0 and 10. Targets -1, 2, 12, 5 lie outside by 1, -2, 2, -5; rank 4 of 4 for a coverage of 0.8 is 2."""
    residuals = np.array([[-1.0, -11.0], [2.0, -8.0], [12.0, 2.0], [5.0, -5.0]])
    both = np.array([[0.0, 10.0], [1.0, 2.0]])
    assert interval(both, residuals, (0.1, 0.9), 0.8).round(12).tolist() == [[-2.0, 12.0], [-1.0, 4.0]]
    assert interval(both, residuals, (0.1, 0.9), 0.4).round(12).tolist() == [[2.0, 8.0], [1.5, 1.5]]  # a margin of -2


@pytest.mark.parametrize(
    ("quantiles", "coverage", "columns"),
    [
        ((0.05, 0.5, 0.95), 0.9, (0, 2)),
        ((0.05, 0.5, 0.95), 0.45, (0, 1)),
        ((0.05, 0.1, 0.9, 0.95), 0.8, (1, 2)),
        ((0.02, 0.05, 0.1, 0.92, 0.95, 1 - 1e-4), 0.9, (1, 4)),
    ],
)
def test_the_heads_with_that_coverage_are_found(quantiles, coverage, columns):
    A = np.arange(float(len(quantiles)))[None]
    assert interval(A, None, quantiles, coverage).tolist() == [[float(column) for column in columns]]


def test_several_outputs_have_an_interval_each():
    targets = np.stack([Y, X[:, 0] - 3, Y**2], axis=1)
    together = LinearRegressor().fit(X[OLD], targets[OLD], X_cal=X[CAL], y_cal=targets[CAL])
    both = together.predict_interval(X[NEW], 0.8)
    assert both.shape == (150, 3, 2)
    scores = np.sort(np.abs(targets[CAL] - together.predict(X[CAL])), axis=0)[121 - 1]  # ceil(151 0.8) = 121
    np.testing.assert_allclose(both.mean(axis=2), together.predict(X[NEW]), rtol=1e-12)
    np.testing.assert_allclose((both[..., 1] - both[..., 0]) / 2, np.tile(scores, (150, 1)), rtol=1e-12)


# --- the guarantee ---------------------------------------------------------------------------------------------------

N_CAL, N_NEW, SPLITS = 60, 100, 40


def band(coverage, probability=1e-4):
    """How many of all new rows are covered, but for a small probability: a sum of independent beta-binomials."""
    k = int(np.ceil(round((N_CAL + 1) * coverage, 9)))
    one = betabinom.pmf(np.arange(N_NEW + 1), N_NEW, k, N_CAL + 1 - k)
    total = np.ones(1)
    for _ in range(SPLITS):
        total = np.convolve(total, one)
    below = np.cumsum(total)
    return np.searchsorted(below, probability), np.searchsorted(below, 1 - probability)


@pytest.mark.parametrize("table", ["friedman", "diabetes"])
@pytest.mark.parametrize("quantiles", [None, [0.1, 0.5, 0.9]], ids=["residuals", "quantiles"])
def test_the_coverage_is_within_the_exact_band(table, quantiles):
    """A model that is poor on purpose: the guarantee does not hang on it."""
    settings = {"loss": "quantile", "quantile": quantiles} if quantiles else {}
    covered = dict.fromkeys((0.8, 0.9, 0.95), 0)
    for split in range(SPLITS):
        if table == "friedman":
            x, y = make_friedman1(260, noise=2.0, random_state=split)
        else:
            order = np.random.default_rng(split).permutation(442)[:260]
            x, y = (part[order] for part in load_diabetes(return_X_y=True))
            y = y / 100
        model = LinearRegressor(solver="adam", learning_rate_init=0.05, max_iter=5, random_state=0, **settings)
        model.fit(x[:100], y[:100], X_cal=x[100:160], y_cal=y[100:160])
        for coverage in covered:
            low, high = model.predict_interval(x[160:], coverage).T
            covered[coverage] += int(np.sum((low <= y[160:]) & (y[160:] <= high)))
    for coverage, count in covered.items():
        least, most = band(coverage)
        assert least <= count <= most


def test_a_model_that_is_learned_narrow_is_made_wide():
    """Trained on 40 rows until it knows them by heart: its own quantiles hold far too little, the calibrated do not."""
    model = heads(quantile=[0.05, 0.95], max_iter=1000, alpha=0.0, tol=0.0, n_iter_no_change=1000)
    model.set_params(hidden_layer_sizes=(100,), learning_rate_init=0.01)
    few = slice(0, 40)
    low, high = model.fit(X[few], Y[few]).predict_interval(X[NEW]).T
    assert np.mean((low <= Y[NEW]) & (Y[NEW] <= high)) < 0.4
    low, high = model.fit(X[few], Y[few], X_cal=X[CAL], y_cal=Y[CAL]).predict_interval(X[NEW]).T
    assert 0.8 < np.mean((low <= Y[NEW]) & (Y[NEW] <= high)) < 0.98


# --- what is kept, what is forgotten ---------------------------------------------------------------------------------


def test_the_calibration_survives_files_and_pickles(fitted, tmp_path):
    save(fitted, tmp_path / "m.safetensors")
    expected = fitted.predict_interval(X[NEW], 0.8)
    for again in (load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(fitted))):
        assert again.get_params()["quantile"] == QUANTILES
        assert np.array_equal(again.predict_interval(X[NEW], 0.8), expected)
        assert again.score(X, Y) == fitted.score(X, Y)


def test_residuals_of_a_network_in_float32_are_float64(tmp_path):
    model = heads().fit(X[OLD].astype(np.float32), Y[OLD], X_cal=X[CAL].astype(np.float32), y_cal=Y[CAL])
    assert model.coefs_[0].dtype == np.float32
    assert model.calibration_residuals_.dtype == model.predict_interval(X[NEW]).dtype == np.float64
    save(model, tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    new = X[NEW].astype(np.float32)
    assert np.array_equal(again.predict_interval(new), model.predict_interval(new))


def test_new_weights_forget_the_old_calibration(fitted):
    def calibrated():
        return pickle.loads(pickle.dumps(fitted))

    assert not hasattr(clone(fitted), "calibration_residuals_")
    assert not hasattr(calibrated().fit(X, Y), "calibration_residuals_")
    assert not hasattr(calibrated().partial_fit(X, Y), "calibration_residuals_")
    assert not hasattr(calibrated().set_params(warm_start=True).fit(X, Y), "calibration_residuals_")
    assert len(calibrated().fit(X, Y, X_cal=X[:70], y_cal=Y[:70]).calibration_residuals_) == 70


def test_the_calibration_rows_do_not_train(fitted):
    assert np.array_equal(heads().fit(X[OLD], Y[OLD]).coefs_[0], fitted.coefs_[0])


def test_residuals_that_do_not_fit_the_network_are_a_damaged_file(fitted):
    record, tensors = fitted.to_record()
    for shape in ((5, 2), (5,), (0, 3)):
        with pytest.raises(ModelFileError, match="calibration residuals of shape"):
            MLPRegressor.from_record(record, tensors | {"calibration": np.zeros(shape)})


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, np.nan, "0.9", None, True])
def test_a_coverage_is_between_0_and_1(fitted, coverage):
    with pytest.raises(InvalidParameterError, match="coverage must be a number above 0 and below 1"):
        fitted.predict_interval(X, coverage)


def test_without_calibration_and_quantiles_it_says_what_to_do():
    with pytest.raises(InvalidParameterError, match=r"no quantiles. Give those, or use .* quantile=\[0.05, 0.95\]"):
        LinearRegressor().fit(X, Y).predict_interval(X)
    with pytest.raises(InvalidParameterError, match=r"quantiles are \[0.05, 0.5, 0.95\]. .* quantile=\[0.1, 0.9\]"):
        heads(max_iter=1).fit(X, Y).predict_interval(X, 0.8)


def test_half_a_calibration_set_is_refused_before_training():
    for half in ({"X_cal": X}, {"y_cal": Y}):
        model = LinearRegressor()
        with pytest.raises(InvalidParameterError, match="must be given together"):
            model.fit(X, Y, **half)
        assert not hasattr(model, "coefs_")
    with pytest.raises(ValueError, match="features"):
        LinearRegressor().fit(X, Y, X_cal=X[:, :3], y_cal=Y)


def test_classifiers_have_no_intervals():
    with pytest.raises(InvalidParameterError, match="LinearClassifier does not have"):
        LinearClassifier().fit(X, Y > 10, X_cal=X, y_cal=Y > 10)
