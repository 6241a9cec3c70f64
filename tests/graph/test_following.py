"""The tracer follows values the way Python moves them: each snippet hides one fault behind one construct.

Every snippet is the body of a module; the fault (a rounding, so LL105, unless marked otherwise) must be found where it
stands, and the clean twin of each construct must stay silent.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from losslint.check import check_paths
from losslint.config import Settings
from tests.expectations import check, expected, loud

HEADER = "import functools\nimport numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import backend as K\n"

FOLLOWED = {
    "a list that something was added to in place is still a list": """
        from heads import penalties

        def a_loss(y_true, y_pred):
            parts = [tf.reduce_mean(y_true)]
            parts += penalties(y_true)
            parts.append(tf.reduce_mean(tf.round(y_pred)))  # expect: LL105
            return tf.add_n(parts)
    """,
    "what a tape differentiates is a tensor, whoever computed it": """
        class Critic(tf.keras.Model):
            def compile(self, optimizer, d_fn):
                super().compile()
                self.optimizer, self.d_fn = optimizer, d_fn

            def train_step(self, x):
                with tf.GradientTape() as tape:
                    cost = self.d_fn(self.disc(x))
                    if cost < 0:  # expect: LL201
                        cost = -cost
                slopes = tape.gradient(cost, self.disc.trainable_variables)
                self.optimizer.apply_gradients(zip(slopes, self.disc.trainable_variables))
                return {"cost": float(cost)}  # expect: LL102
    """,
    "the smaller of two tensors": """
        def a_loss(y_true, y_pred):
            return min(y_pred[:, 0], y_true[:, 0])  # expect: LL204
    """,
    "NumPy in a layer of a model that is run eagerly": """
        class Squash(tf.keras.layers.Layer):
            def call(self, x):
                return np.tanh(x)  # expect: LL114

        model = tf.keras.Sequential([tf.keras.layers.Dense(8), Squash(), tf.keras.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=True)
    """,
    "a condition of while that the body makes a tensor": """
        def a_loss(y_true, y_pred):
            error, largest = tf.abs(y_pred - y_true), 1.0
            while largest > 0.1:  # expect: LL201
                error = error * 0.5
                largest = tf.reduce_max(error)
            return tf.reduce_mean(error)
    """,
    "a flag of while that the body makes a tensor": """
        def a_loss(y_true, y_pred):
            error, done = tf.abs(y_pred - y_true), False
            while not done:  # expect: LL202
                error = error * 0.5
                done = tf.reduce_max(error) < 0.1
            return tf.reduce_mean(error)
    """,
    "the batch axis through row-wise operations": """
        def a_loss(y_true, y_pred):
            unit = tf.tanh(tf.math.l2_normalize(y_pred, axis=1))
            n = unit.shape[0]  # expect: LL205
            similar = tf.matmul(unit, unit, transpose_b=True) - tf.eye(n)
            count = tf.reduce_sum(tf.square(y_true), axis=-1).shape[0]  # expect: LL205
            return tf.reduce_mean(similar ** 2) / count
    """,
    "rebinding": """
        def a_loss(y_true, y_pred):
            p = y_pred
            p = tf.round(p)  # expect: LL105
            return tf.reduce_mean(tf.square(y_true - p))
    """,
    "another library's door to the Keras backend": """
        from imagetools.utils.tf import BACKEND as K

        def a_loss(y_true, y_pred):
            return K.mean(K.square(y_true - K.round(y_pred)))  # expect: LL105
    """,
    "a backend handed over in a dictionary": """
        def _averaged(x, **kwargs):
            backend = kwargs["backend"]
            return backend.mean(backend.round(x))  # expect: LL105

        def a_loss(y_true, y_pred, weight=1.0, **kwargs):
            backend = kwargs["backend"]
            return weight * _averaged(backend.square(y_true - y_pred), **kwargs)
    """,
    "the side of a question nobody can answer": """
        def a_loss(y_true, y_pred):
            if hasattr(y_pred, "_bounded"):
                y_pred = tf.clip_by_value(y_pred, 1e-6, 1.0)
            return -tf.reduce_mean(y_true * tf.math.log(y_pred))  # expect: LL301
    """,
    "a builtin kept under another name": """
        py_max = max

        def max(x, axis):
            return tf.reduce_max(x, axis)

        def a_loss(y_true, y_pred):
            return py_max(tf.reduce_mean(tf.round(y_pred)), 1.0)  # expect: LL204
    """,
    "another library's door to TensorFlow": """
        from imagetools.compat import tensorflow as tf

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)))  # expect: LL105
    """,
    "the framework's own loss, through super": """
        class Checked(tf.keras.losses.BinaryCrossentropy):
            def call(self, y_true, y_pred):
                return super().call(y_true, tf.round(y_pred))  # expect: LL105
    """,
    "tuple unpacking": """
        def a_loss(y_true, y_pred):
            t, p = y_true, tf.round(y_pred)  # expect: LL105
            return tf.reduce_mean(tf.square(t - p))
    """,
    "starred unpacking": """
        def a_loss(y_true, y_pred):
            first, *rest = [y_true, tf.round(y_pred), 2.0]  # expect: LL105
            return tf.reduce_mean(tf.square(first - rest[0])) * rest[-1]
    """,
    "walrus": """
        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - (p := tf.round(y_pred)))) + 0.0 * tf.reduce_mean(p)  # expect: LL105
    """,
    "helper": """
        def harden(x, digits=0):
            return tf.round(x)  # expect: LL105

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - harden(y_pred, digits=2)))
    """,
    "helper with star arguments": """
        def gap(*values, **options):
            return values[0] - tf.round(values[1])  # expect: LL105

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(gap(*[y_true, y_pred], scale=1)))
    """,
    "lambda": """
        harden = lambda x: tf.round(x)  # expect: LL105

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - harden(y_pred)))
    """,
    "partial": """
        def power(exponent, x):
            return tf.round(x) ** exponent  # expect: LL105

        square = functools.partial(power, 2)

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(y_true * square(y_pred))
    """,
    "closure": """
        def make_loss(scale):
            def a_loss(y_true, y_pred):
                return scale * tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105
            return a_loss
    """,
    "attribute from __init__": """
        class RoundedLoss(tf.keras.losses.Loss):
            def __init__(self, hard=True):
                super().__init__()
                self.hard = hard
                self.rounding = tf.round

            def call(self, y_true, y_pred):
                if self.hard:
                    y_pred = self.rounding(y_pred)  # expect: LL105
                return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    """,
    "method of a base class": """
        class Base(tf.keras.losses.Loss):
            def prepare(self, x):
                return tf.round(x)  # expect: LL105

        class RoundedLoss(Base):
            def call(self, y_true, y_pred):
                return tf.reduce_mean(tf.abs(y_true - self.prepare(y_pred)), axis=-1)
    """,
    "property": """
        class RoundedLoss(tf.keras.losses.Loss):
            @property
            def harden(self):
                return tf.round

            def call(self, y_true, y_pred):
                return tf.reduce_mean(tf.abs(y_true - self.harden(y_pred)), axis=-1)  # expect: LL105
    """,
    "loop over a list": """
        def a_loss(y_true, y_pred):
            total = 0.0
            for weight in [0.5, 0.25]:
                total += weight * tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105
            return total
    """,
    "loop of unknown length": """
        def make_loss(n):
            def a_loss(y_true, y_pred):
                parts = []
                for k in range(n):
                    parts.append(tf.reduce_mean(tf.abs(y_true[:, k] - tf.round(y_pred[:, k]))))  # expect: LL105
                return tf.add_n(parts) / n
            return a_loss
    """,
    "comprehension": """
        def a_loss(y_true, y_pred):
            return sum([tf.reduce_mean(tf.abs(y_true - tf.round(y_pred) * w)) for w in (1.0, 2.0)])  # expect: LL105
    """,
    "dictionary": """
        def a_loss(y_true, y_pred):
            parts = {"gap": tf.abs(y_true - tf.round(y_pred))}  # expect: LL105
            return tf.reduce_mean(parts["gap"])
    """,
    "with": """
        def a_loss(y_true, y_pred):
            with tf.name_scope("loss"):
                gap = y_true - tf.round(y_pred)  # expect: LL105
            return tf.reduce_mean(tf.abs(gap))
    """,
    "try": """
        def a_loss(y_true, y_pred):
            try:
                p = tf.round(y_pred)  # expect: LL105
            finally:
                print("done")
            return tf.reduce_mean(tf.abs(y_true - p))
    """,
    "early return": """
        def a_loss(y_true, y_pred, simple=True):
            if simple:
                return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105
            return tf.reduce_mean(tf.abs(y_true - y_pred))
    """,
    "ternary on configuration": """
        def a_loss(y_true, y_pred, hard=True):
            p = tf.round(y_pred) if hard else y_pred  # expect: LL105
            return tf.reduce_mean(tf.abs(y_true - p))
    """,
    "decorated helper": """
        def traced(function):
            @functools.wraps(function)
            def wrapper(*args):
                return function(*args)
            return wrapper

        @traced
        def harden(x):
            return tf.round(x)  # expect: LL105

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - harden(y_pred)))
    """,
    "alias of an operation": """
        harden = tf.round

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - harden(y_pred)))  # expect: LL105
    """,
    "map_fn": """
        def a_loss(y_true, y_pred):
            hard = tf.map_fn(lambda row: tf.round(row), y_pred)  # expect: LL105
            return tf.reduce_mean(tf.abs(y_true - hard))
    """,
    "tf.cond": """
        def a_loss(y_true, y_pred):
            p = tf.cond(tf.reduce_any(y_true > 1.0), lambda: tf.round(y_pred), lambda: tf.round(-y_pred))  # expect: LL105
            return tf.reduce_mean(tf.abs(y_true - p))
    """,
    "layers added one by one": """
        model = tf.keras.Sequential()
        model.add(tf.keras.layers.Dense(3))
        model.add(tf.keras.layers.Lambda(lambda t: tf.round(t)))  # expect: LL105
        model.compile("sgd", "mse")
    """,
    "a layer that a function is given": """
        class Grades(tf.keras.layers.Layer):
            def call(self, x):
                return tf.round(x)  # expect: LL105
        def fitted(layer):
            model = tf.keras.Sequential([tf.keras.layers.Dense(3), layer])
            model.compile("sgd", loss=tf.keras.losses.Huber())
            return model
        fitted(Grades())
    """,
    "a model built by another function": """
        def grades(t, places):
            return tf.round(places * t)  # expect: LL105
        def build():
            x = tf.keras.Input((4,))
            y = tf.keras.layers.Lambda(grades, arguments={"places": 10.0})(tf.keras.layers.Dense(3)(x))
            return tf.keras.Model(inputs=x, outputs=y)
        def main():
            model = build()
            model.compile(optimizer="sgd", loss="mse")
    """,
    "a model that a helper compiles": """
        def prepared(model, rate=0.1):
            model.compile(tf.keras.optimizers.SGD(rate), loss="mse")
            return model
        prepared(tf.keras.Sequential([tf.keras.layers.Dense(3), tf.keras.layers.Lambda(tf.round)]))  # expect: LL105
    """,
    "layers on pre-trained features": """
        base = tf.keras.applications.VGG16(include_top=False)
        top = tf.keras.layers.Lambda(lambda t: tf.cast(tf.argmax(t, -1), tf.float32))(base.output)  # expect: LL105
        model = tf.keras.Model(base.input, top)
        model.compile("sgd", "mse")
    """,
    "the network whose gradient is asked for": """
        def step(generator, critic, optimizer, noise):
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(critic(tf.round(generator(noise))))  # expect: LL105
            slopes = tape.gradient(loss, generator.trainable_variables)
            optimizer.apply_gradients(zip(slopes, generator.trainable_variables))
    """,
}

SILENT = {
    "a tensor is no layer of the project's, and no module": """
        class Scale(tf.keras.layers.Layer):
            pass

        class Wide(Scale):
            pass

        def scaled(by, x):
            if isinstance(by, (Wide, tf.Module)):
                tf.square(by)
            return by * x

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - scaled(tf.nn.relu(y_pred), y_pred)))
    """,
    "the inputs of a train_step are themselves a tuple": """
        class Agent(tf.keras.Model):
            def train_step(self, data):
                observed, action = data[0]
                with tf.GradientTape() as tape:
                    value = tf.reduce_sum(self.online(observed) * tf.one_hot(action, 3), axis=1)
                    loss = tf.reduce_mean(tf.square(value))
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))

        class Pair(tf.keras.Model):
            def train_step(self, data):
                x = data[0]
                left, right = x
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(self.online(left) - right))
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
    """,
    "a backend of the project's own": """
        def a_loss(y_true, y_pred, weight=1.0, **kwargs):
            backend = kwargs["backend"]
            return weight * backend.soft_round(backend.mean(y_true - y_pred))
    """,
    "what a setting guards on either side": """
        class BoundedLoss(tf.keras.losses.Loss):
            def __init__(self, bound):
                super().__init__()
                self.bound = bound

            def call(self, y_true, y_pred):
                if self.bound:
                    y_pred = tf.clip_by_value(y_pred, 1e-6, 1.0)
                else:
                    y_pred = tf.nn.softmax(y_pred) + 1e-6
                return -tf.reduce_mean(y_true * tf.math.log(y_pred))
    """,
    "a while over a number of the configuration": """
        def a_loss(y_true, y_pred, steps=3):
            error = tf.abs(y_pred - y_true)
            while steps > 0:
                error = error * 0.5
                steps = steps - 1
            return tf.reduce_mean(error)
    """,
    "the first axis of what has no batch any more": """
        def a_loss(y_true, y_pred):
            columns = tf.reduce_mean(tf.square(y_true - y_pred), axis=0)
            return tf.reduce_sum(columns) / columns.shape[0]
    """,
    "hard branch behind a default": """
        def dice_loss(y_true, y_pred, threshold=None):
            if threshold is not None:
                y_pred = tf.cast(y_pred > threshold, tf.float32)
            return 1.0 - tf.reduce_mean(2.0 * y_true * y_pred + 1.0) / (tf.reduce_mean(y_true + y_pred) + 1.0)
    """,
    "default passed on to a helper": """
        def harden(x, threshold=None):
            return x if threshold is None else tf.cast(x > threshold, x.dtype)

        def mean_loss(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - harden(y_pred, threshold=None)))
    """,
    "unknown configuration": """
        def make_loss(hard):
            def a_loss(y_true, y_pred):
                p = tf.round(y_pred) if hard else y_pred
                return tf.reduce_mean(tf.abs(y_true - p))
            return a_loss
    """,
    "tested before it becomes a tensor": """
        def a_loss(y_true, y_pred, alpha=0.25):
            if alpha:
                alpha = tf.convert_to_tensor(alpha, dtype=y_pred.dtype)
            return alpha * tf.reduce_mean(tf.abs(y_true - y_pred))
    """,
    "static shape": """
        def a_loss(y_true, y_pred):
            if len(y_pred.shape) == 2 and y_pred.shape[-1] == 1:
                y_pred = tf.squeeze(y_pred, axis=-1)
            for channel in range(y_pred.shape[-1]):
                y_pred = y_pred * 1.0
            return tf.reduce_mean(tf.abs(y_true - y_pred))
    """,
    "two definitions in two arms": """
        if K.image_data_format() == "channels_last":
            def split_loss(y_true, y_pred):
                return K.mean(K.abs(y_true[..., 0] - y_pred[..., 0]))
        else:
            def split_loss(y_true, y_pred):
                return K.mean(K.abs(y_true[:, 0] - y_pred[:, 0]))
    """,
    "recursion": """
        def fold(x, depth):
            return x if depth == 0 else fold(tf.abs(x), depth - 1)

        def a_loss(y_true, y_pred):
            return tf.reduce_mean(fold(y_true - y_pred, 40))
    """,
    "generator and class inside": """
        def a_loss(y_true, y_pred):
            class Config:
                weight = 2.0
            def parts():
                yield tf.reduce_mean(tf.abs(y_true - y_pred))
            return sum(parts()) * Config.weight
    """,
    "a model that is only compiled for its metrics": """
        model = tf.keras.Sequential([tf.keras.layers.Dense(3), tf.keras.layers.Lambda(tf.round)])
        model.compile(metrics=["mse"])
    """,
    "patterns are compiled as well": """
        import re
        class Cut(tf.keras.layers.Layer):
            def call(self, x):
                return tf.round(x)
        pattern = re.compile("a.*", re.DOTALL)
        pattern.compile(loss="mse")
    """,
    "a rounded copy beside the output that is trained": """
        x = tf.keras.Input((4,))
        y = tf.keras.layers.Dense(3)(x)
        model = tf.keras.Model(x, [y, tf.keras.layers.Lambda(tf.round)(y)])
        model.compile("sgd", ["mse", None])
    """,
    "the critic learns from rounded samples": """
        def step(generator, critic, optimizer, noise):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(critic(tf.round(generator(noise))))
            slopes = tape.gradient(loss, critic.trainable_variables)
            optimizer.apply_gradients(zip(slopes, critic.trainable_variables))
    """,
}


def module(body: str) -> str:
    return HEADER + textwrap.dedent(body)


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in FOLLOWED.items()])
def test_followed(text: str) -> None:
    findings = check(module(text))
    wanted = expected(module(text))
    codes = {code for _, code in wanted}
    assert {(row, code) for row, code in loud(findings) if code in codes} == wanted


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in SILENT.items()])
def test_silent(text: str) -> None:
    assert loud(check(module(text))) == set()


def test_a_package_that_imports_a_compiled_module_from_itself(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("from package import _C as _C\n_C.loaded = True\n")
    (tmp_path / "losses.py").write_text(
        "import numpy as np\nimport tensorflow as tf\nfrom package import _C\n\n\n"
        "def a_loss(y_true, y_pred):\n    return _C.mean(np.square(y_true - y_pred))\n"
    )
    report = check_paths([tmp_path], Settings())
    assert {(f.start.row, f.code) for f in report.findings} == {(7, "LL101")}


def test_across_modules(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "ops").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "ops" / "__init__.py").write_text("from .rounding import *\n")
    (package / "ops" / "rounding.py").write_text(
        "import tensorflow as tf\n\n\ndef harden(x):\n    return tf.round(x)\n"
    )
    (package / "losses.py").write_text(
        "import tensorflow as tf\nfrom .ops import harden as h\nfrom package import ops\n\n\n"
        "def first_loss(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - h(y_pred)))\n\n\n"
        "def second_loss(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - ops.harden(y_pred)))\n"
    )
    report = check_paths([package], Settings())
    assert {(f.path.name, f.start.row, f.code) for f in report.findings} == {("rounding.py", 5, "LL105")}
    assert len(report.losses) == report.traced == 2


def test_bounded_on_large_input() -> None:
    body = "\n".join(f"    y_pred = tf.where(y_pred > {i}.0, tf.abs(y_pred), tf.exp(-y_pred))" for i in range(3000))
    text = f"import tensorflow as tf\n\ndef long_loss(y_true, y_pred):\n{body}\n    return tf.reduce_mean(y_true - y_pred)\n"
    assert [f.code for f in check(text)] == ["LL004"]


def test_nested_loops_do_not_explode() -> None:
    body, indent = "", "    "
    for level in range(12):
        body += f"{indent}for i{level} in range(n):\n"
        indent += "    "
    text = (
        "import tensorflow as tf\n\ndef make_loss(n):\n  def nested_loss(y_true, y_pred):\n    total = 0.0\n"
        + body + f"{indent}total += tf.reduce_mean(tf.abs(y_true - y_pred))\n    return total\n  return nested_loss\n"
    )  # fmt: skip
    assert loud(check(text)) == set()


def test_what_only_words_an_exception_costs_nothing() -> None:
    loops = "".join(f"{'    ' * depth}for i{depth} in wrong:\n" for depth in range(1, 10))
    text = (
        HEADER
        + "def named(word, known):\n    if word in known:\n        return known[word]\n    wrong, near = list(word), {}\n"
        + loops + " " * 40 + "near[i1] = min(near.get(i3, 0) + len(i4), near.get(i2, 0), len(near))\n"
        + "    raise ValueError(near)\n\n"
        + "def a_loss(y_true, y_pred, how=None):\n    scales = [named(how, {'a': 1.0}) for _ in range(6)]\n"
        + "    return tf.reduce_mean(tf.round(y_pred)) * sum(scales)  # expect: LL105\n"
    )
    assert loud(check(text)) == expected(text)


def test_one_broken_loss_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from losslint.rules.hard_threshold import HardThreshold

    def fail(self: HardThreshold, loss: object) -> object:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(HardThreshold, "check", fail)
    text = module(FOLLOWED["rebinding"])
    assert [f.code for f in check(text)] == ["LL004", "LL105"] or [f.code for f in check(text)] == ["LL105", "LL004"]


INCOMPLETE = (
    "tf.where(y_pred > 0.5, y_pred)", "tf.where(tf.greater(y_pred), y_pred, 0.0)", "tf.reduce_mean()", "tf.square()",
    "K.int_shape()[0]", "tf.where(y_true > 0.5, *[y_true, y_pred])", "tf.clip_by_value(y_pred)", "tf.cond(y_pred)",
    "tf.map_fn()", "tf.split()", "tf.unstack()", "tf.cast()", "tf.py_function()", "y_pred[]".replace("[]", "[...]"),
    "functools.partial()", "max()", "sum()", "zip()", "range()", "len()", "isinstance()", "tf.function()(y_pred)",
    "tf.GradientTape().gradient()", "tf.while_loop()", "(lambda: 1)(y_pred)", "tf.math.top_k()", "tf.nn.moments()",
)  # fmt: skip


@pytest.mark.parametrize("expression", INCOMPLETE)
def test_unfinished_calls_are_no_crash(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an editor, while the call is being typed."""
    monkeypatch.setenv("LOSSLINT_DEBUG", "1")  # internal errors propagate
    check(
        HEADER
        + f"\n\ndef a_loss(y_true, y_pred):\n    part = {expression}\n    return part + tf.reduce_mean(y_true - y_pred)\n"
    )


def test_a_helper_that_is_called_through_too_many_others_is_said() -> None:
    helpers = "\n".join(f"def helper_{i}(y, p):\n    return helper_{i + 1}(y, p)\n" for i in range(20))
    text = f"import tensorflow as tf\n\n{helpers}\ndef helper_20(y, p):\n    return tf.reduce_mean(y * tf.math.log(p))\n"
    loss = "def deep_loss(y_true, y_pred):\n    return -helper_0(y_true, tf.nn.softmax(y_pred))\n"
    (finding,) = check(f"{text}\n{loss}")
    assert (finding.code, finding.message) == (
        "LL004", "deep_loss was not analysed to its end: helper_14 is called through 14 other functions")


def test_what_stands_around_losses_is_not_followed_for_each_of_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losslint.graph.trace.MAX_AROUND", 10)
    text = "import torch\nnet = torch.nn.Linear(4, 1)\n" + "net(torch.ones(8, 4)).square().mean().backward()\n" * 5
    said = [(f.code, f.start.row) for f in check(text)]
    assert said == [("LL004", row) for row in (5, 6, 7)]
