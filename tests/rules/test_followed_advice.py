"""What help texts about tapes, gradients and shapes say is done, and the framework takes it."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from losslint.findings import Finding
from tests.expectations import check

STEP = """
import keras
import tensorflow as tf

def step(net, opt, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(x, training=True) - y))
    slopes = tape.gradient(loss, net.{weights})
    opt.apply_gradients(slopes)
"""

TURNS = """
import torch
from torch import nn

def turns(x, leave=lambda: None):
    maker, judge = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    moves = torch.optim.SGD(judge.parameters(), 0.1)
    moves.zero_grad()
    said = judge(maker(x))
    first, second = said.mean(), -said.mean()
    first.backward()
    {between}
    second.backward()
    {after}
"""

REVERSED = """
import torch

class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, rate):
        ctx.rate = rate
        return x.view_as(x)

    @staticmethod
    def backward(ctx, upstream):
        return {gradients}

def reversed_loss(pred, target):
    return (Reversed.apply(pred, 0.3) - target).abs().mean()
"""


def found(text: str, code: str) -> Finding:
    return next(finding for finding in check(text) if finding.code == code)


def defined(text: str, name: str) -> Any:
    names: dict[str, Any] = {}
    exec(text, names)
    return names[name]


@pytest.mark.parametrize("weights", ["trainable_variables", "variables"])
def test_every_gradient_meets_its_own_variable(weights: str) -> None:
    np, keras = pytest.importorskip("numpy"), pytest.importorskip("keras")
    text = STEP.format(weights=weights)
    mended = text.replace("opt.apply_gradients(slopes)", found(text, "LL504").help)
    layers = keras.layers
    net = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(1)])
    kernel = net.layers[-1].kernel.numpy()
    defined(mended, "step")(net, keras.optimizers.SGD(0.1), np.ones((8, 4)) * np.arange(8)[:, None], np.ones((8, 1)))
    assert abs(net.layers[-1].kernel.numpy() - kernel).max() > 0


def test_a_kept_graph_needs_the_weights_as_they_were() -> None:
    still = TURNS.format(between="leave()", after="moves.step()")
    moved = TURNS.format(between="moves.step()", after="leave()")
    assert "retain_graph=True" in found(still, "LL503").help
    assert "retain_graph" not in found(moved, "LL503").help
    torch = pytest.importorskip("torch")
    still, moved = (text.replace("first.backward()", "first.backward(retain_graph=True)") for text in (still, moved))
    defined(still, "turns")(torch.randn(8, 4))
    with pytest.raises(RuntimeError, match="inplace"):
        defined(moved, "turns")(torch.randn(8, 4))


def test_what_is_no_tensor_gets_none() -> None:
    wrong, right = (REVERSED.format(gradients=g) for g in ("-ctx.rate * upstream", "(-ctx.rate * upstream, None)"))
    assert "None for labels, and for what is no tensor" in found(wrong, "LL512").help
    assert not [finding for finding in check(right) if finding.code == "LL512"]
    torch = pytest.importorskip("torch")
    pred = torch.ones(3, requires_grad=True)
    defined(right, "reversed_loss")(pred, torch.zeros(3)).backward()
    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        defined(wrong, "reversed_loss")(pred, torch.zeros(3)).backward()


@pytest.mark.parametrize("flat", ["tf.reshape(y, [-1])", "tf.squeeze(y)", "y[:, 0]", "tf.reduce_sum(y, axis=-1)"])
def test_a_row_gets_its_axis(flat: str) -> None:
    tf = pytest.importorskip("tensorflow")
    text = f"""
        import tensorflow as tf

        def row_loss(y, y_pred):
            return tf.reduce_mean(tf.square({flat} - y_pred))

        model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
        model.compile(loss=row_loss)
    """
    advice = re.search(r"(?:keep the axis of|add an axis to) (.*?) \((\[.*?\]|keepdims=True)\), or", found(
        textwrap.dedent(text), "LL401").help)
    assert advice is not None
    assert advice[1] == flat
    how = advice[2]
    written = f"{flat[:-1]}, {how})" if "=" in how else flat.replace("[:, 0]", how) if how == "[:, :1]" else flat + how
    assert eval(written, {"tf": tf, "y": tf.ones((5, 1))}).shape == (5, 1)


@pytest.mark.parametrize(("drawn", "used"), [("xb, yb", "yb"), ("xb, yb", "yb.float()"), ("batch", "batch[1]")])
def test_what_a_loader_hands_out_gets_its_axis(drawn: str, used: str) -> None:
    text = f"""
import torch
from torch.utils.data import DataLoader, TensorDataset

net, rows = torch.nn.Linear(4, 1), TensorDataset(torch.randn(40, 4), torch.randn(40))
for {drawn} in DataLoader(rows, 8):
    loss = torch.nn.functional.mse_loss(net({drawn.replace("batch", "batch[0]").split(",")[0]}), {used})
    loss.backward()
"""
    advice = re.search(r"add an axis to (.*?) \((\[.*?\])\), or", found(text, "LL401").help)
    assert advice is not None
    assert advice[1] == used
    followed = text.replace(f"{used})", f"{used}{advice[2]})")
    assert not [finding for finding in check(followed) if finding.code == "LL401"]
    pytest.importorskip("torch")
    names: dict[str, Any] = {}
    exec(followed, names)
    assert eval(f"{used}{advice[2]}", names).shape == (8, 1)


@pytest.mark.parametrize(("cast", "instead"), [
    ("target.float()", "target.long()"), ("target.to(torch.float32)", "target.long()"),
    ("target.float().view(-1)", "target.view(-1).long()"),
])
def test_a_cast_is_replaced_not_joined(cast: str, instead: str) -> None:
    text = f"import torch.nn.functional as F\nimport torch\n\ndef log_loss(x, target):\n    return F.nll_loss(x, {cast})\n"
    assert found(text, "LL407").help == instead
    assert not [finding for finding in check(text.replace(cast, instead)) if finding.code == "LL407"]
