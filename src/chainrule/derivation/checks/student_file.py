"""The derivatives in a Python file: functions found by pairs of names, judged in a process of their own.

The file is run, so that its functions exist: by another process, which is ended when its time is up.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from chainrule._errors import ChainruleError, InvalidParameterError

PATTERNS: tuple[str, ...] = (
    "{}_prime",
    "{}_derivative",
    "{}_deriv",
    "{}_der",
    "{}_grad",
    "{}_gradient",
    "d_{}",
    "d{}",
    "grad_{}",
)
PATTERNS += ("derivative_{}", "derivative_of_{}", "{}_dash", "{}Prime")


def check_file(path: str | Path, *, timeout: float = 30.0) -> list[dict[str, Any]]:
    """Run a Python file in a process of its own and judge every derivative in it.

    Parameters
    ----------
    path : str or Path
    timeout : float, default 30
        Seconds after which the process is ended.

    Returns
    -------
    list of dict
        For each pair, `DerivativeCheck.to_dict()` and its text; where a function is no function of one number, its
        names and the error instead.

    Raises
    ------
    InvalidParameterError
        If the file cannot be read or run, or has no such pair.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidParameterError(f"file not found: {path}. Give a Python file.")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        _run(path, result, timeout)
        if not result.exists():
            raise InvalidParameterError(f"{path} ended its process before its functions could be judged.")
        found = json.loads(result.read_text(encoding="utf-8"))
    if "error" in found:
        raise InvalidParameterError(f"{path} cannot be run: {found['error']}")
    if not found["checks"]:
        names = ", ".join(pattern.format("g") for pattern in PATTERNS)
        raise InvalidParameterError(
            f"{path} has no function with its derivative. Beside g one of these is looked for: {names}."
        )
    checks: list[dict[str, Any]] = found["checks"]
    return checks


def _run(path: Path, result: Path, timeout: float) -> None:
    """Run this module on the file, with nothing to read and nowhere to print."""
    command = [sys.executable, "-m", __name__, str(path.resolve()), str(result)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, start_new_session=True, env=environment, **quiet)  # type: ignore[call-overload]
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise InvalidParameterError(
            f"{path} has not come to an end within {timeout:g} seconds. Put what takes long under "
            "if __name__ == '__main__', or raise the timeout."
        ) from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and with it what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def judged(path: str) -> dict[str, Any]:
    """Run the file here, and judge what it defines."""
    import runpy

    sys.path.insert(0, str(Path(path).parent))
    try:
        names = runpy.run_path(path, run_name="student")
    except SyntaxError as error:
        return {"error": f"{error.msg} (line {error.lineno})."}
    except BaseException as error:  # noqa: BLE001 - the file may raise anything, and exit
        return {"error": _told(error, path)}
    return {"checks": [_judged(*pair) for pair in pairs(names)]}


def _told(error: BaseException, path: str) -> str:
    """An exception in one line, with the line of the file it comes from."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    words = "it exits" if isinstance(error, SystemExit) else f"{type(error).__name__}: {str(error)[:200]}"
    return f"{words} (line {line})." if line else f"{words}."


def pairs(names: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Callable[..., Any]]]:
    """Find the pairs: the names of g and g', and both; a g that the file lacks is the activation of that name.

    Examples
    --------
    >>> [(g, g_prime) for g, g_prime, _, _ in pairs({"cube": abs, "d_cube": abs, "relu_prime": abs, "other": abs})]
    [('cube', 'd_cube'), ('relu', 'relu_prime')]
    """
    from chainrule.network.activations import ACTIVATIONS, ALIASES

    functions = {name: value for name, value in names.items() if callable(value) and not name.startswith("__")}
    known = {name: ALIASES.get(name, name) for name in (*ACTIVATIONS, *ALIASES) if name not in functions}
    for g, function in {**functions, **known}.items():
        for pattern in PATTERNS:
            g_prime = pattern.format(g)
            if g_prime in functions:
                yield g, g_prime, function, functions[g_prime]


def _judged(name: str, derivative: str, g: Any, g_prime: Callable[..., Any]) -> dict[str, Any]:
    from chainrule.slopes.derivative_check import check_derivative

    try:
        check = check_derivative(g, g_prime)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the functions may raise anything
        words = str(error) if isinstance(error, ChainruleError) else f"{type(error).__name__}: {str(error)[:200]}"
        return {"name": name, "derivative": derivative, "ok": False, "verdict": "not checked", "error": words}
    return {**check.to_dict(), "name": name, "derivative": derivative, "text": str(check)}


def _main(path: str, result: str) -> None:
    found = json.dumps(judged(path))
    Path(result).write_text(found, encoding="utf-8")
    os._exit(0)  # whatever threads the file has started


if __name__ == "__main__":
    _main(*sys.argv[1:])
