"""A process that searches until it kills itself; and the search that it does."""

import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from chainrule import MLPSearchCV

from ..patience import GIVE_UP, wait_until
from .conftest import LABELS, X, classifier
from .deeds import Note

GRID = {"alpha": [0.0001, 0.01, 1.0, 5.0, 20.0], "learning_rate_init": [0.001, 0.01]}


def rows(path):
    """What the record holds."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT candidate, split FROM evaluation ORDER BY 1, 2").fetchall()


class Last(Note):
    """Notes every fit; in the process that is to die the eighth is the last, once the record knows of five."""

    def on_fit_begin(self, ctx):
        super().on_fit_begin(ctx)
        record = os.environ.get("RECORD")  # not of the class: its constants are part of the search
        if record and len(list(Path(self.folder).iterdir())) >= 8:
            wait_until(lambda: len(rows(record)) >= 5)
            time.sleep(float(os.environ["PAUSE"]))
            os.kill(os.getpid(), signal.SIGKILL)


def search_of(record, marks, halving):
    resources = {"resource": halving, "factor": 2, "min_resources": 6} if halving else {}
    return MLPSearchCV(classifier(callbacks=Last(marks)), GRID, cv=3, record=record, **resources)


if __name__ == "__main__":
    from tests.many import searcher  # so that pickles name the module, not __main__

    os.environ["RECORD"], os.environ["PAUSE"] = sys.argv[1], str(GIVE_UP * len(sys.argv[4:]))
    searcher.search_of(*sys.argv[1:4]).fit(X, LABELS)
