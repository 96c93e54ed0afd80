"""A process that searches until it is killed; and the search that it does."""

import sys
import time

from chainrule import MLPSearchCV

from .conftest import LABELS, X, classifier
from .deeds import Note

GRID = {"alpha": [0.0001, 0.01, 1.0, 5.0, 20.0], "learning_rate_init": [0.001, 0.01]}


class Pace(Note):
    """Notes every fit, and may take its time."""

    slow = False

    def on_epoch_end(self, ctx):
        time.sleep(0.02 if Pace.slow else 0)


def search_of(record, marks, halving, slow):
    Pace.slow = slow
    resources = {"resource": halving, "factor": 2, "min_resources": 6} if halving else {}
    return MLPSearchCV(classifier(callbacks=Pace(marks)), GRID, cv=3, record=record, **resources)


if __name__ == "__main__":
    from tests.many.searcher import search_of as named_search_of  # so that pickles name the module, not __main__

    named_search_of(*sys.argv[1:], slow=True).fit(X, LABELS)
