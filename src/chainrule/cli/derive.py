"""`chainrule derive`: derive backpropagation for a network, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import say
from chainrule.cli.text_file import check_text_path, write_text

if TYPE_CHECKING:
    from chainrule.derivation.deriving.derivation import Derivation

# The function that writes each kind of file, by its ending.
_WRITERS: dict[str, Callable[[Derivation], str]] = {
    ".html": lambda derivation: derivation.to_html(),
    ".tex": lambda derivation: derivation.to_latex(),
    ".md": lambda derivation: derivation.to_markdown(),
    ".txt": lambda derivation: derivation.to_text(),
}


@click.command()
@click.option("--layers", default="2,16,1", show_default=True, help="Inputs, units of each hidden layer, outputs.")
@click.option(
    "--activation",
    "-a",
    "activations",
    multiple=True,
    help="Hidden activation: a name, or a formula such as 'z*sigmoid(z)'; repeat it for each layer. By default tanh.",
)
@click.option("--output", help="Output activation; by default that of the loss.")
@click.option("--loss", help="A name, or a formula such as '(a-y)**4'; by default cross-entropy.")
@click.option(
    "--detail",
    type=click.Choice(["matrix", "element"]),
    default="matrix",
    show_default=True,
    help="With element, matrices are derived from indices and sums.",
)
@click.option("--alpha", type=float, default=0.0, help="Regularisation strength; by default 0.")
@click.option("--l1-ratio", type=float, default=0.0, help="Share of L1 in the penalty; by default 0.")
@click.option(
    "--format",
    "form",
    type=click.Choice([ending[1:] for ending in _WRITERS]),
    help="Format to write; by default that of the file's ending, or txt to the terminal.",
)
@click.option("--out", "-o", "path", help="A .html, .tex, .md or .txt file; text to the terminal by default.")
@guarded
def derive(
    layers: str,
    activations: tuple[str, ...],
    output: str | None,
    loss: str | None,
    detail: str,
    alpha: float,
    l1_ratio: float,
    form: str | None,
    path: str | None,
) -> None:
    """Derive the gradients of a network: every formula with its shapes, the rule used, and its reason.

    Activations and losses are the library's, or your own formulas, which are differentiated.

    \b
    chainrule derive --layers 2,16,1 --activation tanh --output sigmoid --loss binary_cross_entropy
    chainrule derive --layers 4,8,3 --activation 'z*sigmoid(z)' --detail element -o derivation.html
    """
    ending = f".{form or 'txt'}"
    if path and not form:
        ending = check_text_path(path, _WRITERS)
    from chainrule.derivation.deriving.derivation import derive as derived

    hidden: Any = activations[0] if len(activations) == 1 else list(activations) or None
    derivation = derived(_widths(layers), hidden, output, loss, detail=detail, alpha=alpha, l1_ratio=l1_ratio)
    content = _WRITERS[ending](derivation)
    if path:
        write_text(path, content)
    else:
        say(content, nl=False)


def _widths(layers: str) -> list[int]:
    from chainrule._errors import InvalidParameterError

    parts = [part.strip() for part in layers.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InvalidParameterError(f"--layers takes whole numbers with commas, such as 2,16,1; got {layers!r}.")
    return [int(part) for part in parts]
