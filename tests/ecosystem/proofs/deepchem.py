"""DeepChem: its file of losses imports by itself; the two losses of models are taken out of theirs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import torch as t
from torch import nn

from tests.ecosystem.observe import sliced, torch, traced


def _losses() -> Any:
    file = Path(sys.path[0]) / "deepchem/models/losses.py"
    spec = importlib.util.spec_from_file_location("deepchem_losses", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def poisson_at_zero() -> list[str]:
    loss = _losses().PoissonLoss()._create_pytorch_loss()
    return torch(lambda p: loss(p, t.tensor([0.0, 1.0])), [0.0, 1.0])


def probability_zero() -> list[str]:
    loss = _losses().CategoricalCrossEntropy()._create_pytorch_loss()
    return torch(lambda z: loss(t.softmax(z, -1), t.tensor([[1.0, 0.0]])), [[200.0, 0.0]])


def sequence_probability_zero() -> list[str]:
    file = "deepchem/models/torch_models/seqtoseq.py"
    factory = sliced(file, "SeqToSeqModel._create_loss", torch=t, nn=nn)["_create_loss"]
    model = type("Model", (), {"_variational": False})()
    loss = factory(model)
    return torch(lambda z: loss([t.softmax(z, -1)], [t.tensor([[1]])], None), [[[200.0, 0.0]]])


def certain_discriminator() -> list[str]:
    names = {"tf": tf, "Lambda": lambda function: function}
    create = sliced("deepchem/models/gan.py", "GAN.create_discriminator_loss", **names)["create_discriminator_loss"]
    return traced(lambda fake: create(None, tf.constant([[0.5]]), fake), np.array([[1.0]]))
