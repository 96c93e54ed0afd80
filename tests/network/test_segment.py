"""A segment: pure, splittable, resumable; and what one step does with weights, penalties, clipping and decay."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.clipping import clip, norm
from chainrule.network.dropout import dropout_masks
from chainrule.network.examples import Examples
from chainrule.network.optimizers import OPTIMIZERS, Adam, GradientDescent
from chainrule.network.parameters import flatten
from chainrule.network.penalties import Penalty
from chainrule.network.propagate import backward, forward
from chainrule.network.training.segment import (
    Plan,
    cost_and_gradient,
    descended,
    divergence_of,
    gradient_sum,
    initial_state,
    mean_loss,
    run_segment,
)

RATES = np.linspace(0.05, 0.01, 12)


def problem(m=23, *, penalty=Penalty(), dropout=(), weights=None, seed=0):  # noqa: B008  it is frozen
    rng = np.random.default_rng(seed)
    architecture = Architecture(
        (3, 5, 2), (activation("tanh"),), loss("squared_error"), penalty=penalty, dropout=dropout
    )
    examples = Examples(rng.normal(size=(3, m)), rng.normal(size=(2, m)), weights)
    return architecture, initial_parameters(architecture, seed=0), examples


def one_step(architecture, parameters, examples, places, plan=None, rate=0.1):
    """The gradient that one plain step follows: (θ - θ') / rate."""
    plan = plan or Plan(batch_size=len(places))
    state, totals = run_segment(
        architecture, plan, initial_state(parameters, plan), examples, np.asarray(places), np.array([rate])
    )
    return (parameters.theta - state.parameters.theta) / rate, totals


def same(a, b):
    return (
        np.array_equal(a.parameters.theta, b.parameters.theta)
        and all(np.array_equal(x, y) for x, y in zip(a.slots, b.slots, strict=True))
        and (a.step, a.epoch) == (b.step, b.epoch)
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("cuts", [[6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [5, 11]], ids=str)
def test_one_segment_is_many_small_ones_bit_for_bit(name, cuts):
    """Also the resume from a State: each part starts from nothing but the last one's result."""
    architecture, parameters, examples = problem(penalty=Penalty(0.1, 0.5), dropout=(0.1, 0.3))
    plan = Plan(OPTIMIZERS[name](), batch_size=2, seed=3, weight_decay=0.01, clip_norm=1.0)
    order = np.random.default_rng(1).permutation(23)  # twelve steps, the last one of a single example
    whole, totals = run_segment(architecture, plan, initial_state(parameters, plan), examples, order, RATES)
    state, losses = initial_state(parameters, plan), []
    for a, b in itertools.pairwise([0, *cuts, 12]):
        state, part = run_segment(architecture, plan, state, examples, order[2 * a : 2 * b], RATES[a:b])
        losses += part.losses
    assert same(whole, state)
    assert whole.step == 12
    assert tuple(losses) == totals.losses


def test_a_segment_is_pure():
    architecture, parameters, examples = problem(dropout=(0.0, 0.5))
    plan = Plan(Adam(), batch_size=4)
    start, order = initial_state(parameters, plan), np.arange(23)
    arrays = [start.parameters.theta, *start.slots, examples.X, examples.Y, order]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    first, _ = run_segment(architecture, plan, start, examples, order, RATES[:6])
    second, _ = run_segment(architecture, plan, start, examples, order, RATES[:6])
    assert same(first, second)
    assert all(np.array_equal(old, new) for old, new in zip(before, arrays, strict=True))


def test_a_full_batch_step_follows_the_gradient_of_the_cost():
    architecture, parameters, examples = problem(penalty=Penalty(0.3), weights=np.linspace(0.5, 2, 23))
    step, _ = one_step(architecture, parameters, examples, range(23))
    np.testing.assert_allclose(step, cost_and_gradient(architecture, parameters, examples)[1], rtol=1e-10, atol=1e-14)


def test_d3_the_scale_of_the_weights_does_not_matter():
    w = np.random.default_rng(0).uniform(0.1, 3, 23)
    thetas = []
    for scale in (1.0, 4.0, 100.0):
        architecture, parameters, examples = problem(penalty=Penalty(0.3), weights=scale * w)
        plan = Plan(Adam(), batch_size=4)
        start = initial_state(parameters, plan)
        state, _ = run_segment(architecture, plan, start, examples, np.arange(23), RATES[:6])
        thetas.append(state.parameters.theta)
    assert np.array_equal(thetas[0], thetas[1])  # a power of two changes no rounding
    np.testing.assert_allclose(thetas[0], thetas[2], rtol=1e-12)


def test_equal_weights_are_no_weights():
    architecture, parameters, examples = problem()
    weighted = replace(examples, weights=np.full(23, 2.5))
    step, totals = one_step(architecture, parameters, examples, [1, 5, 7])
    step_w, totals_w = one_step(architecture, parameters, weighted, [1, 5, 7])
    assert np.array_equal(step, step_w)
    assert totals == totals_w


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_d2_the_penalty_does_not_depend_on_the_batch(l1_ratio):
    """A step with the penalty minus a step without it is the penalty's part: the same for 1, 5 and 23 examples."""
    parts = []
    for places in ([0], range(5), range(23)):
        architecture, parameters, examples = problem(penalty=Penalty(0.2, l1_ratio))
        plain = replace(architecture, penalty=Penalty())
        with_penalty, _ = one_step(architecture, parameters, examples, places, rate=1e-3)
        without, _ = one_step(plain, parameters, examples, places, rate=1e-3)
        parts.append(with_penalty - without)
    for part in parts[1:]:
        np.testing.assert_allclose(part, parts[0], rtol=1e-9, atol=1e-11)
    W = np.concatenate([w.ravel() for w in parameters.W[1:]])
    expected = 0.2 * (l1_ratio * np.sign(W) + (1 - l1_ratio) * W)
    np.testing.assert_allclose(parts[0][: len(W)], expected, rtol=1e-9)
    np.testing.assert_allclose(parts[0][len(W) :], 0, atol=1e-12)  # biases are never penalised


def test_d4_a_batch_of_zero_weights_has_no_gradient_and_no_error():
    weights = np.ones(23)
    weights[:4] = 0
    architecture, parameters, examples = problem(weights=weights)
    step, totals = one_step(architecture, parameters, examples, [0, 1, 2, 3])
    assert not step.any()
    assert sum(totals.losses) == 0.0


def test_d5_d6_the_mini_batch_gradient_is_unbiased():
    """The mean over every possible batch of 2 of 6 weighted examples is the gradient of the whole."""
    weights = np.array([0.1, 5.0, 1.0, 0.0, 2.0, 0.7])
    architecture, parameters, examples = problem(m=6, weights=weights, penalty=Penalty(0.1))
    steps, losses = [], []
    for places in itertools.combinations(range(6), 2):
        step, totals = one_step(architecture, parameters, examples, places)
        steps.append(step)
        losses.append(sum(totals.losses) / 2)
    _, gradient = cost_and_gradient(architecture, parameters, examples)
    np.testing.assert_allclose(np.mean(steps, axis=0), gradient, rtol=1e-9, atol=1e-13)
    cost = cost_and_gradient(replace(architecture, penalty=Penalty()), parameters, examples)[0]
    assert np.mean(losses) == pytest.approx(cost, rel=1e-13)


def test_d6_a_weight_is_a_number_of_copies():
    architecture, parameters, examples = problem(m=8, weights=np.array([1.0, 3, 2, 1, 4, 1, 1, 2]))
    copies = np.repeat(np.arange(8), [1, 3, 2, 1, 4, 1, 1, 2])
    copied = Examples(examples.X[:, copies], examples.Y[:, copies])
    weighted, _ = one_step(architecture, parameters, examples, range(8))
    repeated, _ = one_step(architecture, parameters, copied, range(15))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-10, atol=1e-13)


def test_d32_a_short_last_batch_weighs_by_its_rows():
    """Summed over the batches of an epoch at fixed weights, Σ L / m is the mean loss; its step is the batch's mean."""
    architecture, parameters, examples = problem(m=10)
    still = Plan(batch_size=4)
    start = initial_state(parameters, still)
    _, totals = run_segment(architecture, still, start, examples, np.arange(10), np.zeros(3))
    assert len(totals.losses) == 3
    assert sum(totals.losses) / 10 == pytest.approx(cost_and_gradient(architecture, parameters, examples)[0], rel=1e-13)
    last, _ = one_step(architecture, parameters, examples, [8, 9], Plan(batch_size=4))
    both = [one_step(architecture, parameters, examples, [i])[0] for i in (8, 9)]
    np.testing.assert_allclose(last, np.mean(both, axis=0), rtol=1e-9, atol=1e-13)


def test_d5_the_running_loss_weighs_the_examples():
    """Over an epoch at fixed weights it is Σ w L / Σ w, whatever the batches weigh."""
    architecture, parameters, examples = problem(weights=np.random.default_rng(2).uniform(0.1, 5, 23))
    _, totals = run_segment(
        architecture, Plan(batch_size=4), initial_state(parameters, Plan()), examples, np.arange(23), np.zeros(6)
    )
    losses = architecture.loss.per_example(forward(architecture, parameters, examples.X).Z[-1], examples.Y)
    assert sum(totals.losses) / 23 == pytest.approx(np.average(losses, weights=examples.weights), rel=1e-13)


def test_d35_weight_decay_is_decoupled_and_times_the_rate():
    architecture, parameters, examples = problem()
    parameters.theta[parameters.weights.stop :] = 0.5  # biases, which must stay out of it
    for optimizer in (GradientDescent(), Adam()):
        with_decay, without = (
            one_step(architecture, parameters, examples, range(23), Plan(optimizer, 23, weight_decay=decay), rate=0.01)
            for decay in (0.4, 0.0)
        )
        part = with_decay[0] - without[0]
        k = parameters.weights.stop
        np.testing.assert_allclose(part[:k], 0.4 * parameters.theta[:k], rtol=1e-9)
        np.testing.assert_allclose(part[k:], 0, atol=1e-12)


def test_gradients_are_clipped_by_value_and_by_norm():
    architecture, parameters, examples = problem()
    plain, totals = one_step(architecture, parameters, examples, range(23))
    assert totals.gradient_norm == pytest.approx(np.linalg.norm(plain), rel=1e-9)
    by_norm, _ = one_step(architecture, parameters, examples, range(23), Plan(batch_size=23, clip_norm=0.1))
    np.testing.assert_allclose(by_norm, plain * 0.1 / np.linalg.norm(plain), rtol=1e-9, atol=1e-13)
    by_value, _ = one_step(architecture, parameters, examples, range(23), Plan(batch_size=23, clip_value=0.05))
    np.testing.assert_allclose(by_value, np.clip(plain, -0.05, 0.05), rtol=1e-9, atol=1e-13)
    loose, _ = one_step(architecture, parameters, examples, range(23), Plan(batch_size=23, clip_norm=1e6))
    assert np.array_equal(loose, plain)


def test_value_is_clipped_before_norm():
    d = np.array([30.0, -0.4, 0.0])
    assert clip(d, norm(d), 0.3, 0.3).tolist() == pytest.approx([0.3 / 2**0.5, -0.3 / 2**0.5, 0.0])


def test_the_norm_of_a_large_float32_gradient_does_not_overflow():
    assert norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30, rel=1e-6)
    assert np.isnan(norm(np.array([1.0, np.nan])))


def broken(tensor):
    """A problem whose first non-finite number appears in the given place."""
    architecture, parameters, examples = problem()
    theta, widths = parameters.theta.copy(), parameters.widths
    if tensor == "Z1":
        theta[0] = np.nan
    if tensor == "Z2":
        theta[3 * 5] = np.inf
    if tensor == "dZ":
        architecture, theta[-1] = replace(architecture, loss=loss("poisson")), 800.0  # a = e^800 overflows, z does not
        examples = replace(examples, Y=np.abs(examples.Y))
    if tensor == "loss":
        theta[-1] = 1e200  # the square of the error overflows, its derivative does not
    return architecture, replace(parameters, theta=theta, widths=widths), examples


@pytest.mark.parametrize(
    ("where", "named", "layer"), [("Z1", "Z", 1), ("Z2", "Z", 2), ("dZ", "dZ", 2), ("loss", "the loss", 2)]
)
def test_d9_a_number_that_is_not_finite_stops_at_its_step_and_is_named(where, named, layer):
    architecture, parameters, examples = broken(where)
    plan = Plan(batch_size=5)
    with pytest.raises(DivergenceError, match="Solver produced non-finite parameter weights") as raised:
        run_segment(architecture, plan, initial_state(parameters, plan), examples, np.arange(23), RATES[:5])
    assert (raised.value.tensor, raised.value.layer, raised.value.step) == (named, layer, 1)
    assert f"{named} of layer {layer} is not finite at step 1" in str(raised.value)


def test_d9_the_step_is_the_first_bad_one():
    architecture, parameters, examples = problem()
    X = examples.X.copy()
    X[0, 12] = np.nan  # the third batch of five
    plan = Plan(batch_size=5)
    with pytest.raises(DivergenceError) as raised:
        run_segment(
            architecture,
            plan,
            initial_state(parameters, plan),
            replace(examples, X=X),
            np.arange(23),
            RATES[:5],
        )
    assert (raised.value.tensor, raised.value.layer, raised.value.step) == ("Z", 1, 3)


def test_a_large_but_finite_gradient_is_no_divergence():
    """Entries of 1e25 whose squares overflow in float32 are still numbers; clipping makes a step of them."""
    rng = np.random.default_rng(0)
    architecture = Architecture((3, 1), (), loss("absolute_error"))
    parameters = initial_parameters(architecture, seed=0, dtype=np.float32)
    examples = Examples((1e25 * rng.normal(size=(3, 6))).astype(np.float32), np.zeros((1, 6), np.float32))
    plan = Plan(batch_size=6, clip_norm=1.0)
    state, totals = run_segment(
        architecture, plan, initial_state(parameters, plan), examples, np.arange(6), np.array([0.1])
    )
    assert 1e24 < totals.gradient_norm < np.inf
    assert np.linalg.norm(state.parameters.theta - parameters.theta) == pytest.approx(0.1, rel=1e-5)


def test_a_step_under_dropout_uses_the_masks_of_its_seed_step_and_rows():
    """Three full-batch steps by hand, each with its own masks."""
    architecture, parameters, examples = problem(m=9, dropout=(0.3, 0.5))
    plan = Plan(batch_size=9, seed=5)
    order = np.random.default_rng(0).permutation(9)
    start = initial_state(parameters, plan)
    state = start
    for i in range(3):
        state, _ = run_segment(architecture, plan, state, examples, order, np.array([0.1]))
        masks = dropout_masks(
            architecture.dropout,
            architecture.widths,
            np.arange(examples.m, dtype=np.uint64),
            seed=5,
            step=i,
            dtype=np.dtype("f8"),
        )
        pass_ = forward(architecture, start.parameters, examples.X, masks)
        gradients = backward(architecture, start.parameters, pass_, examples.Y)
        theta = start.parameters.theta - 0.1 * flatten(gradients.dW[1:], gradients.db[1:])
        start = replace(start, parameters=replace(parameters, theta=theta))
        np.testing.assert_allclose(state.parameters.theta, theta, rtol=1e-12, atol=1e-15)


def test_steps_are_numbered_from_one_for_the_optimiser():
    """Adam's bias correction makes the first step one of length rate in every coordinate, whatever the gradient."""
    architecture, parameters, examples = problem()
    step, _ = one_step(architecture, parameters, examples, range(23), Plan(Adam(epsilon=0.0), 23))
    np.testing.assert_allclose(np.abs(step), 1, rtol=1e-9)


def parts_of(examples, borders):
    """Neighbouring examples, whose weights are relative to the mean of all, and whose numbers are theirs among all."""
    for start, stop in itertools.pairwise(borders):
        columns, weights = slice(start, stop), examples.weights
        weights = None if weights is None else weights[columns]
        numbers = np.arange(start, stop, dtype=np.uint64)
        yield Examples(examples.X[:, columns], examples.Y[:, columns], weights, unit=1.0, numbers=numbers)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradients_of_parts_add_up_to_the_step_of_the_whole(weighted):
    """With dropout, a penalty, clipping; divided by the rows of all parts together."""
    weights = np.random.default_rng(2).uniform(0.5, 2, 23)
    architecture, parameters, examples = problem(
        penalty=Penalty(0.1, 0.5), dropout=(0.1, 0.3), weights=weights / weights.mean() if weighted else None
    )
    plan = Plan(Adam(), batch_size=23, seed=3, weight_decay=0.01, clip_norm=0.1)
    state = replace(initial_state(parameters, plan), step=5)
    truth, totals = run_segment(architecture, plan, state, examples, np.arange(23), np.array([0.1]))
    total, losses = np.zeros(len(parameters.theta)), 0.0
    for part in parts_of(examples, [0, 4, 5, 23]):
        out = np.full(len(total), np.nan)
        losses += gradient_sum(architecture, plan, state, part, out)
        total += out
    reached, length = descended(architecture, plan, state, total / 23, losses, 0.1)
    np.testing.assert_allclose(reached.parameters.theta, truth.parameters.theta, rtol=1e-12, atol=1e-15)
    assert (losses, length) == pytest.approx((totals.losses[0], totals.gradient_norm), rel=1e-12)


def test_the_gradient_of_a_sum_is_the_slope_of_the_sum_of_losses():
    architecture, parameters, examples = problem(m=7)
    plan, out = Plan(), np.empty(len(parameters.theta))
    assert gradient_sum(architecture, plan, initial_state(parameters, plan), examples, out) == pytest.approx(
        7 * mean_loss(architecture, parameters, examples)
    )
    for i in range(len(out)):
        shifted = [replace(parameters, theta=parameters.theta + sign * 1e-6 * np.eye(len(out))[i]) for sign in (1, -1)]
        up, down = (7 * mean_loss(architecture, one, examples) for one in shifted)
        assert out[i] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


def test_a_step_that_is_not_finite_has_no_state_and_is_named():
    architecture, parameters, examples = problem(m=4)
    plan, state = Plan(), replace(initial_state(parameters, Plan()), step=8)
    fine = np.zeros(len(parameters.theta))
    assert descended(architecture, plan, state, fine.copy(), np.inf, 0.1)[0] is None
    assert descended(architecture, plan, state, np.where(fine == 0, np.nan, 0), 1.0, 0.1)[0] is None
    assert descended(architecture, plan, state, fine, 1.0, 0.1)[0].step == 9
    examples.Y[:] = np.inf
    error = divergence_of(architecture, plan, state, examples)
    assert (error.step, error.tensor, error.layer) == (9, "dZ", 2)
