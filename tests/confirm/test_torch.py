"""PyTorch losses under ``--confirm``: what autograd gives, where it is lost, steps of the file's own, scripts."""

from __future__ import annotations

import linecache
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

from losslint.confirmation import frameworks, locate, steps  # noqa: E402
from losslint.confirmation.differences import compare  # noqa: E402
from losslint.confirmation.failures import UserFiles  # noqa: E402
from losslint.confirmation.observation import Observation, Outcome  # noqa: E402
from losslint.confirmation.probes import Loss, observe  # noqa: E402
from losslint.confirmation.program import Claim, TensorSpec  # noqa: E402
from losslint.confirmation.values import generic  # noqa: E402
from losslint.confirmation.witness import search  # noqa: E402
from tests.confirm.test_confirming import FIXTURES, losslint_process, verdicts_in  # noqa: E402
from tests.expectations import expected  # noqa: E402

pytestmark = pytest.mark.frameworks

PATH = Path("measured_torch.py")
SOURCE = '''
import torch
import torch.nn.functional as F

def squared(y_pred, y_true):
    return F.mse_loss(y_pred, y_true)

def chosen(y_pred, y_true):
    place = torch.argmax(y_pred, dim=-1).float()
    return F.l1_loss(place, y_true[:, 0])

def wrapped_anew(y_pred, y_true):
    error = (y_pred - y_true).abs().mean()
    return torch.tensor(error.item(), requires_grad=True)

def without_grad(y_pred, y_true):
    with torch.no_grad():
        error = y_pred - y_true
    return (error ** 2).mean()

def rounded(y_pred, y_true):
    return ((torch.round(y_pred) - y_true) ** 2).mean()

def by_numpy(y_pred, y_true):
    return torch.as_tensor(((y_pred.numpy() - y_true.numpy()) ** 2).mean())

def root(y_pred, y_true):
    return torch.sqrt(((y_pred - y_true) ** 2).sum(-1)).mean()

def logs(y_pred, y_true):
    return -(y_true * torch.log(torch.softmax(y_pred, -1))).sum(-1).mean()

def in_place(y_pred, y_true):
    y_pred[y_pred < 0] = 0.0
    return (y_pred - y_true).abs().mean()

class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x

    @staticmethod
    def backward(ctx, up):
        return up

def wrong(y_pred, y_true):
    return Doubled.apply(y_pred - y_true).mean()

class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, up):
        return up

def straight(y_pred, y_true):
    return ((Straight.apply(y_pred) - y_true) ** 2).mean()

def with_extras(y_pred, y_true):
    error = (y_pred - y_true) ** 2
    return error.mean(), {"most": error.max().item()}

def dead_term(y_pred, y_true):
    return ((y_pred - y_true) ** 2).mean() + (y_pred > 0.5).float().mean()
'''
ROWS = SOURCE.splitlines()
SPECS = (TensorSpec("y_pred", (8, 3), role="prediction"), TensorSpec("y_true", (8, 3), role="label"))
SPACE: dict[str, Any] = {}
exec(compile(SOURCE, str(PATH), "exec"), SPACE)
linecache.cache[str(PATH)] = (len(SOURCE), None, SOURCE.splitlines(True), str(PATH))


def loss(name: str) -> Loss:
    return Loss(SPACE[name], UserFiles(PATH), "function", framework=frameworks.load("torch"))


def seen(name: str) -> Observation:
    return observe(loss(name), generic(SPECS), SPECS, "eager")


def row_of(text: str) -> int:
    (found,) = [row for row, line in enumerate(ROWS, 1) if text in line]
    return found


@pytest.mark.parametrize(("name", "outcome", "row"), [
    ("chosen", Outcome.NO_GRADIENT, "torch.argmax"), ("wrapped_anew", Outcome.NO_GRADIENT, "requires_grad=True"),
    ("without_grad", Outcome.NO_GRADIENT, "        error = y_pred - y_true"),
    ("rounded", Outcome.ZERO_GRADIENT, "(torch.round(y_pred) - "),
])  # fmt: skip
def test_where_the_gradient_is_lost(name: str, outcome: Outcome, row: str) -> None:
    found = seen(name)
    assert found.outcome is outcome
    assert row_of(row) in [one.row for one in locate.place(loss(name), SPECS, found)]


@pytest.mark.parametrize("name", ["squared", "in_place", "with_extras", "straight", "dead_term", "root"])
def test_gradients_that_arrive(name: str) -> None:
    found = seen(name)
    assert found.outcome is Outcome.FINE
    assert np.asarray(found.gradient["y_pred"]).shape == (8, 3)  # type: ignore[index]


def test_numpy_raises_in_its_row() -> None:
    found = seen("by_numpy")
    assert (found.outcome, found.row) == (Outcome.RAISES, row_of("y_pred.numpy()"))
    assert "Can't call numpy()" in found.error


@pytest.mark.parametrize(("name", "text"), [("root", "torch.sqrt(((y_pred"), ("logs", "torch.log(torch.softmax")])
def test_witnesses(name: str, text: str) -> None:
    row = row_of(text)
    values = ("real", "real") if name == "root" else ("logits", "onehot")
    specs = [replace(spec, values=kind) for spec, kind in zip(SPECS, values, strict=True)]
    found, _ = search(loss(name), specs, [Claim("LL303", row, row)])
    bad = (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT)
    assert any(one.row == row and one.plausible and one.outcome in bad for one in found)


def test_differences() -> None:
    outcomes = {name: [one.outcome for one in compare(loss(name), generic(SPECS), SPECS)] for name in ("squared", "wrong")}
    assert outcomes == {"squared": [Outcome.FINE], "wrong": [Outcome.WRONG_GRADIENT]}
    torch_ = frameworks.load("torch")
    assert [torch_.traits(loss(name), generic(SPECS)).meant_to_differ  # type: ignore[union-attr]
            for name in ("squared", "wrong", "straight", "without_grad")] == [False, False, True, True]


def test_a_dead_term_of_a_recorded_run() -> None:
    row = row_of("y_pred > 0.5")
    trail = locate.record(loss("dead_term"), SPECS, generic(SPECS))
    (found,) = steps.claimed(trail, [Claim("LL112", row, row)], UserFiles(PATH))
    assert (found.outcome, found.row, found.operation) == (Outcome.DEAD_TERM, row, "gt")


# -- from end to end


def test_fixtures_carry_verdicts() -> None:
    for path, found in verdicts_in(FIXTURES / "frameworks").items():
        if path.stem.startswith("torch"):
            assert found == dict.fromkeys(expected(path.read_text(encoding="utf-8")), "confirmed"), path


def test_variants_of_the_l1_penalty() -> None:
    """The loss itself is clean, its variants with item(), detach() and NumPy are not."""
    for path, found in verdicts_in(FIXTURES / "tutorials").items():
        if path.stem.endswith("_torch"):
            assert found == dict.fromkeys(expected(path.read_text(encoding="utf-8")), "confirmed"), path


STEP = """\
import torch
from torch import nn


def training_data():
    return torch.randn(6, 4), torch.randn(6)


net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(1000):
    x, y = training_data()
    loss = ((net(x).round() - y[:, None]) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


ELSEWHERE = """\
import torch
from torch import nn

def state_loss(pred, target, model):
    return nn.functional.mse_loss(pred, target) + 1e-3 * model.state_dict()["weight"].abs().sum()

def second_loss(pred, target):
    return (pred.topk(2).indices.float() - target).pow(2).mean()

def middle_loss(pred, target):
    return (pred.kthvalue(5, dim=1).indices - target).abs().mean()
"""


def test_what_an_exception_proves_and_how_wide_inputs_are(tmp_path: Path) -> None:
    """That a made-up model has no such weight says nothing of the penalty; rows are as long as the k of a selection."""
    path = tmp_path / "losses.py"
    path.write_text(ELSEWHERE)
    (found,) = verdicts_in(tmp_path).values()
    assert found == {(5, "LL112"): "unconfirmed", (8, "LL105"): "confirmed", (11, "LL105"): "confirmed"}


MIXED = """\
import jax.numpy as jnp
import torch
import torch.nn.functional as F

net = torch.nn.Linear(4, 3)

def log_target_loss(logits, teacher):
    return F.kl_div(F.log_softmax(logits, dim=1), F.log_softmax(teacher, dim=1), reduction="batchmean")

def shares_loss(logits, teacher):
    shares = F.softmax(teacher, dim=1)
    return F.kl_div(F.log_softmax(logits, dim=1), shares, reduction="batchmean", log_target=True)

def step(x):
    loss = jnp.mean(net(x))
    loss.backward()

step(torch.randn(8, 4))
"""


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_targets_in_logarithms_and_functions_of_another_framework(tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text(MIXED)
    (found,) = verdicts_in(tmp_path).values()
    assert {(8, "LL406"): "confirmed", (12, "LL406"): "confirmed", (15, "LL103"): "confirmed"}.items() <= found.items()


RETURNED = """\
import torch
from torch import nn
import torch.nn.functional as F

class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        pred = self(x).argmax(dim=1)
        loss = F.mse_loss(pred.float(), y)
        return loss

class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(5, 2)

    def training_step(self, batch, batch_idx):
        logits = self.net(batch["x"].float()).detach()
        return {"loss": F.cross_entropy(logits, batch["y"].long()), "logits": logits}

class Squashed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(5, 2)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.cross_entropy(torch.softmax(self.net(x), dim=-1), y)

class Trained(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(5, 2)

    def training_step(self, batch, batch_idx):
        x, y = batch
        hit = (self.net(x).argmax(-1) == y.long()).float().mean()
        return {"loss": F.cross_entropy(self.net(x.float().view(-1, 5)), y.long()), "hit": hit}
"""


def test_steps_that_return_their_loss(tmp_path: Path) -> None:
    """They are run on a batch that fits the layers of the model, and the gradient is that of its parameters."""
    path = tmp_path / "steps.py"
    path.write_text(RETURNED)
    (found,) = verdicts_in(tmp_path).values()
    assert found == dict.fromkeys([(15, "LL105"), (25, "LL108"), (35, "LL406")], "confirmed")


def test_a_step_of_the_file_and_its_script(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(STEP)
    done = losslint_process("--confirm", "--isolated", str(path))
    assert "LL107" in done.stdout
    assert "confirmed in eager code: gradient 0 everywhere, lost in round" in done.stdout
    script = tmp_path / "script.py"
    script.write_text(losslint_process("repro", f"{path}::loss").stdout)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=200)
    assert "gradient to net.weight tensor([[0., 0., 0., 0.]])" in ran.stdout
