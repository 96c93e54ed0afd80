"""The same bits: on any number of threads, cut into any segments, for a row alone or among others, time after time."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chainrule.network.embeddings import Embedding
from chainrule.network.losses import loss
from chainrule.network.penalties import Penalty

from ..contract.cases import OPTIMIZER_CASES
from .cases import DTYPES, Problem, classes

THREADS = (1, 2, 3, 8)


def everything(engine: Any, problem: Problem, dtype: str) -> dict[str, bytes]:
    """All the engine returns for a problem, as bytes."""
    trained = problem.run(engine, dtype)
    architecture, parameters, examples = problem.architecture, trained.state.parameters, problem.examples
    X = examples.batch(slice(None), np.dtype(dtype))[0]
    cost, gradient = engine.cost_and_gradient(architecture, parameters, examples)
    return {
        "training": trained.bits(),
        "logits": np.ascontiguousarray(engine.logits(architecture, parameters, X)).tobytes(),
        "mean loss": np.float64(engine.mean_loss(architecture, parameters, examples)).tobytes(),
        "cost": np.float64(cost).tobytes(),
        "gradient": gradient.tobytes(),
    }


def check(Native, problem):
    for dtype in DTYPES:
        alone = everything(Native(1, adaptive=False), problem, dtype)
        assert everything(Native(1, adaptive=False), problem, dtype) == alone, f"{dtype}: the second run differs"
        for n_threads in THREADS[1:]:
            for name, bits in everything(Native(n_threads, adaptive=False), problem, dtype).items():
                assert bits == alone[name], f"{dtype}: the {name} of {n_threads} threads differs from one thread's"


SHAPES = [
    ((1, 1), 9, 4),
    ((4, 1), 40, 1),
    ((5, 3, 2), 61, 7),
    ((20, 64, 32, 1), 300, 64),
    ((33, 17, 65, 9, 3), 130, 130),
    ((100, 90, 70, 10), 200, 47),
    ((7, 300, 4), 150, 33),
    ((300, 5, 1), 150, 128),
]


@pytest.mark.parametrize(("widths", "m", "size"), [((5, 3), 61, 7), ((20, 64, 32, 19), 300, 64)], ids=str)
def test_any_number_of_threads_for_several_quantiles(Native, widths, m, size):
    problem = classes(widths, m, size, weighted=True)
    target = np.random.default_rng(0).normal(size=(1, m))
    several = replace(problem.architecture, loss=loss("quantiles"))
    examples = replace(problem.examples, Y=np.broadcast_to(target, (widths[-1], m)))
    check(Native, replace(problem, architecture=several, examples=examples))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("dropout", [False, True], ids=["", "dropout"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(("widths", "m", "size"), SHAPES, ids=str)
def test_any_number_of_threads_for_every_shape(Native, widths, m, size, sparse, dropout):
    shares = tuple(np.linspace(0.1, 0.5, len(widths) - 1)) if dropout else ()
    check(Native, classes(widths, m, size, sparse=sparse, dropout=shares))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("step_by", OPTIMIZER_CASES, ids=str)
@pytest.mark.parametrize("clip", [None, 0.05], ids=["", "clipped"])
def test_any_number_of_threads_for_every_optimiser(Native, step_by, clip):
    parts = {"weighted": True, "clip": clip, "penalty": Penalty(0.01, 0.5), "dropout": (0.1, 0.2, 0.3)}
    check(Native, classes((19, 40, 23, 3), 90, 32, step_by=step_by, **parts))


@pytest.mark.parametrize("embeddings", [(), (Embedding(1, 900, 3),)], ids=["", "embeddings"])
def test_any_number_of_threads_over_several_chunks(Native, embeddings):
    check(Native, classes((6, 21, 2), 9001, 4500, weighted=True, embeddings=embeddings))


# Embeddings that end within a block of entries, in one thread's and in another's; with layers of all kinds above.
EMBEDDED = [
    ((3, 1), (Embedding(0, 2, 1), Embedding(2, 3, 1))),
    ((19, 40, 3), (Embedding(3, 41, 16),)),
    ((70, 33, 1), (Embedding(0, 1000, 65), Embedding(5, 7, 1))),
    ((120, 20, 17, 2), (Embedding(100, 300, 5), Embedding(7, 30, 13), Embedding(8, 3, 2))),
]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("step_by", OPTIMIZER_CASES[::3], ids=str)
@pytest.mark.parametrize(("widths", "embeddings"), EMBEDDED, ids=["one-layer", "two-layers", "one-output", "wide"])
def test_any_number_of_threads_and_any_cut_with_embeddings(Native, widths, embeddings, step_by):
    shares = tuple(np.linspace(0.1, 0.5, len(widths) - 1))
    shape = classes(widths, 90, 32, step_by=step_by, embeddings=embeddings, clip=0.05, dropout=shares)
    check(Native, shape)
    whole = shape.run(Native(3, adaptive=False)).bits()
    assert shape.run(Native(3, adaptive=False), cuts=(1, 6, 19)).bits() == whole


@pytest.mark.parametrize(("widths", "m", "size"), [((30, 50, 4), 200, 64), ((200, 300, 10), 512, 256)], ids=str)
def test_as_many_threads_as_the_cost_model_likes(Native, widths, m, size):
    """One for a small network, all of them for a large one."""
    shape = classes(widths, m, size)
    for dtype in DTYPES:
        alone = everything(Native(1, adaptive=False), shape, dtype)
        assert all(everything(Native(n_threads), shape, dtype) == alone for n_threads in THREADS)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("step_by", OPTIMIZER_CASES, ids=str)
def test_any_cut_into_segments(Native, step_by, n_threads, dtype):
    engine = Native(n_threads, adaptive=False)
    shape = classes((9, 20, 3), 50, 8, step_by=step_by, weighted=True, clip=0.1, dropout=(0.1, 0.3))
    whole = shape.run(engine, dtype).bits()
    for cuts in (range(20), (7,), (1, 6, 19)):
        assert shape.run(engine, dtype, cuts=tuple(cuts)).bits() == whole


@pytest.mark.parametrize("between", ["mean_loss", "another training", "an earlier state"])
def test_a_segment_that_does_not_follow_the_last_job(Native, between):
    """The engine's memory holds what the last job left, which is then not what the next segment starts from."""
    shape, other = classes((9, 20, 3), 50, 8), classes((9, 20, 3), 50, 8, weighted=True)
    order, rates = np.arange(50), shape.rates[:7]

    def steps(engine, problem, state):
        return engine.run_segment(problem.architecture, problem.plan, state, problem.examples, order, rates)[0]

    engine = Native(1)
    start = steps(engine, shape, shape.start("float64"))
    alone = steps(Native(1), shape, start)
    if between == "mean_loss":
        engine.mean_loss(shape.architecture, start.parameters, shape.examples)
    elif between == "another training":
        steps(engine, other, other.start("float64"))
    else:
        steps(engine, shape, start)
    assert steps(engine, shape, start).parameters.theta.tobytes() == alone.parameters.theta.tobytes()


def test_what_the_engine_holds_cannot_be_changed_behind_its_back(engine):
    shape = classes((9, 20, 3), 50, 8)
    state = shape.run(engine).state
    for vector in (state.parameters.theta, *state.slots):
        with pytest.raises(ValueError, match="read-only"):
            vector[0] = 1


@pytest.mark.parametrize("step_by", OPTIMIZER_CASES, ids=str)
def test_a_segment_changes_nothing_it_is_given(engine, step_by):
    """From arrays that cannot be written to, twice the same, and the arrays are as they were."""
    shape = classes((9, 20, 3), 50, 8, step_by=step_by, weighted=True, clip=0.1, dropout=(0.1, 0.3))
    start, order = shape.run(engine, cuts=()).state, np.arange(50)
    arrays = [start.parameters.theta, *start.slots, shape.examples.X, shape.examples.Y, shape.examples.weights, order]
    before = [array.tobytes() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    first, second = (
        engine.run_segment(shape.architecture, shape.plan, start, shape.examples, order, shape.rates[:7])
        for _ in range(2)
    )
    assert first[0].parameters.theta.tobytes() == second[0].parameters.theta.tobytes()
    assert first[0].parameters.theta.tobytes() != before[0]
    assert first[1] == second[1]
    assert [array.tobytes() for array in arrays] == before


NETWORKS = [(1, 1), (3, 1), (5, 7, 2), (17, 33, 10), (70, 129, 64, 3), (300, 20, 1), (40, 1000)]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["dense", "sparse", "embedded"])
@pytest.mark.parametrize("widths", NETWORKS, ids=str)
def test_a_row_alone_or_among_others(Native, widths, form, dtype):
    """Every row of seventy, alone, in the first m of them, in the last m, and in a batch shuffled."""
    embeddings = (Embedding(0, 9, widths[0] - widths[0] // 2),) if form == "embedded" else ()
    shape = classes(widths, 70, 1, sparse=form == "sparse", embeddings=embeddings)
    X = shape.examples.batch(slice(None), np.dtype(dtype))[0]
    parameters = shape.parameters(dtype)

    def logits(columns, n_threads=1):
        return Native(n_threads, adaptive=False).logits(shape.architecture, parameters, X.T[columns].T)

    alone = np.hstack([logits([i]) for i in range(70)])
    assert alone.shape == (widths[-1], 70)
    assert alone.dtype == dtype
    for m in range(1, 71):
        n_threads = THREADS[m % 4]
        assert np.array_equal(logits(slice(0, m), n_threads), alone[:, :m]), f"the first {m} rows"
        assert np.array_equal(logits(slice(70 - m, 70), n_threads), alone[:, 70 - m :]), f"the last {m} rows"
    order = np.random.default_rng(0).integers(0, 70, 500)
    assert np.array_equal(logits(order, 2), alone[:, order])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_row_among_ten_thousand(Native, sparse, dtype):
    shape = classes((12, 40, 3), 10_000, 1, sparse=sparse)
    X, parameters = shape.examples.batch(slice(None), np.dtype(dtype))[0], shape.parameters(dtype)
    whole = Native(2, adaptive=False).logits(shape.architecture, parameters, X)
    for i in (0, 1, 4095, 4096, 4097, 8192, 9999):
        alone = Native(1).logits(shape.architecture, parameters, X[:, [i]])
        assert np.array_equal(alone[:, 0], whole[:, i]), f"row {i}"
