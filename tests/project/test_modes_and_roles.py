"""How a loss is run, and what its parameters hold."""

from __future__ import annotations

import pytest

from losslint.project.sites import Mode, Role
from tests.project.finding import losses

PAIR = "def gap(y_true, y_pred):\n    return tf.reduce_mean(y_true - y_pred)\n"
PLAIN = "def gap(a, b):\n    return tf.reduce_mean(a - b)\n"
TF = "import tensorflow as tf\nimport keras\n"


def mode(source: str, loss: str = "gap", **options: object) -> Mode:
    return losses(TF + source, **options)[loss].mode  # type: ignore[arg-type]


def test_compile() -> None:
    call = PLAIN + "model.compile('adam', loss=gap{})\n"
    assert mode(call.format("")) is Mode.GRAPH
    assert mode(call.format(", run_eagerly=False")) is Mode.GRAPH
    assert mode(call.format(", run_eagerly=True")) is Mode.EAGER
    assert mode(call.format(""), keras_version=2) is Mode.AUTOGRAPH
    assert mode("import tf_keras\n" + call.format("")) is Mode.AUTOGRAPH


def test_signature_of_keras_and_none() -> None:
    assert mode(PAIR.replace("gap", "gap_loss"), "gap_loss") is Mode.GRAPH
    assert mode(PAIR.replace("gap", "gap_loss"), "gap_loss", keras_version=2) is Mode.AUTOGRAPH
    assert mode(PLAIN.replace("gap", "gap_loss"), "gap_loss") is Mode.UNKNOWN


def test_loss_subclass_and_layers() -> None:
    source = """
class Gap(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_true - y_pred)
class Tie(keras.layers.Layer):
    def call(self, x):
        self.add_loss(tf.reduce_mean(x))
        return x
"""
    assert mode(source, "Gap.call") is Mode.GRAPH
    assert mode(source, "Gap.call", keras_version=2) is Mode.AUTOGRAPH
    assert mode(source, "Tie.call.<expression>") is Mode.GRAPH
    assert mode(source + "model.compile('adam', loss=Gap(), run_eagerly=True)", "Gap.call") is Mode.EAGER


TRAIN_STEP = """
class Net(keras.Model):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            value = self.closeness(data)
        self.optimizer.apply_gradients(zip(tape.gradient(value, self.trainable_variables), self.trainable_variables))
    def closeness(self, data):
        return tf.reduce_mean(self(data))
"""


def test_train_step_is_never_converted() -> None:
    assert mode(TRAIN_STEP, "Net.train_step") is Mode.GRAPH
    assert mode(TRAIN_STEP, "Net.train_step", keras_version=2) is Mode.GRAPH
    assert mode(TRAIN_STEP, "Net.closeness") is Mode.GRAPH
    assert mode(TRAIN_STEP + "net.compile('adam', run_eagerly=True)", "Net.closeness") is Mode.EAGER


LOOP = """
{}def step(x, y):
    with tf.GradientTape() as tape:
        value = gap(y, net(x))
    return tape.gradient(value, net.trainable_variables)
"""


def test_tapes() -> None:
    assert mode(PAIR + LOOP.format("")) is Mode.EAGER
    assert mode(LOOP.format("") + PLAIN, "step") is Mode.EAGER
    for decorator in ("@tf.function\n", "@tf.function(jit_compile=True)\n"):
        assert mode(PAIR + LOOP.format(decorator)) is Mode.AUTOGRAPH
        assert mode(PAIR + LOOP.format(decorator), "step") is Mode.AUTOGRAPH
    assert mode(PAIR + LOOP.format("@tf.function(autograph=False)\n")) is Mode.GRAPH
    assert mode(PAIR + LOOP.format("") + "step = tf.function(step)\n") is Mode.AUTOGRAPH
    outer = "@tf.function\ndef outer(batch):\n    return strategy.run(step, args=batch)\n"
    assert mode(PAIR + LOOP.format("") + outer) is Mode.AUTOGRAPH
    assert mode(PAIR + LOOP.format("") + "model.compile(loss=gap)\n") is Mode.GRAPH


def test_a_tape_in_a_method_of_an_unknown_base_says_nothing() -> None:
    source = "from elsewhere import Task\nclass Fit(Task):\n" + "".join(
        f"    {line}\n" for line in LOOP.format("").replace("step(x", "step(self, x").splitlines())
    assert mode(PLAIN + source, "Fit.step") is Mode.UNKNOWN


def test_decorated_loss() -> None:
    assert mode("@tf.function\n" + PAIR + "model.compile(loss=gap)\n") is Mode.AUTOGRAPH


def test_tensorflow_1_script() -> None:
    source = """
x = tf.placeholder(tf.float32)
def gap(a, b):
    return tf.reduce_mean(a - b)
cost = gap(x, net(x))
tf.train.AdamOptimizer().minimize(cost)
"""
    assert mode(source) is Mode.GRAPH
    assert mode(source, "cost") is Mode.GRAPH


def test_torch_and_jax() -> None:
    assert mode("import torch\ndef gap_loss(a, b):\n    return torch.abs(a - b).mean()\n", "gap_loss") is Mode.EAGER
    jax = "import jax, jax.numpy as jnp\n{}def gap(t):\n    return jnp.sum(t)\njax.grad(gap)(t)\n"
    assert mode(jax.format("@jax.jit\n")) is Mode.GRAPH
    assert mode(jax.format("@partial(jax.jit, static_argnums=0)\n")) is Mode.GRAPH


def roles(signature: str, body: str = "tf.reduce_mean(x)", compiled: bool = False) -> dict[str, Role]:
    source = TF + f"def my_loss({signature}):\n    return {body} + tf.zeros(())\n"
    return losses(source + "model.compile(loss=my_loss)\n" * compiled)["my_loss"].roles


@pytest.mark.parametrize(("signature", "expected"), [
    ("y_true, y_pred", [Role.LABEL, Role.PREDICTION]),
    ("labels, logits", [Role.LABEL, Role.PREDICTION]),
    ("logits, labels", [Role.PREDICTION, Role.LABEL]),
    ("target, output", [Role.LABEL, Role.PREDICTION]),
    ("y_pred, y_true", [Role.PREDICTION, Role.LABEL]),
    ("gt, pr", [Role.LABEL, Role.PREDICTION]),
    ("y, y_hat", [Role.LABEL, Role.PREDICTION]),
    ("true_box, predBox", [Role.LABEL, Role.PREDICTION]),
    ("actual, forecast", [Role.LABEL, Role.PREDICTION]),
    ("real_output, fake_output", [Role.PREDICTION, Role.PREDICTION]),
    ("y_true, y_pred, sample_weight=None", [Role.LABEL, Role.PREDICTION, Role.WEIGHT]),
    ("pred_masks, target_masks, mask", [Role.PREDICTION, Role.LABEL, Role.WEIGHT]),
    ("y_true, y_pred, gamma=2.0, axis=None", [Role.LABEL, Role.PREDICTION, Role.CONFIG, Role.CONFIG]),
    ("y_true, y_pred, from_logits, num_classes", [Role.LABEL, Role.PREDICTION, Role.CONFIG, Role.CONFIG]),
    ("x, v, factor=0.1, n=(1, 2)", [Role.TENSOR, Role.UNKNOWN, Role.CONFIG, Role.CONFIG]),
    ("target_logits, logits", [Role.TENSOR, Role.PREDICTION]),
    ("za, zb", [Role.TENSOR, Role.TENSOR]),
    ("x, num_boxes", [Role.TENSOR, Role.UNKNOWN]),
    ("x, target_length, ignore_label", [Role.TENSOR, Role.TENSOR, Role.CONFIG]),
])
def test_roles_by_name(signature: str, expected: list[Role]) -> None:
    assert list(roles(signature).values()) == expected


@pytest.mark.parametrize(("signature", "expected"), [
    ("packed, y_pred", [Role.LABEL, Role.PREDICTION]),
    ("a, b", [Role.LABEL, Role.PREDICTION]),
    ("predicted, truth", [Role.PREDICTION, Role.LABEL]),
    ("predicted, x", [Role.PREDICTION, Role.LABEL]),
    ("labels, embeddings", [Role.LABEL, Role.PREDICTION]),
    ("query, key", [Role.TENSOR, Role.TENSOR]),
    ("x, wanted, w=None", [Role.LABEL, Role.PREDICTION, Role.UNKNOWN]),
])
def test_what_keras_passes_by_position(signature: str, expected: list[Role]) -> None:
    assert list(roles(signature, compiled=True).values()) == expected


@pytest.mark.parametrize(("body", "expected"), [
    ("tf.nn.softmax_cross_entropy_with_logits(labels=x, logits=v)", [Role.LABEL, Role.PREDICTION]),
    ("tf.nn.softmax_cross_entropy_with_logits(logits=x, labels=tf.cast(v, 'int32'))", [Role.PREDICTION, Role.LABEL]),
    ("tf.nn.sparse_softmax_cross_entropy_with_logits(x, v)", [Role.LABEL, Role.PREDICTION]),
    ("keras.losses.binary_crossentropy(x, v)", [Role.LABEL, Role.PREDICTION]),
    ("keras.losses.MeanSquaredError()(x, v)", [Role.LABEL, Role.PREDICTION]),
    ("F.cross_entropy(x, v)", [Role.PREDICTION, Role.LABEL]),
    ("tf.reduce_mean(x[:, 0]) * tf.math.log(v)", [Role.TENSOR, Role.TENSOR]),
    ("tf.reduce_mean(v) * x", [Role.UNKNOWN, Role.TENSOR]),
    ("x(v) * tf.reduce_mean(x.trainable_variables[0])", [Role.UNKNOWN, Role.UNKNOWN]),
])
def test_roles_by_use(body: str, expected: list[Role]) -> None:
    assert list(roles("x, v", body).values()) == expected


def test_self_is_no_parameter_and_a_method_has_roles() -> None:
    found = losses(TF + """
class Gap(keras.losses.Loss):
    def call(self, wanted, got):
        return tf.reduce_mean(wanted - got)
""")
    assert found["Gap.call"].roles == {"wanted": Role.LABEL, "got": Role.PREDICTION}


LABELS_AND_FEATURES = """
def center_loss(n, d):
    def loss(labels, features):
        return tf.reduce_mean(tf.square(features - tf.zeros([n, d])))
    return loss
"""


def test_a_loss_that_nobody_runs_is_meant_for_fit_when_keras_can_call_it() -> None:
    def meant(source: str) -> bool:
        return next(iter(losses("import tensorflow as tf\n" + source).values())).meant_for_fit

    assert meant(LABELS_AND_FEATURES)
    assert meant("def my_loss(labels, logits, gamma=2.0):\n    return tf.reduce_mean(labels * logits)")
    assert not meant("def my_loss(logits, labels):\n    return tf.reduce_mean(labels * logits)")
    assert not meant("def my_loss(labels, logits, boxes):\n    return tf.reduce_mean(labels * logits * boxes)")
    assert not meant(LABELS_AND_FEATURES + """
def step(model, x, y):
    with tf.GradientTape() as tape:
        value = center_loss(3, 4)(y, model(x))
    return tape.gradient(value, model.trainable_variables)
""")


SURVIVAL = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x.mean(-1), x.std(-1)

def survival_nll(mu, sigma, hours, failed):
    z = (torch.log(hours) - mu[:, None]) / sigma[:, None]
    return (failed[:, None] * z.square()).mean()

net = Net()
"""


@pytest.mark.parametrize(("loop", "data"), [
    ("for x, hours, failed in loader:\n    survival_nll(*net(x), hours, failed).backward()", {"hours", "failed"}),
    ("x, hours, failed = read(64)\nfor _ in range(3):\n    survival_nll(*net(x), hours, failed=failed).backward()",
     {"hours", "failed"}),
    ("for x, failed in loader:\n    mu, sigma = net(x)\n    hours = mu.exp()\n"
     "    survival_nll(mu, sigma, hours, failed).backward()", {"failed"}),
    ("for x, hours, failed in loader:\n    survival_nll(*net(x), hours, failed).backward()\n\n"
     "class Other:\n    def make(self):\n        def survival_nll(a, b, c, d):\n            return a.mean()\n"
     "        return survival_nll(*net(y), net(y)[0], net(y)[1])", {"hours", "failed"}),
    ("mu, sigma, hours, failed = run(net, x)\nsurvival_nll(mu, sigma, hours, failed).backward()", set()),
    ("for x, hours, failed in loader:\n    survival_nll(*net(x), hours, failed).backward()\n"
     "survival_nll(*net(y), net(y)[0], net(y)[1]).backward()", set()),
])
def test_what_comes_with_the_input_of_a_model_is_data(loop: str, data: set[str]) -> None:
    found = losses(SURVIVAL + loop)["survival_nll"].roles
    assert {name for name, role in found.items() if role is Role.LABEL} == data
