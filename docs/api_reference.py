"""Write the API reference into site/, and fail on anything in it that pdoc cannot resolve."""

import warnings
from importlib import import_module
from pathlib import Path

import pdoc

PACKAGES = ("network", "derivation", "lab", "callbacks", "many", "table", "storage", "metrics")
# The last ones have what the first ones inherit: fit, predict, transform.
ESTIMATORS = ("mlp", "linear", "tabular", "base", "classifier", "regressor", "transformer")
MODULES = [
    *(f"chainrule.{name}" for name in PACKAGES),
    *(f"chainrule.estimator.{name}" for name in ESTIMATORS),
    "chainrule.tabular.model",
]
SITE = Path(__file__).parents[1] / "site"

for name in MODULES:
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        setattr(module, public, getattr(module, public))  # pdoc does not see what is imported on first use

warnings.simplefilter("error")
# Annotations of a dataclass's __init__ that it inherits: pdoc looks them up in the wrong module.
warnings.filterwarnings("ignore", "Error parsing type annotation .*__init__")
pdoc.render.configure(docformat="numpy")
# Functions of the lab have the names of modules, which pdoc would give pages of their own.
pdoc.pdoc(*MODULES, r"!chainrule\.lab\..*", output_directory=SITE)
