"""Trainings for the tests of the loop: one whose losses are written down, and a real one."""

from dataclasses import replace

import numpy as np

from chainrule.network import Architecture, Parameters, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, State, Totals, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation

NEVER = Stopping(5, patience=np.inf)


class Script:
    """A runner whose losses are written down; after epoch e every parameter is e."""

    def __init__(self, running, validation=(), m=4):
        self.running, self.validation, self.m, self.rates = list(running), list(validation), m, []

    def run_segment(self, architecture, plan, state, examples, order, rates):
        self.rates.append(float(rates[0]))
        value = self.running[state.epoch]
        if isinstance(value, BaseException):
            raise value
        parameters = replace(state.parameters, theta=np.full(2, state.epoch + 1.0))
        return replace(state, parameters=parameters, step=state.step + 1), Totals((value * self.m,), 1.0)

    def mean_loss(self, architecture, parameters, examples):
        epoch = int(parameters.theta[0])
        losses = self.validation or self.running
        return losses[epoch - 1] if epoch else np.inf


def scripted(running, validation=(), *, schedule="constant", rate=1.0, on_epoch=None, **stopping):
    """Train by the script; one step an epoch."""
    examples = Examples(np.zeros((1, 4)), np.zeros((1, 4)))
    runner = Script(running, validation)
    training = Training(
        Architecture((1, 1), (), loss("squared_error")),
        Plan(batch_size=4),
        InMemory(examples, runner),
        Schedule(schedule, rate, 1, len(runner.running), 4),
        Stopping(**{"max_epochs": len(runner.running), "tol": 0.0, **stopping}),
        validation=Validation(InMemory(examples, runner)) if validation else None,
        on_epoch=on_epoch,
    )
    state, history = train(training, State(Parameters(np.zeros(2), (1, 1)), ()))
    return state, history, runner


def real(*, m=50, batch_size=8, schedule="cosine", stopping=NEVER, penalty=Penalty(), **training):  # noqa: B008
    """A training with the reference runner."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, m))
    Y = np.sin(X.sum(axis=0, keepdims=True))
    architecture = Architecture((4, 6, 1), (activation("tanh"),), loss("squared_error"), penalty, (0.0, 0.2))
    plan, steps = Plan(Adam(), batch_size, seed=1), -(-m // batch_size)
    examples = Examples(X, Y)
    built = Training(
        architecture,
        plan,
        InMemory(examples, segment),
        Schedule(schedule, 0.02, steps, 5 * steps, m, warmup_steps=3),
        stopping,
        **training,
    )
    return built, initial_state(initial_parameters(architecture, seed=0), plan), examples
