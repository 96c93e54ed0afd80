"""Tables as they come: every dtype, every layout, sparse, a part of the rows; the reference's numbers from each."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from chainrule.engine import reference
from chainrule.network import Architecture, activation, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Momentum
from chainrule.network.training.segment import Plan

from .cases import DTYPES, TOLERANCE, Problem, distance, furthest

M, N = 45, 11
DRAW = np.random.default_rng(0)
WHOLE = DRAW.integers(-3, 4, (M, N)) * (
    DRAW.random((M, N)) < 0.6
)  # whole numbers, many of them 0: exact in every dtype
Y = DRAW.normal(size=(M, 2)).astype(np.float32)
ARCHITECTURE = Architecture((N, 6, 2), (activation("tanh"),), loss("squared_error"), dropout=(0.2, 0.3))


def check(engine, X, Y=Y, *, architecture=ARCHITECTURE, **parts):
    """Twenty steps, all evaluations: as the reference does, from the very same objects."""
    examples = Examples(X.T, Y.T, **parts)
    problem = Problem(architecture, examples, Plan(Momentum(), 7), np.linspace(0.02, 0.01, 20))
    for dtype in DTYPES:
        apart, where = furthest(problem.run(engine, dtype), problem.run(reference, dtype))
        assert apart <= TOLERANCE[dtype], f"{dtype}: {where} is {apart:.1e} from the reference"
        parameters = problem.parameters(dtype)
        mine, truth = (
            (
                by.mean_loss(architecture, parameters, examples),
                *by.cost_and_gradient(architecture, parameters, examples),
                by.logits(architecture, parameters, examples.batch(slice(None), np.dtype(dtype))[0]),
            )
            for by in (engine, reference)
        )
        assert max(map(distance, mine, truth)) <= TOLERANCE[dtype]


NUMBERS = "int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool float16 float32 float64 longdouble >f8 >f4 >i4"


@pytest.mark.parametrize("dtype", NUMBERS.split())
def test_a_table_of_every_dtype(engine, dtype):
    check(engine, (WHOLE % 4 if dtype.startswith("u") else WHOLE).astype(dtype))


def embedded(X):
    """X as every second row and third column of a larger table."""
    larger = np.full((2 * len(X), 3 * X.shape[1]), np.nan, X.dtype)
    larger[::2, ::3] = X
    return larger[::2, ::3]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": embedded,
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "one row, repeated": lambda X: np.broadcast_to(X[3], X.shape),
    "unaligned": lambda X: np.frombuffer(b"?" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(X.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_table_in_every_layout(engine, layout, dtype):
    X = layout(WHOLE.astype(dtype))
    before = X.copy()
    check(engine, X, layout(Y), weights=layout(np.tile(np.linspace(0.5, 2, M)[:, None], 11))[:, 0])
    assert np.array_equal(X, before)


@pytest.mark.parametrize("targets", ["bool", "int8", "int64", "uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("weights", [None, "bool", "int64", "float64"])
def test_targets_and_weights_of_every_dtype(engine, targets, weights):
    binary = replace(ARCHITECTURE, loss=loss("binary_cross_entropy"))
    w = None if weights is None else np.arange(1, M + 1).astype(weights)
    check(engine, WHOLE.astype("float32"), (Y > 0).astype(targets), architecture=binary, weights=w)


def shuffled(table):
    """The same matrix, the stored values of every row in reverse order."""
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(table.indptr[:-1], table.indptr[1:], strict=True)])
    return sp.csr_matrix((table.data[order], table.indices[order], table.indptr), table.shape)


def in_64_bits(table):
    table = table.copy()
    table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    return table


def with_zeros(table):
    """The same matrix, every entry stored."""
    rows, columns = table.shape
    full = table.toarray().ravel()
    return sp.csr_matrix(
        (full, np.tile(np.arange(columns), rows), np.arange(0, rows * columns + 1, columns)), table.shape
    )


def halves(table):
    """The same matrix, every entry stored twice with half its value."""
    return sp.csr_matrix((np.repeat(table.data, 2) / 2, np.repeat(table.indices, 2), 2 * table.indptr), table.shape)


SPARSE = {
    "CSR": sp.csr_matrix,
    "CSR array": sp.csr_array,
    "unsorted": shuffled,
    "64-bit indices": in_64_bits,
    "explicit zeros": with_zeros,
}


@pytest.mark.parametrize("form", SPARSE.values(), ids=SPARSE)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64"])
def test_a_sparse_table(engine, form, dtype):
    check(engine, form(sp.csr_matrix(WHOLE.astype(dtype))))


def test_a_sparse_table_with_entries_in_parts(engine):
    check(engine, halves(sp.csr_matrix(WHOLE.astype(float))), architecture=replace(ARCHITECTURE, dropout=()))


@pytest.mark.parametrize("read_only_part", ["data", "indices", "indptr"])
def test_a_sparse_table_is_only_read(engine, read_only_part):
    table = sp.csr_matrix(WHOLE.astype(float))
    getattr(table, read_only_part).flags.writeable = False
    check(engine, table)


ROWS = {
    "every third": np.arange(0, M, 3),
    "backwards": np.arange(M)[::-1],
    "one": np.array([17]),
    "32-bit": np.arange(9, 30, dtype=np.int32),
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
def test_a_part_of_the_rows(engine, form, weighted, rows):
    """The weights' mean is that of the part; a row outside it may be anything."""
    X = WHOLE.astype("float32")
    outside = np.setdiff1d(np.arange(M), rows)
    X[outside] = 1e30
    w = np.linspace(0.2, 3, M) if weighted else None
    check(engine, form(X), rows=rows, weights=w)


@pytest.mark.parametrize("order", [np.int64, np.int32, np.uint64], ids=lambda dtype: dtype.__name__)
def test_places_may_repeat_and_come_in_any_dtype(engine, order):
    examples = Examples(WHOLE.astype("float64").T, Y.T)
    problem = Problem(ARCHITECTURE, examples, Plan(Momentum(), 8))
    places = np.array([3, 3, 44, 0, 7, 7, 7, 21, 2, 44, 1, 1], order)
    mine, truth = (
        by.run_segment(ARCHITECTURE, problem.plan, problem.start(), examples, places, np.array([0.1, 0.05]))
        for by in (engine, reference)
    )
    assert distance(mine[0].parameters.theta, truth[0].parameters.theta) <= 1e-12
    assert distance(mine[1].losses, truth[1].losses) <= 1e-12


@pytest.mark.parametrize("width", [1, 3, 64, 65, 257, 1023, 4099])
@pytest.mark.parametrize("to", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
def test_masks_of_rows_of_any_width(engine, to, width):
    """Words are drawn many at a time: several rows' together, or one row's in parts."""
    X = np.random.default_rng(width).integers(-1, 2, (M, width)).astype(float)
    hidden = max(1, width // 16)
    architecture = Architecture((width, hidden, 2), (activation("tanh"),), loss("squared_error"), dropout=(0.4, 0.3))
    check(engine, to(X), architecture=architecture)
