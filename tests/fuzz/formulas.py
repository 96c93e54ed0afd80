"""Random formulas, right and wrong, through reading, training, derivation, gradient check, saving and loading."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np

from chainrule import MLPRegressor, derive, gradcheck, load, save
from chainrule._errors import ChainruleError
from chainrule.network.custom.any_activation import activation
from chainrule.network.custom.formula import FUNCTIONS

CORPUS = [
    "max(0, z if z < 1 else 1)",
    "max(z, z > 1)",
    "min(z > 0, z)",
    "*".join(["z"] * 120),
    "*".join(["z"] * 160),
    "max(z, " * 60 + "0" + ")" * 60,
    "-" * 165 + "z",
    "(" * 160 + "z" + ")" * 160,
    "exp(" * 80 + "z" + ")" * 80,
    "9**9**9**9*z",
    "1e400*z",
    "1" * 320 + "*z",
    "z/0",
    "0**-z",
    "z**z**z",
    "(-1)**z",
    "z if z if z > 0 else z < 1 else z",
    "z.real",
    "__import__('os').getcwd()",
    "z < 1 < 2",
    "z\n+1",
    "z\x00",
    "z + '\u202e'",
    "lambda: z",
    "max(z)",
    "max(z, z, z)",
    "sigmoid",
    "sigmoid(*[z])",
    "sigmoid_prime(z)",
    "softmax(z)",
    "ｚ",
    "z and 1",
    "z if z else 1",
    "True*z",
    "1j*z",
    "z" * 501,
    "",
]
_LEAVES = ["z"] * 6 + ["0", "1", "2", "0.5", "-1", "pi", "e", "1e30", "1e-30", "1e308", "7", "x", "a", "True", "''"]
_ODD = ["z.T", "z[0]", "z @ z", "z if z", "(z, z)", "not z", "z // 2", "z % 2", "f(z)", "max()", "exp()", "z = 1"]

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, 0] - X[:, 1] ** 2
Z = np.array([-800.0, -1.5, -0.0, 0.0, 0.3, 1.0, 40.0, 1e300])


def text(draw: random.Random, depth: int) -> str:
    """A formula of at most that depth; one in some hundred parts is none."""
    if not depth or draw.random() < 0.2:
        return draw.choice(_ODD) if draw.random() < 0.01 else draw.choice(_LEAVES[: draw.choice([8, 14, len(_LEAVES)])])

    def part() -> str:
        return text(draw, depth - 1)

    return draw.choice(
        [
            lambda: f"{part()} {draw.choice('+-*/')} {part()}",
            lambda: f"({part()} {draw.choice(['+', '-', '*', '/', '**', '^'])} {part()})",
            lambda: f"({part()}){draw.choice(['**', '^'])}{draw.choice(['2', '3', '0.5', '-1', '0', part()])}",
            lambda: f"({part()} if {part()} {draw.choice(['<', '>', '<=', '>=', '==', '!='])} {part()} else {part()})",
            lambda: f"({part()} if {part()} else {part()})",
            lambda: f"({part()} {draw.choice(['<', '>', '<=', '>=', '==', '!='])} {part()})",
            lambda: f"{draw.choice(['max', 'min'])}({part()}, {part()})",
            lambda: f"{draw.choice(['-', '+', '--'])}{part()}",
            lambda: f"{draw.choice(sorted(FUNCTIONS))}({part()})",
            lambda: draw.choice([" + ", "*", " - "]).join([part()] * draw.choice([2, 5, 40])),
        ]
    )()


def corpus() -> list[str]:
    """What once failed, or might."""
    return CORPUS


def case(draw: random.Random) -> str:
    """A formula, sometimes with a character lost, doubled or changed."""
    made = text(draw, draw.randint(1, 5))
    if draw.random() < 0.1:
        place = draw.randrange(len(made))
        made = (
            made[:place] + draw.choice(["", made[place] * 2, "(", ")", " ", ",", "\t", "\x1b", "é"]) + made[place + 1 :]
        )
    return made


def tried(formula: str, number: int) -> bool:
    """Do with a formula what people do; whether it was one. Every 20th is trained, derived, checked and saved."""
    try:
        g = activation(formula)
    except ChainruleError:
        return False
    with np.errstate(all="ignore"):
        assert g.g(Z).shape == Z.shape
        assert g.g_prime(Z).shape == Z.shape
    if number % 20 == 0:
        _used(formula)
    return True


def _used(formula: str) -> None:
    for use in (_trained, _derived, _derived_as_loss):
        try:
            use(formula)
        except ChainruleError:  # such as one that says that the training diverged
            continue


def _trained(formula: str) -> None:
    model = MLPRegressor((2,), activation=formula, max_iter=2, random_state=0, engine="reference").fit(X, Y)
    gradcheck(model, X, Y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.safetensors")
        save(model, path)
        again = load(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def _derived(formula: str) -> None:
    derivation = derive([2, 2, 1], formula)
    for written in (derivation.to_text, derivation.to_latex, derivation.to_html, derivation.to_markdown):
        assert written()


def _derived_as_loss(formula: str) -> None:
    assert derive([2, 1], None, "identity", formula.replace("z", "(a - y)")).to_text()
