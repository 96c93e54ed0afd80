"""`chainrule check`: check the derivatives in a student's Python file."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import say


@click.command()
@click.argument("file")
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds after which the file's process is ended.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def check(file: str, timeout: float, as_json: bool) -> None:
    """Check the derivatives in the Python FILE.

    Runs FILE in a process of its own, so give only files you would run. Finds functions by pairs of names, such as
    sigmoid and sigmoid_prime (or sigmoid_derivative, sigmoid_grad, d_sigmoid, dsigmoid), and checks each derivative
    against finite differences of its function. A derivative alone, such as relu_prime, is checked against the library's
    relu.

    The exit code is 0 if all are right, 1 if one is wrong, 2 if the file cannot be checked. A derivative that is right
    as a function of a = g(z) counts as right, and is marked.
    """
    from chainrule.cli.display import strict_json
    from chainrule.derivation.checks.student_file import check_file

    checks = check_file(file, timeout=timeout)
    right = all(found["verdict"] in ("right", "of a") for found in checks)
    if as_json:
        say(strict_json({"file": file, "ok": right, "checks": checks}))
    else:
        say("\n".join(found.get("text") or _unjudged(found) for found in checks))
    if not right:
        raise SystemExit(1)


def _unjudged(found: dict[str, str]) -> str:
    return f"{found['derivative']} as the derivative of {found['name']}: not checked\n  {found['error']}"
