"""The file of CSVLogger, read back to the bit."""

import csv

import pytest

from chainrule._errors import InvalidParameterError
from chainrule.callbacks import CSVLogger

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def check(path, *histories):
    """The file's numbers are those of the histories, to the bit."""
    header, *rows = csv.reader(path.read_text().splitlines())
    assert header == list(histories[0])
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        assert [float(cell) for cell in column] == [value for history in histories for value in history[name]]


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs", "batch_size": "auto"}], ids=str)
def test_the_file_is_the_history(tmp_path, fitted, settings):
    check(tmp_path / "log.csv", fitted(CSVLogger(tmp_path / "log.csv"), **settings).history_)


def test_a_line_is_there_when_its_epoch_has_ended(tmp_path, fitted):
    lines = []
    fitted(
        [
            CSVLogger(tmp_path / "log.csv"),
            lambda ctx: lines.append(len((tmp_path / "log.csv").read_text().splitlines())),
        ]
    )
    assert lines == [2, 3, 4, 5]


def test_a_second_training_replaces_the_file(tmp_path, fitted):
    logger = CSVLogger(tmp_path / "log.csv")
    fitted(logger)
    check(tmp_path / "log.csv", fitted(logger, max_iter=2).history_)
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_the_older_file_stays_until_there_is_something_new(tmp_path, fitted):
    path = tmp_path / "log.csv"
    path.write_text("old")

    def fail(ctx):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fitted([fail, CSVLogger(path)])
    assert path.read_text() == "old"


def test_append_goes_on_behind_the_same_columns(tmp_path, fitted):
    logger = CSVLogger(tmp_path / "log.csv", append=True)
    check(tmp_path / "log.csv", *[fitted(logger).history_ for _ in range(3)])
    with pytest.raises(InvalidParameterError, match=r"log.csv has the columns .* this training .*'val_loss'"):
        fitted(logger, early_stopping=True)


def test_append_to_an_empty_file_begins_with_a_header(tmp_path, fitted):
    (tmp_path / "log.csv").touch()
    check(tmp_path / "log.csv", fitted(CSVLogger(tmp_path / "log.csv", append=True)).history_)


def test_a_folder_that_is_not_there_is_an_error(tmp_path, fitted):
    with pytest.raises(FileNotFoundError):
        fitted(CSVLogger(tmp_path / "none" / "log.csv"))
