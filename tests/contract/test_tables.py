"""Every activation, loss, optimiser, schedule and initialiser has its row in the contract tables."""

import pytest

from chainrule.network.activations import ACTIVATIONS
from chainrule.network.initializers import INITIALIZERS
from chainrule.network.losses import LOSSES
from chainrule.network.optimizers import OPTIMIZERS
from chainrule.network.schedules import SCHEDULES

from .cases import ACTIVATION_CASES, INITIALIZER_CASES, LOSS_CASES, OPTIMIZER_CASES, SCHEDULE_CASES


@pytest.mark.parametrize(
    ("registered", "tested"),
    [
        (ACTIVATIONS, {case.name for case in ACTIVATION_CASES}),
        (LOSSES, {case.name for case in LOSS_CASES}),
        (OPTIMIZERS, {case.name for case in OPTIMIZER_CASES}),
        (SCHEDULES, set(SCHEDULE_CASES)),
        (INITIALIZERS, set(INITIALIZER_CASES)),
    ],
    ids=["activations", "losses", "optimizers", "schedules", "initializers"],
)
def test_the_table_is_complete(registered, tested):
    assert tested == set(registered)
