"""Do the tests notice? Every sign, factor and comparison of the reference is changed, one at a time.

    python tests/mutation/mutate.py [FILE...] [--jobs N]

A mutant is one small change in one file of `network/`; the tests of `tests/network` and `tests/contract` must fail on
it. One that no test kills is a survivor: a test is missing, or the change is none (`equivalent.toml` says why).

The tests are collected once. Every mutant lives in a forked child of that process, in memory: no file is changed, and
starting costs nothing. The native engine is kept out, so that the reference computes everything.
"""

from __future__ import annotations

import argparse
import ast
import gc
import inspect
import os
import signal
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "src" / "chainrule" / "network"
TESTS = [str(ROOT / "tests" / part) for part in ("network", "contract")]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
TIMEOUT = 30  # seconds for one test: a loop that no longer ends is noticed, too
PYTEST = ["-o", "addopts=", "--import-mode=importlib", "--assert=plain", "-xs"]
PYTEST += ["-p", "no:cacheprovider", "-p", "no:terminal"]

# The files of the equations and of training, and which tests are asked first; the others follow where these let a
# mutant pass, the slowest last. `rows.py` is not here: its hash may be any that mixes well.
FIRST = {
    "activations.py": "contract/test_activations",
    "architecture.py": "contract/test_initializers network/test_network",
    "clipping.py": "network/test_segment",
    "custom/formula.py": "network/test_formula",
    "custom/formula_derivative.py": "network/test_formula",
    "dense.py": "network/test_cost network/test_segment",
    "draws.py": "network/test_draws network/test_dropout",
    "dropout.py": "network/test_dropout",
    "embeddings.py": "network/test_embeddings",
    "examples.py": "network/test_examples network/test_segment",
    "initializers.py": "contract/test_initializers",
    "losses/__init__.py": "contract/test_losses",
    "losses/base.py": "contract/test_losses",
    "losses/classification.py": "contract/test_losses",
    "losses/quantiles.py": "contract/test_quantiles",
    "losses/regression.py": "contract/test_losses",
    "network.py": "network/test_cost network/test_network",
    "optimizers.py": "network/test_optimizers network/test_segment contract/test_optimizers",
    "parameters.py": "network/test_parameters",
    "penalties.py": "network/test_penalties network/test_segment",
    "propagate.py": "network/test_cost network/test_dropout network/test_segment contract/test_gradients",
    "record.py": "network/test_record",
    "schedules.py": "contract/test_schedules",
    "summary.py": "network/test_summary",
    "training/early_stopping.py": "network/test_cost network/test_patience network/test_stopping",
    "training/feed.py": "network/test_loop network/test_checkpoints",
    "training/history.py": "network/test_stopping network/test_loop",
    "training/hooks.py": "network/test_loop network/test_stopping network/test_hooks",
    "training/initial_bias.py": "network/test_base_rate",
    "training/lbfgs.py": "network/test_lbfgs_counts network/test_lbfgs",
    "training/loop.py": "network/test_pace network/test_loop network/test_stopping",
    "training/run.py": "network/test_loop network/test_stopping network/test_checkpoints network/test_hooks",
    "training/segment.py": "network/test_cost network/test_segment",
    "training/setup.py": "network/test_cost network/test_loop network/test_stopping",
}
LAST = ("contract/test_losses", "contract/test_optimizers", "contract/test_gradients")

OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Mult: ast.Div,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.And: ast.Or,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.Is: ast.IsNot,
}
OPPOSITE |= {b: a for a, b in OPPOSITE.items()} | {ast.FloorDiv: ast.Mult}
BOUNDARY: dict[type[ast.AST], type[ast.AST]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SWAPPED = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max", "sum": "mean", "mean": "sum"}
TYPES = {"int", "str", "tuple", "tuple[str, Mapping[str, float]]"}
UNREAD = {"annotation", "returns", "decorator_list"}  # fields that hold types, not arithmetic


@dataclass(frozen=True)
class Mutant:
    """One change in one file: where, from what to what, the whole text with it; why it is none, if it is."""

    file: str
    line: int
    change: str
    in_function: bool  # or in what runs at import
    text: str
    reason: str = ""

    @property
    def path(self) -> Path:
        """The file that it changes."""
        return NETWORK / self.file


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node of the tree may wrongly have been.

    >>> def shown(text):
    ...     return [ast.unparse(variant) for variant in variants(ast.parse(text, mode="eval").body)]
    >>> shown("a - b"), shown("a / m"), shown("-a"), shown("a.T")
    (['a + b', 'a', '-b'], ['a * m', 'a', '1 / m'], ['a'], ['a'])
    >>> shown("z > 0"), shown("np.maximum(z, 0)")
    (['z <= 0', 'z >= 0'], ['np.minimum(z, 0)'])
    """
    match node:
        case ast.BinOp(left, op, right):
            yield from (ast.BinOp(left, new(), right) for new in _others(op))
            yield left
            if isinstance(op, ast.Sub):
                yield ast.UnaryOp(ast.USub(), right)
            elif isinstance(op, ast.Div) and ast.unparse(left) != "1":
                yield ast.BinOp(ast.Constant(1), op, right)
            elif isinstance(op, ast.Add | ast.Mult | ast.MatMult | ast.BitAnd | ast.BitOr | ast.BitXor):
                yield right
        case ast.UnaryOp(ast.USub() | ast.Invert() | ast.Not(), operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            yield from (ast.Compare(left, [new()], [right]) for new in (*_others(op), *_others(op, BOUNDARY)))
        case ast.BoolOp(op, values):
            yield ast.BoolOp(_others(op)[0](), values)
        case ast.Attribute(value, "T"):
            yield value
        case ast.Call(ast.Attribute(value, name) as f, arguments, keywords) if name in SWAPPED:
            yield ast.Call(ast.Attribute(value, SWAPPED[name], f.ctx), arguments, keywords)
        case ast.Call(ast.Name(name), arguments, keywords) if name in SWAPPED and name != "sum":
            yield ast.Call(ast.Name(SWAPPED[name]), arguments, keywords)
        case ast.keyword("axis", ast.Constant(0 | 1 as axis)):
            yield ast.keyword("axis", ast.Constant(1 - axis))
        case ast.AugAssign(target, op, value):
            if not isinstance(op, ast.BitOr):  # which joins dicts
                yield from (ast.AugAssign(target, new(), value) for new in _others(op))
            yield ast.Pass()


def _others(op: ast.AST, table: dict[type[ast.AST], type[ast.AST]] = OPPOSITE) -> list[type[ast.AST]]:
    return [table[type(op)]] if type(op) in table else []


def mutants(file: str, reasons: Mapping[str, str]) -> list[Mutant]:
    """List every mutant of a file of `network/`; `reasons` says which are equivalent."""
    text = (NETWORK / file).read_bytes()
    seen: Counter[str] = Counter()
    found = []
    tree = ast.parse(text)
    at_import = {ast.unparse(node.func) for part in tree.body for node in _run_at_import(part)}
    for function, inside, node in _nodes(tree, "module", False):
        inside = inside and function not in at_import
        for variant in variants(node):
            change = f"{function}: {ast.unparse(node)} -> {ast.unparse(variant)}"
            seen[change] += 1
            numbered = change if seen[change] == 1 else f"{change} ({seen[change]})"
            changed = _replaced(text, node, variant)
            found.append(Mutant(file, node.lineno, numbered, inside, changed, reasons.get(numbered, "")))
    return found


def _run_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of a file that are made when it is imported: those in no function."""
    if isinstance(node, ast.FunctionDef):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_at_import(child)


def _nodes(node: ast.AST, function: str, inside: bool) -> Iterator[tuple[str, bool, ast.AST]]:
    """Yield what computes, with the name of its function and whether it is in its body: no types, no messages."""
    if isinstance(node, ast.Raise | ast.JoinedStr) or _is_type(node):
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = node.name if function == "module" else f"{function}.{node.name}"
    yield function, inside, node
    for name, value in ast.iter_fields(node):
        in_body = inside or (isinstance(node, ast.FunctionDef) and name == "body")
        for child in value if isinstance(value, list) else [value]:
            if name not in UNREAD and isinstance(child, ast.AST):
                yield from _nodes(child, function, in_body)


def _is_type(node: ast.AST) -> bool:
    """Recognise a union of types, as in `isinstance(x, int | float)` or an alias `Spec = str | Activation`."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)):
        return False
    return "None" in (ast.unparse(node.left), ast.unparse(node.right)) or ast.unparse(node.left) in TYPES


def _replaced(text: bytes, node: ast.AST, variant: ast.AST) -> str:
    """Put a variant in the place of a node; the offsets of a tree count bytes."""
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    new = ast.unparse(variant)
    return (text[:start] + (f"({new})" if isinstance(variant, ast.expr) else new).encode() + text[end:]).decode()


class Trial:
    """A plugin of pytest: once the tests are collected, each mutant has them run against it."""

    def __init__(self, found: list[Mutant], jobs: int) -> None:
        self.found, self.jobs = found, jobs
        self.killed: dict[Mutant, bool] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try every mutant in a child; `jobs` of them live at a time."""
        running: dict[int, Mutant] = {}
        functions = [f for f in gc.get_objects() if isinstance(f, FunctionType) and _is_network(f)]
        gc.freeze()  # or every child would copy what its collector touches
        for mutant in self.found:
            if len(running) == self.jobs or not mutant.line:
                self._wait(running)
            if any(dead for tried, dead in self.killed.items() if not tried.line):
                return True  # the controls come first: there is nothing to learn from the rest
            child = os.fork()
            if not child:
                _try(mutant, session, functions)
            running[child] = mutant
        while running:
            self._wait(running)
        return True

    def _wait(self, running: dict[int, Mutant]) -> None:
        if not running:
            return
        child, status = os.wait()
        mutant = running.pop(child)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) not in (0, 1):
            raise RuntimeError(f"this mutant could not be tried: {mutant.file}: {mutant.change}")
        self.killed[mutant] = status != 0
        if mutant.line and not (status or mutant.reason):
            print(f"survives: {mutant.file}:{mutant.line} {mutant.change}", flush=True)
        if sys.stderr.isatty():
            print(f"{len(self.killed)} of {len(self.found)}", end="\r", file=sys.stderr, flush=True)


def _try(mutant: Mutant, session: pytest.Session, functions: list[FunctionType]) -> NoReturn:
    """In a child: make the change, run the tests, and leave with 1 where one fails, 0 where none does, 2 for a bug."""
    code = 2
    try:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        if mutant.in_function:
            _put_in_place(mutant, functions)
            code = int(_fails(session, _ordered(session.items, mutant)))
        else:
            code = int(_fails_from_the_start(mutant))
    finally:
        os._exit(code)


def _put_in_place(mutant: Mutant, functions: list[FunctionType]) -> None:
    """Give the functions that the mutant changes their new code, wherever they are referred to."""
    old, new = (_functions(compile(text, mutant.path, "exec")) for text in (mutant.path.read_text(), mutant.text))
    changed = {before: after for before, after in zip(old, new, strict=True) if before != after}
    affected = [function for function in functions if function.__code__ in changed]
    if {function.__code__ for function in affected} != set(changed):
        raise RuntimeError("the function to change was not found")
    for function in affected:
        function.__code__ = changed[function.__code__]


def _is_network(function: FunctionType) -> bool:
    return (function.__module__ or "").startswith("chainrule.network")


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a module's functions and of its classes' methods."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_flags & inspect.CO_OPTIMIZED:  # a function's; a class has none
                yield const
            else:
                yield from _functions(const)


def _ordered(items: list[pytest.Item], mutant: Mutant) -> list[pytest.Item]:
    """Put the tests first that are most likely to fail; of an equivalent mutant only they are asked."""
    first = FIRST.get(mutant.file, "").split()
    names = [item.path.relative_to(ROOT / "tests").with_suffix("").as_posix() for item in items]
    rank = {name: (*first, *sorted(set(names) - {*first, *LAST}), *LAST).index(name) for name in set(names)}
    ordered = sorted(zip(names, items, strict=True), key=lambda pair: rank[pair[0]])
    return [item for name, item in ordered if name in first or not mutant.reason]


def _fails(session: pytest.Session, items: list[pytest.Item]) -> bool:
    """Run tests until one fails."""
    for item, following in zip(items, [*items[1:], None], strict=False):
        signal.alarm(TIMEOUT)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return True
    return False


def _fails_from_the_start(mutant: Mutant) -> bool:
    """Import everything once more, with the mutant in the place of its file, and run the tests until one fails."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("chainrule", "tests")]:
        del sys.modules[name]
    plain = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        mine = Path(loader.path) == mutant.path
        return compile(mutant.text, mutant.path, "exec") if mine else plain(loader, name)

    SourceFileLoader.get_code = get_code
    signal.alarm(10 * TIMEOUT)
    first = [str(ROOT / "tests" / f"{name}.py") for name in FIRST.get(mutant.file, "").split()]
    rest = [] if mutant.reason else TESTS
    return any(pytest.main([*PYTEST, *files]) != 0 for files in (first, rest) if files)


def tried(found: list[Mutant], jobs: int) -> dict[Mutant, bool]:
    """Tell of every mutant whether it was killed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.modules["chainrule.engine._native"] = None  # type: ignore[assignment]
    text = (NETWORK / "dense.py").read_text()  # both ways of making a change are tried with none
    same = [Mutant("dense.py", 0, "nothing", in_function, text) for in_function in (True, False)]
    trial = Trial([*same, *found], jobs)
    pytest.main([*PYTEST, *TESTS], plugins=[trial])
    if not trial.killed or any(trial.killed.pop(control, True) for control in same):
        raise SystemExit("tests/network and tests/contract must pass where nothing is changed, and do not.")
    return trial.killed


def table(killed: Mapping[Mutant, bool]) -> str:
    """One line per file: mutants, killed, equivalent, survivors."""
    counts: Counter[tuple[str, str]] = Counter()
    for mutant, dead in killed.items():
        for file in (mutant.file, "all"):
            counts[file, "mutants"] += 1
            counts[file, "killed" if dead else "equivalent" if mutant.reason else "survivors"] += 1
    columns = ("mutants", "killed", "equivalent", "survivors")
    files = (*sorted({mutant.file for mutant in killed}), "all")
    lines = [("file", *columns), *((file, *(str(counts[file, column]) for column in columns)) for file in files)]
    return "\n".join(f"{line[0]:26}" + "".join(f"{cell:>12}" for cell in line[1:]) for line in lines)


def main() -> int:
    """Try the mutants of the files asked for; 1 where one survives, or the list of equivalent ones is not true."""
    files = {path.relative_to(NETWORK).as_posix() for path in NETWORK.rglob("*.py")}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a file of network/, such as losses/base.py; by default those of the equations",
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many run at the same time (default: 2)")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.files) - files):
        parser.error(f"no such file in network/: {', '.join(unknown)}. There are {', '.join(sorted(files))}.")
    if arguments.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {arguments.jobs}.")

    chosen = sorted(set(arguments.files) or FIRST)
    reasons = tomllib.loads(EQUIVALENT.read_text())
    found = [mutant for file in chosen for mutant in mutants(file, reasons.get(file, {}))]
    stale = {change for file in chosen for change in reasons.get(file, {})} - {mutant.change for mutant in found}
    killed = tried(found, arguments.jobs)
    print(table(killed))
    wrong = [f"said to be equivalent, but killed: {m.file}: {m.change}" for m in found if m.reason and killed[m]]
    wrong += [f"said to be equivalent, but no mutant: {change}" for change in sorted(stale)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return int(bool(wrong) or not all(killed[mutant] or mutant.reason for mutant in found))


if __name__ == "__main__":
    raise SystemExit(main())
