"""Inputs that a callback changes while they are trained on: whatever is read then, it is memory of the inputs."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from chainrule import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")

DRAW = np.random.default_rng(0)
DENSE = DRAW.normal(size=(200, 12)) * (DRAW.random((200, 12)) < 0.3)
Y = DENSE.sum(axis=1)


def table(long=False):
    made = sparse.csr_array(DENSE)
    kind = np.int64 if long else np.int32
    return sparse.csr_array((made.data, made.indices.astype(kind), made.indptr.astype(kind)), shape=made.shape)


def overwritten(X, **arrays):
    """A callback that writes into arrays of X at the end of an epoch."""

    def callback(ctx):
        for name, value in arrays.items():
            getattr(X, name)[:] = value

    return callback


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("long", [False, True], ids=["int32", "int64"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_where_entries_belong_is_what_it_was_when_training_began(Native, engine, long, solver):
    settings = {"solver": solver, "max_iter": 4, "tol": 0, "engine": engine, "random_state": 0}
    changed, X = table(long), table(long)
    plain = MLPRegressor((5,), **settings).fit(X, Y)
    changing = overwritten(changed, indices=11, indptr=0)
    model = MLPRegressor((5,), **settings, callbacks=changing).fit(changed, Y)
    for ours, theirs in zip(model.coefs_, plain.coefs_, strict=True):
        assert_array_equal(ours, theirs)


# What no check can see that is made before the training: it runs in a process of its own, which a wild read would end.
WILD = """
import warnings
import numpy as np
from scipy import sparse
from chainrule.engine import choose
from chainrule.network import Dense, Network
from chainrule.network.examples import Examples
warnings.simplefilter("ignore")
draw = np.random.default_rng(0)
X = sparse.random_array((300, 40), density=0.2, format="csr", rng=draw)
X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int64)
network = Network([Dense(8), Dense(1, "identity")], n_inputs=40, loss="squared_error", seed=0)
Y, rows = np.zeros((1, 300)), np.arange(0, 300, 2)
examples = Examples(X.T, Y, rows=rows)
engine = choose("native")
architecture, parameters = network.architecture, network.parameters
before = engine.mean_loss(architecture, parameters, examples)
X.indptr[:], rows[:] = 2**40, 2**40
assert engine.mean_loss(architecture, parameters, examples) == before  # these two are the engine's own
for wild in (2**30, 2**31 - 1, -(2**31), -1, 40):
    X.indices[:] = wild
    assert np.isfinite(engine.mean_loss(architecture, parameters, examples))
    cost, gradient = engine.cost_and_gradient(architecture, parameters, examples)
    assert np.isfinite(cost) and np.isfinite(gradient).all()
print("alive")
"""


def test_indices_that_lead_out_of_the_memory(Native):
    done = subprocess.run([sys.executable, "-c", WILD], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr[-2000:]


def test_arrays_in_use_cannot_be_resized():
    X, refused = DENSE.copy(), []

    def callback(ctx):
        try:
            X.resize((10, 12))
        except ValueError as error:
            refused.append(str(error))

    MLPRegressor((5,), max_iter=2, random_state=0, callbacks=callback).fit(X, Y)
    assert len(refused) == 2
    assert "cannot resize an array that" in refused[0]


def test_codes_that_a_callback_changes_are_misread_and_no_more():
    codes = DRAW.integers(0, 4, size=(200, 1)).astype(float)
    X = np.hstack([DENSE, codes])

    def callback(ctx):
        X[:, -1] = 1e300

    model = MLPRegressor(
        (5,), max_iter=3, random_state=0, categorical_features=[12], embedding_size=3, callbacks=callback
    ).fit(X, Y)
    assert all(np.isfinite(W).all() for W in model.coefs_)


BROKEN = """
import numpy as np
from scipy import sparse
from chainrule import MLPRegressor
from chainrule._errors import ShapeError
good = sparse.random(60, 5, 0.5, format="csr", random_state=0)
y = np.arange(60.0)
model = MLPRegressor((3,), max_iter=2, random_state=0).fit(good, y)
said = 0
for form in ("csr", "csc", "bsr"):
    for part in ("indices", "indptr"):
        for value in (2**30, -7):
            X = good.asformat(form, copy=True)
            getattr(X, part)[1:] = value
            for use in (lambda: MLPRegressor((3,)).fit(X, y), lambda: model.predict(X)):
                try:
                    use()
                except ShapeError as error:
                    said += "lead out of it" in str(error)
print(said)
"""


def test_a_matrix_that_is_broken_when_it_is_given_is_refused():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", BROKEN], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "24\n"), done.stderr[-2000:]
