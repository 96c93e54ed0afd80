"""Which engine runs, on how many threads, with which instructions; and who steps in for it."""

import json
import os
import sys
from pathlib import Path

import pytest

import chainrule
from chainrule import MLPClassifier
from chainrule._errors import InvalidParameterError
from chainrule.engine import choose, info
from chainrule.network import Activation, Architecture, activation, loss
from chainrule.network.losses import Loss

from ..patience import GIVE_UP

MASKS = hasattr(os, "sched_getaffinity")
GRANTED = len(os.sched_getaffinity(0)) if MASKS else os.cpu_count()
ASK = "import json; from chainrule.engine import choose, info; print(json.dumps(info() | {'used': choose().n_threads}))"


def test_auto_is_native(Native):
    assert isinstance(choose("auto"), Native)
    assert isinstance(choose("native"), Native)
    assert choose().name == choose("native").name == "native"
    assert choose("reference").name == "reference"


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(InvalidParameterError, match=r"engine='natve' is not known\. Did you mean 'native'"):
        choose("natve")


@pytest.mark.usefixtures("Native")
def test_info_says_what_runs():
    told = info()
    assert told["engine"] == "native"
    assert told["instructions"] in told["available"]
    assert set(told["available"]) <= {"baseline", "avx2", "avx512", "neon"}
    assert {"baseline", "neon"} & set(told["available"])
    assert 1 <= told["threads"] <= GRANTED
    assert told["compiler"]


@pytest.mark.parametrize(
    ("given", "granted"),
    [(None, GRANTED), ("1", 1), ("1000", GRANTED), ("1,4", 1), ("", GRANTED), ("many", GRANTED), ("0", GRANTED)],
)
def test_threads_are_bounded_by_the_environment(child, given, granted):
    told = json.loads(child(ASK, **({} if given is None else {"OMP_NUM_THREADS": given})).stdout)
    assert told["threads"] == granted
    assert 1 <= told["used"] <= granted


@pytest.mark.skipif(not MASKS, reason="this system has no affinity masks")
def test_threads_are_bounded_by_the_affinity_mask(child):
    one = min(os.sched_getaffinity(0))
    told = json.loads(child(ASK, before=lambda: os.sched_setaffinity(0, {one}), OMP_NUM_THREADS="64").stdout)
    assert (told["threads"], told["used"]) == (1, 1)


@pytest.mark.usefixtures("Native")
def test_the_caller_bounds_the_threads_and_the_machine_bounds_the_caller():
    assert choose("native", n_threads=1).n_threads == 1
    assert choose("native", n_threads=1000).n_threads == info()["threads"]


@pytest.mark.usefixtures("Native")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_threads", [1, 2, 1000])
def test_an_estimator_takes_any_number_of_threads(n_threads):
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    settings = {"max_iter": 5, "random_state": 0, "engine": "native"}
    few, none = (MLPClassifier((9,), n_threads=n, **settings).fit(X, y) for n in (n_threads, None))
    assert few.predict_proba(X).tobytes() == none.predict_proba(X).tobytes()


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "two", True])
def test_a_number_of_threads_that_is_none(n_threads):
    with pytest.raises(InvalidParameterError, match="'n_threads' parameter of MLPClassifier must be"):
        MLPClassifier(n_threads=n_threads).fit([[0.0], [1.0]], [0, 1])


SAMPLE = """
from dataclasses import replace
from chainrule.engine import info
from chainrule.engine.native import Native
from tests.engine.cases import TOLERANCE, classes, furthest
from tests.engine.posed import posed
print(info()["instructions"])
for widths in ((1, 1), (5, 3, 2), (20, 64, 33, 1), (17, 31, 70, 10)):
    for sparse in (False, True):
        problem = classes(widths, 60, 33, weighted=True, clip=0.1, sparse=sparse, dropout=(0.1,) * (len(widths) - 1))
        pose = posed(lambda seed: replace(problem, seed=seed))
        for dtype, truth in pose.truth.items():
            apart, where = furthest(pose.problem.run(Native(2, adaptive=False), dtype), truth)
            assert apart <= TOLERANCE[dtype], (widths, sparse, dtype, where, apart)
"""


@pytest.mark.parametrize("instructions", ["baseline", "avx2", "avx512", "neon"])
@pytest.mark.usefixtures("Native")
def test_every_set_of_instructions_gives_the_references_numbers(child, instructions):
    if instructions not in info()["available"]:
        pytest.skip(f"this machine or this build has no {instructions}")
    assert child(SAMPLE, CHAINRULE_INSTRUCTIONS=instructions).stdout.split() == [instructions]


def doubled(g):
    return lambda Z: 2 * g(Z)


TANH, SQUARED = activation("tanh"), loss("squared_error")
OWN = {
    "a name of its own": ((Activation("mine", TANH.g, TANH.g_prime),), SQUARED),
    "another g": ((Activation("tanh", doubled(TANH.g), TANH.g_prime),), SQUARED),
    "another g'": ((Activation("tanh", TANH.g, doubled(TANH.g_prime)),), SQUARED),
    "only one of two": ((TANH, Activation("mine", TANH.g, TANH.g_prime)), SQUARED),
    "a loss of its own": ((TANH,), Loss("mine", SQUARED.output, SQUARED.value, SQUARED.derivative)),
    "another value": ((TANH,), Loss("squared_error", SQUARED.output, loss("huber").value, SQUARED.derivative)),
    "another derivative": ((TANH,), Loss("squared_error", SQUARED.output, SQUARED.value, loss("huber").derivative)),
    "another output": ((TANH,), Loss("squared_error", TANH, SQUARED.value, SQUARED.derivative)),
}


@pytest.mark.parametrize(("hidden", "pair"), OWN.values(), ids=OWN)
def test_the_engine_says_what_it_cannot_run(engine, hidden, pair):
    widths = (3, *(4,) * len(hidden), 2)
    assert isinstance(engine.cannot(Architecture(widths, hidden, pair)), str)
    assert engine.cannot(Architecture(widths, (TANH,) * len(hidden), SQUARED)) is None


def test_a_formula_is_named_by_its_text(engine):
    g = activation("z * tanh(z)")
    assert engine.cannot(Architecture((3, 4, 2), (g,), SQUARED)) == "the activation 'z * tanh(z)'"


OWN_ACTIVATION = """
import warnings
import numpy as np
import chainrule
from chainrule import MLPClassifier
from chainrule._errors import ChainruleWarning
from chainrule.network import Activation
mine = Activation("mine", lambda Z: Z**3, lambda Z: 3 * Z**2)
X = np.random.default_rng(0).normal(size=(50, 3))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    def fit(engine):
        model = MLPClassifier((4,), activation=mine, max_iter=3, random_state=0, engine=engine).fit(X, X[:, 0] > 0)
        return model.predict_proba(X).tobytes()
    assert fit("reference") == fit("auto") == fit("auto")
notes = [note for note in caught if note.category is ChainruleWarning]
assert len(notes) == 1, [str(note.message) for note in caught]
assert "mine" in str(notes[0].message) and "reference" in str(notes[0].message)
"""


def test_an_activation_of_ones_own_falls_back_and_says_so_once(child):
    child(OWN_ACTIVATION)


WITHOUT = """
import sys, warnings
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__.lower()]
sys.path.insert(0, sys.argv[1])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    from chainrule import MLPClassifier
    import chainrule
    from chainrule._errors import ChainruleWarning, InvalidParameterError
    from chainrule.engine import choose, info
    assert chainrule.__file__.startswith(sys.argv[1]), chainrule.__file__
    X = np.random.default_rng(0).normal(size=(50, 3))
    for _ in range(2):
        model = MLPClassifier((4,), max_iter=3, random_state=0).fit(X, X[:, 0] > 0)
        assert model.predict(X).shape == (50,)
    assert choose().name == info()["engine"] == "reference"
    assert info()["instructions"] is None
    try:
        choose("native")
    except InvalidParameterError as error:
        assert "engine='native'" in str(error)
    else:
        raise AssertionError("engine='native' was accepted")
notes = [note for note in caught if note.category is ChainruleWarning]
assert len(notes) == 1, [str(note.message) for note in caught]
assert "reference" in str(notes[0].message)
"""


def test_without_the_compiled_module_the_reference_runs_and_says_so_once(tmp_path):
    """In a copy of the package without it, as it is where there was no compiler; so this never skips."""
    import shutil
    import subprocess

    package = Path(chainrule.__file__).parent
    shutil.copytree(package, tmp_path / "chainrule", ignore=shutil.ignore_patterns("_native*", "__pycache__"))
    command = [sys.executable, "-c", WITHOUT, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP)
    assert result.returncode == 0, result.stderr
