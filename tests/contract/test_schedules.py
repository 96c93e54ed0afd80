"""Every schedule: rates at chosen steps, warm-up, and that a rate belongs to its step alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule._errors import InvalidParameterError
from chainrule.network.schedules import SCHEDULES, Schedule

from .cases import SCHEDULE_CASES

each = pytest.mark.parametrize("name", SCHEDULES)


def schedule(name, **changed):
    return Schedule(name, **{"initial": 0.8, "steps_per_epoch": 10, "total_steps": 100, "m": 40, **changed})


@each
def test_the_rates_at_chosen_steps(name):
    for step, rate in SCHEDULE_CASES[name].items():
        (given_rate,) = schedule(name).rates(step, step + 1)
        assert given_rate == pytest.approx(rate, rel=1e-12, abs=1e-15)


@each
@settings(deadline=None, derandomize=True)
@given(ends=st.tuples(*[st.integers(0, 150)] * 2).map(sorted), warmup=st.integers(0, 20))
def test_a_rate_is_a_function_of_its_step_alone(name, ends, warmup):
    first, last = ends
    whole = schedule(name, warmup_steps=warmup).rates(0, 150)
    assert np.array_equal(schedule(name, warmup_steps=warmup).rates(first, last), whole[first:last])


@each
def test_warm_up_is_a_line_from_a_share_to_the_schedule(name):
    plain, warm = schedule(name).rates(0, 100), schedule(name, warmup_steps=4).rates(0, 100)
    np.testing.assert_allclose(warm[:4] / plain[:4], [0.25, 0.5, 0.75, 1.0], rtol=1e-15)
    assert np.array_equal(warm[4:], plain[4:])


@each
def test_rates_are_never_negative_nor_above_the_initial_one(name):
    rates = schedule(name).rates(0, 200)
    assert (rates >= 0).all()
    assert (rates <= 0.8 * (1 + 1e-15)).all()


def test_one_cycle_rises_then_falls():
    rates = schedule("one_cycle").rates(0, 101)
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()


def test_a_mistyped_name_is_mended():
    with pytest.raises(InvalidParameterError, match="Did you mean 'cosine'"):
        schedule("cosin")
