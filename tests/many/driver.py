"""A process that fits on a worker until it is killed."""

import sys

from chainrule import fit_many

from .conftest import LABELS, X, classifier
from .deeds import Note

if __name__ == "__main__":
    long = classifier(max_iter=3000, tol=0.0, n_iter_no_change=3000, callbacks=Note(sys.argv[1]))
    fit_many([long] * 1000, X, LABELS, workers=1)
