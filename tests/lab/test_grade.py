"""Marks: rounding as people round, slips that carry on, mistakes by name; bad answers are wrong, never an accident."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import lab
from chainrule._errors import InvalidParameterError
from chainrule.lab.quantities import computed

SETTINGS = [
    {},
    {"m": 3, "net": (2, 3, 2), "activation": "leaky_relu"},
    {"net": (2, 2, 2, 1), "output": "sigmoid", "activation": "tanh", "decimals": 3},
    {"net": (2, 3, 3), "output": "softmax", "activation": "sigmoid", "m": 3},
    {"net": (2, 2, 2), "output": "sigmoid", "loss": "squared_error", "activation": "sigmoid", "decimals": 2},
]


def row(grade, name):
    return next(row for row in grade.rows if row.name == name)


def student(sheet, write, slip=None):
    """Someone who calculates line by line, writes each number as `write` does, and goes on with what stands there."""
    written = {name: sheet.on_sheet(name) for name in sheet.quantities}
    for name in sheet.blanks:
        value = write(computed(sheet.quantities[name], sheet.trace, written))
        written[name] = slip[1](value) if slip and slip[0] == name else value
    return {name: written[name] for name in sheet.blanks}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), setting=st.sampled_from(SETTINGS), blanks=st.sampled_from(["all", "backward", 0.4]))
def test_right_is_right_however_it_is_rounded_on_the_way(seed, setting, blanks):
    sheet, draw = lab.worksheet(seed=seed, blanks=blanks, **setting), np.random.default_rng(seed)

    def rounded(value):
        return np.round(value, sheet.decimals)

    def sometimes(value):
        return np.where(draw.random(value.shape) < 0.5, rounded(value), value)

    for write in (lambda value: value, rounded, sometimes):
        grade = lab.grade(sheet, student(sheet, write))
        assert grade.score == grade.out_of == sum(a.size for a in sheet.answers.values()), str(grade)
        assert {row.verdict for row in grade.rows} == {"right"}
    texts = {name: [[f"{x:.{sheet.decimals}f}" for x in line] for line in a] for name, a in sheet.answers.items()}
    assert lab.grade(sheet, texts).score == grade.out_of


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), setting=st.sampled_from(SETTINGS), data=st.data())
def test_one_slip_costs_its_own_line_alone(seed, setting, data):
    sheet = lab.worksheet(seed=seed, **setting)
    name = data.draw(st.sampled_from(sheet.blanks))

    def slip(value):
        wrong = value.copy()
        wrong[0, 0] += 0.37 if value[0, 0] < 0.5 else -0.37  # a probability stays one
        return wrong

    grade = lab.grade(sheet, student(sheet, lambda value: np.round(value, sheet.decimals), (name, slip)))
    assert grade.score == grade.out_of - 1, str(grade)
    assert row(grade, name).marks[0][0] == "wrong"
    for other in grade.rows:
        if "follows" in other.verdict:
            assert set(sheet.quantities[other.name].sources) & {r.name for r in grade.rows if r.verdict != "right"}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), setting=st.sampled_from(SETTINGS), data=st.data())
def test_a_wrong_number_is_never_right(seed, setting, data):
    sheet = lab.worksheet(seed=seed, **setting)
    name = data.draw(st.sampled_from(sheet.blanks))
    off = data.draw(st.sampled_from([-3, -1.2, 1.2, 3])) * 10.0**-sheet.decimals
    answers = sheet.answers
    answers[name] = answers[name] + off
    assert row(lab.grade(sheet, answers), name).points == 0


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("0.33", True),
        ("0.3333", True),
        ("1/3", True),
        (" 2 / 6 ", True),
        ("0,33", True),
        (1 / 3, True),
        (np.float32(1 / 3), True),
        ("3.3e-1", True),
        (".333", True),
        ("0.3", False),
        ("0.34", False),
        ("0.334", False),
        ("−0.33", False),
        ("1/4", False),
        ("1/0", False),
        ("a third", False),
        ("nan", False),
        ("inf", False),
        ("1e999999999", False),
        ("1/" + "9" * 5000, False),
        (True, False),
        (1 + 2j, False),
        ({}, False),
        (object(), False),
    ],
)
def test_a_third_to_two_decimals(written, right):
    sheet = lab.worksheet(blanks=["db[2]"], m=3, decimals=2, seed=next_with_a_third())
    grade = lab.grade(sheet, {"db[2]": [[written]]})
    assert (grade.score, grade.out_of) == (int(right), 1), str(grade)
    assert lab.grade(sheet, {"db[2]": written}).score == int(right)


def next_with_a_third():
    """The first exercise with db[2] = 1/3."""
    sheets = (lab.worksheet(m=3, seed=seed) for seed in range(1000))
    return next(sheet.seed for sheet in sheets if abs(sheet.answers["db[2]"][0, 0] - 1 / 3) < 1e-12)


def test_zeros_at_the_end_may_be_left_out():
    sheet = lab.worksheet(blanks=["Z[1]"], seed=7)  # -5, 1.5; 3, -1
    for answer in (["-5", "1.5"], ["3", "-1.0"]), [[-5, 1.5], [3, -1]], [["-5.000000", "3/2"], ["+3", "−1"]]:
        assert lab.grade(sheet, {"Z[1]": answer}).score == 4


def test_follow_up_errors_say_from_where():
    sheet = lab.worksheet(seed=7)
    answers = sheet.answers
    answers["dZ[2]"] = np.array([[2.0, -3.5]])  # right: -2, -3.5
    answers["dW[2]"], answers["db[2]"] = [["-2.625", "3"]], "-3/4"  # ½ (2·0 - 3.5·1.5), ½ (2·3 - 0); ½ (2 - 3.5)
    grade = lab.grade(sheet, {name: answers[name] for name in ("dZ[2]", "dW[2]", "db[2]")})
    assert row(grade, "dZ[2]").marks == (("wrong", "right"),)
    assert row(grade, "dW[2]").verdict == "1 right, 1 follows from your dZ[2]"
    assert row(grade, "db[2]").verdict == "follows from your dZ[2]"
    assert row(grade, "J").verdict == "blank"
    assert (grade.score, grade.out_of) == (4, 34)


MISTAKES = [
    ("dZ[2]", "sign", lambda t: t.problem.Y - t.A[2]),
    ("dW[2]", "times_m", lambda t: t.dZ[2] @ t.A[1].T),
    ("dW[1]", "divided_twice_by_m", lambda t: t.dW[1] / t.problem.m),
    ("dW[1]", "wrong_layer_activations", lambda t: t.dZ[1] @ t.A[1].T / t.problem.m),
    ("dW[1]", "transposed", lambda t: t.dW[1].T),
    ("dA[1]", "sign", lambda t: -t.dA[1]),
    ("dZ[1]", "missing_activation_derivative", lambda t: t.dA[1]),
    ("dZ[1]", "relu_as_its_derivative", lambda t: t.dA[1] * t.A[1]),
    ("Z[1]", "missing_bias", lambda t: t.W[1] @ t.A[0]),
    ("db[1]", "times_m", lambda t: t.dZ[1].sum(axis=1, keepdims=True)),
]


@pytest.mark.parametrize(("name", "id_", "made"), MISTAKES, ids=lambda value: value if isinstance(value, str) else "")
def test_mistakes_are_named(name, id_, made):
    sheet = lab.worksheet((2, 3, 1), m=3, seed=5)
    grade = lab.grade(sheet, sheet.answers | {name: made(sheet.trace)})
    assert id_ in row(grade, name).mistakes, str(grade)
    assert f"{id_}: {lab.VARIANTS[id_].what}" in str(grade)
    assert [r.name for r in grade.rows if r.points < r.out_of] == [name]


def test_right_answers_are_never_accused():
    for seed in range(30):
        sheet = lab.worksheet(seed=seed)
        assert [r.mistakes for r in lab.grade(sheet, sheet.answers).rows if r.mistakes] == []


@pytest.mark.parametrize("answer", [None, "", [], [[None, ""], [float("nan"), None]]], ids=str)
def test_missing_answers_are_blank(answer):
    grade = lab.grade(lab.worksheet(blanks=["Z[1]"]), {"Z[1]": answer})
    assert (grade.score, grade.out_of, grade.rows[0].verdict) == (0, 4, "blank")
    assert lab.grade(lab.worksheet(blanks=["Z[1]"]), {}).rows[0].verdict == "blank"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([[1, 2, 3], [4, 5, 6]], "must be 2×2, got 2×3"),
        ([[1, 2], [3]], "rows of different lengths"),
        ([1, 2, 3, 4], "must be 2×2, got 1×4"),
        ([[[1]], [[2]]], "must be 2×2"),
        ([1, [2, 3]], "must be 2×2"),
        (np.zeros((2, 2, 2)), "must be 2×2"),
        ([[], []], "must be 2×2"),
        (7, "must be 2×2, got 1×1"),
        ([["x", 1], [2, 3]], "'x' is no number"),
    ],
    ids=str,
)
def test_answers_of_the_wrong_shape_are_wrong_and_say_why(answer, words):
    grade = lab.grade(lab.worksheet(blanks=["Z[1]"]), {"Z[1]": answer})
    assert words in grade.rows[0].verdict
    assert grade.rows[0].out_of == 4


def test_a_transposed_gradient_of_another_shape_is_named():
    sheet = lab.worksheet((2, 3, 1), seed=5)
    grade = lab.grade(sheet, {"dW[1]": sheet.answers["dW[1]"].T})
    assert row(grade, "dW[1]").verdict == "wrong: transposed; it must be 3×2, got 2×3"


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.text(max_size=6) | st.floats() | st.integers() | st.booleans(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=9,
    )
)
def test_whatever_comes_is_marked(answer):
    grade = lab.grade(
        lab.worksheet(blanks=["Z[1]", "A[1]", "L", "dW[1]"], output="sigmoid"), {"Z[1]": answer, "L": answer}
    )
    assert 0 <= grade.score <= grade.out_of
    assert str(grade)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"dW[1]": 0}, r"'dW\[1\]' is not asked for. It is given on the sheet."),
        ({"Z1": 0}, r"'Z1' is not asked for. Did you mean 'Z\[1\]'"),
        ({3: 0}, "not asked for"),
        ([1, 2], "must be a dict"),
        (None, "must be a dict"),
    ],
    ids=str,
)
def test_what_is_not_asked_for_is_refused(answers, words):
    with pytest.raises(InvalidParameterError, match=words):
        lab.grade(lab.worksheet(blanks=["Z[1]"]), answers)


def test_only_worksheets_are_graded():
    with pytest.raises(InvalidParameterError, match="must be a Worksheet"):
        lab.grade({}, {})


def test_a_mistake_made_with_wrong_numbers_is_named():
    sheet = lab.worksheet(seed=7)  # Y is 3, 0
    grade = lab.grade(sheet, sheet.answers | {"A[2]": [4, 1], "dZ[2]": [-1, -1]})
    assert row(grade, "dZ[2]").verdict == "wrong: sign"
