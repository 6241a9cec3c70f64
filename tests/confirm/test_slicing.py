"""What is cut out of a file, and what is called in the end."""

from __future__ import annotations

import ast
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from losslint.confirmation.program import ENTRY, Program
from tests.confirm.programs import code, program_in, programs_in, run

TF = "import tensorflow as tf\n"


def test_only_what_the_loss_needs_is_taken_and_rows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """import os, math
SCALE = 2.0
SCALE += 1.0
TABLE = {}
TABLE["bias"] = math.floor(4.5)
raise SystemExit("training starts here")
def helper(x):
    return tf.abs(x) * SCALE
def other(x):
    return x
def gap_loss(y_true, y_pred):
    return tf.reduce_mean(helper(y_true - y_pred) + TABLE["bias"])
""", "gap_loss")
    assert code(program) == f"""\
import tensorflow as tf
import math
SCALE = 2.0
SCALE += 1.0
TABLE = {{}}
TABLE['bias'] = math.floor(4.5)

def helper(x):
    return tf.abs(x) * SCALE

def gap_loss(y_true, y_pred):
    return tf.reduce_mean(helper(y_true - y_pred) + TABLE['bias'])
{ENTRY} = gap_loss"""
    rows = {node.name: node.lineno for node in program.tree.body if isinstance(node, ast.FunctionDef)}
    assert rows == {"helper": 8, "gap_loss": 12}
    assert run(program, monkeypatch)(1.0, 3.0) == 2.0 * 3.0 + 4
    assert isinstance(pickle.loads(pickle.dumps(program)), Program)


def test_branches_keep_what_binds_a_name_and_a_main_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
try:
    import no_such_package_at_all as accelerated
    FAST = True
except ImportError:
    print("slow")
    FAST = False
if __name__ == "__main__":
    OFFSET = 5.0
    print("training")
def shifted_loss(y_true, y_pred):
    return tf.abs(y_true - y_pred) + OFFSET * (not FAST)
""", "shifted_loss")
    assert "print" not in code(program)
    assert run(program, monkeypatch)(1.0, 2.0) == 6.0


def test_a_factory_is_called_as_at_its_place_of_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TF + """
WEIGHT = 0.25
def weighted(weight, power=1, floor=None):
    def loss(y_true, y_pred):
        return weight * tf.abs(y_true - y_pred) ** power
    return loss
model.compile(loss=weighted(WEIGHT, power=2))
"""
    program = program_in(tmp_path, text, "weighted.loss")
    assert code(program).endswith(f"{ENTRY} = weighted(weight=WEIGHT, power=2)")
    assert run(program, monkeypatch)(1.0, 3.0) == 1.0
    unused = program_in(tmp_path, text.partition("model.")[0], "weighted.loss")
    assert "weight = 0.1" in unused.assumed


def test_of_a_factory_with_several_losses_the_one_that_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs_in(tmp_path, {"losses.py": TF + """
def make_losses(kind="first"):
    scale = 2.0
    raise RuntimeError("never run")
    def first_loss(y_true, y_pred):
        return scale * tf.abs(y_true - y_pred)
    def second_loss(y_true, y_pred):
        return -scale * tf.abs(y_true - y_pred)
    return {"first": first_loss, "second": second_loss}[kind]
"""})
    values = {}
    for name, program in found.items():
        assert isinstance(program, Program)
        values[name] = run(program, monkeypatch)(1.0, 2.0)
    assert values == {"make_losses.first_loss": 2.0, "make_losses.second_loss": -2.0}


def test_an_object_is_built_and_called_as_keras_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
class Base(tf.keras.losses.Loss):
    def __call__(self, y_true, y_pred):
        return self.call(y_true, y_pred)
class MarginLoss(Base):
    def __init__(self, margin, name="m"):
        self.margin = margin
    def call(self, y_true, y_pred):
        return tf.maximum(self.margin - y_true * y_pred, 0.0)
model.compile(loss=MarginLoss(3.0))
""", "MarginLoss.call")
    assert code(program).endswith(f"{ENTRY} = MarginLoss(margin=3.0)")
    assert program.kind == "loss"
    assert run(program, monkeypatch)(1.0, 1.0) == 2.0


def test_other_files_are_cut_too_and_packages_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs_in(tmp_path, {
        "pkg/losses/edge.py": TF + """from ..ops import scaled as grow
from .. import settings
import pkg.tools
from pkg.shared import *
def edge_loss(y_true, y_pred):
    return grow(tf.abs(y_true - y_pred)) * settings.FACTOR + pkg.tools.shift(BIAS)
""",
        "pkg/__init__.py": "raise RuntimeError('heavy')\n",
        "pkg/losses/__init__.py": "raise RuntimeError('heavy')\n",
        "pkg/ops.py": "raise_it = 1 / 1\nHALF = 0.5\ndef scaled(x):\n    return HALF * x\nBAD = 1 / 0\n",
        "pkg/settings.py": "FACTOR = 10.0\nOTHER = 1 / 0\n",
        "pkg/tools.py": "from pkg.ops import HALF\ndef shift(x):\n    return x + HALF\n",
        "pkg/shared.py": "BIAS = 1.0\n",
    })
    program = found["edge_loss"]
    assert isinstance(program, Program)
    assert [m.name for m in program.modules] == ["pkg.ops", "pkg.settings", "pkg.shared", "pkg.tools"]
    assert run(program, monkeypatch)(1.0, 3.0) == 10.0 + 1.5


def test_data_and_training_are_left_out_and_named(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """import numpy as np
weights = np.load("weights.npy")
def first_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred) * 2.0 if y_true is None else table()
def table():
    return weights
""", "first_loss")
    assert "np.load" not in code(program)
    assert program.notes == ("weights is not run: line 3 reads data (np.load)",)


def test_programs_say_their_framework(tmp_path: Path) -> None:
    found = programs_in(tmp_path, {"losses.py": """import torch
def gap_loss(prediction, target):
    return torch.mean(torch.abs(prediction - target))
"""})
    program = found["gap_loss"]
    assert isinstance(program, Program)
    assert (program.framework, program.kind) == ("torch", "function")


def test_a_step_of_pytorch_ends_where_it_asks_for_gradients(tmp_path: Path) -> None:
    found = programs_in(tmp_path, {"train.py": """import torch
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(100):
    loss = net(torch.randn(5, 3)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""})
    program = found["loss"]
    assert isinstance(program, Program)
    text = ast.unparse(program.tree)
    assert (program.framework, program.kind) == ("torch", "step")
    assert "loss.backward()\n        break" in text
    assert "optimizer" not in text


def test_the_real_module_runs_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TF + """
scale = [1.0]
def grow():
    scale[0] = 3.0
grow()
def gap_loss(y_true, y_pred):
    return scale[0] * tf.abs(y_true - y_pred)
"""
    sliced = program_in(tmp_path, text, "gap_loss")
    assert run(sliced, monkeypatch)(1.0, 2.0) == 1.0  # what a call changes from afar is not seen
    whole = replace(sliced, whole_file=True, tree=ast.parse(f"{ENTRY} = gap_loss"))
    assert run(whole, monkeypatch)(1.0, 2.0) == 3.0


def test_missing_packages_raise_only_where_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
import no_such_package_at_all as fast
from no_such_package_at_all.registry import register
@register("gap")
def gap_loss(y_true, y_pred):
    if y_true is None:
        return fast.gap(y_pred)
    return tf.abs(y_true - y_pred)
""", "gap_loss")
    entry = run(program, monkeypatch)
    assert entry(1.0, 3.0) == 2.0
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package_at_all'"):
        entry(None, 3.0)


def test_stars_in_branches_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs_in(tmp_path, {
        "pkg/losses.py": TF + """from pkg import ops
def gap_loss(y_true, y_pred):
    return ops.fabs(tf.abs(y_true - y_pred))
""",
        "pkg/__init__.py": "",
        "pkg/ops.py": """from pkg.settings import modern
if modern():
    from math import *
else:
    from no_such_package_at_all import *
""",
        "pkg/settings.py": "def modern():\n    return True\n",
    })
    program = found["gap_loss"]
    assert isinstance(program, Program)
    assert run(program, monkeypatch)(1.0, 3.0) == 2.0


def test_what_a_package_sets_up_for_a_class_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs_in(tmp_path, {
        "pkg/losses.py": TF + """from .base import Configured
class GapLoss(Configured):
    def __call__(self, y_true, y_pred):
        return self.scale * tf.abs(y_true - y_pred)
""",
        "pkg/base.py": """class Configured:
    scale = None
    @classmethod
    def set_scale(cls, scale):
        cls.scale = scale
""",
        "pkg/__init__.py": """from . import base
from .heavy import everything
def set_up(scale):
    import no_such_package_at_all.extras
    base.Configured.set_scale(scale)
def announce():
    print(1 / 0)
announce()
set_up(4.0)
""",
        "pkg/heavy.py": "everything = 1 / 0\n",
    })
    program = found["GapLoss.__call__"]
    assert isinstance(program, Program)
    assert [m.name for m in program.modules] == ["pkg", "pkg.base"]
    assert run(program, monkeypatch)(1.0, 2.0) == 4.0


@pytest.mark.parametrize("rule", [
    "def forward(x): return x, x\nhalf.defvjp(forward, backward)",
    "@half.defjvp\ndef forward(x, t): return half(x), backward(x, t)",
])
def test_what_completes_a_definition_is_kept(rule: str, tmp_path: Path) -> None:
    program = program_in(tmp_path, f"""
import jax
def backward(x, g):
    return g
@jax.custom_vjp
def half(x):
    return x / 2
{rule}
def unused(x):
    return x
unused.defvjp(unused, unused)
def half_loss(y_true, y_pred):
    return jax.numpy.mean(half(y_true - y_pred))
""", "half_loss")
    assert ast.unparse(ast.parse(rule)) in code(program)
    assert "def backward" in code(program)
    assert "unused" not in code(program)


def test_settings_of_the_command_line_have_their_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--folder", required=True)
parser.add_argument("--alpha", type=float, default="0.25")
parser.add_argument("--beta", type=float)
parser.set_defaults(beta=2.0)
args = parser.parse_args()
def weighted_loss(y_true, y_pred):
    return args.alpha * args.beta * tf.abs(y_true - y_pred)
""", "weighted_loss")
    assert run(program, monkeypatch)(1.0, 3.0) == 1.0


def test_a_handler_keeps_the_name_that_it_is_there_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
try:
    unicode
except NameError:
    unicode = str
def gap_loss(y_true, y_pred, kind="l1"):
    return tf.abs(y_true - y_pred) if isinstance(kind, unicode) else tf.square(y_true - y_pred)
""", "gap_loss")
    assert run(program, monkeypatch)(1.0, 3.0) == 2.0


def test_a_loss_is_defined_in_the_branch_it_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TF + """
def channels_last():
    return True
def make_loss(power=2.0):
    if channels_last():
        def last_loss(y_true, y_pred):
            return tf.abs(y_true - y_pred)
        return last_loss
    else:
        def first_loss(y_true, y_pred):
            return tf.abs(y_true - y_pred) ** power
        return first_loss
"""
    last, first = (program_in(tmp_path, text, f"make_loss.{name}_loss") for name in ("last", "first"))
    assert run(last, monkeypatch)(1.0, 4.0) == 3.0
    assert run(first, monkeypatch)(1.0, 4.0) == 9.0
    assert last.assumed == ("channels_last() to be true",)
    assert first.assumed == ("channels_last() to be false",)


def test_a_name_of_the_file_is_another_one_in_a_function_that_is_cut_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = program_in(tmp_path, TF + """
z = 2.0
def make_losses(scale):
    z = scale * 3.0
    def gap_loss(y_true, y_pred):
        return z * tf.abs(y_true - y_pred)
    return [gap_loss]
losses = make_losses(z)
""", "make_losses.gap_loss")
    assert run(program, monkeypatch)(1.0, 2.0) == 6.0


def test_a_branch_that_the_arguments_decide_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_in(tmp_path, TF + """
def make_loss(power=None):
    if power is None:
        def gap_loss(y_true, y_pred):
            return tf.abs(y_true - y_pred)
        return gap_loss
    return None
""", "make_loss.gap_loss")
    assert not program.assumed
    assert run(program, monkeypatch)(1.0, 4.0) == 3.0


def test_a_backend_that_is_handed_over_is_given(tmp_path: Path) -> None:
    text = "def own_loss(y_true, y_pred, {}):\n    {}\n    return backend.mean(backend.square(y_true - y_pred))\n"
    for number, form in enumerate((("**kwargs", 'backend = kwargs["backend"]'), ("backend", "pass"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        program = program_in(folder, TF + text.format(*form), "own_loss")
        assert code(program).endswith(f"{ENTRY} = functools.partial(own_loss, backend=tf.keras.backend)")
        assert [spec.name for spec in program.inputs[0]] == ["y_true", "y_pred"]
