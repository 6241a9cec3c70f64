"""Losses that are no functions: training steps, tape blocks of scripts, TensorFlow 1 costs, compiled models."""

from __future__ import annotations

from pathlib import Path

import pytest

from losslint.confirmation.program import ENTRY, NotSliced, Program
from losslint.confirmation.slicing import compiled_program_of, head_programs_of, model_programs_of, own_step_of
from tests.confirm.programs import code, loss_in, program_in, programs_in

TF = "import tensorflow as tf\n"


def test_a_step_is_called_as_the_file_calls_it(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """
def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x)))
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
if __name__ == "__main__":
    net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    print(step(net, tf.keras.optimizers.SGD(), tf.ones((4, 2)), tf.ones((4, 1))))
""", "step")
    assert program.kind == "step"
    assert program.inputs == ((),)
    assert "print" not in code(program)
    assert code(program).endswith(
        f"{ENTRY} = functools.partial(step, model=net, optimizer=tf.keras.optimizers.SGD(), "
        "x=tf.ones((4, 2)), y=tf.ones((4, 1)))")


def test_a_step_that_nobody_calls_gets_the_smallest_model(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """
def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x)))
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
""", "step")
    assert [spec.name for spec in program.inputs[0]] == ["x", "y"]
    assert program.assumed == (
        "model = tf.keras.Sequential([tf.keras.layers.Dense(3, 'tanh')])",
        "optimizer = tf.keras.optimizers.SGD(0.01)",
    )


def test_a_tape_in_a_script_is_a_function_and_its_loops_run_once(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """
net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
opt = tf.keras.optimizers.SGD()
log = []
for epoch in range(1000):
    x = tf.ones((4, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(net(x))
    grads = tape.gradient(loss, net.trainable_variables)
    print(epoch)
    opt.apply_gradients(zip(grads, net.trainable_variables))
    log.append(float(loss))
x = 1 / 0
""", "<tape>")
    assert code(program) == f"""\
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
opt = tf.keras.optimizers.SGD()
for epoch in range(1000):
    x = tf.ones((4, 2))
    break

def __losslint_step__():
    global grads, loss, tape
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(net(x))
    grads = tape.gradient(loss, net.trainable_variables)
    opt.apply_gradients(zip(grads, net.trainable_variables))
{ENTRY} = __losslint_step__"""


def test_a_cost_of_placeholders_is_a_function_of_them(tmp_path: Path) -> None:
    program = program_in(tmp_path, """import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 4])
labels = tf.placeholder(tf.int32, shape=(None,))
w = tf.get_variable("w", [4, 3])
scale = 2.0
logits = tf.matmul(x, w) * scale
cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
train = tf.train.AdamOptimizer().minimize(cost)
with tf.Session() as session:
    session.run(train)
""", "cost")
    assert program.kind == "function"
    assert [(s.name, s.shape, s.dtype, s.role) for s in program.inputs[0]] == [
        ("x", (8, 4), "float32", "tensor"), ("labels", (8,), "int32", "label")]
    text = code(program)
    assert "Session" not in text
    assert "minimize" not in text
    assert "\nw = tf.get_variable('w', [4, 3])\nscale = 2.0\n" in text
    assert "def __losslint_step__(x, labels):\n    logits = tf.matmul(x, w) * scale\n    cost = " in text


SESSION = """import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 4])
y_ = tf.placeholder(tf.float32, [None, 3])
def dense(inputs, width):
    return tf.matmul(inputs, tf.get_variable("w", [4, width])) + tf.get_variable("b", [width])
first = tf.nn.relu(dense(x, 4))
{0}
train = tf.train.AdamOptimizer().minimize(cost)
"""
SOFTMAX = "p = tf.nn.softmax(dense(first, 3))\ncost = -tf.reduce_sum(y_ * tf.log(p))"


def test_a_cost_is_a_function_of_what_its_last_layer_computes(tmp_path: Path) -> None:
    [program] = head_programs_of(*loss_in(tmp_path, SESSION.format(SOFTMAX), "cost"))
    assert isinstance(program, Program)
    assert [(s.name, s.shape, s.values, s.role) for s in program.inputs[0]] == [
        ("y_", (8, 3), "onehot", "label"), ("logits", (8, 3), "logits", "prediction")]
    assert not program.untrained
    assert "dense(first, 3) is an argument: its weights change as they are trained" in program.notes
    assert code(program).endswith(f"""def __losslint_step__(y_, logits):
    p = tf.nn.softmax(logits)
    cost = -tf.reduce_sum(y_ * tf.log(p))
    return cost
{ENTRY} = __losslint_step__""")


@pytest.mark.parametrize(("cost", "arguments"), [
    ("cost = tf.reduce_mean(tf.square(tf.matmul(first, tf.Variable(tf.ones([4, 3]))) - y_))", [("y_", "real"),
                                                                                         ("logits", "real")]),
    ("cost = -tf.reduce_sum(tf.log(tf.sigmoid(dense(first, 3))) + tf.log(1 - tf.sigmoid(dense(x, 3))))",
     [("logits", "logits"), ("other_logits", "logits")]),
])
def test_each_last_layer_is_an_argument(tmp_path: Path, cost: str, arguments: list[tuple[str, str]]) -> None:
    [program] = head_programs_of(*loss_in(tmp_path, SESSION.format(cost), "cost"))
    assert isinstance(program, Program)
    assert [(s.name, s.values) for s in program.inputs[0]] == arguments


@pytest.mark.parametrize("cost", [
    "cost = tf.reduce_mean(tf.square(x))",
    "logits = 1\ncost = -tf.reduce_mean(dense(x, 1) + dense(x, 2) + dense(x, 3) + dense(first, 4))",
    "def head(t):\n    return tf.sigmoid(dense(t, 3))\ncost = -tf.reduce_mean(tf.log(head(first)))",
])
def test_without_one_last_layer_at_the_top_there_is_no_such_function(tmp_path: Path, cost: str) -> None:
    assert head_programs_of(*loss_in(tmp_path, SESSION.format(cost), "cost")) == []


@pytest.mark.parametrize(("text", "imported"), [
    (SESSION.format(SOFTMAX), "import tensorflow.compat.v1 as tf"),
    (SESSION.format(SOFTMAX).replace("tf.placeholder", "tf.compat.v1.placeholder"), "import tensorflow as tf"),
])
def test_a_file_of_sessions_gets_the_names_it_was_written_for(tmp_path: Path, text: str, imported: str) -> None:
    assert code(program_in(tmp_path, text, "cost")).startswith(imported + "\n")


def test_a_model_with_its_own_step_is_built_compiled_and_given_data(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """import numpy as np
class Net(tf.keras.Model):
    def __init__(self, width):
        super().__init__()
        self.core = tf.keras.layers.Dense(width)
    def call(self, x):
        return self.core(x)
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x)))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}
net = Net(2)
net.compile(optimizer="adam", run_eagerly=True)
net.fit(np.ones((6, 3)), np.ones((6, 2)), epochs=5)
""", "Net.train_step")
    assert program.kind == "model"
    assert code(program).endswith(f"""
def __losslint_step__():
    model = Net(2)
    model.compile(optimizer='adam', run_eagerly=True)
    return __losslint_fitting__(model, x=np.ones((6, 3)), y=np.ones((6, 2)))
{ENTRY} = __losslint_step__""")


def test_a_functional_model_of_a_class_is_made_of_its_inputs_and_outputs(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """class Net(tf.keras.Model):
    def __init__(self, *args, beta=0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.beta = beta
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = self.beta * tf.reduce_mean(tf.square(y - y_pred))
entrance = tf.keras.Input((4,))
net = Net(entrance, tf.keras.layers.Dense(1)(entrance), beta=0.5)
net.compile("sgd")
""", "Net.compute_loss")
    assert "model = Net(entrance, tf.keras.layers.Dense(1)(entrance), beta=0.5)" in code(program)


PAIR = """
class Pair(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.core = tf.keras.layers.Dense(2)
    def compile(self, first, second{more}):
        super().compile()
        self.first, self.second = first, second
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.core(data)))
        self.first.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {{"loss": loss}}
"""


@pytest.mark.parametrize(("more", "call", "given"), [
    ("", "Pair().compile('sgd', tf.keras.optimizers.Adam())", "first='sgd', second=tf.keras.optimizers.Adam()"),
    (", rate=0.1", "Pair().compile(second='sgd', first='adam', rate=0.5)", "second='sgd', first='adam', rate=0.5"),
    (", optimizer=None", "Pair().compile('adam', 'sgd')", "first='adam', second='sgd', optimizer='sgd'"),
])
def test_a_compile_of_its_own_is_called_as_the_file_calls_it(tmp_path: Path, more: str, call: str, given: str) -> None:
    text = TF + PAIR.format(more=more) + call + "\n"
    assert f"    model.compile({given})\n" in code(program_in(tmp_path, text, "Pair.train_step"))


def test_a_compile_of_its_own_that_nobody_calls_is_not_made_up(tmp_path: Path) -> None:
    found = programs_in(tmp_path, {"losses.py": TF + PAIR.format(more="")})["Pair.train_step"]
    assert isinstance(found, NotSliced)
    assert found.reason == "nothing that can be run says what its compile takes for first, second"


def test_the_compile_call_of_a_builder_is_replayed(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """import pandas as pd
def build(width=3):
    frame = pd.read_csv("data.csv")
    start = tf.keras.Input((4,))
    hard = tf.keras.layers.Lambda(lambda t: tf.round(t))(tf.keras.layers.Dense(width)(start))
    model = tf.keras.Model(start, hard)
    model.compile(optimizer="sgd", loss="mse")
    model.fit(frame[["a"]], frame["b"])
    return model
""", "build")
    assert code(program).endswith(f"""
def __losslint_make__():
    width = 3
    start = tf.keras.Input((4,))
    hard = tf.keras.layers.Lambda(lambda t: tf.round(t))(tf.keras.layers.Dense(width)(start))
    model = tf.keras.Model(start, hard)
    model.compile(optimizer='sgd', loss='mse')
    return __losslint_fitting__(model)
{ENTRY} = __losslint_make__""")
    assert "x is random data in the shape that the model takes" in program.notes


def test_a_layer_that_adds_a_loss_stands_in_the_smallest_model(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """
class Penalty(tf.keras.layers.Layer):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate
    def call(self, inputs):
        mean, spread = inputs
        self.add_loss(self.rate * tf.reduce_mean(spread))
        return mean
""", "Penalty.call.<expression>")
    assert program.kind == "model"
    assert "Penalty(rate=0.1)([tf.keras.layers.Dense(4)(start) for _ in range(2)])" in code(program)


def test_graphs_that_classes_build_around_sessions_are_not_run(tmp_path: Path) -> None:
    found = programs_in(tmp_path, {"graph.py": """import tensorflow.compat.v1 as tf
class Network:
    def __init__(self):
        self.x = tf.placeholder(tf.float32, [None, 4])
        self.cost = tf.reduce_mean(tf.layers.dense(self.x, 1))
        self.train = tf.train.AdamOptimizer().minimize(self.cost)
"""})
    reasons = [p.reason for p in found.values() if isinstance(p, NotSliced)]
    assert not any(isinstance(p, Program) for p in found.values())
    assert reasons == ["it is part of a graph that a class builds around placeholders and a session"]


def test_the_compile_call_that_uses_a_loss_is_replayed(tmp_path: Path) -> None:
    loss, project = loss_in(tmp_path, TF + """import numpy as np
start = tf.keras.Input((4,))
code = tf.keras.layers.Dense(2)(start)
net = tf.keras.Model(start, code)
other = tf.keras.Sequential([tf.keras.layers.Dense(7)])
other.compile(loss="mse")
def captured_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred) + tf.reduce_mean(code)
net.compile(optimizer="adam", loss=captured_loss)
net.fit(np.ones((6, 4)), np.ones((6, 2)), epochs=100)
""", "captured_loss")
    program = compiled_program_of(loss, project)
    assert isinstance(program, Program)
    text = code(program)
    assert "other" not in text
    assert text.endswith(f"""
def __losslint_step__():
    net.compile(optimizer='adam', loss=captured_loss)
    return __losslint_fitting__(net, x=np.ones((6, 4)), y=np.ones((6, 2)))
{ENTRY} = __losslint_step__""")


def test_a_script_that_compiles_several_models_gives_a_program_for_each(tmp_path: Path) -> None:
    loss, project = loss_in(tmp_path, TF + """
class Rounding(tf.keras.layers.Layer):
    def call(self, x):
        return tf.round(x)
def build(layer):
    return tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1), layer])
def train(model):
    model.compile(optimizer="sgd", loss="mse")
    model.fit(DATA)
train(build(tf.keras.layers.ReLU()))
train(build(Rounding()))
""", "<model>")
    found = model_programs_of(loss, project)
    texts = [code(program) for program in found if isinstance(program, Program)]
    assert ["model = build(tf.keras.layers.ReLU())" in text for text in texts] == [True, False]
    assert ["model = build(Rounding())" in text for text in texts] == [False, True]


@pytest.mark.parametrize("made", ["jax.grad(mse)", "jax.jit(jax.value_and_grad(mse))", "functools.partial(jax.grad(mse))"])
def test_a_derivative_that_nothing_calls_is_no_step(tmp_path: Path, made: str) -> None:
    text = "import functools\nimport jax\nimport jax.numpy as jnp\n"
    text += "def mse(p, x, y):\n    return jnp.mean((x @ p - y) ** 2)\n"
    step = own_step_of(*loss_in(tmp_path, text + f"slope = {made}\n", "mse"))
    assert isinstance(step, NotSliced)
    assert step.reason == "nothing in this file calls slope, its derivative"
    for call in ("slope", "found = slope"):
        taken = f"slope = {made}\n{call}(jnp.ones(2), jnp.ones((3, 2)), jnp.ones(3))\n"
        assert isinstance(own_step_of(*loss_in(tmp_path, text + taken, "mse")), Program)
    whole = f"def step(p):\n    return {made}(p, jnp.ones((3, 2)), jnp.ones(3))\np = step(jnp.ones(2))\n"
    assert isinstance(own_step_of(*loss_in(tmp_path, text + whole, "mse")), Program)
