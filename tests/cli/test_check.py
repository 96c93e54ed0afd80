"""`chainrule check`: the derivatives in a student's file."""

import os
from pathlib import Path

import pytest

from ..patience import GIVE_UP, alive, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "student.py"
RIGHT = """
import math
def sigmoid(z): return 1 / (1 + math.exp(-z))
def sigmoid_prime(z): return sigmoid(z) * (1 - sigmoid(z))
"""


@pytest.fixture
def checked(chainrule, tmp_path):
    def run(text, *options):
        path = tmp_path / "student.py"
        path.write_text(text, encoding="utf-8")
        return chainrule("check", path, "--timeout", GIVE_UP, *options)

    return run


def test_the_example_has_one_wrong_derivative(chainrule):
    outcome = chainrule("check", EXAMPLE, "--timeout", GIVE_UP)
    assert outcome.code == 1
    assert outcome.stderr == ""
    assert "sigmoid_prime as the derivative of sigmoid: right" in outcome.stdout
    assert "tanh_prime as the derivative of tanh: right as a function of a = g(z)" in outcome.stdout
    assert "relu_prime as the derivative of relu: wrong\n  at z = 2 stated 2, numeric 1" in outcome.stdout


def test_json(chainrule):
    report = chainrule("check", EXAMPLE, "--json", "--timeout", GIVE_UP).json
    assert report["ok"] is False
    assert [(found["derivative"], found["verdict"]) for found in report["checks"]] == [
        ("sigmoid_prime", "right"),
        ("tanh_prime", "of a"),
        ("relu_prime", "wrong"),
    ]
    assert report["checks"][2]["counterexample"]["z"] == 2


def test_all_right_is_0(checked):
    assert checked(RIGHT).code == 0
    assert checked(RIGHT, "--json").json["ok"] is True


@pytest.mark.parametrize(
    "name",
    ["cube_prime", "cube_derivative", "cube_deriv", "cube_grad", "cube_gradient", "d_cube", "dcube", "grad_cube"],
)
def test_names_that_make_a_pair(checked, name):
    assert checked(f"def cube(x): return x**3\ndef {name}(x): return 3 * x**2").code == 0
    assert checked(f"def cube(x): return x**3\ndef {name}(x): return 2 * x**2").code == 1


def test_a_derivative_alone_is_of_the_known_activation(checked):
    assert checked("def relu_prime(z): return 1.0 if z > 0 else 0.0").code == 0
    assert checked("def swish_prime(z): return z").code == 1


def test_what_a_file_prints_is_not_shown(checked):
    outcome = checked("print('noise'); import sys; sys.stderr.write('more')\n" + RIGHT)
    assert outcome.code == 0
    assert "noise" not in outcome.stdout
    assert outcome.stderr == ""


def test_neighbours_are_imported_and_main_is_not_run(checked, tmp_path):
    (tmp_path / "helper.py").write_text("import math\n", encoding="utf-8")
    assert checked("import helper, math\n" + RIGHT + "if __name__ == '__main__': raise SystemExit(3)\n").code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n\n1 / 0\n", "ZeroDivisionError: division by zero (line 3)"),
        ("import sys\nsys.exit(0)\n", "it exits (line 2)"),
        ("def f(:\n", "(line 1)"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("import os\nos._exit(7)\n", "ended its process"),
        ("import nothing_of_that_name\n", "No module named"),
        ("def f(z): return z\n", "has no function with its derivative"),
        ("", "g_prime, g_derivative"),
        ("\0", "cannot be run"),
    ],
)
def test_files_that_cannot_be_judged(checked, text, words):
    assert words in checked(text).error


def test_a_loop_is_ended_in_time(checked):
    assert "within 1.5 seconds" in checked("while True: pass\n", "--timeout", "1.5").error


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_what_a_file_starts_ends_with_it(checked, tmp_path):
    pid = tmp_path / "pid"
    start = "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(10**6)'])"
    tell = f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))"
    text = f"import pathlib, subprocess, sys\n{start}\n{tell}\nchild.wait()"
    seconds = 1
    while not (pid.exists() and pid.read_text()):  # on a slow machine it needs more to come so far
        assert "has not come to an end" in checked(text, "--timeout", str(seconds)).error
        seconds *= 4
    wait_until(lambda: not alive(int(pid.read_text())))


def test_functions_that_raise_or_take_more_are_named_and_do_not_hide_the_others(checked):
    text = (
        RIGHT
        + "def f(z): return z\ndef f_prime(z, cache): return 1\n"
        + "def h(z): return z\ndef h_prime(z): raise OSError('disk')\n"
    )
    outcome = checked(text)
    assert outcome.code == 1
    assert "f_prime as the derivative of f: not checked" in outcome.stdout
    assert "h_prime as the derivative of h: not checked" in outcome.stdout
    assert "sigmoid_prime as the derivative of sigmoid: right" in outcome.stdout


def test_files_that_are_none(chainrule, tmp_path):
    assert "file not found" in chainrule("check", tmp_path / "missing.py").error
    assert "file not found" in chainrule("check", tmp_path).error
    table = tmp_path / "t.csv"
    table.write_bytes(b"a,b\n1,\xff\n")
    assert "cannot be run" in chainrule("check", table).error


def test_from_a_shell_it_is_one_line_and_no_traceback(process, tmp_path):
    outcome = process("check", tmp_path / "missing.py")
    assert outcome.error
    assert process("check", EXAMPLE, "--timeout", GIVE_UP).code == 1
