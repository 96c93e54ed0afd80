"""The native engine against the reference, step by step: fifty steps from the same state, over the contract tables."""

from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from chainrule.engine import reference
from chainrule.network import Architecture, activation, loss
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.training.segment import Plan, initial_state

from ..contract.cases import ACTIVATION_CASES, LOSS_CASES, LOSSES_AND_OUTPUTS, OPTIMIZER_CASES
from .cases import DTYPES, TOLERANCE, Problem, exact, furthest, inputs, optimizer, rates
from .posed import posed

M = 47  # rows, which neither 7 nor 32 divides
BATCH_SIZES = (1, 7, 32, M)
WIDTHS = ((5,), (5, 33), (3, 9, 17), (5, 7, 3, 11))  # n[0] and the hidden layers, by their number


def network(seed, case, n, *, g=0, depth=1, weights=False, embeddings=(), **architecture):
    """A network whose layers have different activations, from number g on, and rows for it."""
    draw = np.random.default_rng(seed)
    widths = (WIDTHS[depth][0] + sum(embedding.size - 1 for embedding in embeddings), *WIDTHS[depth][1:])
    hidden = tuple(activation(ACTIVATION_CASES[(g + 5 * l) % len(ACTIVATION_CASES)].spec) for l in range(depth))
    X, Y = inputs(draw, M, widths[0], embeddings).T, exact(case.targets(draw, n, M))
    w = exact(draw.uniform(0.2, 3, M)) if weights else None
    return Architecture((*widths, n), hidden, case.loss, embeddings=embeddings, **architecture), Examples(X, Y, w)


def check(engine, build):
    """Both dtypes: parameters, slots and the losses of all steps are the reference's."""
    pose = posed(build)
    assert engine.cannot(pose.problem.architecture) is None
    for dtype in DTYPES:
        result = pose.problem.run(engine, dtype)
        assert result.state.parameters.theta.dtype == dtype
        assert (result.state.step, result.state.epoch) == (pose.truth[dtype].state.step, 0)
        apart, where = furthest(result, pose.truth[dtype])
        assert apart <= TOLERANCE[dtype], f"{dtype}: {where} is {apart:.1e} from the reference"


@pytest.mark.one_in(7)
@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
@pytest.mark.parametrize("g", range(len(ACTIVATION_CASES)), ids=lambda g: str(ACTIVATION_CASES[g]))
def test_every_activation_with_every_loss(engine, g, case):
    """Numbers of outputs, optimisers, depths and batch sizes take turns."""
    i = g + LOSS_CASES.index(case)
    n = 1 + i % 3 if case.target != "one-hot" else 2 + i % 2
    step_by, size = OPTIMIZER_CASES[i % len(OPTIMIZER_CASES)], BATCH_SIZES[i // 2 % 4]

    def build(seed):
        architecture, examples = network(seed, case, n, g=g, depth=1 + i // 3 % 3)
        return Problem(architecture, examples, Plan(optimizer(step_by), size, seed), rates(step_by, case.loss), seed)

    check(engine, build)


PENALTIES = {"free": Penalty(), "l2": Penalty(0.05), "l1": Penalty(0.05, 1.0), "elastic": Penalty(0.05, 0.5)}
CHOICES: dict[str, tuple[Any, ...]] = {
    "penalty": tuple(PENALTIES),
    "weights": (False, True),
    "dropout": (False, True),
    "decay": (0.0, 0.1),
    "clip": ("none", "norm", "value"),
    "size": BATCH_SIZES,
}
STRIDES = (1, 1, 1, 6, 3, 2)  # with these, a twelfth of all combinations holds every pair, for every optimiser


def combinations_for(k):
    """The combinations for optimiser number k, as places in the lists of choices."""
    everything = product(*(range(len(values)) for values in CHOICES.values()))
    return [c for c in everything if (np.dot(STRIDES, c) + k) % 12 == 0]


def chosen(places):
    return {name: values[i] for (name, values), i in zip(CHOICES.items(), places, strict=True)}


STEPS = [(k, places) for k in range(len(OPTIMIZER_CASES)) for places in combinations_for(k)]
STEP_NAMES = ["-".join(map(str, (OPTIMIZER_CASES[k], *chosen(places).values()))) for k, places in STEPS]
CLIPS: dict[str, dict[str, float]] = {"none": {}, "norm": {"clip_norm": 0.05}, "value": {"clip_value": 0.01}}


@pytest.mark.parametrize("k", range(len(OPTIMIZER_CASES)), ids=lambda k: str(OPTIMIZER_CASES[k]))
def test_the_combinations_hold_every_pair(k):
    for (a, first), (b, second) in combinations(enumerate(CHOICES.values()), 2):
        assert len({(c[a], c[b]) for c in combinations_for(k)}) == len(first) * len(second)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("k", "places"), STEPS, ids=STEP_NAMES)
def test_every_optimiser_with_everything_that_joins_its_step(engine, k, places):
    """Losses, activations and depths, also no hidden layer, take turns."""
    choice, step_by, i = chosen(places), OPTIMIZER_CASES[k], STEPS.index((k, places))
    case, depth = LOSS_CASES[i % len(LOSS_CASES)], i % 4
    shares = (0.1, 0.3, 0.5, 0.2)[: depth + 1] if choice["dropout"] else ()

    def build(seed):
        architecture, examples = network(
            seed,
            case,
            3,
            g=i,
            depth=depth,
            weights=choice["weights"],
            penalty=PENALTIES[choice["penalty"]],
            dropout=shares,
        )
        plan = Plan(optimizer(step_by), choice["size"], seed, choice["decay"], **CLIPS[choice["clip"]])
        return Problem(architecture, examples, plan, rates(step_by, case.loss), seed)

    check(engine, build)


# Columns in any order, of one entry and of more than a vector, of more levels than there are rows. Of a network with
# three inputs the three leave no plain one.
EMBEDDINGS = {
    "one": (Embedding(1, 3, 2),),
    "three": (Embedding(2, 60, 33), Embedding(0, 2, 1), Embedding(1, 7, 4)),
}


@pytest.mark.parametrize("embedded", EMBEDDINGS)
@pytest.mark.parametrize("plain", [False, True], ids=["with everything", "plain"])
@pytest.mark.parametrize("k", range(len(OPTIMIZER_CASES)), ids=lambda k: str(OPTIMIZER_CASES[k]))
def test_embeddings(engine, k, plain, embedded):
    """With every optimiser; depths, also no hidden layer, and batch sizes take turns."""
    step_by, case, depth = OPTIMIZER_CASES[k], LOSS_CASES[k % len(LOSS_CASES)], (k + plain) % 4
    embeddings = EMBEDDINGS[embedded]
    parts = {} if plain else {"weights": True, "penalty": PENALTIES["elastic"], "dropout": (0.2,) * (depth + 1)}
    n = 1 + k % 2 if case.target != "one-hot" else 2

    def build(seed):
        architecture, examples = network(seed, case, n, g=k, depth=depth, embeddings=embeddings, **parts)
        clips = {} if plain else CLIPS["norm"]
        plan = Plan(optimizer(step_by), BATCH_SIZES[k % 4], seed, 0.0 if plain else 0.1, **clips)
        return Problem(architecture, examples, plan, rates(step_by, case.loss), seed)

    check(engine, build)


@pytest.mark.parametrize(
    "output", ["sigmoid", "tanh", "softplus", "exponential", ("leaky_relu", {"negative_slope": 0.1})]
)
@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber", "log_cosh", "quantile", "hinge"])
def test_losses_of_predictions_behind_another_output(engine, name, output):
    case = next(case for case in LOSS_CASES if case.name == name)

    def build(seed):
        architecture, examples = network(seed, case, 2, g=2)
        behind = loss(name, output=activation(output), **case.parameters)
        return Problem(replace(architecture, loss=behind), examples, Plan(batch_size=7), seed=seed)

    check(engine, build)


@pytest.mark.parametrize("step_by", OPTIMIZER_CASES, ids=str)
@pytest.mark.parametrize(
    "quantiles", [(0.05, 0.5, 0.95), (0.1, 0.2, 0.6, 0.9), tuple(np.linspace(0.05, 0.95, 19))], ids=len
)
def test_a_list_of_quantiles_with_every_optimiser(engine, quantiles, step_by):
    """The same target in every row of Y, a view that takes no memory."""
    case = next(case for case in LOSS_CASES if case.name == "quantiles")

    def build(seed):
        architecture, examples = network(seed, case, len(quantiles), g=2, weights=True)
        architecture = replace(architecture, loss=loss("quantiles", quantiles=quantiles))
        examples = replace(examples, Y=np.broadcast_to(examples.Y[:1], (len(quantiles), M)))
        return Problem(architecture, examples, Plan(optimizer(step_by), 7, seed), rates(step_by, case.loss), seed)

    check(engine, build)


def test_quantiles_and_outputs_must_be_as_many(engine):
    from chainrule.engine import _native

    with pytest.raises(ValueError, match="one quantile for each output"):
        _native.Network([3, 2], [], ("quantiles", [0.1, 0.5, 0.9]), ("identity", 0.0), [], 0.0, 0.0, [])


LATE = [("adam", 1000), ("adam", 2**31), ("nadam", 1000), ("nadam", 123_457)]


@pytest.mark.parametrize(("name", "first_step"), LATE)
@pytest.mark.parametrize("seed_of_all", [1, 2**31 - 1, 2**40 + 3])
def test_a_training_goes_on_from_a_late_step_and_any_seed(engine, name, first_step, seed_of_all):
    """The step number enters the bias corrections and the dropout masks; all bits of the seed enter the masks."""
    step_by = next(case for case in OPTIMIZER_CASES if case.name == name)
    case = next(case for case in LOSS_CASES if case.name == "huber")

    def build(seed):
        architecture, examples = network(seed, case, 2, g=1, dropout=(0.2, 0.4))
        plan = Plan(optimizer(step_by), 7, seed_of_all)
        return Problem(architecture, examples, plan, rates(step_by, case.loss), seed, first_step)

    check(engine, build)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "weighted"), [(50, False), (4096, True), (4133, True)])
@pytest.mark.parametrize(("case", "n"), LOSSES_AND_OUTPUTS, ids=str)
def test_evaluations_at_fixed_weights(engine, case, n, m, weighted, dtype):
    """Logits, the mean loss, and cost with gradient, relative to the largest entry; also over several chunks."""
    draw = np.random.default_rng(m + n)
    architecture = Architecture((6, 9, n), (activation("silu"),), case.loss, Penalty(0.1, 0.3))
    X, Y = exact(draw.normal(size=(m, 6))).T, exact(case.targets(draw, n, m))
    examples = Examples(X, Y, exact(draw.uniform(0.2, 3, m)) if weighted else None)
    parameters = Problem(architecture, examples).parameters(dtype)

    def values(by):
        yield by.logits(architecture, parameters, X.astype(dtype))
        yield by.mean_loss(architecture, parameters, examples)
        yield from by.cost_and_gradient(architecture, parameters, examples)

    for mine, truth in zip(values(engine), values(reference), strict=True):
        assert np.asarray(mine).dtype == np.asarray(truth).dtype
        assert np.shape(mine) == np.shape(truth)
        assert np.max(np.abs(mine - truth)) <= TOLERANCE[dtype] * np.max(np.abs(truth))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 50, 4133])
@pytest.mark.parametrize("embedded", [(), EMBEDDINGS["one"]], ids=["plain", "embedded"])
def test_the_gradient_summed_over_a_part_of_a_batch(engine, m, embedded, dtype):
    """With dropout and weights, in some step; what `out` held before does not matter."""
    case = next(case for case in LOSS_CASES if case.name == "huber")
    draw = np.random.default_rng(m)
    architecture = Architecture(
        (8, 9, 2), (activation("silu"),), case.loss, Penalty(0.1), (0.2, 0.3), embeddings=embedded
    )
    X, Y = inputs(draw, m, 8, embedded).T, exact(case.targets(draw, 2, m))
    examples = Examples(X, Y, exact(draw.uniform(0.2, 3, m)), unit=1.0)
    plan = Plan(seed=2**40 + 3)
    state = replace(initial_state(Problem(architecture, examples).parameters(dtype), plan), step=1234)
    mine, truth = (np.full(len(state.parameters.theta), 7.0, dtype) for _ in range(2))
    sums = engine.gradient_sum(architecture, plan, state, examples, mine)
    assert sums == pytest.approx(reference.gradient_sum(architecture, plan, state, examples, truth), TOLERANCE[dtype])
    assert np.max(np.abs(mine - truth)) <= TOLERANCE[dtype] * np.max(np.abs(truth))
