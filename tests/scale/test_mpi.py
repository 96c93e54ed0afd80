"""Training as an MPI job: the bits of one process for any number of ranks; what a killed rank does to the job."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ..patience import GIVE_UP
from .trainings import undisturbed, word

pytest.importorskip("mpi4py")

JOB = str(Path(__file__).with_name("mpi_job.py"))


def mpiexec() -> str:
    """The launcher on the path, or the one that the package mpich has brought."""
    import importlib.metadata

    found = shutil.which("mpiexec") or shutil.which("mpiexec", path=sysconfig.get_path("scripts"))
    for name in ("mpich", "openmpi"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found = found or next((str(file.locate().resolve()) for file in files if file.name == "mpiexec"), None)
    if found is None:
        pytest.skip("needs mpiexec")
    return found


def run(n_ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return launched(n_ranks, JOB, *arguments)


def launched(n_ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an MPI job."""
    launcher = mpiexec()
    command = [launcher, "-n", str(n_ranks), sys.executable, *arguments]
    library = os.environ | {"LD_LIBRARY_PATH": str(Path(launcher).resolve().parents[1] / "lib")}  # of the same MPI
    return subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=False, env=library)


def words(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What each rank says."""
    assert result.returncode == 0, result.stderr
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())


@pytest.mark.one_in(4)
@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_the_sum_has_the_same_bits_for_any_number_of_ranks(n_ranks):
    """And every rank gets the result."""
    expected = word(undisturbed())
    assert words(run(n_ranks, "train")) == {str(rank): expected for rank in range(n_ranks)}


def test_a_killed_rank_ends_the_job_which_goes_on_where_it_was_when_started_again(tmp_path):
    path = str(tmp_path / "checkpoint")
    assert run(2, "first", path).returncode != 0
    assert words(run(3, "second", path))["0"] == word(undisturbed())


@pytest.mark.slow
def test_every_rank_hears_of_a_divergence():
    said = words(run(2, "nan"))
    assert said["0"].startswith("DivergenceError: Solver produced non-finite parameter weights: Z of layer 1")
    assert said["1"].startswith("ClusterError: the training failed on rank 0: DivergenceError")


@pytest.mark.slow
def test_a_mistake_on_one_rank_ends_the_job():
    result = run(2, "broken")
    assert result.returncode != 0
    assert "TypeError: 'NoneType' object is not callable" in result.stderr


@pytest.mark.slow
def test_more_ranks_than_shards_are_refused():
    result = run(6, "train")
    assert result.returncode != 0
    assert "the job has 6 ranks for 5 shards: pass shards=6." in result.stderr


def test_a_rank_that_cannot_read_its_rows_says_so():
    result = run(2, "unread")
    assert result.returncode != 0
    assert "ClusterError: rank 1 cannot read its rows: No such file: part-4.parquet." in result.stderr
