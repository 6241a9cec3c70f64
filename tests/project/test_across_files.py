"""One file uses what another defines: compile in a script, base classes in a package, losses taken from factories."""

from __future__ import annotations

import ast
from pathlib import Path

from losslint.check import check_paths
from losslint.config import Settings
from losslint.project.sites import Mode
from tests.project.finding import losses_in

SCRIPT = "import tensorflow as tf\n"


def test_compile_in_a_script_makes_a_loss_in_a_package(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "train.py": SCRIPT + "from pkg import gap\nfrom pkg.parts import spread as s\nimport pkg.parts\n"
                    "model.compile(loss=gap)\nother.compile('adam', {'a': s})\nthird.compile(loss=pkg.parts.bend(2.0))\n",
        "pkg/__init__.py": "from .parts import gap\n",
        "pkg/parts.py": SCRIPT + """
def gap(a, b):
    return tf.reduce_mean(a - b)
def spread(a, b):
    return tf.reduce_mean(a + b)
def bend(k):
    def inner(a, b):
        return k * tf.reduce_mean(a * b)
    return inner
def unused(a, b):
    return tf.reduce_mean(a / b)
""",
    })
    assert list(found["pkg/parts.py"]) == ["gap", "spread", "bend.inner"]
    site = found["pkg/parts.py"]["gap"]
    assert site.reason == "passed to compile(loss=...) in train.py"
    assert site.mode is Mode.GRAPH
    assert site.built_by is None
    assert [role.value for role in site.roles.values()] == ["label", "prediction"]


def test_a_metric_elsewhere_and_a_loss_elsewhere(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "train.py": SCRIPT + "from parts import gap_loss, spread\nmodel.compile(loss=spread, metrics=[gap_loss, spread])\n",
        "parts.py": SCRIPT + "def gap_loss(a, b):\n    return tf.reduce_mean(a - b)\n"
                    "def spread(a, b):\n    return tf.reduce_mean(a + b)\n",
    })
    assert list(found["parts.py"]) == ["spread"]


def test_values_of_other_files_do_not_make_their_helpers_losses(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "model.py": SCRIPT + """
from tools import mean, scale, pair_gap
class Net(tf.keras.Model):
    def compute_loss(self, x, y, y_pred, sample_weight):
        loss = mean(y - y_pred)
        self.add_loss(scale(loss) + pair_gap(y, y_pred))
        return loss
""",
        "tools.py": SCRIPT + "def mean(x):\n    return tf.reduce_mean(x)\ndef scale(x):\n    return tf.square(x)\n"
                    "def pair_gap(y_true, y_pred):\n    return tf.reduce_mean(y_true - y_pred)\n",
    })
    assert list(found["tools.py"]) == ["pair_gap"]
    assert list(found["model.py"]) == ["Net.compute_loss"]


def test_base_class_in_another_file(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "pkg/__init__.py": "",
        "pkg/base.py": "import keras\nclass Objective(keras.losses.Loss):\n    pass\n"
                       "class Measure(keras.metrics.Metric):\n    pass\n",
        "pkg/gap.py": """
import keras
from .base import Objective
from . import base
class Gap(Objective):
    def call(self, y_true, y_pred):
        return keras.ops.mean(y_true - y_pred)
class Share(base.Measure):
    def call(self, y_true, y_pred):
        return keras.ops.mean(y_true - y_pred)
""",
    })
    assert list(found["pkg/gap.py"]) == ["Gap.call"]


def test_import_cycles_and_missing_modules_end(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "a.py": SCRIPT + "from b import Base, f\nfrom missing import g\nfrom . import nothing\nfrom .. import x\n"
                "class Own(Base):\n    pass\nmodel.compile(loss=f)\nmodel.compile(loss=g)\nmodel.compile(loss=nothing.h)\n",
        "b.py": SCRIPT + "from a import Own, f\nclass Base(Own):\n    pass\n",
    })
    assert found == {"a.py": {}, "b.py": {}}


def test_star_imports(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "parts.py": SCRIPT + "def gap(a, b):\n    return tf.reduce_mean(a - b)\n",
        "train.py": SCRIPT + "from parts import *\nmodel.compile('adam', loss=gap)\n",
    })
    assert list(found["parts.py"]) == ["gap"]


def test_a_file_without_a_framework_of_its_own_has_that_of_the_files_it_imports(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "pkg/__init__.py": "",
        "pkg/base.py": "import torch\nclass PairLoss(torch.nn.Module):\n    pass\n",
        "pkg/contrast.py": """
from .base import PairLoss
class ContrastLoss(PairLoss):
    def forward(self, y_pred, y_true):
        return (y_pred - y_true).square().mean(dim=1)
""",
    })
    assert {site.framework for site in found["pkg/contrast.py"].values()} == {"torch"}


def test_what_stands_under_another_key_of_a_dictionary_is_not_used(tmp_path: Path) -> None:
    found = losses_in(tmp_path, {
        "bench.py": """
import jax
import numpy as np
import jax.numpy as jnp
def problem():
    return {"fun": lambda p: jnp.sum(p**2), "numpy_fun": lambda p: np.sum(np.square(p))}
chosen = problem()
slope = jax.grad(chosen["fun"])(jnp.ones(3))
""",
    })
    assert ["jnp" in ast.unparse(site.node) for site in found["bench.py"].values()] == [True]


def test_the_last_layer_of_a_model_in_another_file_is_compared_with_the_loss(tmp_path: Path) -> None:
    files = {
        "losses.py": SCRIPT + """
def smooth_loss(y_true, y_pred):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=0.9 * y_true, logits=y_pred)
""",
        "net.py": SCRIPT + """
def build():
    x = tf.keras.Input((8,))
    return tf.keras.Model(x, tf.keras.layers.Dense(1, activation="sigmoid")(x))
""",
        "train.py": "from losses import smooth_loss\nfrom net import build\nbuild().compile(loss=smooth_loss)\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert [f.code for f in check_paths([tmp_path], Settings()).findings] == ["LL406"]
    (tmp_path / "net.py").write_text(files["net.py"].replace(', activation="sigmoid"', ""))
    assert check_paths([tmp_path], Settings()).findings == []
