"""Sequentials of PyTorch: read, traced, and autograd's gradients checked."""

import numpy as np
import pytest

from chainrule import gradcheck, trace
from chainrule._errors import InvalidParameterError, ShapeError, TargetError
from chainrule.derivation.models.as_problem import problem_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-oracles")
pytestmark = pytest.mark.oracle
nn = torch.nn

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(20, 3))
ACTIVATIONS = [
    nn.ReLU(),
    nn.LeakyReLU(0.1),
    nn.ELU(0.7),
    nn.SELU(),
    nn.GELU(),
    nn.SiLU(),
    nn.Softplus(),
    nn.Mish(),
    nn.Hardtanh(),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.Identity(),
]
TASKS = [
    ("binary", 1, nn.Sigmoid(), DRAW.integers(2, size=20), nn.BCELoss()),
    ("labels", 3, nn.Sigmoid(), DRAW.integers(2, size=(20, 3)), nn.BCELoss()),
    ("classes", 3, nn.Softmax(dim=1), DRAW.integers(3, size=20), None),
    ("logits", 3, nn.Identity(), DRAW.integers(3, size=20), nn.CrossEntropyLoss()),
    ("numbers", 2, nn.Identity(), DRAW.normal(size=(20, 2)), None),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task[0])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda layer: type(layer).__name__)
def test_sequentials_pass(activation, task):
    _, n, last, y, loss = task
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), activation, nn.Dropout(0.5), nn.Sequential(nn.Linear(5, n)), last).eval()
    check = gradcheck(model, torch.tensor(X), y)
    assert {row.verdict for row in check.rows} == {"ok"}, str(check)
    output = model.double()(torch.tensor(X))
    if loss is None:
        return
    targets = torch.tensor(y if isinstance(loss, nn.CrossEntropyLoss) else y.reshape(20, -1).astype(float))
    assert problem_of(model, X, y).cost() == pytest.approx(loss(output, targets).item(), rel=1e-9)


def test_the_trace_has_autograds_gradients():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    y = DRAW.integers(3, size=20)
    nn.CrossEntropyLoss()(model(torch.tensor(X)), torch.tensor(y)).backward()
    t = trace(model, X, y)
    assert np.allclose(t.dW[1], model[0].weight.grad, atol=1e-14)
    assert np.allclose(t.db[2].ravel(), model[2].bias.grad, atol=1e-14)


def test_the_loss_can_be_named():
    model = nn.Sequential(nn.Linear(3, 1))
    y = DRAW.integers(2, size=20)
    for loss in ("binary_cross_entropy", "squared_error", "huber", "poisson"):
        check = gradcheck(model, X, y, loss=loss)
        assert check.ok
        assert check.problem.architecture.loss.name == loss
    assert trace(model, X, y, loss="huber").problem.architecture.loss.name == "huber"
    with pytest.raises(InvalidParameterError, match="binary_cross_entropy"):
        gradcheck(model, X, y, loss="binary_crossentropy")
    with pytest.raises(InvalidParameterError, match="softmax"):
        gradcheck(nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=1)), X, y, loss="squared_error")


def test_the_model_is_left_as_it_is():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    before = [p.clone() for p in model.parameters()]
    gradcheck(model, X, DRAW.normal(size=20))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None and p.dtype == torch.float32 for p in model.parameters())
    assert model.training


SHARED = nn.Linear(3, 3)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), "layer 1, BatchNorm1d"),
        (nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.Linear(2, 1)), r"call model.eval\(\)"),
        (nn.Sequential(nn.Linear(3, 2, bias=False)), "no bias"),
        (nn.Linear(3, 2), "got Linear"),
        (nn.Sequential(nn.Tanh()), "before the first"),
        (nn.Sequential(), "no Linear"),
        (nn.Sequential(nn.Linear(3, 2), nn.Softplus(2.0)), "usual settings"),
        (nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.ReLU()), "follows another"),
        (nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=0)), "dim=0"),
        (nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1), nn.Linear(2, 1)), "only the last"),
        (nn.Sequential(SHARED, nn.Tanh(), SHARED), "used twice"),
        (nn.Sequential(nn.Linear(3, 1)), "say loss="),
    ],
)
def test_what_is_refused(model, words):
    with pytest.raises(InvalidParameterError, match=words):
        gradcheck(model, X, np.zeros(20, int))


def test_data_that_do_not_fit():
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ShapeError, match="3 columns"):
        gradcheck(model, X[:, :2], X[:, :2])
    with pytest.raises(ShapeError, match="20 rows and 2 columns"):
        gradcheck(model, X, X)
    with pytest.raises(TargetError, match="from 0 to 1"):
        gradcheck(model, X, np.full(20, 2))
    with pytest.raises(TargetError, match="numbers"):
        gradcheck(model, X, ["a"] * 20)
