"""Raw frames go in: levels become learned vectors, numbers are scaled, gaps are filled, by the training rows alone."""

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from chainrule import MLPClassifier, MLPRegressor, gradcheck, load, save, trace
from chainrule._errors import InvalidParameterError, ModelFileError, TableError
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import fit_network
from chainrule.network.embeddings import Embedding, suggested_size
from chainrule.network.losses import loss

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
M = 120
CITIES = np.array(["bonn", "lima", "oslo", "rome"])
CODES = RNG.integers(0, 4, M)
AGE = np.round(RNG.normal(40, 10, M), 1)
Y = ((CODES == 3) | (AGE > 50)).astype(int)
DATA = {
    "age": [None if place % 17 == 0 else age for place, age in enumerate(AGE.tolist())],
    "city": [None if place % 13 == 0 else city for place, city in enumerate(CITIES[CODES].tolist())],
    "sex": np.array(["f", "m"])[RNG.integers(0, 2, M)].tolist(),
}
ALL = {"categorical_features": "from_dtype", "scale": True, "missing": "impute"}


def _model(kind=MLPClassifier, **settings):
    return kind((5,), **({"engine": "reference", "random_state": 0, "max_iter": 4, "batch_size": 32} | settings))


def _theta(model):
    return model.network_.parameters.theta


def _frame(**changes):
    return pd.DataFrame({"age": AGE, "city": CITIES[CODES]} | changes)


def _encoded(model, X):
    return model._inputs(X)


class TestSources:
    FRAMES = (
        pd.DataFrame(DATA),
        pd.DataFrame(DATA).astype({"city": "category", "sex": "string"}),
        pl.DataFrame(DATA),
        pl.DataFrame(DATA).with_columns(pl.col("city").cast(pl.Categorical), pl.col("sex").cast(pl.Enum(["m", "f"]))),
    )

    @pytest.mark.parametrize("frame", FRAMES[1:], ids=["pandas dtypes", "polars", "polars dtypes"])
    def test_every_frame_gives_the_same_bits(self, frame):
        plain = _model(**ALL).fit(self.FRAMES[0], Y)
        model = _model(**ALL).fit(frame, Y)
        assert_array_equal(_theta(model), _theta(plain))
        assert_array_equal(model.predict_proba(frame), plain.predict_proba(self.FRAMES[0]))
        assert model.feature_names_in_.tolist() == ["age", "city", "sex"]
        assert model.n_features_in_ == 3

    @pytest.mark.parametrize("values", [CODES, CODES.astype(float), CODES.astype(str), CODES.astype(object)], ids=str)
    def test_codes_count_by_their_spelling(self, values):
        texts = _frame(city=CODES.astype(str))
        model = _model(categorical_features=["city"]).fit(_frame(city=values), Y)
        assert_array_equal(_theta(model), _theta(_model(categorical_features="from_dtype").fit(texts, Y)))
        assert_array_equal(model.predict(texts), model.predict(_frame(city=values)))

    @pytest.mark.parametrize("chosen", [[1], [False, True], np.array([1]), (1,)], ids=str)
    @pytest.mark.parametrize(
        "make", [np.array, lambda rows: np.array(rows, object), list], ids=["array", "object", "list"]
    )
    def test_arrays_take_numbers_or_a_mask(self, chosen, make):
        rows = make([[age, code] for age, code in zip(AGE.tolist(), CODES.tolist(), strict=True)])
        model = _model(categorical_features=chosen).fit(rows, Y)
        named = _model(categorical_features=["city"]).fit(_frame(city=CODES), Y)
        assert_array_equal(_theta(model), _theta(named))
        assert_array_equal(model.predict_proba(rows), named.predict_proba(_frame(city=CODES)))

    def test_from_dtype_of_an_array_is_no_column(self):
        table = np.column_stack([AGE / 10, CODES])
        assert_array_equal(
            _theta(_model(categorical_features="from_dtype").fit(table, Y)), _theta(_model().fit(table, Y))
        )

    def test_float32_stays_float32(self):
        frame = _frame(age=AGE.astype(np.float32))
        model = _model(categorical_features="from_dtype", scale=True).fit(frame, Y)
        assert _theta(model).dtype == model.predict_proba(frame).dtype == model.transform(frame).dtype == np.float32
        assert _theta(_model(**ALL).fit(_frame(), Y)).dtype == np.float64

    @pytest.mark.parametrize("settings", [{"early_stopping": True}, {"solver": "lbfgs", "batch_size": "auto"}], ids=str)
    def test_other_trainings(self, settings):
        frame = self.FRAMES[0]
        assert _model(**ALL, **settings | {"max_iter": 100}).fit(frame, Y).score(frame, Y) > 0.8


class TestEncoding:
    def test_a_hand_made_network_on_the_encoded_table_is_the_same(self):
        model = _model(categorical_features="from_dtype", scale=True).fit(_frame(), Y)
        x = (AGE - AGE.mean()) / AGE.std()
        X = np.column_stack([x / np.sqrt(1 + (x / 4) ** 2), CODES + 1])
        table = TrainingSet(X, Y[:, None] == 1, embeddings=(Embedding(1, 5, suggested_size(5)),))
        by_hand = fit_network(_model(), table, loss("binary_cross_entropy"), seed=model.network_.seed)
        assert_allclose(_theta(model), by_hand.parameters.theta, rtol=1e-12, atol=1e-14)
        W, b, (E,) = (getattr(by_hand.parameters, name) for name in "WbE")
        A = np.maximum(np.vstack([X[:, :1].T, E[:, CODES + 1]]).T @ W[1].T + b[1].T, 0)
        assert_allclose(model.decision_function(_frame()), (A @ W[2].T + b[2].T)[:, 0], rtol=1e-10, atol=1e-12)

    def test_missing_numbers_are_the_median_and_say_so(self):
        age = np.where(np.arange(M) % 7 == 0, np.nan, AGE)
        model = _model(missing="impute").fit(age[:, None], Y)
        filled = np.where(np.isnan(age), np.nanmedian(age), age)
        assert_array_equal(_encoded(model, age[:, None]), np.column_stack([filled, np.isnan(age)]))
        complete = _model(missing="impute").fit(AGE[:, None], Y)  # nothing to indicate, but gaps are filled
        assert_array_equal(_encoded(complete, np.array([[np.nan], [1.0]])), [[np.median(AGE)], [1.0]])

    def test_a_missing_level_is_one_of_its_own(self):
        city = np.where(np.arange(M) % 3 == 0, None, CITIES[CODES])
        model = _model(**ALL).fit(_frame(city=city), Y)
        codes = _encoded(model, _frame(city=city))[:, 1]
        assert_array_equal(codes, np.where(city == None, 5, CODES + 1))  # noqa: E711

    def test_rare_and_unknown_levels_share_the_first_vector(self):
        city = CITIES[CODES].astype(object)
        city[[3, 8, 11]] = ["ulm", "kiel", "jena"]
        model = _model(categorical_features=["city"]).fit(_frame(city=city), Y)
        codes = _encoded(model, _frame(city=np.where(np.arange(M) == 0, "nowhere", city)))[:, 1]
        assert set(np.flatnonzero(codes == 0)) == {0, 3, 8, 11}
        assert _theta(model)[-5 * 4 :].reshape(5, 4)[0].any()  # it has been learned

    def test_an_unknown_level_is_0_where_none_was_rare(self):
        model = _model(categorical_features=["city"]).fit(_frame(), Y)
        assert not model.network_.parameters.E[0][:, 0].any()
        assert np.isfinite(model.predict_proba(_frame(city="nowhere"))).all()

    def test_two_levels_are_one_input(self):
        sex = np.array(DATA["sex"])
        model = _model(categorical_features=["sex"]).fit(_frame(city=sex).rename(columns={"city": "sex"}), Y)
        assert model.network_.architecture.embeddings == ()
        seen = pd.DataFrame({"age": [1.0, 1.0, 1.0], "sex": ["f", "m", "x"]})
        assert_array_equal(_encoded(model, seen)[:, 1], [0, 1, 0.5])

    @pytest.mark.parametrize(
        ("size", "sizes"),
        [("auto", [4]), (3, [3, 3]), ({"sex": 2}, [4, 2]), ({"city": 7}, [7]), ({1: 7, 2: 1}, [7, 1])],
    )
    def test_sizes(self, size, sizes):
        frame = _frame(sex=DATA["sex"])
        model = _model(categorical_features="from_dtype", embedding_size=size).fit(frame, Y)
        assert [embedding.size for embedding in model.network_.architecture.embeddings] == sizes
        assert model.coefs_[0].shape == (1 + sum(sizes) + (len(sizes) == 1), 5)

    def test_a_constant_column_stays(self):
        model = _model(scale=True).fit(np.column_stack([AGE, np.full(M, 0.1)]), Y)
        assert model.coefs_[0].shape == (2, 5)
        assert_allclose(_encoded(model, np.array([[40.0, 0.1]]))[0, 1], 0, atol=1e-15)


class TestWeights:
    WEIGHTS = np.arange(M) % 3

    @pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
    def test_rows_of_weight_0_are_not_there(self, settings):
        frame, kept = pd.DataFrame(DATA), self.WEIGHTS > 0
        spoilt = frame.assign(
            age=np.where(kept, frame["age"], 1e6), city=frame["city"].where(kept, "nowhere"), sex=frame["sex"]
        )
        a = _model(**ALL, **settings).fit(spoilt, Y, self.WEIGHTS)
        b = _model(**ALL, **settings).fit(frame[kept], Y[kept], self.WEIGHTS[kept])
        assert_array_equal(_theta(a), _theta(b))
        assert a._columns == b._columns

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_weight_k_is_k_copies_to_the_bit(self, kind):
        frame, places = pd.DataFrame(DATA), np.repeat(np.arange(M), self.WEIGHTS)
        settings = {**ALL, "solver": "gradient_descent", "batch_size": "auto"}
        a = _model(kind, **settings).fit(frame, 100 * Y, self.WEIGHTS)
        b = _model(kind, **settings).fit(frame.iloc[places], 100 * Y[places])
        assert a._columns == b._columns
        assert_array_equal(_theta(a), _theta(b))

    def test_weights_that_are_shares_leave_common_levels_common(self):
        model = _model(**ALL).fit(_frame(), Y, np.full(M, 1 / M))
        assert model._columns.encoder.blocks[1] == _model(**ALL).fit(_frame(), Y)._columns.encoder.blocks[1]


class TestGoingOn:
    def test_partial_fit_keeps_the_statistics_of_the_first_call(self):
        model = _model(**ALL).partial_fit(_frame().iloc[:60], Y[:60])
        first = model._columns
        model.partial_fit(_frame(age=AGE * 1000, city="nowhere").iloc[60:], Y[60:])
        assert model._columns is first

    def test_warm_start_keeps_the_encoder_and_a_new_fit_measures_anew(self):
        model = _model(**ALL, warm_start=True).fit(_frame(), Y)
        first = model._columns
        assert model.fit(_frame(age=2 * AGE), Y)._columns is first
        assert model.set_params(warm_start=False).fit(_frame(age=2 * AGE), Y)._columns != first
        assert model.set_params(categorical_features=None, scale=False, missing="error").fit(AGE[:, None], Y)
        assert model._columns is None

    @pytest.mark.parametrize("size", ["auto", {"city": 3}, {1: 3}], ids=str)
    def test_pickle_clone_and_file(self, size, tmp_path):
        frame = pd.DataFrame(DATA)
        model = _model(MLPRegressor, **ALL, embedding_size=size).fit(frame, 1000 * AGE)
        expected = model.predict(frame)
        save(model, tmp_path / "m.safetensors")
        for again in (pickle.loads(pickle.dumps(model)), load(tmp_path / "m.safetensors")):
            assert_array_equal(again.predict(frame), expected)
            assert again.get_params() == model.get_params()
            assert again._columns == model._columns
            assert again.data_loss(frame, 1000 * AGE) == model.data_loss(frame, 1000 * AGE)
        assert_array_equal(clone(model).fit(frame, 1000 * AGE).predict(frame), expected)

    def test_a_file_whose_columns_are_not_the_network_s(self, tmp_path):
        record, tensors = _model(**ALL).fit(pd.DataFrame(DATA), Y).to_record()
        for spoil in (lambda c: c["blocks"].pop(), lambda c: c["kinds"].pop(), lambda c: c["blocks"][1].update(size=9)):
            damaged = json.loads(json.dumps(record))
            spoil(damaged["columns"])
            with pytest.raises(ModelFileError, match=r"columns|features"):
                MLPClassifier.from_record(damaged, tensors)

    def test_trace_and_gradcheck_see_the_encoded_table(self):
        frame = pd.DataFrame(DATA).drop(columns="city")
        model = _model(MLPRegressor, **ALL).fit(frame, 1000 * AGE)
        assert_array_equal(trace(model, frame[:6], 1000 * AGE[:6]).A[0], _encoded(model, frame[:6]).T)
        assert trace(model, frame, 1000 * AGE).cost == pytest.approx(model.loss_, rel=1e-12)
        assert gradcheck(model, frame[:20], 1000 * AGE[:20]).ok


class TestTools:
    def test_pipeline_search_and_scores(self):
        frame = pd.DataFrame(DATA)
        model = _model(**ALL, max_iter=40, batch_size=16)
        pipe = make_pipeline(FunctionTransformer(), model).fit(frame, Y)
        assert_array_equal(pipe.predict(frame), clone(model).fit(frame, Y).predict(frame))
        assert cross_val_score(model, frame, Y, cv=3).mean() > 0.6
        search = GridSearchCV(model, {"embedding_size": [1, {"city": 2}], "scale": [True, False]}, cv=2).fit(frame, Y)
        assert search.best_estimator_.n_features_in_ == 3

    def test_tags(self):
        assert not MLPClassifier(scale=True).__sklearn_tags__().input_tags.sparse
        assert MLPClassifier().__sklearn_tags__().input_tags.sparse
        assert MLPClassifier(missing="impute").__sklearn_tags__().input_tags.allow_nan


class TestRefusals:
    @pytest.mark.parametrize(
        ("frame", "settings", "words"),
        [
            (pd.DataFrame(DATA).drop(columns="city"), {}, "Input X contains NaN: column 'age' lacks 8 of 120"),
            (pd.DataFrame(DATA).drop(columns="age"), {}, "Input X contains NaN: column 'city' lacks 10 of 120"),
            (_frame(age=np.where(AGE > 50, np.inf, AGE)), {}, "Input X contains infinity: column 'age'"),
            (_frame(when=np.datetime64("2024-01-01")), {}, "'when' holds dates: make numbers"),
            (_frame(sex=DATA["sex"]), {"categorical_features": ["city"]}, "Column 'sex' must hold numbers"),
            (_frame(), {"categorical_features": ["town"]}, "names 'town', which X has not"),
            (_frame(), {"categorical_features": [2]}, "numbers from 0 to 1"),
            (_frame(), {"categorical_features": [True]}, "a mask of 2 True or False"),
            (_frame(), {"embedding_size": {"age": 3}}, "embedding_size names 'age', which is no categorical"),
            (_frame().to_numpy(), {"categorical_features": ["city"]}, "names of the columns of a data frame"),
            (sparse.csr_array(np.eye(M, 3)), {"categorical_features": None, "scale": True}, "X is sparse"),
            (sparse.csr_array(np.eye(M, 3)), {"categorical_features": None, "missing": "impute"}, "X is sparse"),
            (sparse.csr_array(np.eye(M, 3)), {}, "X is sparse"),
        ],
    )
    def test_fit(self, frame, settings, words):
        with pytest.raises((TableError, InvalidParameterError), match=words):
            _model(**{"categorical_features": "from_dtype"} | settings).fit(frame, Y)

    @pytest.mark.parametrize(
        ("frame", "words"),
        [
            (
                _frame(age=CITIES[CODES]),
                "Column 'age' must hold numbers, but: could not convert .* '(bonn|lima|oslo|rome)'",
            ),
            (_frame(city=AGE), "'city' had text values in training; now they are of the kind number"),
            (_frame()[["city", "age"]], "same order"),
            (_frame(more=1), "unseen at fit time"),
            (_frame().iloc[:0], "no rows"),
            (_frame(city=np.where(AGE > 50, None, "rome")), "Input X contains NaN: column 'city'"),
        ],
        ids=["text", "numbers", "order", "more", "empty", "missing"],
    )
    def test_predict(self, frame, words):
        model = _model(categorical_features="from_dtype").fit(_frame(), Y)
        with pytest.raises(ValueError, match=words):
            model.predict(frame)

    def test_a_size_without_columns_is_said_to_do_nothing(self):
        with pytest.warns(UserWarning, match="embedding_size: no effect"):
            _model(embedding_size=3).fit(AGE[:, None], Y)


def test_the_vectors_are_shown_by_level():
    model = _model(**ALL).fit(_frame(), Y)
    vectors = model.embeddings_["city"]
    assert list(vectors) == ["(other)", "bonn", "lima", "oslo", "rome"]
    code = int(_encoded(model, _frame(city=["lima"] * M))[0, 1])
    assert_array_equal(vectors["lima"], model.network_.parameters.E[0][:, code])
    assert _model().fit(AGE[:, None], Y).embeddings_ == {}


@pytest.mark.parametrize("fraction", [0.25, 30], ids=str)
def test_rows_that_are_held_out_measure_nothing(fraction):
    """Means, deviations, medians and levels come from the rows that are trained on."""
    seen = []

    def scorer(estimator, X, y):
        seen.append(X)
        return estimator.score(X, y)

    settings = ALL | {"early_stopping": True, "validation_fraction": fraction, "scoring": scorer, "max_iter": 1}
    model = _model(MLPRegressor, standardize_target=True, **settings).fit(_frame(), 100 * AGE)
    held_out = seen[0].index
    assert len(held_out) == pytest.approx(30, abs=3)  # some rows are copies, which stay together
    rest = AGE[np.setdiff1d(np.arange(M), held_out)]
    assert model._columns.encoder.blocks[0].centre == pytest.approx(rest.mean())
    assert model._columns.encoder.blocks[0].scale == pytest.approx(rest.std())
    assert model._target.centre[0] == pytest.approx(100 * rest.mean())


def test_own_validation_rows_measure_nothing_and_are_encoded():
    X_val = _frame(age=AGE + 1000)
    watched = _model(**ALL).fit(_frame(), Y, X_val=X_val, y_val=Y)
    alone = _model(**ALL).fit(_frame(), Y)
    assert_array_equal(_theta(watched), _theta(alone))
    assert watched.history_.final["val_loss"] == watched.data_loss(X_val, Y)
    assert watched.history_.final["val_loss"] > watched.history_.final["loss"]
